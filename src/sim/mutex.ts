// struct mutex. Handed over to waiters in the order they came; a signal takes a waiter out of the queue. Its state is
// journaled; `freeAt` is when the last holder left, so that the next one's clock joins it.
import { JList, type Journal, type Undoable } from './journal.ts'
import { ask_sleeping, drop, take } from './lock.ts'
import type { Machine } from './machine.ts'
import { ACCESS_WRITE, Op, OpKind } from './op.ts'
import { asleep, NOT_LOCKED, signalled, type WaitMode } from './signal.ts'
import type { Task } from './task.ts'

const taking = (name: string, mode: WaitMode): OpKind =>
  new OpKind(name, ACCESS_WRITE, 20, true, (t, op) => ask_sleeping<Mutex>(t, op).lock(t, mode))
const MUTEX_LOCK = taking('mutex_lock', 'uninterruptible')
const MUTEX_LOCK_KILLABLE = taking('mutex_lock_killable', 'killable')
const MUTEX_LOCK_INTERRUPTIBLE = taking('mutex_lock_interruptible', 'interruptible')
const MUTEX_TRYLOCK = new OpKind('mutex_trylock', ACCESS_WRITE, 20, true, (t, op) => (op.obj as Mutex).trylock(t))
const MUTEX_UNLOCK = new OpKind('mutex_unlock', ACCESS_WRITE, 10, true, (t, op) => (op.obj as Mutex).unlock(t))

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
  heldBy(t: Task): 'write' | null {
    return this.owner === t ? 'write' : null
  }
  private set(owner: Task | null, freeAt: number): void {
    const { watch } = this.j
    if (watch !== null) watch.change(this, this.owner, owner)
    this.j.push(this, this.freeAt, this.owner)
    this.owner = owner
    this.freeAt = freeAt
  }
  /** Nobody looks at signals while it is free. */
  lock(t: Task, mode: WaitMode = 'uninterruptible'): any {
    if (this.owner !== null) {
      if (signalled(t, mode)) return NOT_LOCKED
      this.queue.push(t)
      return asleep(t, mode)
    }
    this.set(t, this.freeAt)
    if (this.freeAt > t.now) t.now = this.freeAt
    take(t, this)
    return 0
  }
  interrupt(t: Task): void {
    this.queue.remove(t)
    t.m.grant(t, NOT_LOCKED)
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
      t.m.grant(next, 0)
    }
  }
}

export const mutex_lock = (l: Mutex): Op<void> => new Op<void>(MUTEX_LOCK, l)
/** With a nesting level from 1 on, for lockdep: inside another mutex of the same name. */
export const mutex_lock_nested = (l: Mutex, level: number): Op<void> => new Op<void>(MUTEX_LOCK, l, undefined, level)
/** 0, or NOT_LOCKED when SIGKILL came first. */
export const mutex_lock_killable = (l: Mutex): Op<number> => new Op<number>(MUTEX_LOCK_KILLABLE, l)
/** 0, or NOT_LOCKED when a signal came first. */
export const mutex_lock_interruptible = (l: Mutex): Op<number> => new Op<number>(MUTEX_LOCK_INTERRUPTIBLE, l)
/** True when taken. */
export const mutex_trylock = (l: Mutex): Op<boolean> => new Op<boolean>(MUTEX_TRYLOCK, l)
export const mutex_unlock = (l: Mutex): Op<void> => new Op<void>(MUTEX_UNLOCK, l)
