// spinlock_t: as a mutex here, but its holder must not sleep. Taken by lock and unlock, or as a whole section in one step.
import { InvariantError } from './assert.ts'
import { ask, drop, take } from './lock.ts'
import { Mutex } from './mutex.ts'
import { ACCESS_READ, ACCESS_WRITE, Op, OpKind } from './op.ts'

/** spinlock_t */
export class SpinLock extends Mutex {
  readonly spins = true
}

const SPIN_LOCK = new OpKind('spin_lock', ACCESS_WRITE, 10, true, (t, op) => ask(t, op.obj as SpinLock).lock(t))
const SPIN_UNLOCK = new OpKind('spin_unlock', ACCESS_WRITE, 5, true, (t, op) => (op.obj as SpinLock).unlock(t))
const SPIN_IS_LOCKED = new OpKind('spin_is_locked', ACCESS_READ, 2, true, (t, op) => {
  const l = op.obj as SpinLock
  return t.m.order === null ? l.owner !== null : t.m.order.sees(t, l, l.owner !== null)
})
const SPIN_TRYLOCK = new OpKind('spin_trylock', ACCESS_WRITE, 10, true, (t, op) => (op.obj as SpinLock).trylock(t))

/**
 * A whole critical section in one step: take the lock, run the plain code `body`, release. With no scheduling point inside
 * nobody can see the lock held, so there is nothing to wait for; orderings and races know it as any other lock. A lock is
 * used either this way or by spin_lock/spin_unlock pairs, never both.
 */
const SPIN_SECTION = new OpKind('spin_lock', ACCESS_WRITE, 15, true, (t, op) => {
  const l = op.obj as SpinLock
  if (l.owner !== null) throw new InvariantError(`famsim bug: ${l.name} is used by sections only`)
  take(t, ask(t, l))
  const r = op.a()
  drop(t, l)
  return r
})
export const spin_section = <T>(l: SpinLock, body: () => T): Op<T> => new Op<T>(SPIN_SECTION, l, body)

export const spin_lock = (l: SpinLock): Op<void> => new Op<void>(SPIN_LOCK, l)
export const spin_unlock = (l: SpinLock): Op<void> => new Op<void>(SPIN_UNLOCK, l)
/** Is it taken, by whomever? A look without order. */
export const spin_is_locked = (l: SpinLock): Op<boolean> => new Op<boolean>(SPIN_IS_LOCKED, l)
/** True when taken. */
export const spin_trylock = (l: SpinLock): Op<boolean> => new Op<boolean>(SPIN_TRYLOCK, l)
