// Random programs: what one memory ordering shows the next weaker one shows too, and the weak one shows what LKMM allows,
// no more and no less, load buffering aside.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { judge, parseLitmus, type RunOptions, runLitmus } from '../../src/explore/index.ts'
import { times } from '../times.ts'
import { allowed, runsForward, signature } from './enumerate.ts'
import { type Draw, type Kind, program, type Shape } from './programs.ts'

/** Run `f` on the text of `numRuns` programs; a failure names the seed and the program. */
const programs = (numRuns: number, shape: Shape, f: (text: string) => void): void => {
  fc.assert(
    fc.property(fc.gen(), g => {
      const draw: Draw = n => g(fc.nat, { max: n - 1 })
      f(program(shape, draw))
    }),
    { numRuns, seed: 20 },
  )
}
const states = (text: string, o: RunOptions): readonly string[] =>
  runLitmus(parseLitmus('random', text), { races: false, ...o }).states

const ORDERED: readonly Kind[] = ['once', 'once', 'ordered', 'fence', 'atomic', 'dependent', 'lock']

describe('stronger within weaker', () => {
  it.each([2, 3])('sc within tso within weak, %i threads', processes => {
    let more = [0, 0]
    programs(times(40, 150), { processes, statements: 4, kinds: ORDERED }, text => {
      const sc = states(text, { model: 'sc' })
      const tso = states(text, { model: 'tso' })
      const weak = states(text, { model: 'weak' })
      for (const s of sc) expect(tso).toContain(s)
      for (const s of tso) expect(weak).toContain(s)
      more = [more[0]! + Number(tso.length > sc.length), more[1]! + Number(weak.length > tso.length)]
    })
    // The models differ at all.
    expect(more[0]).toBeGreaterThan(0)
    expect(more[1]).toBeGreaterThan(0)
  })

  it('with smp_mb() between all accesses the three are one', () => {
    programs(times(8, 30), { processes: 3, statements: 4, kinds: ['once'] }, text => {
      const fenced = text.replace(/;\n {2}/g, ';\n  smp_mb();\n  ')
      const sc = states(fenced, { model: 'sc' })
      expect(states(fenced, { model: 'tso' })).toEqual(sc)
      expect(states(fenced, { model: 'weak' })).toEqual(sc)
    })
  })

  it('a rewound machine shows what a new one shows', () => {
    programs(times(20, 60), { processes: 3, statements: 3, kinds: [...ORDERED, 'rcu'] }, text => {
      for (const model of ['sc', 'tso', 'weak'] as const)
        expect(states(text, { model })).toEqual(states(text, { model, fresh: true }))
    })
  })
})

describe('weak is what LKMM allows', () => {
  /** Executions the forward model takes, and those the axioms allow. */
  const both = (text: string): [Set<string>, Set<string>] | null => {
    const got = new Set<string>()
    let want: Set<string> | null = null
    runLitmus(parseLitmus('random', text), {
      races: false,
      each: x => {
        want ??= x.events.filter(e => e.kind !== 'F').length > 14 ? new Set() : allowed(x)
        got.add(signature(x))
      },
    })
    return want === null || (want as Set<string>).size === 0 ? null : [got, want]
  }
  const KINDS: readonly (readonly Kind[])[] = [
    ['once', 'once', 'fence', 'ordered', 'dependent'],
    ['once', 'once', 'atomic', 'fence', 'dependent'],
    ['once', 'once', 'lock', 'fence'],
    ['once', 'once', 'rcu'],
  ]
  it.each(KINDS)('%s %s %s %s %s: no more and no less', (...kinds) => {
    let n = 0
    programs(times(30, 100), { processes: 3, statements: 4, kinds: kinds.filter(k => k !== undefined) }, text => {
      const sets = both(text)
      if (sets === null) return
      n += sets[1].size
      expect(sets[0]).toEqual(sets[1])
    })
    expect(n).toBeGreaterThan(times(100, 300))
  })
  it('with plain accesses: no more', () => {
    programs(times(30, 100), { processes: 3, statements: 4, kinds: ['once', 'plain', 'ordered', 'fence'] }, text => {
      const sets = both(text)
      if (sets !== null) for (const s of sets[0]) expect(sets[1]).toContain(s)
    })
  })
  it('tso and sc take no execution that LKMM forbids', () => {
    programs(times(20, 50), { processes: 3, statements: 4, kinds: ORDERED }, text => {
      for (const model of ['tso', 'sc'] as const)
        runLitmus(parseLitmus('random', text), {
          model,
          races: false,
          each: x => {
            expect(judge(x).broken).toBeNull()
            expect(runsForward(x)).toBe(true)
          },
        })
    })
  })
})
