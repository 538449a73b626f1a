// Guarded cells: every store without the lock is told, with the mode it was held in; nothing else is.
import { describe, expect, it } from 'vitest'
import {
  type Cell,
  down_read,
  down_write,
  downgrade_write,
  GuardedCell,
  Machine,
  Mutex,
  mutex_lock,
  mutex_unlock,
  type Op,
  RwSemaphore,
  type Step,
  up_read,
  up_write,
} from '../../src/sim/index.ts'

const stores: [string, (c: Cell<number>) => Op<unknown>][] = [
  ['store', c => c.store(1)],
  ['WRITE_ONCE', c => c.WRITE_ONCE(1)],
  ['smp_store_release', c => c.smp_store_release(1)],
  ['cmpxchg', c => c.cmpxchg(0, 1)],
  ['cmpxchg_acquire', c => c.cmpxchg_acquire(0, 1)],
  ['xchg', c => c.xchg(1)],
  ['rmw', c => c.rmw(v => v + 1)],
]

const told = (body: (c: Cell<number>, sem: RwSemaphore) => Step<void>, guards?: boolean): string[] => {
  const m = new Machine({ guards })
  const sem = new RwSemaphore(m, 'sem')
  const c = new GuardedCell(m, 'dd->error', 0, sem)
  m.spawn('t', body(c, sem))
  m.run()
  return m.problems.map(p => `${p.kind}: ${p.text}`)
}

describe.each(stores)('%s', (_, store) => {
  it('holding the lock for writing: fine', () => {
    expect(
      told(function* (c, sem) {
        yield* down_write(sem)
        yield* store(c)
        yield* up_write(sem)
      }),
    ).toEqual([])
  })
  it('holding it for reading', () => {
    const want = 'wrong-mode write: t writes dd->error and holds sem for reading; take it for writing'
    expect(
      told(function* (c, sem) {
        yield* down_read(sem)
        yield* store(c)
        yield* up_read(sem)
      }),
    ).toEqual([want])
    expect(
      told(function* (c, sem) {
        yield* down_write(sem)
        yield* downgrade_write(sem)
        yield* store(c)
        yield* up_read(sem)
      }),
    ).toEqual([want])
  })
  it('not holding it; not when that is off', () => {
    const body = function* (c: Cell<number>): Step<void> {
      yield* store(c)
    }
    expect(told(body)).toEqual(['unguarded write: t writes dd->error and does not hold sem, which guards it'])
    expect(told(body, false)).toEqual([])
  })
})

it('reads and pokes are free', () => {
  expect(
    told(function* (c) {
      yield* c.load()
      yield* c.READ_ONCE()
      yield* c.smp_load_acquire()
      c.poke(2)
    }),
  ).toEqual([])
})
it('a mutex guards as well', () => {
  const m = new Machine()
  const l = new Mutex(m, 'l')
  const c = new GuardedCell(m, 'c', 0, l)
  m.spawn(
    't',
    (function* () {
      yield* mutex_lock(l)
      yield* c.store(1)
      yield* mutex_unlock(l)
      yield* c.store(2)
    })(),
  )
  m.run()
  expect(m.problems.map(p => p.kind)).toEqual(['unguarded write'])
})
