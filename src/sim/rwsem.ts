// struct rw_semaphore: FIFO; a waiting writer keeps later readers out; taking it twice for reading is a bug. State and
// clocks as those of a mutex.
import { JList, type Journal, type Undoable } from './journal.ts'
import { ask, drop, take } from './lock.ts'
import type { Machine } from './machine.ts'
import { ACCESS_WRITE, BLOCKED, Op, OpKind } from './op.ts'
import type { Task } from './task.ts'
import { hashValue } from './watch.ts'

const DOWN_READ = new OpKind('down_read', ACCESS_WRITE, 20, true, (t, op) => ask(t, op.obj as RwSemaphore).downRead(t))
const UP_READ = new OpKind('up_read', ACCESS_WRITE, 10, true, (t, op) => (op.obj as RwSemaphore).upRead(t))
const DOWN_WRITE = new OpKind('down_write', ACCESS_WRITE, 20, true, (t, op) =>
  ask(t, op.obj as RwSemaphore).downWrite(t),
)
const UP_WRITE = new OpKind('up_write', ACCESS_WRITE, 10, true, (t, op) => (op.obj as RwSemaphore).upWrite(t))

/** One in the queue; its id is made of the task's, so that equal queues hash alike. */
class RwWaiter {
  readonly task: Task
  readonly write: boolean
  readonly id: number
  constructor(task: Task, write: boolean) {
    this.task = task
    this.write = write
    this.id = -2 - task.id * 2 - (write ? 1 : 0)
  }
}

/** struct rw_semaphore: FIFO; a waiting writer keeps later readers out; taking it twice for reading is a bug. */
export class RwSemaphore implements Undoable {
  readonly id: number
  readonly name: string
  writer: Task | null = null
  private freeAt = 0
  private readonly readers: JList<Task>
  private readonly queue: JList<RwWaiter>
  private readonly j: Journal
  constructor(m: Machine, name: string) {
    this.id = m.newId()
    this.name = name
    this.j = m.journal
    this.readers = new JList(m.journal, true)
    this.queue = new JList(m.journal)
  }
  undo(freeAt: number, writer: Task | null): void {
    this.writer = writer
    this.freeAt = freeAt
  }
  holders(): readonly Task[] {
    return this.writer ? [this.writer] : this.readers.items
  }
  /** The lock is held for writing by `t`. */
  heldForWrite(t: Task): boolean {
    return this.writer === t
  }
  private set(writer: Task | null, freeAt: number): void {
    const { watch } = this.j
    if (watch !== null) watch.change(this, hashValue(this.writer), hashValue(writer))
    this.j.push(this, this.freeAt, this.writer)
    this.writer = writer
    this.freeAt = freeAt
  }
  private enter(t: Task, write: boolean): void {
    if (write) this.set(t, this.freeAt)
    else this.readers.push(t)
    if (this.freeAt > t.now) t.now = this.freeAt
    take(t, this)
  }
  downRead(t: Task): any {
    if (t.held.includes(this)) t.m.problem('recursive lock', `${t.label} takes ${this.name} again`)
    if (this.writer !== null || this.queue.length > 0) {
      this.queue.push(new RwWaiter(t, false))
      return BLOCKED
    }
    this.enter(t, false)
    return undefined
  }
  downWrite(t: Task): any {
    if (this.writer !== null || this.readers.length > 0) {
      this.queue.push(new RwWaiter(t, true))
      return BLOCKED
    }
    this.enter(t, true)
    return undefined
  }
  upRead(t: Task): void {
    if (this.writer === t) {
      t.m.problem('wrong unlock', `${t.label} gives up ${this.name} as a reader, and holds it for writing`)
      return
    }
    if (!drop(t, this)) return
    this.readers.remove(t)
    if (t.now > this.freeAt) this.set(this.writer, t.now)
    if (this.readers.length === 0) this.handOver(t)
  }
  upWrite(t: Task): void {
    if (this.writer !== t && t.held.includes(this)) {
      t.m.problem('wrong unlock', `${t.label} gives up ${this.name} as a writer, and holds it for reading`)
      return
    }
    if (!drop(t, this)) return
    this.set(null, t.now)
    this.handOver(t)
  }
  /** The head of the queue gets in: one writer, or every reader before the next writer. */
  private handOver(by: Task): void {
    for (;;) {
      const w = this.queue.at(0)
      if (w === undefined || this.writer !== null) return
      if (w.write && this.readers.length > 0) return
      this.queue.shift()
      this.enter(w.task, w.write)
      by.m.grant(w.task, undefined)
      if (w.write) return
    }
  }
}

export const down_read = (l: RwSemaphore): Op<void> => new Op<void>(DOWN_READ, l)
export const up_read = (l: RwSemaphore): Op<void> => new Op<void>(UP_READ, l)
export const down_write = (l: RwSemaphore): Op<void> => new Op<void>(DOWN_WRITE, l)
export const up_write = (l: RwSemaphore): Op<void> => new Op<void>(UP_WRITE, l)
