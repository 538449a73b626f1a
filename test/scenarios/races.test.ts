// Every race of kernel.md 3.3 is reached by its scenario, in the kernel it is told of first. All kernels: test/long/races.test.ts.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { knownFunctions } from '../../src/sim/index.ts'
import { PAIRS } from './pairs.ts'
import { RACES, raceTable } from './races.ts'
import { reach } from './reach.ts'

describe.each(RACES.filter(r => r.kernels.length > 0))('$id: $story', r => {
  const kernel = r.kernels.includes('v10') ? 'v10' : r.kernels.at(-1)!
  it(`is reached in ${kernel}`, async () => expect(await reach(r, kernel)).not.toBeNull())
})

describe('the table', () => {
  it('has every race', () => {
    expect(RACES.map(r => r.id)).toEqual(Array.from({ length: 32 }, (_, i) => `R${i + 1}`))
  })
  it('is the one of docs/races.md', () => {
    const doc = readFileSync(join(import.meta.dirname, '../../docs/races.md'), 'utf8')
    expect(doc).toContain(raceTable())
  })
  it('and the one of pairs name functions of the model only', () => {
    const names = [...RACES.flatMap(r => r.proof?.focus ?? []), ...PAIRS.flatMap(p => p.focus)]
    for (const name of names) expect(knownFunctions(name).length, name).toBeGreaterThan(0)
  })
  it('a race that is not there is not found: R17 where devices are pushed', async () => {
    expect(await reach(RACES.find(r => r.id === 'R17')!, 'new')).toBeNull()
  })
})
