// The exhaustive search under store buffers and the weak model: the same verdicts, final states and results of tasks with
// every reduction as without, on random programs and on litmus tests; and that it reduces at all.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ExhaustiveOptions } from '../../src/explore/index.ts'
import {
  ACQUIRE,
  Cell,
  type Machine,
  type ModelName,
  Mutex,
  mutex_lock,
  mutex_unlock,
  RELAXED,
  type Step,
  sealed,
  smp_mb,
  smp_rmb,
  smp_wmb,
  WaitQueue,
  wait_event,
  wake_up_all,
} from '../../src/sim/index.ts'
import { BARE, type Program, walk } from './walk.ts'

type Act =
  | { do: 'load' | 'acquire'; c: number; r: number }
  | { do: 'store' | 'release'; c: number; v: number }
  | { do: 'copy'; c: number; r: number }
  | { do: 'cas' | 'xchg' | 'add'; c: number; v: number; r: number }
  | { do: 'mb' | 'rmb' | 'wmb' | 'mark' | 'wake' | 'await' | 'late' }
  | { do: 'locked'; c: number; v: number }
  | { do: 'last'; c: number }

const cell = fc.nat(1)
const reg = fc.nat(1)
const value = fc.integer({ min: 1, max: 2 })
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('load' as const, 'acquire' as const), c: cell, r: reg }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('store' as const, 'release' as const), c: cell, v: value }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('copy' as const), c: cell, r: reg }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('cas' as const, 'xchg' as const, 'add' as const),
      c: cell,
      v: value,
      r: reg,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'mb' as const,
        'rmb' as const,
        'wmb' as const,
        'mark' as const,
        'wake' as const,
        'await' as const,
        'late' as const,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('locked' as const), c: cell, v: value }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('last' as const), c: cell }) },
)
const program = fc.array(fc.array(act, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 3 })

/** Loads and forgets: two pasts that differ only in what it saw meet. */
const last = sealed('last', function* (c: Cell<number>): Step<void> {
  yield* c.load()
})

const of =
  (tasks: readonly (readonly Act[])[]) =>
  (m: Machine): Program => {
    const cs = [0, 1].map(i => new Cell(m, `c${i}`, 0))
    const poked = new Cell(m, 'poked', 0)
    const lock = new Mutex(m, 'lock')
    const q = new WaitQueue(m, 'q')
    function* play(acts: readonly Act[]): Step<string> {
      const regs = [0, 0]
      for (const a of acts) {
        if (a.do === 'load') regs[a.r] = yield* cs[a.c]!.load()
        else if (a.do === 'acquire') regs[a.r] = yield* cs[a.c]!.smp_load_acquire()
        else if (a.do === 'store') yield* cs[a.c]!.store(a.v)
        else if (a.do === 'release') yield* cs[a.c]!.smp_store_release(a.v)
        else if (a.do === 'copy') yield* cs[a.c]!.store(regs[a.r]!)
        else if (a.do === 'cas') regs[a.r] = yield* cs[a.c]!.cmpxchg(0, a.v)
        else if (a.do === 'xchg') regs[a.r] = yield* cs[a.c]!.xchg_relaxed(a.v)
        else if (a.do === 'add') regs[a.r] = yield* cs[a.c]!.rmw(x => x + a.v, a.v === 1 ? RELAXED : ACQUIRE)
        else if (a.do === 'mb') yield* smp_mb()
        else if (a.do === 'rmb') yield* smp_rmb()
        else if (a.do === 'wmb') yield* smp_wmb()
        else if (a.do === 'mark') poked.poke(poked.peek() + 1)
        else if (a.do === 'wake') yield* wake_up_all(q)
        else if (a.do === 'await') {
          // Never for ever: whoever has loaded something does not wait.
          if (regs[0] === 0 && tasks.length > 2) yield* wait_event(q, () => cs[0]!.peek() !== 0 || poked.peek() >= 0)
        } else if (a.do === 'late') {
          // A task made by this one, with what it knows.
          const v = regs[0]!
          m.spawn(
            'late',
            (function* (): Step<number> {
              yield* cs[1]!.store(v + 3)
              return v
            })(),
          )
        } else if (a.do === 'locked') {
          yield* mutex_lock(lock)
          yield* cs[a.c]!.store(a.v)
          yield* mutex_unlock(lock)
        } else if (a.do === 'last') yield* last(cs[a.c]!)
      }
      return regs.join(',')
    }
    return {
      tasks: Object.fromEntries(tasks.map((acts, i) => [`t${i}`, () => play(acts)])),
      final: () => [...cs.map(c => c.v), poked.v],
    }
  }

const modes: [string, ExhaustiveOptions][] = [
  ['sleep sets', { cache: false }],
  ['state cache', { sleep: false }],
  ['both', {}],
]
const MODELS: readonly ModelName[] = ['sc', 'tso', 'weak']

describe.each(MODELS)('%s', model => {
  it('same verdicts, final states and results as the bare walk on random programs', () => {
    let compared = 0
    let [bares, reduceds] = [0, 0]
    fc.assert(
      fc.property(program, p => {
        const bare = walk(of(p), BARE, { model }, 1000)
        if (!bare.whole) return
        compared++
        for (const [name, o] of modes) {
          const reduced = walk(of(p), o, { model })
          expect(reduced.whole, name).toBe(true)
          expect(reduced.finals, name).toEqual(bare.finals)
          reduceds += reduced.stats.complete
        }
        bares += bare.stats.complete
      }),
      { numRuns: 130, seed: 5 },
    )
    expect(compared).toBeGreaterThanOrEqual(60)
    expect(reduceds / 3).toBeLessThan(bares / 3)
  }, 120_000)

  it('the same under a bound on preemptions', () => {
    fc.assert(
      fc.property(program, fc.nat(2), (p, preemptions) => {
        const bare = walk(of(p), { ...BARE, preemptions }, { model }, 1000)
        if (bare.whole) expect(walk(of(p), { preemptions }, { model }).finals).toEqual(bare.finals)
      }),
      { numRuns: 100, seed: 6 },
    )
  }, 120_000)
})

describe('what only buffers and views can tell', () => {
  const sb: Act[][] = [
    [
      { do: 'store', c: 0, v: 1 },
      { do: 'load', c: 1, r: 0 },
    ],
    [
      { do: 'store', c: 1, v: 1 },
      { do: 'load', c: 0, r: 0 },
    ],
  ]
  const fenced = sb.map(([s, l]): Act[] => [s!, { do: 'mb' }, l!])
  it('store buffering shows under tso and weak, not under sc, nowhere with barriers', () => {
    const zeros = (p: Act[][], model: ModelName) =>
      walk(of(p), {}, { model }).finals.some(f => f.includes('| 0,0 0,0 |'))
    expect(MODELS.map(m => zeros(sb, m))).toEqual([false, true, true])
    expect(MODELS.map(m => zeros(fenced, m))).toEqual([false, false, false])
  })

  it('weak: two pasts with the same cells and the same results are two states when what may be read differs', () => {
    // a has or has not seen b's store to x when it stores to y; nothing it keeps tells, but what c may read does. The search comes
    // to the past with fewer ways on first.
    const prog = (m: Machine): Program => {
      const x = new Cell(m, 'x', 0)
      const y = new Cell(m, 'y', 0)
      return {
        tasks: {
          b: function* () {
            yield* x.store(1)
          },
          a: function* () {
            yield* last(x)
            yield* smp_mb()
            yield* y.store(1)
          },
          c: function* () {
            const v = yield* y.smp_load_acquire()
            const w = yield* x.load()
            return `${v}${w}`
          },
        },
        final: () => [x.v, y.v],
      }
    }
    expect(walk(prog, {}, { model: 'weak' }).finals).toEqual(walk(prog, BARE, { model: 'weak' }).finals)
  })

  it('a step that goes another way with what it loads wakes whoever depends on either way', () => {
    // b's one step loads an old or a new x and pokes y or z accordingly; asleep, it must be woken by a load of either.
    const prog = (m: Machine): Program => {
      const [x, y, z] = ['x', 'y', 'z'].map(n => new Cell(m, n, 0)) as [Cell<number>, Cell<number>, Cell<number>]
      return {
        tasks: {
          w: function* () {
            yield* x.store(1)
          },
          b: function* () {
            const v = yield* x.load()
            if (v === 1) y.poke(1)
            else z.poke(1)
          },
          d: function* () {
            yield* smp_mb()
            return z.peek()
          },
          e: function* () {
            yield* smp_mb()
            return y.peek()
          },
        },
        final: () => [x.v, y.v, z.v],
      }
    }
    const bare = walk(prog, BARE, { model: 'weak' }).finals
    expect(walk(prog, { cache: false }, { model: 'weak' }).finals).toEqual(bare)
    expect(walk(prog, {}, { model: 'weak' }).finals).toEqual(bare)
  })
})
