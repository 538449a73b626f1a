// Sleeping in atomic context: who holds a spinlock, or runs a timer's callback, must not do what may sleep, even if it does
// not have to this time. Every operation that may sleep asks here; it costs a look at what the task holds.
import type { Op, OpObject } from './op.ts'
import type { Task } from './task.ts'

/** A lock as those see it who look at what a task holds. */
export interface Lock extends OpObject {
  /** Its holder must not sleep. */
  readonly spins?: boolean
}

/** `t` is about to do `op`, which may sleep. */
export const might_sleep = (t: Task, op: Op): void => {
  if (t.atomic === null && t.held.length === 0) return
  const lock = t.held.find(l => l.spins === true)
  if (lock === undefined && t.atomic === null) return
  const what = op.obj === null ? op.kind.name : `${op.kind.name} ${op.obj.name}`
  const why = lock === undefined ? `runs ${t.atomic}` : `holds ${lock.name}`
  const text = `${t.label} does ${what} while it ${why}: it may sleep there`
  if (!t.m.problems.some(p => p.text === text)) t.m.problem('sleep in atomic', text)
}
