// The table of costs: every kind of row runs, what it prints fits, and README's table has the same rows and targets.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { measureHere, type Which } from '../../bench/apart.ts'
import { type Figure, QUICK, quickest, ratePerSecond, took } from '../../bench/measure.ts'
import type { Row } from '../../bench/row.ts'
import { ROWS } from '../../bench/rows.ts'
import { mustHold } from '../../bench/sanitizers.ts'
import { HEADER, json, LEGEND, markdown, measureRow, show, text } from '../../bench/table.ts'

const quick = (r: Row, which: Which) => measureHere(r, which, QUICK)

const row = (o: Partial<Row>): Row => ({
  id: 'x',
  what: 'x',
  unit: '/s',
  target: 10,
  measure: () => ({ value: 20 }),
  ...o,
})

describe('rows', () => {
  it('have ids of their own', () => expect(new Set(ROWS.map(r => r.id)).size).toBe(ROWS.length))
  // The larger proofs are the same code with one more opener.
  it.each(ROWS.filter(r => !/^proof-[34]$/.test(r.id)).map(r => [r.id, r] as const))(
    '%s is measured',
    async (_id, r) => {
      const m = await measureRow(r, quick)
      for (const f of [m.off, ...(m.on === null ? [] : [m.on])]) expect(f.value).toBeGreaterThan(0)
      for (const { figure } of m.references)
        if (typeof figure !== 'string') expect(figure.value).toBeGreaterThan(0)
        else expect(figure).toMatch(/^skipped: no /)
      for (const l of [...HEADER, ...text(m), ...LEGEND]) expect(l.length).toBeLessThanOrEqual(80)
      expect(json(m)).toMatchObject({ id: r.id, target: r.target })
    },
  )
  it('stand in the README, in this order, with these targets', () => {
    const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
    const expected = ROWS.map(r =>
      markdown({ row: r, off: { value: 1 }, on: null, references: [] })
        .split('|')
        .slice(1, 3),
    )
    const there = [...readme.matchAll(/^\|(.*)$/gm)].map(l => l[1]!.split('|').slice(0, 2))
    const first = there.findIndex(c => c[0] === expected[0]![0])
    expect(there.slice(first, first + expected.length)).toEqual(expected)
  })
})

describe('a row as text', () => {
  it('tells target, both columns, counts and references', async () => {
    const m = await measureRow(
      row({
        what: 'things',
        target: 5e6,
        measure: (_e, s) => (s.races ? { value: 2.5e6 } : { value: 7.5e6, share: 0.5, counts: { bytes: 1234 } }),
        references: [
          { what: 'other', measure: () => ({ value: 15e6 }) },
          { what: 'absent', measure: () => 'skipped: no absent here' },
        ],
      }),
      quick,
    )
    expect(text(m).map(l => l.replace(/ +/g, ' '))).toEqual([
      'things 5 M/s ~7.50 M/s 2.50 M/s met',
      ' 1,234 bytes',
      ' other 15.0 M/s 2 x',
      ' absent: skipped: no absent here',
    ])
    expect(markdown(m)).toBe('| things | 5 M/s | 7.50 M/s | 2.50 M/s | other 15.0 M/s |')
  })
  it('measures once where no sanitizer has a say', async () => {
    const m = await measureRow(row({ unwatched: true, unit: ' s', target: 1, measure: () => ({ value: 2 }) }), quick)
    expect(m.on).toBe(null)
    expect(text(m)[0]).toMatch(/ 1 s +2\.00 s +MISSED$/)
  })
  it('says when something was not done in time', async () => {
    const m = await measureRow(row({ unit: ' s', measure: (): Figure => ({ value: null }) }), quick)
    expect(text(m)[0]).toMatch(/not done +not done +MISSED$/)
  })
  it.each([
    [7.016e6, '/s', '7.02 M/s'],
    [999_600, '/s', '1.00 M/s'],
    [227_000, '/s', '227 k/s'],
    [12, '/s', '12.0 /s'],
    [0.0042, ' s', '0.004 s'],
    [114.2, ' s', '114 s'],
    [86.6, ' %', '87 %'],
  ] as const)('%s is %s', (value, unit, expected) => expect(show(value, unit)).toBe(expected))
})

describe('measuring', () => {
  it('gives things by time', async () => {
    const f = await ratePerSecond({ warmMs: 0, rounds: 2, roundMs: 20 }, () => {
      const end = performance.now() + 5
      while (performance.now() < end);
      return 10
    })
    expect(f.value).toBeGreaterThan(400)
    // More than 2000 where the processor is shared.
    expect(f.value).toBeLessThan(100_000)
  })
  it('counts the smaller of wall and processor time, and shows in the share which', async () => {
    expect(took(2, 0.5)).toEqual({ seconds: 0.5, share: 0.25 })
    expect(took(2, 2.5)).toEqual({ seconds: 2, share: 1.25 })
    const idle = await quickest(QUICK, 1, () => new Promise(done => setTimeout(done, 100)))
    expect(idle.share).toBeLessThan(0.9)
    let times = 0
    await quickest({ warmMs: 0, rounds: 1, roundMs: 10_000 }, 3, () => times++)
    expect(times).toBe(3)
  })
  it('refuses a workload that goes wrong, data races aside', () => {
    const problem = (kind: string) => [{ kind, text: 'torn', task: 't', backtrace: [] }]
    expect(() => mustHold('it', 'failed', problem('torn slot'))).toThrow('it does not hold: torn')
    expect(() => mustHold('it', 'deadlock', [])).toThrow('it does not hold: deadlock')
    mustHold('it', 'failed', problem('data race'))
  })
})
