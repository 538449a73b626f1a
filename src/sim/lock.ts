// What every lock shares: the books. Each taking and giving up is told to lockdep, the memory model and the race detector,
// and kept in the task's list of what it holds. Locks themselves: mutex.ts, spinlock.ts, rwsem.ts.
import { type Lock, might_sleep } from './might-sleep.ts'
import type { Op } from './op.ts'
import type { Task } from './task.ts'

/** `t` is about to take `lock`, and waits if it must. */
export const ask = <L extends Lock>(t: Task, lock: L, level?: number): L => {
  t.m.lockdep?.asking(t, lock, level)
  return lock
}

/** The same for a lock that sleeps while it waits; the operation may have a nesting level. */
export const ask_sleeping = <L extends Lock>(t: Task, op: Op): L => {
  might_sleep(t, op)
  return ask(t, op.obj as L, op.b)
}

/** `t` has it. */
export const take = (t: Task, lock: Lock): void => {
  t.m.order?.locked(t, lock)
  t.m.races?.locked(t, lock)
  t.held.push(lock)
}

/** `t` gives it up; false, and a report, when it does not have it. */
export const drop = (t: Task, lock: Lock): boolean => {
  const i = t.held.lastIndexOf(lock)
  if (i < 0) {
    t.m.problem('wrong unlock', `${t.label} unlocks ${lock.name}, which it does not hold`)
    return false
  }
  if (i === t.held.length - 1) t.held.pop()
  else t.held.splice(i, 1)
  t.m.order?.unlocking(t, lock)
  t.m.races?.unlocking(t, lock)
  return true
}
