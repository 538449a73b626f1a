// A task that is gone where it stands, with all it holds: the power of its host failed. Nobody is woken and nothing unwinds.
import type { OpObject } from './op.ts'
import { DEAD, SLEEPING, type Task } from './task.ts'

/** What a task can sleep at: a wait queue forgets it, a lock's queue hands on to whoever is behind it. */
interface SleepsAt extends OpObject {
  retire?(t: Task): void
  interrupt(t: Task): void
}

/** End `t`, which must not be the running task. */
export function abandon(t: Task): void {
  const { m } = t
  if (t.state === SLEEPING) {
    const at = t.pending!.obj as SleepsAt
    if (at.retire) at.retire(t)
    else at.interrupt(t)
  }
  m.journal.watch?.touch(t, true)
  t.state = DEAD
  t.pending = null
  t.granted = false
  t.frames.length = 0
  m.order?.ended(t)
}
