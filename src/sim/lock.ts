// What every lock shares: the books. Each taking and giving up is told to lockdep, the memory model and the race detector,
// and kept in the task's list of what it holds. Locks themselves: mutex.ts, spinlock.ts, rwsem.ts.
import type { OpObject } from './op.ts'
import type { Task } from './task.ts'

/** `t` is about to take `lock`, and waits if it must. */
export const ask = <L extends OpObject>(t: Task, lock: L): L => {
  t.m.lockdep?.asking(t, lock)
  return lock
}

/** `t` has it. */
export const take = (t: Task, lock: OpObject): void => {
  t.m.order?.locked(t, lock)
  t.m.races?.locked(t, lock)
  t.held.push(lock)
}

/** `t` gives it up; false, and a report, when it does not have it. */
export const drop = (t: Task, lock: OpObject): boolean => {
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
