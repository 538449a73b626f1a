// Lock order: what must be reported, what must not, and what the report says. One task runs after the other wherever no
// deadlock can be allowed to happen: the point is that the report comes all the same.
import { describe, expect, it } from 'vitest'
import {
  down_read,
  down_write,
  kfn,
  Machine,
  Mutex,
  mutex_lock,
  mutex_lock_nested,
  mutex_trylock,
  mutex_unlock,
  type Op,
  RwSemaphore,
  type Step,
  up_read,
  up_write,
} from '../../src/sim/index.ts'

interface Locks {
  readonly a: Mutex
  readonly b: Mutex
  readonly c: Mutex
  readonly a2: Mutex
  readonly rw: RwSemaphore
}
type Body = (l: Locks) => Step<void> | Op<void>

/** Reports when the bodies run one after the other. */
function reports(bodies: readonly Body[], lockdep = true): string[] {
  const m = new Machine({ lockdep })
  const a = new Mutex(m, 'a')
  const l: Locks = {
    a,
    b: new Mutex(m, 'b'),
    c: new Mutex(m, 'c'),
    a2: new Mutex(m, 'a'),
    rw: new RwSemaphore(m, 'rw'),
  }
  m.spawn(
    'one',
    (function* (): Step<void> {
      for (const body of bodies) yield* body(l)
    })(),
  )
  m.run()
  return m.problems.filter(p => p.kind === 'lock order').map(p => p.text)
}
const nest =
  (...names: (keyof Locks)[]): Body =>
  l =>
    kfn(`take_${names.join('_')}`, function* (): Step<void> {
      for (const n of names) yield* mutex_lock(l[n] as Mutex)
      for (const n of [...names].reverse()) yield* mutex_unlock(l[n] as Mutex)
    })()
/** Two semaphores of one name, one inside the other, whose classes are these. */
const inside = (outer?: string, inner?: string): string[] => {
  const m = new Machine({ lockdep: true })
  const dir = new RwSemaphore(m, 'i_rwsem', outer)
  const file = new RwSemaphore(m, 'i_rwsem', inner)
  m.spawn(
    'one',
    (function* (): Step<void> {
      yield* down_read(dir)
      yield* down_write(file)
      yield* up_write(file)
      yield* up_read(dir)
    })(),
  )
  m.run()
  return m.problems.map(p => p.kind)
}
it('locks of one name are one class unless they are given another', () => {
  expect(inside()).toEqual(['lock order'])
  expect(inside('dir')).toEqual([])
  expect(inside('dir', 'dir')).toEqual(['lock order'])
})
const aTryB: Body = function* (l) {
  yield* mutex_lock(l.b)
  if (yield* mutex_trylock(l.a)) yield* mutex_unlock(l.a)
  yield* mutex_unlock(l.b)
}
const nested = (level: number): Body =>
  function* (l) {
    yield* mutex_lock(l.a)
    yield* mutex_lock_nested(l.a2, level)
    yield* mutex_unlock(l.a2)
    yield* mutex_unlock(l.a)
  }
/** The level belongs to one taking, not to the lock. */
const nestedThenPlain: Body = function* (l) {
  yield* nested(1)(l)
  yield* mutex_lock(l.a)
  yield* mutex_lock(l.a2)
}
const readThenA: Body = function* (l) {
  yield* down_read(l.rw)
  yield* nest('a')(l)
  yield* up_read(l.rw)
}
const aThenRead: Body = function* (l) {
  yield* mutex_lock(l.a)
  yield* down_read(l.rw)
  yield* up_read(l.rw)
  yield* mutex_unlock(l.a)
}
const aThenWrite: Body = function* (l) {
  yield* mutex_lock(l.a)
  yield* down_write(l.rw)
  yield* up_write(l.rw)
  yield* mutex_unlock(l.a)
}

describe('reported', () => {
  it.each<[string, Body[], string[]]>([
    ['two locks, both ways', [nest('a', 'b'), nest('b', 'a')], ['take_a_b', 'take_b_a']],
    ['a cycle of three', [nest('a', 'b'), nest('b', 'c'), nest('c', 'a')], ['take_a_b', 'take_b_c', 'take_c_a']],
    ['another lock of the same class', [nest('a', 'b'), nest('b', 'a2')], ['take_a_b', 'take_b_a2']],
    ['a reader against a mutex (a writer may queue between)', [readThenA, aThenRead], ['rw', 'while it holds a']],
    ['a writer against a reader', [readThenA, aThenWrite], ['rw', 'while it holds a']],
  ])('%s', (_, bodies, parts) => {
    const got = reports(bodies)
    expect(got).toHaveLength(1)
    for (const p of parts) expect(got[0]).toContain(p)
    expect(got[0]).toMatch(/; take them in one order everywhere$/)
  })
  it.each<[string, Body[]]>([
    ['two of one class', [nest('a', 'a2')]],
    ['a level that is not of this taking', [nestedThenPlain]],
  ])('%s', (_, bodies) => {
    const got = reports(bodies)
    expect(got).toHaveLength(1)
    expect(got[0]).toMatch(
      /^one takes a while it holds another a \(in .*\); if they have an order, take the inner one by a _/,
    )
  })
  it('a level makes a class: both ways is a cycle', () => {
    const back: Body = function* (l) {
      yield* mutex_lock_nested(l.a2, 1)
      yield* mutex_lock(l.a)
    }
    const got = reports([nested(1), back])
    expect(got).toHaveLength(1)
    expect(got[0]).toContain('one takes a/1 while it holds a (')
  })
  it('an order that set-up took and the execution turns round, in every execution', () => {
    const m = new Machine({ lockdep: true })
    const [a, b] = [new Mutex(m, 'a'), new Mutex(m, 'b')]
    const pair = kfn('pair', function* (x: Mutex, y: Mutex): Step<void> {
      yield* mutex_lock(x)
      yield* mutex_lock(y)
      yield* mutex_unlock(y)
      yield* mutex_unlock(x)
    })
    const run = (x: Mutex, y: Mutex) => {
      m.spawn(
        'p',
        (function* () {
          yield* pair(x, y)
        })(),
      )
      m.run()
      const n = m.problems.length
      m.dropTasks()
      return n
    }
    expect(run(a, b)).toBe(0)
    const mark = m.journal.mark()
    for (let i = 0; i < 3; i++) {
      expect(run(b, a)).toBe(1)
      m.journal.rewind(mark)
      // What an execution learnt is forgotten, what set-up learnt is not.
      expect(run(a, b)).toBe(0)
      m.journal.rewind(mark)
    }
  })
  it('once, however often it happens', () => {
    expect(reports([nest('a', 'b'), nest('b', 'a'), nest('a', 'b'), nest('b', 'a')])).toHaveLength(1)
  })
  it('in the next execution again, when the world was rewound', () => {
    const m = new Machine({ lockdep: true })
    const [a, b] = [new Mutex(m, 'a'), new Mutex(m, 'b')]
    const both = function* (): Step<void> {
      for (const [x, y] of [
        [a, b],
        [b, a],
      ] as const) {
        yield* mutex_lock(x)
        yield* mutex_lock(y)
        yield* mutex_unlock(y)
        yield* mutex_unlock(x)
      }
    }
    const mark = m.journal.mark()
    for (let i = 0; i < 3; i++) {
      m.spawn('one', both())
      m.run()
      expect(m.problems).toHaveLength(1)
      m.dropTasks()
      m.journal.rewind(mark)
      expect(m.problems).toHaveLength(0)
    }
  })
})

describe('not reported', () => {
  it.each<[string, Body[]]>([
    ['one order', [nest('a', 'b', 'c'), nest('a', 'c'), nest('b', 'c')]],
    ['one after the other', [nest('a'), nest('b'), nest('a')]],
    ['a trylock the wrong way round', [nest('a', 'b'), aTryB]],
    ['two of one class, the inner one with a nesting level', [nested(1)]],
    ['two of one class, each with a level of its own', [nested(1), nested(2)]],
  ])('%s', (_, bodies) => {
    expect(reports(bodies)).toEqual([])
  })
  it('anything, when it is off', () => {
    expect(reports([nest('a', 'b'), nest('b', 'a')], false)).toEqual([])
  })
})

describe('kernels', () => {
  /** a in b by a task of the first, b in a by one of the second. */
  const between = (...realms: [string, string]): string[] => {
    const m = new Machine({ lockdep: true })
    const names = ['a', 'b']
    for (const realm of realms) {
      const [outer, inner] = names.map(n => new Mutex(m, n)) as [Mutex, Mutex]
      names.reverse()
      m.spawn(
        realm,
        (function* (): Step<void> {
          yield* mutex_lock(outer)
          yield* mutex_lock(inner)
          yield* mutex_unlock(inner)
          yield* mutex_unlock(outer)
        })(),
        { owner: { realm } },
      )
    }
    m.run()
    return m.problems.map(p => p.text)
  }
  it('know nothing of the orders of each other', () => {
    expect(between('h0', 'h1')).toEqual([])
  })
  it('know their own, and the report says whose', () => {
    const [text] = between('h0', 'h0')
    expect(text).toMatch(/takes b of h0 while it holds a of h0 .*takes a of h0 while it holds b of h0/)
  })
})
