// Wait queues and completions. A waiter sleeps until its condition holds; every wake-up lets it look again. The look and
// going to sleep are one step, as prepare_to_wait + schedule are for a waker that takes the queue's lock.
import { JList, type Undoable } from './journal.ts'
import type { Machine } from './machine.ts'
import { might_sleep } from './might-sleep.ts'
import { ACCESS_WRITE, Op, OpKind } from './op.ts'
import { asleep, INTERRUPTED, signalled, type WaitMode } from './signal.ts'
import { SLEEPING, type Task } from './task.ts'

const wait = (t: Task, op: Op): any => {
  const q = op.obj as WaitQueue
  might_sleep(t, op)
  const { order } = t.m
  if (order !== null) order.waking(t)
  if (op.a()) {
    if (order !== null) order.waited(t)
    t.m.races?.waited(t, q)
    q.waiters.remove(t)
    return 0
  }
  if (signalled(t, op.b)) {
    q.waiters.remove(t)
    return INTERRUPTED
  }
  if (!q.waiters.items.includes(t)) q.waiters.push(t)
  return asleep(t, op.b)
}
const WAIT = new OpKind('wait_event', ACCESS_WRITE, 30, true, wait)
const WAKE = new OpKind('wake_up', ACCESS_WRITE, 30, true, (_t, op) => (op.obj as WaitQueue).wake_up(op.a))

/** wait_queue_head_t */
export class WaitQueue {
  readonly id: number
  readonly name: string
  readonly waiters: JList<Task>
  readonly m: Machine
  constructor(m: Machine, name: string) {
    this.id = m.newId()
    this.name = name
    this.m = m
    this.waiters = new JList(m.journal)
  }
  /**
   * A wake-up by the running task, within its step (from a spin_section, say). Waiters look again: all, or the first `n` that
   * sleep (one woken before does not count twice). They leave the queue when their condition holds.
   */
  wake_up(n?: number): void {
    const t = this.m.current
    if (t !== null) {
      this.m.order?.waking(t)
      this.m.races?.waking(t, this)
    }
    this.m.journal.watch?.touch(this, true)
    const w = this.waiters.items
    let left = n ?? w.length
    for (let i = 0; i < w.length && left > 0; i++) {
      if (w[i]!.state !== SLEEPING) continue
      this.m.retry(w[i]!)
      left--
    }
  }
  interrupt(t: Task): void {
    this.m.retry(t)
  }
  /** `t`, a service asleep here, is forgotten. */
  retire(t: Task): void {
    this.waiters.remove(t)
  }
}

/** Sleep until `cond` holds. 0, or INTERRUPTED when a signal ended the wait. `cond` must not change anything. */
export const wait_event = (q: WaitQueue, cond: () => boolean, mode: WaitMode = 'uninterruptible'): Op<number> =>
  new Op<number>(WAIT, q, cond, mode)
/** Wake every waiter. */
export const wake_up_all = (q: WaitQueue): Op<void> => new Op<void>(WAKE, q)
/** Wake one waiter. */
export const wake_up = (q: WaitQueue): Op<void> => new Op<void>(WAKE, q, 1)

const COMPLETE = new OpKind('complete', ACCESS_WRITE, 30, true, (_t, op) => (op.obj as Completion).complete())

/** struct completion */
export class Completion implements Undoable {
  private done = 0
  readonly id: number
  readonly name: string
  readonly q: WaitQueue
  private readonly m: Machine
  constructor(m: Machine, name: string) {
    this.m = m
    this.q = new WaitQueue(m, name)
    this.id = this.q.id
    this.name = name
  }
  undo(_key: unknown, old: number): void {
    this.done = old
  }
  isDone(): boolean {
    const { watch } = this.m.journal
    if (watch !== null) watch.read(this, this.done)
    return this.done > 0
  }
  complete(): void {
    const { journal } = this.m
    if (journal.watch !== null) journal.watch.change(this, this.done, this.done + 1)
    journal.push(this, 0, this.done)
    this.done++
    this.q.wake_up()
  }
}

export const complete = (c: Completion): Op<void> => new Op<void>(COMPLETE, c)
/** Sleep until somebody called complete(). */
export const wait_for_completion = (c: Completion, mode: WaitMode = 'uninterruptible'): Op<number> =>
  wait_event(c.q, () => c.isDone(), mode)
