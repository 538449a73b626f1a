// Every file in scenarios/ is a test: it loads without doing anything, holds, and runs the same way twice.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { RandomChooser } from '../../src/explore/index.ts'
import { isScenario, runScenario } from '../../src/world/index.ts'
import { PAIRS } from './pairs.ts'
import { RACES } from './races.ts'

/** Problems that a scenario is about. */
const always = (file: string): readonly string[] =>
  RACES.find(r => r.scenario === file)?.always ?? PAIRS.find(p => file === `races/${p.scenario}.ts`)?.always ?? []

const root = join(import.meta.dirname, '../../scenarios')
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(f => f.endsWith('.ts'))

describe('scenarios', () => {
  it('are there', () => expect(files.length).toBeGreaterThan(0))
  it.each(files)('%s holds, twice the same', async file => {
    const s = (await import(join(root, file))).default
    expect(isScenario(s)).toBe(true)
    const once = () => runScenario(s, new RandomChooser(1), { seed: 1 })
    const a = once()
    expect([...new Set(a.problems.map(p => p.kind))]).toEqual(always(file))
    expect(a.verdict).toBe(a.problems.length === 0 ? 'held' : 'failed')
    expect(a.neverFired).toEqual([])
    expect(once().digest).toBe(a.digest)
  })
})
