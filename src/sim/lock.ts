// Sleeping locks by the kernel's names and rules: mutex and rw_semaphore. Both hand over to waiters in the order they
// came. Lock state is journaled; `freeAt` is when the last holder left, so that the next one's clock joins it.
import { InvariantError } from './assert.ts'
import { JList, type Journal, type Undoable } from './journal.ts'
import type { Machine } from './machine.ts'
import { ACCESS_READ, ACCESS_WRITE, BLOCKED, Op, OpKind } from './op.ts'
import type { Task } from './task.ts'
import { hashValue } from './watch.ts'

/** `t` is about to take `lock`, and waits if it must. */
const ask = <L extends Mutex | RwSemaphore>(t: Task, lock: L): L => {
  t.m.lockdep?.asking(t, lock)
  return lock
}
const take = (t: Task, lock: Mutex | RwSemaphore): void => {
  t.m.order?.locked(t, lock)
  t.m.races?.locked(t, lock)
  t.held.push(lock)
}
const drop = (t: Task, lock: Mutex | RwSemaphore): boolean => {
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

const MUTEX_LOCK = new OpKind('mutex_lock', ACCESS_WRITE, 20, true, (t, op) => ask(t, op.obj as Mutex).lock(t))
const MUTEX_TRYLOCK = new OpKind('mutex_trylock', ACCESS_WRITE, 20, true, (t, op) => (op.obj as Mutex).trylock(t))
const MUTEX_UNLOCK = new OpKind('mutex_unlock', ACCESS_WRITE, 10, true, (t, op) => (op.obj as Mutex).unlock(t))
const SPIN_LOCK = new OpKind('spin_lock', ACCESS_WRITE, 10, true, (t, op) => ask(t, op.obj as Mutex).lock(t))
const SPIN_UNLOCK = new OpKind('spin_unlock', ACCESS_WRITE, 5, true, (t, op) => (op.obj as Mutex).unlock(t))

/** struct mutex. Not recursive; a second lock by the owner is a self-deadlock. */
export class Mutex implements Undoable {
  readonly id: number
  readonly name: string
  owner: Task | null = null
  private freeAt = 0
  private readonly queue: JList<Task>
  private readonly j: Journal
  constructor(m: Machine, name: string) {
    this.id = m.newId()
    this.name = name
    this.j = m.journal
    this.queue = new JList(m.journal)
  }
  undo(freeAt: number, owner: Task | null): void {
    this.owner = owner
    this.freeAt = freeAt
  }
  holders(): readonly Task[] {
    return this.owner ? [this.owner] : []
  }
  private set(owner: Task | null, freeAt: number): void {
    const { watch } = this.j
    if (watch !== null) watch.change(this, hashValue(this.owner), hashValue(owner))
    this.j.push(this, this.freeAt, this.owner)
    this.owner = owner
    this.freeAt = freeAt
  }
  lock(t: Task): any {
    if (this.owner !== null) {
      this.queue.push(t)
      return BLOCKED
    }
    this.set(t, this.freeAt)
    if (this.freeAt > t.now) t.now = this.freeAt
    take(t, this)
    return undefined
  }
  trylock(t: Task): boolean {
    if (this.owner !== null) {
      t.m.order?.refused(t, this)
      return false
    }
    this.lock(t)
    return true
  }
  unlock(t: Task): void {
    if (!drop(t, this)) return
    const next = this.queue.shift() ?? null
    this.set(next, t.now)
    if (next !== null) {
      take(next, this)
      t.m.grant(next, undefined)
    }
  }
}

/** spinlock_t: as a mutex here, but its holder must not sleep. */
export class SpinLock extends Mutex {}

export const mutex_lock = (l: Mutex): Op<void> => new Op<void>(MUTEX_LOCK, l)
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

/** Is it taken, by whomever? A look without order. */
export const spin_is_locked = (l: SpinLock): Op<boolean> => new Op<boolean>(SPIN_IS_LOCKED, l)
/** True when taken. */
export const spin_trylock = (l: SpinLock): Op<boolean> => new Op<boolean>(SPIN_TRYLOCK, l)
/** True when taken. */
export const mutex_trylock = (l: Mutex): Op<boolean> => new Op<boolean>(MUTEX_TRYLOCK, l)
export const mutex_unlock = (l: Mutex): Op<void> => new Op<void>(MUTEX_UNLOCK, l)
export const spin_lock = (l: SpinLock): Op<void> => new Op<void>(SPIN_LOCK, l)
export const spin_unlock = (l: SpinLock): Op<void> => new Op<void>(SPIN_UNLOCK, l)

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
