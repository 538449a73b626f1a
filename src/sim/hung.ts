// Hung tasks, by the rule of khungtaskd: a task, no service, that slept uninterruptibly for longer than a bound of virtual
// time. Seen when it is woken at last (who did that is named), or when the execution ends by its bound of steps. Time means
// something under `timed` only; off, or under `free`, the bound is infinite.
import { describeWait } from './deadlock.ts'
import type { Machine } from './machine.ts'
import { SLEEPING, type Task } from './task.ts'

/** khungtaskd's: 120 s. */
export const HUNG_NS = 120e9

const seconds = (ns: number): string => `${(ns / 1e9).toFixed(1)} s`

/** `t`, which slept too long, was woken by the running task. */
export function wokenLate(m: Machine, t: Task): void {
  if (t.service || t.mode !== 'uninterruptible') return
  const by = m.current === null ? '' : `; ${m.current.label} in ${m.current.fn?.name ?? m.current.label} let it go on`
  const text = `${t.label} in ${t.fn?.name ?? t.label} waited ${seconds(t.now - t.since)} for ${t.pending!.obj?.name}, uninterruptibly${by}`
  m.problems.push({ kind: 'hung task', text, task: t.label, backtrace: t.backtrace() })
}

/** The execution was cut short: who has waited too long by then? */
export function stillHung(m: Machine): void {
  const now = m.tasks.reduce((n, t) => (t.now > n ? t.now : n), 0)
  for (const t of m.tasks) {
    if (t.service || t.state !== SLEEPING || t.mode !== 'uninterruptible' || now - t.since <= m.hungNs) continue
    const text = `for ${seconds(now - t.since)}, uninterruptibly: ${describeWait(t)}`
    m.problems.push({ kind: 'hung task', text, task: t.label, backtrace: t.backtrace() })
  }
}
