// struct rw_semaphore. State and clocks as those of a mutex. Who gets in, as in kernel/locking/rwsem.c: a reader that comes
// waits as soon as anybody is queued, so writers don't starve. When the lock becomes free, or is downgraded, and the first
// in the queue is a reader, all the readers of the queue get in together, also those behind writers (the kernel stops at
// 256); the writers keep their places. A first writer gets in alone, when the last reader has left. It is handed over:
// nobody steals it from a queue, which the kernel allows for up to 4 ms. Taking it twice for reading is a bug.
import { JList, type Journal, type Undoable } from './journal.ts'
import { ask_sleeping, drop, take } from './lock.ts'
import type { Machine } from './machine.ts'
import { ACCESS_WRITE, Op, OpKind } from './op.ts'
import { asleep, NOT_LOCKED, signalled, type WaitMode } from './signal.ts'
import type { Task } from './task.ts'

const down = (name: string, write: boolean, mode: WaitMode): OpKind =>
  new OpKind(name, ACCESS_WRITE, 20, true, (t, op) => ask_sleeping<RwSemaphore>(t, op).down(t, write, mode))
const trying = (name: string, write: boolean): OpKind =>
  new OpKind(name, ACCESS_WRITE, 20, true, (t, op) => (op.obj as RwSemaphore).tryDown(t, write))

const DOWN_READ = down('down_read', false, 'uninterruptible')
const DOWN_READ_KILLABLE = down('down_read_killable', false, 'killable')
const DOWN_READ_TRYLOCK = trying('down_read_trylock', false)
const UP_READ = new OpKind('up_read', ACCESS_WRITE, 10, true, (t, op) => (op.obj as RwSemaphore).upRead(t))
const DOWN_WRITE = down('down_write', true, 'uninterruptible')
const DOWN_WRITE_KILLABLE = down('down_write_killable', true, 'killable')
const DOWN_WRITE_TRYLOCK = trying('down_write_trylock', true)
const UP_WRITE = new OpKind('up_write', ACCESS_WRITE, 10, true, (t, op) => (op.obj as RwSemaphore).upWrite(t))
const DOWNGRADE_WRITE = new OpKind('downgrade_write', ACCESS_WRITE, 10, true, (t, op) =>
  (op.obj as RwSemaphore).downgrade(t),
)

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

export class RwSemaphore implements Undoable {
  readonly id: number
  readonly name: string
  readonly lock_class: string
  writer: Task | null = null
  private freeAt = 0
  private readonly readers: JList<Task>
  private readonly queue: JList<RwWaiter>
  private readonly j: Journal
  constructor(m: Machine, name: string, lock_class = name) {
    this.id = m.newId()
    this.name = name
    this.lock_class = lock_class
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
  heldBy(t: Task): 'read' | 'write' | null {
    return this.writer === t ? 'write' : t.held.includes(this) ? 'read' : null
  }
  private set(writer: Task | null, freeAt: number): void {
    const { watch } = this.j
    if (watch !== null) watch.change(this, this.writer, writer)
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
  /** May one who comes now get in at once? */
  private open(write: boolean): boolean {
    return this.writer === null && (write ? this.readers.length === 0 : this.queue.length === 0)
  }
  /** Nobody looks at signals while it is open. */
  down(t: Task, write: boolean, mode: WaitMode): any {
    if (!write && t.held.includes(this)) t.m.problem('recursive lock', `${t.label} takes ${this.name} again`)
    if (this.open(write)) {
      this.enter(t, write)
      return 0
    }
    if (signalled(t, mode)) return NOT_LOCKED
    this.queue.push(new RwWaiter(t, write))
    return asleep(t, mode)
  }
  tryDown(t: Task, write: boolean): boolean {
    if (!this.open(write)) {
      t.m.order?.refused(t, this)
      return false
    }
    this.enter(t, write)
    return true
  }
  interrupt(t: Task): void {
    this.queue.removeAt(this.queue.items.findIndex(w => w.task === t))
    t.m.grant(t, NOT_LOCKED)
    // It may have been all that kept the readers behind it out.
    this.handOver(t.m)
  }
  upRead(t: Task): void {
    if (this.writer === t) {
      t.m.problem('wrong unlock', `${t.label} gives up ${this.name} as a reader, and holds it for writing`)
      return
    }
    if (!drop(t, this)) return
    this.readers.remove(t)
    if (t.now > this.freeAt) this.set(this.writer, t.now)
    if (this.readers.length === 0) this.handOver(t.m)
  }
  upWrite(t: Task): void {
    if (this.notWriter(t, 'gives up')) return
    if (!drop(t, this)) return
    this.set(null, t.now)
    this.handOver(t.m)
  }
  /** The writer goes on as a reader; nobody writes in between. */
  downgrade(t: Task): void {
    if (this.notWriter(t, 'downgrades')) return
    if (!drop(t, this)) return
    this.set(null, t.now)
    this.enter(t, false)
    this.handOver(t.m)
  }
  private notWriter(t: Task, does: string): boolean {
    if (this.writer === t || !t.held.includes(this)) return false
    t.m.problem('wrong unlock', `${t.label} ${does} ${this.name} as a writer, and holds it for reading`)
    return true
  }
  /** Who is first in the queue gets in if it can: one writer, or all readers. */
  private handOver(m: Machine): void {
    const first = this.queue.at(0)
    if (first === undefined || this.writer !== null || (first.write && this.readers.length > 0)) return
    const next = first.write ? [first] : this.queue.items.filter(w => !w.write)
    for (const w of next) {
      this.queue.remove(w)
      this.enter(w.task, w.write)
      m.grant(w.task, 0)
    }
  }
}

export const down_read = (l: RwSemaphore): Op<void> => new Op<void>(DOWN_READ, l)
/** 0, or NOT_LOCKED when SIGKILL came first. */
export const down_read_killable = (l: RwSemaphore): Op<number> => new Op<number>(DOWN_READ_KILLABLE, l)
/** True when taken. */
export const down_read_trylock = (l: RwSemaphore): Op<boolean> => new Op<boolean>(DOWN_READ_TRYLOCK, l)
export const up_read = (l: RwSemaphore): Op<void> => new Op<void>(UP_READ, l)
/** With a nesting level from 1 on, for lockdep: inside another semaphore of the same name. */
export const down_read_nested = (l: RwSemaphore, level: number): Op<void> =>
  new Op<void>(DOWN_READ, l, undefined, level)
export const down_write_nested = (l: RwSemaphore, level: number): Op<void> =>
  new Op<void>(DOWN_WRITE, l, undefined, level)
export const down_write = (l: RwSemaphore): Op<void> => new Op<void>(DOWN_WRITE, l)
/** 0, or NOT_LOCKED when SIGKILL came first. */
export const down_write_killable = (l: RwSemaphore): Op<number> => new Op<number>(DOWN_WRITE_KILLABLE, l)
/** True when taken. */
export const down_write_trylock = (l: RwSemaphore): Op<boolean> => new Op<boolean>(DOWN_WRITE_TRYLOCK, l)
export const up_write = (l: RwSemaphore): Op<void> => new Op<void>(UP_WRITE, l)
/** From holding for writing to holding for reading. */
export const downgrade_write = (l: RwSemaphore): Op<void> => new Op<void>(DOWNGRADE_WRITE, l)
