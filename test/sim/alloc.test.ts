// Allocations of a machine: use after free, double free, leaks, failures on demand; that they rewind, and that they say who
// did what.
import { describe, expect, it } from 'vitest'
import {
  type Alloc,
  Cell,
  Heap,
  kfn,
  Machine,
  Mutex,
  mutex_lock,
  mutex_unlock,
  type Step,
  step,
} from '../../src/sim/index.ts'
import { everySchedule, turns } from './support.ts'

interface World {
  readonly m: Machine
  readonly heap: Heap
}
const world = (o: { kasan?: boolean; freedAtExit?: boolean } = {}): World => {
  const m = new Machine({ policy: 'free', kasan: true, ...o })
  m.trace.on = false
  return { m, heap: new Heap(m, 'h') }
}
/** Run one task and give the problems. */
const run = (w: World, body: (w: World) => Step<any>): string[] => {
  w.m.spawn('t', body(w))
  w.m.run()
  return w.m.problems.map(p => `${p.kind}: ${p.text}`)
}
const make = kfn('make', function* (w: World): Step<{ a: Alloc; x: Cell<number>; l: Mutex }> {
  const a = (yield* w.heap.alloc('thing', 64))!
  const x = new Cell(w.m, 'thing->x', 0)
  const l = new Mutex(w.m, 'thing->lock')
  a.owns(x, l)
  return { a, x, l }
})
const release = kfn('release', function* (w: World, a: Alloc): Step<void> {
  yield* w.heap.free(a)
})

describe('use after free', () => {
  it.each<[string, (x: Cell<number>, l: Mutex) => Step<void>]>([
    [
      'load',
      function* (x) {
        yield* x.load()
      },
    ],
    [
      'store',
      function* (x) {
        yield* x.store(1)
      },
    ],
    [
      'READ_ONCE',
      function* (x) {
        yield* x.READ_ONCE()
      },
    ],
    [
      'smp_store_release',
      function* (x) {
        yield* x.smp_store_release(1)
      },
    ],
    [
      'cmpxchg',
      function* (x) {
        yield* x.cmpxchg(0, 1)
      },
    ],
    [
      'mutex_lock',
      function* (_x, l) {
        yield* mutex_lock(l)
        yield* mutex_unlock(l)
      },
    ],
  ])('%s is told with the access, who allocated and who freed', (name, use) => {
    const problems = run(world(), function* (w) {
      const { a, x, l } = yield* make(w)
      yield* use(x, l)
      yield* release(w, a)
      yield* kfn('use', use)(x, l)
    })
    const part = name === 'mutex_lock' ? 'thing->lock' : 'thing->x'
    expect(problems[0]).toBe(
      `use after free: ${name} of ${part}, which lies in thing (64 bytes), by t in use < t; allocated by t in make < t; freed by t in release < t`,
    )
  })
  it('is told once for a place, not before the free, and not of what lies in no allocation', () => {
    const problems = run(world(), function* (w) {
      const { a, x } = yield* make(w)
      const other = new Cell(w.m, 'other', 0)
      yield* x.store(1)
      yield* release(w, a)
      for (let i = 0; i < 3; i++) yield* x.load()
      yield* other.load()
    })
    expect(problems).toHaveLength(1)
  })
  it('off: the same program says nothing, and nothing is noted', () => {
    const w = world({ kasan: false })
    const problems = run(w, function* () {
      const { a, x } = yield* make(w)
      expect([a.made, Object.keys(x).includes('alloc')]).toEqual([null, false])
      yield* release(w, a)
      yield* x.load()
    })
    expect(problems).toEqual([])
  })
  it('one who was waiting for a lock when its memory went', () => {
    const w = world()
    const a = w.heap.take({ name: 'thing', size: 8, nofail: true })!
    const l = new Mutex(w.m, 'lock')
    a.owns(l)
    const both = function* (last: Step<void>): Step<void> {
      yield* mutex_lock(l)
      yield* mutex_unlock(l)
      yield* last
    }
    w.m.spawn('owner', both(release(w, a) as unknown as Step<void>))
    w.m.spawn('waiter', both(step() as unknown as Step<void>))
    w.m.run(turns(['owner', 'owner', 'waiter', 'waiter', 'owner', 'owner', 'waiter']))
    expect(w.m.problems.map(p => p.text.split(',')[0])).toEqual(['mutex_lock of lock', 'mutex_unlock of lock'])
  })
  it('rewinds: freed in one execution, alive in the next', () => {
    const w = world()
    let kept: Awaited<{ a: Alloc; x: Cell<number>; l: Mutex }> | null = null
    run(w, function* () {
      kept = yield* make(w)
    })
    const { a, x } = kept!
    w.m.retireTasks()
    const mark = w.m.journal.mark()
    for (let i = 0; i < 3; i++) {
      w.m.journal.rewind(mark)
      w.m.dropTasks()
      const problems = run(w, function* () {
        yield* x.load()
        yield* release(w, a)
        yield* x.load()
      })
      expect(problems).toHaveLength(1)
      expect(w.heap.live.size).toBe(0)
    }
  })
  it('a race between a user and a freer is told exactly in the schedules where the free comes first', () => {
    const verdicts = new Set<string>()
    everySchedule(chooser => {
      const w = world()
      const order: string[] = []
      const a = w.heap.take({ name: 'thing', size: 8, nofail: true })!
      const x = new Cell(w.m, 'x', 0)
      a.owns(x)
      w.m.spawn(
        'user',
        (function* () {
          yield* x.load()
          order.push('use')
        })(),
      )
      w.m.spawn(
        'freer',
        (function* () {
          yield* w.heap.free(a)
          order.push('free')
        })(),
      )
      w.m.run(chooser)
      expect(w.m.problems.length === 1).toBe(order[0] === 'free')
      verdicts.add(order.join())
    })
    expect([...verdicts].sort()).toEqual(['free,use', 'use,free'])
  })
})

it('a double free says who freed first', () => {
  expect(
    run(world(), function* (w) {
      const { a } = yield* make(w)
      yield* release(w, a)
      yield* w.heap.free(a)
    }),
  ).toEqual([
    'double free: thing (64 bytes) is freed twice on h; allocated by t in make < t; freed by t in release < t',
  ])
})

describe('leaks', () => {
  const leaky = function* (w: World): Step<void> {
    for (let i = 0; i < 2; i++) yield* make(w)
    yield* release(w, (yield* make(w)).a)
    yield* w.heap.alloc('other', 8)
  }
  it('with freedAtExit, what is left is told by name and place', () => {
    expect(run(world({ freedAtExit: true }), leaky)).toEqual([
      'leak: 2 x thing (64 bytes) never freed on h; allocated by t in make < t',
      'leak: 1 x other (8 bytes) never freed on h; allocated by t in t',
    ])
  })
  it('without, nothing', () => expect(run(world(), leaky)).toEqual([]))
})

describe('refusals', () => {
  it('the n-th of a name from when it is armed, once, and never one with nofail', () => {
    const w = world()
    const hits: string[] = []
    const fail = w.heap.refusal('b', () => hits.push('hit'))
    const got: boolean[] = []
    run(w, function* () {
      got.push((yield* w.heap.alloc('b', 1)) !== null)
      fail(2)
      got.push((yield* w.heap.alloc('b', 1)) !== null)
      got.push((yield* w.heap.alloc('a', 1)) !== null)
      got.push((yield* w.heap.alloc('b', 1, { nofail: true })) !== null)
      got.push((yield* w.heap.alloc('b', 1)) !== null)
      got.push((yield* w.heap.alloc('b', 1)) !== null)
    })
    expect(got).toEqual([true, true, true, true, false, true])
    expect(hits).toEqual(['hit'])
  })
})
