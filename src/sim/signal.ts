// Signals, as far as the machine knows them: they become pending, and end a sleep whose mode allows it. What they mean is
// the kernel's business. Whatever a task sleeps at (a wait queue, a lock's queue) says how a sleep there is broken off.
import { BLOCKED, type OpObject } from './op.ts'
import { SLEEPING, type Task } from './task.ts'

/** Which signals end a sleep: none, fatal ones, any. */
export type WaitMode = 'uninterruptible' | 'killable' | 'interruptible'

/** Value of an interrupted wait: -ERESTARTSYS of the kernel. */
export const INTERRUPTED = -512
/** Value of a lock that a signal kept from being taken: -EINTR of the kernel. */
export const NOT_LOCKED = -4

/** What a task can sleep at. */
interface Sleepable extends OpObject {
  /** `t` sleeps here, and a signal ends that. */
  interrupt(t: Task): void
}

/** Does a pending signal end a sleep of this mode? */
export const signalled = (t: Task, mode: WaitMode): boolean => {
  t.m.journal.watch?.touch(t, false)
  return mode === 'interruptible' ? t.signals.length > 0 : mode === 'killable' && t.signals.includes('SIGKILL')
}

/** `t` goes to sleep; what an operation returns then. */
export const asleep = (t: Task, mode: WaitMode): typeof BLOCKED => {
  t.mode = mode
  t.since = t.now
  return BLOCKED
}

/** Is a signal of this name pending for `t`? */
export function has_signal(t: Task, name: string): boolean {
  const has = t.signals.includes(name)
  t.m.journal.watch?.read(t, has)
  return has
}

/** Take a pending signal of this name away; false when none is. */
export function take_signal(t: Task, name: string): boolean {
  if (!has_signal(t, name)) return false
  t.m.journal.watch?.touch(t, true)
  t.signals.splice(t.signals.indexOf(name), 1)
  return true
}

/** Send a signal to a task: it becomes pending, and a sleep that it may end is over. */
export function signal(t: Task, name: string): void {
  t.m.journal.watch?.touch(t, true)
  t.signals.push(name)
  if (t.state === SLEEPING && signalled(t, t.mode)) (t.pending!.obj as Sleepable).interrupt(t)
}
