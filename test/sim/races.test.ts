// The race detector: what must be reported, what must not, and what the report says. Programs are two tasks over the same
// cells; a race must show under every schedule in which both run, whatever order they take.
import { describe, expect, it } from 'vitest'
import {
  Cell,
  Completion,
  complete,
  down_read,
  down_write,
  kfn,
  Machine,
  Mutex,
  mutex_lock,
  mutex_unlock,
  RwSemaphore,
  type Step,
  smp_mb,
  smp_rmb,
  smp_wmb,
  up_read,
  up_write,
  wait_for_completion,
} from '../../src/sim/index.ts'
import { everySchedule } from './support.ts'

interface World {
  readonly m: Machine
  readonly x: Cell<number>
  readonly flag: Cell<number>
  readonly l: Mutex
  readonly s: RwSemaphore
  readonly done: Completion
}
type Body = (w: World) => Step<void>

/** Race reports of every schedule of the two tasks. */
function reports(a: Body, b: Body): { some: boolean; all: boolean; texts: string[] } {
  const texts = new Set<string>()
  let with_ = 0
  let runs = 0
  everySchedule(chooser => {
    const m = new Machine({ policy: 'free', races: true })
    m.trace.on = false
    const w: World = {
      m,
      x: new Cell(m, 'x', 0),
      flag: new Cell(m, 'flag', 0),
      l: new Mutex(m, 'l'),
      s: new RwSemaphore(m, 's'),
      done: new Completion(m, 'done'),
    }
    m.spawn('a', a(w))
    m.spawn('b', b(w))
    m.run(chooser)
    const found = m.problems.filter(p => p.kind === 'data race')
    for (const p of found) texts.add(p.text)
    runs++
    if (found.length > 0) with_++
  }, 5000)
  return { some: with_ > 0, all: with_ === runs, texts: [...texts] }
}

function* storeX(w: World): Step<void> {
  yield* w.x.store(1)
}
function* loadX(w: World): Step<void> {
  yield* w.x.load()
}

const locked = (body: Body): Body =>
  function* (w) {
    yield* mutex_lock(w.l)
    yield* body(w)
    yield* mutex_unlock(w.l)
  }
const read = (body: Body): Body =>
  function* (w) {
    yield* down_read(w.s)
    yield* body(w)
    yield* up_read(w.s)
  }
const write = (body: Body): Body =>
  function* (w) {
    yield* down_write(w.s)
    yield* body(w)
    yield* up_write(w.s)
  }

describe('reported under every schedule', () => {
  it.each<[string, Body, Body]>([
    ['plain store, plain load', storeX, loadX],
    ['plain store, plain store', storeX, storeX],
    [
      'plain store, READ_ONCE',
      storeX,
      function* (w) {
        yield* w.x.READ_ONCE()
      },
    ],
    [
      'WRITE_ONCE, plain load',
      function* (w) {
        yield* w.x.WRITE_ONCE(1)
      },
      loadX,
    ],
    [
      'cmpxchg, plain load',
      function* (w) {
        yield* w.x.cmpxchg(0, 1)
      },
      loadX,
    ],
    ['one side locked', locked(storeX), loadX],
    ['two locks', locked(storeX), write(storeX)],
    ['two stores under the read side (wrong mode)', read(storeX), read(storeX)],
    [
      'a barrier on one side only',
      function* (w) {
        yield* w.x.store(1)
        yield* smp_wmb()
      },
      loadX,
    ],
  ])('%s', (_n, a, b) => expect(reports(a, b).all).toBe(true))
})

describe('never reported', () => {
  it.each<[string, Body, Body]>([
    ['two plain loads', loadX, loadX],
    [
      'marked on both sides',
      function* (w) {
        yield* w.x.WRITE_ONCE(1)
      },
      function* (w) {
        yield* w.x.READ_ONCE()
      },
    ],
    ['one lock', locked(storeX), locked(loadX)],
    ['store under the write side, load under the read side', write(storeX), read(loadX)],
    [
      'a failed cmpxchg is a load',
      function* (w) {
        yield* w.x.cmpxchg(7, 1)
      },
      loadX,
    ],
    [
      'release, acquire',
      function* (w) {
        yield* w.x.store(1)
        yield* w.flag.smp_store_release(1)
      },
      function* (w) {
        if ((yield* w.flag.smp_load_acquire()) === 1) yield* w.x.load()
      },
    ],
    [
      'wmb and marked flag, rmb',
      function* (w) {
        yield* w.x.store(1)
        yield* smp_wmb()
        yield* w.flag.WRITE_ONCE(1)
      },
      function* (w) {
        if ((yield* w.flag.READ_ONCE()) !== 1) return
        yield* smp_rmb()
        yield* w.x.load()
      },
    ],
    [
      'cmpxchg publishes, cmpxchg takes',
      function* (w) {
        yield* w.x.store(1)
        yield* w.flag.cmpxchg(0, 1)
      },
      function* (w) {
        if ((yield* w.flag.cmpxchg(1, 2)) === 1) yield* w.x.load()
      },
    ],
    [
      'completion',
      function* (w) {
        yield* w.x.store(1)
        yield* complete(w.done)
      },
      function* (w) {
        yield* wait_for_completion(w.done)
        yield* w.x.load()
      },
    ],
  ])('%s', (_n, a, b) => expect(reports(a, b).texts).toEqual([]))
  it('what a task did before it made another', () => {
    const m = new Machine({ policy: 'free', races: true })
    const x = new Cell(m, 'x', 0)
    m.spawn(
      'parent',
      (function* (): Step<void> {
        yield* x.store(1)
        m.spawn(
          'child',
          (function* (): Step<void> {
            yield* x.store(2)
          })(),
        )
      })(),
    )
    m.run()
    expect(m.problems).toEqual([])
  })
})

describe('canaries: take one thing away', () => {
  const publish = (barrier: () => Step<void>): Body =>
    function* (w) {
      yield* w.x.store(1)
      yield* barrier()
      yield* w.flag.WRITE_ONCE(1)
    }
  const take = (barrier: () => Step<void>): Body =>
    function* (w) {
      if ((yield* w.flag.READ_ONCE()) !== 1) return
      yield* barrier()
      yield* w.x.load()
    }
  function* none(): Step<void> {}
  function* wmb(): Step<void> {
    yield* smp_wmb()
  }
  function* rmb(): Step<void> {
    yield* smp_rmb()
  }
  function* mb(): Step<void> {
    yield* smp_mb()
  }
  it.each([
    ['no wmb', none, rmb, true],
    ['no rmb', wmb, none, true],
    ['neither', none, none, true],
    ['both', wmb, rmb, false],
    ['mb on both', mb, mb, false],
  ] as const)('%s', (_n, a, b, want) => expect(reports(publish(a), take(b)).some).toBe(want))
})

describe('the report', () => {
  it('names the cell, both tasks with their functions, and what is missing', () => {
    const install = kfn('install', function* (w: World): Step<void> {
      yield* w.x.store(1)
    })
    const resolve = kfn('resolve', function* (w: World): Step<void> {
      yield* w.x.load()
    })
    const { texts } = reports(
      locked(function* (w) {
        yield* install(w)
      }),
      function* (w) {
        yield* resolve(w)
      },
    )
    const t = texts.find(x => x.startsWith('x: a (store in install'))!
    expect(t).toContain('b (load in resolve < b)')
    expect(t).toContain('a holds l, b does not')
    expect(t).toContain('WRITE_ONCE for a and READ_ONCE for b')
  })
  it('says a race once an execution', () => {
    const m = new Machine({ policy: 'free', races: true })
    const x = new Cell(m, 'x', 0)
    for (const n of ['a', 'b'])
      m.spawn(
        n,
        (function* (): Step<void> {
          for (let i = 0; i < 5; i++) yield* x.store(i)
        })(),
      )
    m.run()
    expect(m.problems.length).toBe(1)
  })
  it('costs nothing and says nothing when off', () => {
    const m = new Machine({ policy: 'free' })
    const x = new Cell(m, 'x', 0)
    for (const n of ['a', 'b'])
      m.spawn(
        n,
        (function* (): Step<void> {
          yield* x.store(1)
        })(),
      )
    expect(m.run()).toBe('held')
    expect(m.races).toBe(null)
  })
})
