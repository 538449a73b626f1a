// Every strategy has a canary race with a tracked hit rate: of 1000 executions with seed 1, how many meet each seeded bug. The
// counts depend on nothing but code, so they are exact. One that changes is a change of a strategy, of the steps of the
// workload or of the machine's choices: look whether it is meant, and whether the strategy is still worth its place.
import { describe, expect, it } from 'vitest'
import { BugBench, type BugRow, bugTable, bugText, hits } from '../../bench/bugs.ts'
import { INSTALL_BUGS, type InstallBug } from '../../scenarios/races/install.ts'
import { STRATEGIES } from '../../src/explore/index.ts'

const EXECUTIONS = 1000
const EXPECTED: Record<InstallBug, Record<'alone' | 'noise', Record<string, number>>> = {
  'two winners': {
    alone: { portfolio: 464, urw: 827, random: 795, pos: 502, pct2: 74, pct3: 123 },
    noise: { portfolio: 418, urw: 831, random: 783, pos: 505, pct2: 4, pct3: 13 },
  },
  'early valid': {
    alone: { portfolio: 77, urw: 108, random: 31, pos: 177, pct2: 48, pct3: 76 },
    noise: { portfolio: 63, urw: 124, random: 26, pos: 186, pct2: 6, pct3: 7 },
  },
}

describe.each(INSTALL_BUGS)('%s', bug => {
  it.each(['alone', 'noise'] as const)('is met as often as ever, %s', how => {
    const found: Record<string, number> = {}
    for (const s of STRATEGIES) found[s.name] = hits(new BugBench(bug, how === 'noise'), s.make(1), EXECUTIONS)
    expect(found).toEqual(EXPECTED[bug][how])
    // A canary that is never met tells nothing.
    for (const s of STRATEGIES) expect(found[s.name], s.name).toBeGreaterThan(0)
  })

  it('is the only one in its workload', () => {
    for (const s of STRATEGIES) {
      const bench = new BugBench(bug, false)
      const c = s.make(4)
      for (let i = 0; i < 300; i++) {
        bench.run(c)
        const kinds = new Set(bench.m.problems.map(p => p.kind))
        kinds.delete(bug === 'two winners' ? 'two winners' : 'torn slot')
        expect([...kinds]).toEqual([])
      }
    }
  })
})

describe('the table', () => {
  it('has every strategy and case, in 80 columns', () => {
    const rows = bugTable(20, 3)
    expect(rows.length).toBe(STRATEGIES.length * 4)
    const lines = bugText(rows).split('\n')
    for (const l of lines) expect(l.length).toBeLessThanOrEqual(80)
    for (const s of STRATEGIES) expect(lines.filter(l => l.startsWith(`  ${s.name} `)).length).toBe(2)
  })
  it('says where nothing was found', () => {
    const row: BugRow = { strategy: 's', bug: 'two winners', noise: false, rate: 0, first: null, firstMs: null }
    expect(bugText([row])).toMatch(/\n {2}s +0\.00 % +- +-\n/)
  })
})
