// The exhaustive search: with every reduction it must come to the same verdicts and the same final states as without any,
// on random programs; each rule that keeps it sound has a test that fails without it.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { reductions } from '../../bench/reductions.ts'
import { installWorld, spawnInstall } from '../../scenarios/races/install.ts'
import { Exhaustive, type ExhaustiveOptions } from '../../src/explore/index.ts'
import {
  Cell,
  down_read,
  down_write,
  Machine,
  Mutex,
  mutex_lock,
  mutex_unlock,
  RwSemaphore,
  type Step,
  sealed,
  step,
  up_read,
  up_write,
  Watch,
} from '../../src/sim/index.ts'
import { BARE, walk } from './walk.ts'

/** One instruction of a random program. Registers are r0, r1; cells c0..c2; locks l0, l1; one semaphore. */
type Act =
  | { do: 'load'; c: number; r: number }
  | { do: 'store'; c: number; v: number }
  | { do: 'copy'; c: number; r: number }
  | { do: 'cas'; c: number; v: number; r: number }
  | { do: 'inc'; c: number }
  | { do: 'local' }
  | { do: 'lock'; l: number; body: Act[] }
  | { do: 'read' | 'write'; body: Act[] }
  | { do: 'if'; r: number; v: number; body: Act[] }

const simple: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ do: fc.constant('load' as const), c: fc.nat(2), r: fc.nat(1) }),
  fc.record({ do: fc.constant('store' as const), c: fc.nat(2), v: fc.integer({ min: 1, max: 2 }) }),
  fc.record({ do: fc.constant('copy' as const), c: fc.nat(2), r: fc.nat(1) }),
  fc.record({ do: fc.constant('cas' as const), c: fc.nat(2), v: fc.integer({ min: 1, max: 2 }), r: fc.nat(1) }),
  fc.record({ do: fc.constant('inc' as const), c: fc.nat(2) }),
  fc.record({ do: fc.constant('local' as const) }),
)
const bodies = fc.array(simple, { minLength: 1, maxLength: 2 })
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 5, arbitrary: simple },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lock' as const), l: fc.nat(1), body: bodies }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('read' as const, 'write' as const), body: bodies }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('if' as const), r: fc.nat(1), v: fc.nat(2), body: bodies }) },
)
const program = fc.array(fc.array(act, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 3 })

interface Shared {
  readonly c: Cell<number>[]
  readonly l: Mutex[]
  readonly s: RwSemaphore
}

const inc = sealed('inc', function* (c: Cell<number>): Step<void> {
  yield* c.store((yield* c.load()) + 1)
})

function* play(sh: Shared, acts: readonly Act[], reg: number[]): Step<void> {
  for (const a of acts) {
    if (a.do === 'load') reg[a.r] = yield* sh.c[a.c]!.load()
    else if (a.do === 'store') yield* sh.c[a.c]!.store(a.v)
    else if (a.do === 'copy') yield* sh.c[a.c]!.store(reg[a.r]!)
    else if (a.do === 'cas') reg[a.r] = yield* sh.c[a.c]!.cmpxchg(0, a.v)
    else if (a.do === 'inc') yield* inc(sh.c[a.c]!)
    else if (a.do === 'local') yield* step()
    else if (a.do === 'lock') {
      yield* mutex_lock(sh.l[a.l]!)
      yield* play(sh, a.body, reg)
      yield* mutex_unlock(sh.l[a.l]!)
    } else if (a.do === 'read') {
      yield* down_read(sh.s)
      yield* play(sh, a.body, reg)
      yield* up_read(sh.s)
    } else if (a.do === 'write') {
      yield* down_write(sh.s)
      yield* play(sh, a.body, reg)
      yield* up_write(sh.s)
    } else if (a.do === 'if' && reg[a.r] === a.v) yield* play(sh, a.body, reg)
  }
}

/** The finals of a program: verdict, cells and what each task ended with. */
const run = (tasks: readonly Act[][], o: ExhaustiveOptions, limit?: number) =>
  walk(
    m => {
      const sh: Shared = {
        c: [0, 1, 2].map(i => new Cell(m, `c${i}`, 0)),
        l: [0, 1].map(i => new Mutex(m, `l${i}`)),
        s: new RwSemaphore(m, 's'),
      }
      const main = function* (acts: readonly Act[]): Step<string> {
        const reg = [0, 0]
        yield* play(sh, acts, reg)
        return reg.join(',')
      }
      return {
        tasks: Object.fromEntries(tasks.map((acts, i) => [`t${i}`, () => main(acts)])),
        final: () => sh.c.map(c => c.v),
      }
    },
    o,
    {},
    limit,
  )
/** Verdicts and cells only. */
const shared = (s: readonly string[]): string[] => [...new Set(s.map(x => x.split(' | ')[0]!))]

describe('reductions lose nothing', () => {
  const modes: [string, ExhaustiveOptions][] = [
    ['sleep sets', { cache: false }],
    ['state cache', { sleep: false }],
    ['both', {}],
  ]
  it('same verdicts and final states as the bare walk, 200 random programs', () => {
    let compared = 0
    fc.assert(
      fc.property(program, p => {
        const bare = run(p, BARE, 1000)
        if (!bare.whole) return
        compared++
        for (const [name, o] of modes) {
          const reduced = run(p, o)
          expect(reduced.whole, name).toBe(true)
          expect(reduced.finals, name).toEqual(bare.finals)
          expect(reduced.stats.complete).toBeLessThanOrEqual(bare.stats.complete)
        }
      }),
      { numRuns: 420, seed: 7 },
    )
    expect(compared).toBeGreaterThanOrEqual(200)
  }, 120_000)

  it('a preemption bound reaches what the bare walk reaches with that many preemptions', () => {
    fc.assert(
      fc.property(program, fc.nat(2), (p, preemptions) => {
        const bare = run(p, { ...BARE, preemptions })
        if (!bare.whole) return
        expect(run(p, { preemptions }).finals).toEqual(bare.finals)
      }),
      { numRuns: 120, seed: 11 },
    )
  }, 120_000)

  it('more preemptions never reach less', () => {
    fc.assert(
      fc.property(program, p => {
        const [zero, one, all] = [0, 1, 99].map(preemptions => new Set(shared(run(p, { preemptions }).finals)))
        for (const f of zero!) expect(one!.has(f)).toBe(true)
        for (const f of one!) expect(all!.has(f)).toBe(true)
      }),
      { numRuns: 60, seed: 3 },
    )
  }, 120_000)
})

describe('canaries', () => {
  // Two tasks add without a lock: 1 must be among the ends, and the search must find it in every mode.
  const lost: Act[][] = [[{ do: 'inc', c: 0 }], [{ do: 'inc', c: 0 }]]
  it.each([{}, { sleep: false }, { cache: false }, { preemptions: 1 }] as ExhaustiveOptions[])(
    'finds the lost update with %j',
    o => expect(shared(run(lost, o).finals)).toEqual(['held: [1,0,0]', 'held: [2,0,0]']),
  )
  it('does not find it without a preemption', () =>
    expect(shared(run(lost, { preemptions: 0 }).finals)).toEqual(['held: [2,0,0]']))
  it('does not find it when the function is outside the focus, and finds it inside', () => {
    expect(shared(run(lost, { focus: ['elsewhere'] }).finals)).toEqual(['held: [2,0,0]'])
    expect(shared(run(lost, { focus: ['inc'] }).finals)).toEqual(['held: [1,0,0]', 'held: [2,0,0]'])
  })
  it('finds the deadlock of two locks taken in two orders', () => {
    const ab = (a: number, b: number): Act[] => [{ do: 'lock', l: a, body: [{ do: 'lock', l: b, body: [] }] }]
    const verdicts = [...run([ab(0, 1), ab(1, 0)], {}).finals].map(f => f.split(':')[0])
    expect(new Set(verdicts)).toEqual(new Set(['held', 'deadlock']))
  })
})

describe('what the state must name', () => {
  it('what a task peeks at, not only what its operations return', () => {
    // b decides by a peek in plain code; without peeks in its observations two states would look like one.
    const { finals } = walk(m => {
      const [x, y] = ['x', 'y'].map(n => new Cell(m, n, 0)) as [Cell<number>, Cell<number>]
      return {
        tasks: {
          a: function* () {
            yield* x.store(1)
            yield* x.store(0)
          },
          b: function* () {
            yield* step()
            const saw = x.peek()
            yield* step()
            yield* y.store(10 + saw)
          },
        },
        final: () => [x.v, y.v],
      }
    })
    expect(shared(finals)).toEqual(['held: [0,10]', 'held: [0,11]'])
  })
})

describe('the install workload', () => {
  const prove = (openers: number, o: ExhaustiveOptions = {}) => {
    const m = new Machine({ policy: 'free' })
    m.trace.on = false
    const watch = new Watch()
    m.journal.watch = watch
    const w = installWorld(m)
    const mark = m.journal.mark()
    const ex = new Exhaustive(m, watch, o)
    while (ex.more()) {
      m.dropTasks()
      m.journal.rewind(mark)
      spawnInstall(m, w, openers)
      const v = m.run(ex)
      if (v !== 'held' && v !== 'redundant') throw new Error(`${v}: ${m.problems[0]?.text}`)
    }
    return ex.stats
  }
  it('1+1 is proven with each reduction, and each reduction saves executions', () => {
    const bare = prove(1, { sleep: false, cache: false })
    const sleep = prove(1, { cache: false })
    const both = prove(1)
    expect(sleep.complete + sleep.pruned).toBeLessThan((bare.complete + bare.pruned) / 5)
    expect(both.complete).toBeLessThanOrEqual(sleep.complete)
  })
  // Sleep sets that are stored, taken away and cut down as they should be: any rule left out makes more executions.
  it('2+1 is proven in exactly so many executions and states', () => {
    const count = (o?: ExhaustiveOptions) => {
      const { complete, pruned, states } = prove(2, o)
      return [complete + pruned, states]
    }
    expect(count({ cache: false })).toEqual([14_410, 0])
    expect(count({ sleep: false })).toEqual([1_761, 1_220])
    expect(count()).toEqual([665, 1_220])
  })
  it('the bench shows what each reduction saves, and comes to the same ends', () => {
    const { rows, estimates } = reductions([1])
    expect(rows.map(r => r.reduction)).toEqual(['none', 'sleep sets', 'states seen', 'both'])
    for (const r of rows) expect(r).toMatchObject({ whole: true, ends: rows[0]!.ends })
    const made = rows.map(r => r.executions)
    expect(made[3]).toBeLessThan(Math.min(made[1]!, made[2]!))
    expect(Math.max(made[1]!, made[2]!)).toBeLessThan(made[0]! / 5)
    expect(Math.abs(estimates[1]! - Math.log10(made[0]!))).toBeLessThan(0.1)
  })
  it('2+1 and 3+1 are proven', () => {
    expect(prove(2).states).toBeGreaterThan(500)
    expect(prove(3).states).toBeGreaterThan(5000)
  })
})
