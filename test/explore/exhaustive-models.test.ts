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
  step,
  WaitQueue,
  wait_event,
  wake_up_all,
} from '../../src/sim/index.ts'
import { BARE, type Program, rouse, walk } from './walk.ts'

type Act =
  | { do: 'load' | 'acquire'; c: number; r: number }
  | { do: 'store' | 'release'; c: number; v: number }
  | { do: 'copy'; c: number; r: number }
  | { do: 'cas' | 'xchg' | 'add'; c: number; v: number; r: number }
  | { do: 'mb' | 'rmb' | 'wmb' | 'mark' | 'wake' | 'await' | 'late' }
  | { do: 'locked'; c: number; v: number }
  | { do: 'forget'; body: Act[] }

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
)
/** What a task does and forgets: pasts that differ only in there meet again, so the model's own state is all that tells. */
const forgetful = fc.record({ do: fc.constant('forget' as const), body: fc.array(act, { minLength: 1, maxLength: 2 }) })
const task = fc.array(fc.oneof({ weight: 2, arbitrary: act }, { weight: 3, arbitrary: forgetful }), {
  minLength: 1,
  maxLength: 2,
})
const program = fc.array(task, { minLength: 1, maxLength: 2 })

/** Loads and forgets. */
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
    const forget = sealed('forget', function* (body: readonly Act[]): Step<void> {
      yield* play(body)
    })
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
        } else if (a.do === 'forget') yield* forget(a.body)
      }
      return regs.join(',')
    }
    // When all are through, two look at both cells: whatever tells two pasts apart by then is kept by the model.
    const left = new Cell(m, 'left', tasks.length)
    const main = function* (acts: readonly Act[]): Step<string> {
      const came = yield* play(acts)
      left.poke(left.peek() - 1)
      if (left.peek() === 0) for (const n of ['r0', 'r1']) rouse(m, n)
      return came
    }
    const reader = function* (first: number): Step<string> {
      const a = yield* cs[first]!.smp_load_acquire()
      const b = yield* cs[1 - first]!.load()
      return `${a}${b}`
    }
    return {
      tasks: Object.fromEntries(tasks.map((acts, i) => [`t${i}`, () => main(acts)])),
      asleep: { r0: () => reader(0), r1: () => reader(1) },
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
      { numRuns: 90, seed: 5 },
    )
    expect(compared).toBeGreaterThanOrEqual(50)
    expect(reduceds / 3).toBeLessThan(bares / 3)
  }, 120_000)

  it('the same under a bound on preemptions', () => {
    fc.assert(
      fc.property(program, fc.nat(2), (p, preemptions) => {
        const bare = walk(of(p), { ...BARE, preemptions }, { model }, 1000)
        if (bare.whole) expect(walk(of(p), { preemptions }, { model }).finals).toEqual(bare.finals)
      }),
      { numRuns: 60, seed: 6 },
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
      walk(of(p), {}, { model }).finals.some(f => f.includes('| 0,0 0,0 '))
    expect(MODELS.map(m => zeros(sb, m))).toEqual([false, true, true])
    expect(MODELS.map(m => zeros(fenced, m))).toEqual([false, false, false])
  })

  /**
   * `tasks`, and when they are through two that look (`first`, then x): the only way to tell what the model keeps. All that
   * came before is forgotten by the tasks, so the cells are the same.
   */
  const told = (
    tasks: (c: { x: Cell<number>; y: Cell<number>; z: Cell<number>; m: Machine }) => Record<string, () => Step<void>>,
    first: 'x' | 'y' = 'y',
  ): string[] => {
    const prog = (m: Machine): Program => {
      const [x, y, z, left] = ['x', 'y', 'z', 'left'].map(n => new Cell(m, n, 0)) as [
        Cell<number>,
        Cell<number>,
        Cell<number>,
        Cell<number>,
      ]
      const bodies = tasks({ x, y, z, m })
      const count = Object.keys(bodies).length
      const main = function* (body: () => Step<void>): Step<void> {
        yield* body()
        left.poke(left.peek() + 1)
        if (left.peek() === count) for (const n of ['r', 's']) rouse(m, n)
      }
      const look = function* (): Step<string> {
        const v = yield* (first === 'x' ? x : y).smp_load_acquire()
        return `${v}${yield* x.load()}`
      }
      return {
        tasks: Object.fromEntries(Object.entries(bodies).map(([n, b]) => [n, () => main(b)])),
        asleep: {
          r: look,
          s: look,
          // For a task to rouse that would be alone otherwise.
          k: function* () {
            yield* step()
          },
        },
        final: () => [x.v, y.v, z.v],
      }
    }
    const turned = (m: Machine): Program => {
      const p = prog(m)
      return { ...p, tasks: Object.fromEntries(Object.entries(p.tasks).reverse()) }
    }
    for (const p of [turned, prog]) {
      const bare = walk(p, { cache: false }, { model: 'weak' }).finals
      expect(walk(p, { sleep: false }, { model: 'weak' }).finals).toEqual(bare)
      expect(walk(p, {}, { model: 'weak' }).finals).toEqual(bare)
    }
    return walk(prog, {}, { model: 'weak' }).finals
  }
  /** Does one thing or another, and forgets which. */
  const either = sealed(
    'either',
    function* (z: Cell<number>, one: () => Step<void>, other: () => Step<void>): Step<void> {
      yield* step()
      yield* z.peek() === 1 ? one() : other()
    },
  )
  const nothing = function* (): Step<void> {}
  const setter = (z: Cell<number>) =>
    function* (): Step<void> {
      yield* step()
      z.poke(1)
    }

  it('weak: which store was read', () => {
    // Read x as 1 and then, behind a barrier, stored y: whoever sees y sees x. Read as 0: perhaps not.
    const finals = told(({ x, y }) => ({
      b: function* () {
        yield* x.store(1)
      },
      a: function* () {
        yield* last(x)
        yield* smp_mb()
        yield* y.store(1)
      },
    }))
    expect(finals.some(f => f.includes(' 10 '))).toBe(true)
  })
  it('weak: a barrier', () => {
    const finals = told(({ x, y, z }) => ({
      b: setter(z),
      a: function* () {
        yield* x.store(1)
        yield* either(
          z,
          function* () {
            yield* smp_wmb()
          },
          nothing,
        )
        yield* y.store(1)
      },
    }))
    expect(finals.some(f => f.includes(' 10 '))).toBe(true)
  })
  it('weak: a release', () => {
    const finals = told(({ x, y, z }) => ({
      b: setter(z),
      a: function* () {
        yield* x.store(1)
        yield* either(
          z,
          function* () {
            yield* y.smp_store_release(1)
          },
          function* () {
            yield* y.store(1)
          },
        )
      },
    }))
    expect(finals.some(f => f.includes(' 10 '))).toBe(true)
  })
  it.each<[string, (c: Cell<number>) => Step<any>, (c: Cell<number>) => Step<any>]>([
    [
      'load',
      function* (c) {
        yield* c.smp_load_acquire()
      },
      function* (c) {
        yield* c.load()
      },
    ],
    [
      'read-modify-write',
      function* (c) {
        yield* c.rmw(v => v, ACQUIRE)
      },
      function* (c) {
        yield* c.rmw(v => v, RELAXED)
      },
    ],
  ])('weak: an acquire (%s)', (_, ordered, relaxed) => {
    // b saw a's store to y, with or without an acquire; then it stores to x what it reads there, as a third value.
    told(({ x, y, z, m }) => ({
      c: setter(z),
      a: function* () {
        yield* x.store(1)
        yield* smp_wmb()
        yield* y.store(1)
      },
      b: function* () {
        yield* either(
          z,
          () => ordered(y),
          () => relaxed(y),
        )
        rouse(m, 'k')
        yield* y.store(2 + (yield* x.load()))
      },
    }))
  })
  it('weak: coherence order', () => {
    // 1 and 2 in either order, 3 at the end: who looks twice tells.
    const finals = told(
      ({ x }) =>
        Object.fromEntries(
          [1, 2, 3].map(v => [
            `t${v}`,
            function* (): Step<void> {
              yield* x.store(v)
            },
          ]),
        ),
      'x',
    )
    expect(finals.some(f => f.startsWith('held: [3,') && f.includes(' 12 '))).toBe(true)
    expect(finals.some(f => f.startsWith('held: [3,') && f.includes(' 21 '))).toBe(true)
  })
  it('weak: an older value', () => {
    // 3 is the newest; before it 1 or 2 was there, and may still be read.
    const finals = told(
      ({ x, z }) => ({
        b: setter(z),
        a: function* () {
          yield* either(
            z,
            function* () {
              yield* x.store(1)
            },
            function* () {
              yield* x.store(2)
            },
          )
          yield* x.store(3)
        },
      }),
      'x',
    )
    expect(finals.some(f => f.includes(' 13 '))).toBe(true)
    expect(finals.some(f => f.includes(' 23 '))).toBe(true)
  })
  it('weak: who stored it', () => {
    // a and b store the same to x; only a had stored y before, behind a barrier. Who has read a's and stores z tells of y.
    told(({ x, y, m }) => ({
      a: function* () {
        yield* y.store(1)
        yield* smp_wmb()
        yield* x.store(1)
      },
      b: function* () {
        yield* step()
        yield* x.store(1)
      },
      c: function* () {
        yield* last(x)
        yield* smp_mb()
        rouse(m, 'k')
        yield* x.store(2 + (yield* y.load()))
      },
    }))
  })
  it('weak: when a wait was over', () => {
    // A wait that was over after the store to x orders it before what comes; one that was over before does not.
    const finals = told(({ x, y, m }) => {
      const q = new WaitQueue(m, 'q')
      const wait = sealed('wait', function* (): Step<void> {
        yield* wait_event(q, () => true)
      })
      return {
        b: function* () {
          yield* x.store(1)
          // The step in which it counts itself out depends on everybody's.
          yield* step()
        },
        a: function* () {
          yield* wait()
          yield* y.store(1)
        },
      }
    })
    expect(finals.some(f => f.includes(' 10 '))).toBe(true)
  })

  it('a step that goes another way with what it loads wakes whoever depends on either way', () => {
    // b's one step loads an old or a new x and pokes y or z accordingly; asleep, it must be
    // woken by who looks at either.
    const prog = (m: Machine): Program => {
      const [x, y, z] = ['x', 'y', 'z'].map(n => new Cell(m, n, 0)) as [Cell<number>, Cell<number>, Cell<number>]
      return {
        tasks: {
          w: function* () {
            yield* x.store(1)
            rouse(m, 'd')
          },
          b: function* () {
            const v = yield* x.load()
            if (v === 1) y.poke(1)
            else z.poke(1)
          },
        },
        asleep: {
          d: function* () {
            return z.peek()
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
