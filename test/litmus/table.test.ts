// Every litmus file of this folder under every memory ordering, against the verdicts of verdicts.ts; and every execution
// of the weak model against the axioms of LKMM.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { claimHolds, judge, type Litmus, parseLitmus, runLitmus } from '../../src/explore/index.ts'
import { runsForward } from './enumerate.ts'
import { VERDICTS } from './verdicts.ts'

const here = dirname(fileURLToPath(import.meta.url))
const read = (name: string): string => readFileSync(join(here, `${name}.litmus`), 'utf8')
const test = (name: string): Litmus => parseLitmus(`${name}.litmus`, read(name))
/** The same test with a piece of its text exchanged. */
const edited = (name: string, from: string | RegExp, to: string): Litmus => {
  const text = read(name)
  const now = text.replace(from, to)
  if (now === text) throw new Error(`${name}: nothing to replace`)
  return parseLitmus(`${name}.litmus`, now)
}

describe('the table', () => {
  it('has every file', () => {
    const files = readdirSync(here).filter(f => f.endsWith('.litmus'))
    expect(files.map(f => f.replace('.litmus', '')).sort()).toEqual([...VERDICTS].map(v => v[0]).sort())
  })

  it.each(VERDICTS.map(([name, weak, tso, sc, race]) => ({ name, weak, tso, sc, race })))(
    '$name: weak $weak, tso $tso, sc $sc',
    ({ name, weak, tso, sc, race }) => {
      const l = test(name)
      const broken = new Set<string>()
      const r = runLitmus(l, {
        model: 'weak',
        each: x => {
          const b = judge(x).broken
          if (b !== null) broken.add(b)
          if (!runsForward(x)) broken.add('load buffering')
        },
      })
      expect(r.verdict).toBe(weak)
      expect([...broken], 'executions that LKMM forbids').toEqual([])
      expect(r.race).toBe(race === 'race')
      for (const [model, verdict] of [
        ['tso', tso],
        ['sc', sc],
      ] as const) {
        const s = runLitmus(l, { model })
        expect(s.verdict, model).toBe(verdict)
        expect(s.race, model).toBe(race === 'race')
        for (const state of s.states) expect(r.states, `${model} shows what weak does not`).toContain(state)
      }
    },
  )
})

describe('canaries: without its barrier a test turns', () => {
  const cases: readonly (readonly [name: string, from: string | RegExp, to: string])[] = [
    ['MP+wmb+rmb', 'smp_wmb();', ''],
    ['MP+wmb+rmb', 'smp_rmb();', ''],
    ['MP+rel+acq', 'smp_load_acquire(y)', 'READ_ONCE(*y)'],
    ['MP+rel+acq', 'smp_store_release(y, 1)', 'WRITE_ONCE(*y, 1)'],
    ['SB+mbs', 'smp_mb();', ''],
    ['R+mbs', 'smp_mb();', 'smp_wmb();'],
    ['WRC+rel+rmb', 'smp_rmb();', ''],
    ['IRIW+mbs', 'smp_mb();', 'smp_rmb();'],
    ['ISA2+rel+acq', 'smp_store_release(z, 1)', 'WRITE_ONCE(*z, 1)'],
    ['S+wmb+ctrl', /if \(r1 == 1\) /, ''],
    ['MP+lock', /\tspin_(un)?lock\(s\);\n/g, ''],
    ['cmpxchg_install', 'cmpxchg(p', 'cmpxchg_acquire(p'],
    ['rmw_sequence', 'atomic_inc(y)', 'WRITE_ONCE(*y, 2)'],
    ['Z6.0+lockmb+mb', 'smp_mb__after_spinlock();', ''],
    ['RCU+sync', 'synchronize_rcu();', ''],
    ['time_only', 'smp_load_acquire(w)', 'READ_ONCE(*w)'],
    ['overtaken', 'smp_load_acquire(q)', 'READ_ONCE(*q)'],
  ]
  it.each(cases)('%s without %s', (name, from, to) => {
    expect(runLitmus(test(name)).verdict).toBe('Never')
    expect(runLitmus(edited(name, from, to)).verdict).toBe('Sometimes')
  })

  it('a plain flag under its lock has no race, and without it one', () => {
    const l = edited('valid_flag_locked', /\tspin_(un)?lock\(s\);\n/g, '')
    for (const model of ['sc', 'tso', 'weak'] as const) expect(runLitmus(l, { model }).race).toBe(true)
    expect(runLitmus(l, { races: false }).race).toBe(false)
  })
})

describe('what a run tells', () => {
  it('shows one execution that satisfies exists, line by line', () => {
    const r = runLitmus(test('SB'), { model: 'tso' })
    expect(r.witness.filter(s => s.startsWith('P0:') || s.startsWith('P1:'))).toEqual(r.witness)
    expect(r.witness).toContain('P0: WRITE_ONCE(x, 1)')
    expect(r.witness).toContain('P0: READ_ONCE(y) is 0')
    expect(r.witness.filter(s => s.endsWith('a buffered store reaches memory'))).toHaveLength(2)
  })
  it('marks a load that got an older store', () => {
    const r = runLitmus(test('MP'))
    expect(r.witness).toContain('P1: READ_ONCE(x) is 0  (1 newer store)')
  })
  it('shows one execution that breaks forall, and none when it holds', () => {
    expect(runLitmus(test('forall_lock')).witness).toEqual([])
    const l = edited('forall_lock', /\tspin_(un)?lock\(s\);\n/g, '')
    const r = runLitmus(l)
    expect(r.verdict).toBe('Sometimes')
    expect(r.witness.length).toBeGreaterThan(0)
    expect(claimHolds(l, r.verdict)).toBe(false)
  })
  it('counts after the filter', () => {
    expect(runLitmus(test('filter_MP')).runs).toBeLessThan(runLitmus(test('MP')).runs)
  })
  it('gives up beyond the limit, in one line', () => {
    expect(() => runLitmus(test('IRIW'), { limit: 10 })).toThrow(
      /^IRIW.litmus:1:1: IRIW has more than 10 executions; raise --limit$/,
    )
  })
  it('a rewound machine shows what a new one shows', () => {
    for (const name of ['MP', '2+2W', 'SB', 'Z6.0+locks+mb', 'RCU+two_readers', 'trylock', 'rmw_sequence'])
      for (const model of ['sc', 'tso', 'weak'] as const) {
        const [a, b] = [runLitmus(test(name), { model }), runLitmus(test(name), { model, fresh: true })]
        expect(a).toEqual(b)
      }
  })
})
