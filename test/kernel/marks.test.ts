// Coverage marks: the table and the code agree, a search counts what it came by, and what was never reached is told.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { twoOpen } from '../../bench/two-open.ts'
import { search } from '../../src/explore/index.ts'
import { MARKS } from '../../src/kernel/index.ts'
import { defaultChooser, kfn, Machine, Marks, type Step } from '../../src/sim/index.ts'
import { buildWorld } from '../../src/world/index.ts'

const root = join(import.meta.dirname, '../../src/kernel')
const source = readdirSync(root, { recursive: true })
  .map(String)
  .filter(f => f.endsWith('.ts'))
  .map(f => readFileSync(join(root, f), 'utf8'))

describe('the table', () => {
  const all = Object.entries(MARKS).flatMap(([fn, marks]) => marks.map(m => [fn, m] as const))
  it.each(all)('%s: %s is in the code once, inside that function', (fn, what) => {
    const call = `'${fn}', '${what}')`
    const places = source.filter(s => s.includes(call))
    expect(places).toHaveLength(1)
    const [file] = places
    expect(file!.split(call)).toHaveLength(2)
    const before = file!.slice(0, file!.indexOf(call))
    expect([...before.matchAll(/kfn\(\s*'(\w+)'/g)].at(-1)![1]).toBe(fn)
  })
})

describe('counts', () => {
  const table = { f: ['left', 'right'], g: ['never'] }
  const f = kfn('f', function* (m: Machine, right: boolean): Step<void> {
    m.marks?.hit('f', right ? 'right' : 'left')
  })
  const run = (marks: Marks | null): void => {
    const m = new Machine()
    m.marks = marks
    m.spawn(
      't',
      (function* (): Step<void> {
        yield* f(m, true)
        yield* f(m, true)
      })(),
    )
    m.run()
  }
  it('hits and entered functions', () => {
    const marks = new Marks(table)
    run(marks)
    expect(marks.counts()).toEqual([
      { fn: 'f', mark: 'left', hits: 0, entered: true },
      { fn: 'f', mark: 'right', hits: 2, entered: true },
      { fn: 'g', mark: 'never', hits: 0, entered: false },
    ])
  })
  it('off, nothing', () => expect(() => run(null)).not.toThrow())
})

describe('a search', () => {
  const reached = (runs: number): string[] =>
    search(twoOpen, { strategy: 'urw', runs, seed: 1, kernel: null, switches: {}, policy: 'free' })
      .marks.filter(m => m.hits > 0)
      .map(m => m.mark)
  it('comes by the losers of R1, R2 and R3 in enough executions', () => {
    const some = reached(300)
    for (const r of ['(R1)', '(R2)', '(R3)'])
      expect(
        some.filter(m => m.includes(r)),
        r,
      ).not.toEqual([])
    expect(some).not.toContain('poisoned')
  })
  it('one execution comes by few of them', () => expect(reached(1).length).toBeLessThan(reached(300).length))
  it('set-up does not count, and one execution without a search counts nothing', () => {
    const w = buildWorld(twoOpen, { policy: 'free', trace: false })
    expect(w.m.marks).toBeNull()
    expect(w.run(defaultChooser).verdict).toBe('held')
    w.close()
  })
})
