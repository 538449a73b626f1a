// The graph behind the weak model: stores in coherence order, the accesses and barriers of each task, and the search
// that says which store an access may still be placed before. Nothing here chooses anything.
//
// The kernel's model (tools/memory-model, linux-kernel.cat) forbids cycles of "executes before" (xb = hb, pb and, for
// RCU, rb). Steps are taken in program order and a load reads a store that was taken before it, so an access `a` that is
// added last can close a cycle only by being placed, in coherence order, before a store that is already there:
//     a -(co or fr)-> b, b propagates to some access d of a's own task (prop), d xb a; or
//     a -(co or fr)-> b, b propagates to a task before its strong fence f (prop), f xb a.
// So `a` must come after every such b. The search below walks xb backwards from `a` and collects them:
// * each event knows what comes before it by program order alone (ppo: fences, dependencies, same cell);
// * a load comes after the store it read when that was another task's (rfe), and after any access of its own task that
//   was overtaken by a store that had propagated along with it (prop inside one task);
// * a strong fence comes after every access, of whichever task, overtaken by a store that had reached the task before
//   the fence (pb).
import type { Journal, Undoable } from './journal.ts'
import type { OpObject } from './op.ts'
import { EMPTY, Known, type View } from './order-view.ts'
import type { Watched } from './watch.ts'

/** A store, in its cell's coherence order. */
export class Message implements Undoable {
  readonly in: History
  readonly value: any
  /** Its place in coherence order, from 0 (what was there when the run began). */
  pos: number
  /** Stores that reach others before this one does; itself is not in it. */
  readonly view: View
  /** Of an unlock: stores of its task before it, which whoever takes the lock next hands on with his own. */
  readonly handover: View
  /** The write of a read-modify-write that read this: nothing may come between. */
  taken = false
  /** Its name among all stores of all runs: what its task had done when it made it. Kept while somebody watches. */
  a = 0
  b = 0
  /** The event that stored it; null for what was there before. */
  ev: Event | null = null
  private readonly j: Journal
  constructor(h: History, value: any, pos: number, view: View, handover: View, j: Journal) {
    this.in = h
    this.value = value
    this.pos = pos
    this.view = view
    this.handover = handover
    this.j = j
  }
  take(): void {
    this.j.push(this, 0, this.taken)
    this.taken = true
  }
  undo(_key: unknown, old: boolean): void {
    this.taken = old
  }
}

/** All stores to one cell (or lock) in this run. */
export class History implements Undoable {
  readonly of: OpObject
  readonly list: Message[]
  /** How often the history began anew before this one. */
  readonly again: number
  /** Last access of each task to it. */
  readonly last = new Map<Thread, Event>()
  private readonly j: Journal
  constructor(of: OpObject, v: any, j: Journal, again = 0) {
    this.of = of
    this.again = again
    this.j = j
    this.list = [new Message(this, v, 0, EMPTY, EMPTY, j)]
  }
  get newest(): Message {
    return this.list[this.list.length - 1]!
  }
  /** Put a message where its `pos` says. */
  insert(m: Message): void {
    const { list } = this
    if (m.pos === list.length) list.push(m)
    else list.splice(m.pos, 0, m)
    for (let i = m.pos + 1; i < list.length; i++) list[i]!.pos = i
    this.j.push(this, null, m)
  }
  touch(t: Thread, e: Event): void {
    this.j.push(this, t, this.last.get(t))
    this.last.set(t, e)
  }
  undo(key: Thread | null, old: any): void {
    if (key !== null) {
      if (old === undefined) this.last.delete(key)
      else this.last.set(key, old)
      return
    }
    const { list } = this
    list.splice(old.pos, 1)
    for (let i = old.pos; i < list.length; i++) list[i]!.pos = i
  }
}

export const READ = 0
export const WRITE = 1
/** A strong fence: smp_mb(), a grace period, the end of a reader that a grace period waits for. */
export const STRONG = 2
/** Orders what is before it in its task with what is after it, and no more (unlock, then lock). */
export const LOCAL = 3

/** An access, or a point that accesses are ordered by. */
export class Event {
  readonly kind: number
  readonly t: Thread
  /** Of an access: the store it read or made. */
  msg: Message | null = null
  /** A read that smp_rmb() orders. */
  rmb = false
  /** A read whose value is an object: later accesses of what hangs off it have their address from it. */
  pointer = false
  // What comes before it. Strong fence, local point, start of a reader, acquire: the latest one, which has the earlier
  // ones before it.
  fence: Event | null = null
  local: Event | null = null
  reader: Event | null = null
  acquire: Event | null = null
  /** All accesses of the task with a lower index than this. */
  all = 0
  /** Those of its own direction (reads that smp_rmb() orders, or writes). */
  same = 0
  /** Reads: the branches and values of kernel code, which nobody tells us. */
  reads = 0
  /** Reads of pointers. */
  pointers = 0
  /** Single events: dependencies; grace periods; ends of readers. */
  others: readonly Event[] | null = null
  /** Of a store: the reads its value and address come from, for who reads it in the same task. */
  made: readonly Event[] | null = null
  /** The task's previous access to the same cell. */
  before: Event | null = null
  /** Of a strong fence: what had reached its task. */
  view: View = EMPTY
  /** Of a load: the newest store at that time, when it read an older one. For reports, as is `where`. */
  behind: Message | null = null
  /** Function of an access. */
  where = ''
  /** How many things its task had done when it was made. */
  readonly at: number
  /** The last search that came by. */
  seen = 0
  constructor(kind: number, t: Thread) {
    this.kind = kind
    this.t = t
    this.at = t.said
  }
}

/** What the model keeps of one task. Scalar fields change through `set` only. */
export class Thread implements Undoable, Watched {
  readonly label: string
  /** For the watch. */
  readonly id: number
  /** Name of who it is and all it did, in order, and how many things that is. Kept while somebody watches. */
  a: number
  b = 0
  said = 0
  readonly evs: Event[] = []
  /** Stores that have reached this task: its own, and with those it read from others what came along. */
  readonly reached: Known
  /** Its own stores and what they carry. */
  readonly stored: Known
  /** What a store carries that is not a release. */
  carries: View = EMPTY
  fence: Event | null = null
  local: Event | null = null
  reader: Event | null = null
  acquire: Event | null = null
  /** Index of the first access after the last smp_rmb(), smp_wmb(). */
  rmbAt = 0
  wmbAt = 0
  /** smp_mb__before_atomic() waits here for its atomic. */
  armed: Event | null = null
  /** A fence at the last atomic, at the last lock: smp_mb__after_atomic() and smp_mb__after_spinlock() put it in force. */
  atAtomic: Event | null = null
  atLock: Event | null = null
  /** The last unlock: what was before it, and `stored` then. */
  unlock: Event | null = null
  unlockCarries: View = EMPTY
  lastRead: Event | null = null
  // Told by an interpreter.
  told = false
  addr: readonly Event[] | null = null
  data: readonly Event[] | null = null
  branches: readonly Event[] | null = null
  // Of the search under way: up to where the accesses were looked through, for each kind of looking.
  search = 0
  doneAll = 0
  doneRmb = 0
  doneWrites = 0
  doneReads = 0
  donePointers = 0
  private readonly j: Journal
  constructor(j: Journal, task: { readonly id: number; readonly label: string }) {
    this.j = j
    this.id = -2 - task.id
    this.a = task.id
    this.label = task.label
    this.reached = new Known(j)
    this.stored = new Known(j)
  }
  set<K extends keyof this & string>(key: K, v: this[K]): void {
    if (this[key] === v) return
    this.j.push(this, key, this[key])
    this[key] = v
  }
  append(e: Event): void {
    this.j.push(this, null, null)
    this.evs.push(e)
    e.msg!.in.touch(this, e)
  }
  undo(key: string | null, old: any): void {
    if (key === null) this.evs.pop()
    else (this as any)[key] = old
  }
}

let searches = 0
const stack: Event[] = []

const push = (e: Event | null): void => {
  if (e === null || e.seen === searches) return
  e.seen = searches
  stack.push(e)
}

const enter = (t: Thread): void => {
  if (t.search === searches) return
  t.search = searches
  t.doneAll = t.doneRmb = t.doneWrites = t.doneReads = t.donePointers = 0
}
const pushAll = (t: Thread, to: number): void => {
  enter(t)
  for (; t.doneAll < to; t.doneAll++) push(t.evs[t.doneAll]!)
}
const pushRmb = (t: Thread, to: number): void => {
  enter(t)
  for (; t.doneRmb < to; t.doneRmb++) if (t.evs[t.doneRmb]!.rmb) push(t.evs[t.doneRmb]!)
}
const pushWrites = (t: Thread, to: number): void => {
  enter(t)
  for (; t.doneWrites < to; t.doneWrites++) if (t.evs[t.doneWrites]!.kind === WRITE) push(t.evs[t.doneWrites]!)
}
const pushReads = (t: Thread, to: number): void => {
  enter(t)
  for (; t.doneReads < to; t.doneReads++) if (t.evs[t.doneReads]!.kind === READ) push(t.evs[t.doneReads]!)
}
const pushPointers = (t: Thread, to: number): void => {
  enter(t)
  for (; t.donePointers < to; t.donePointers++) if (t.evs[t.donePointers]!.pointer) push(t.evs[t.donePointers]!)
}

/** Accesses of `t` to the cell of `b` that `b` comes after in coherence order. */
const pushOvertaken = (t: Thread, b: Message): void => {
  for (let e = b.in.last.get(t) ?? null; e !== null; e = e.before) if (e.msg!.pos < b.pos) push(e)
}

/** What comes before `e` by program order alone. */
const pushOwn = (e: Event): void => {
  const { t } = e
  push(e.fence)
  push(e.local)
  push(e.reader)
  push(e.acquire)
  if (e.all > 0) pushAll(t, e.all)
  if (e.same > 0) {
    if (e.kind === WRITE) pushWrites(t, e.same)
    else pushRmb(t, e.same)
  }
  if (e.reads > 0) pushReads(t, e.reads)
  if (e.pointers > 0) pushPointers(t, e.pointers)
  if (e.others !== null) for (const o of e.others) push(o)
  // A store comes after every earlier access of its task to the same cell; earlier than the last store, that one has them.
  if (e.kind === WRITE)
    for (let p = e.before; p !== null; p = p.before) {
      push(p)
      if (p.kind === WRITE) break
    }
}

/** What comes before the load `e` because of the store it read, when another task made that. */
const pushRead = (e: Event): void => {
  const m = e.msg!
  if (m.ev === null || m.ev.t === e.t) return
  push(m.ev)
  pushOvertaken(e.t, m)
  for (const b of m.view.of.values()) pushOvertaken(e.t, b)
}

/**
 * The position in the coherence order of `h` that the access `a` must not be placed before. `a` is set up but not yet
 * part of the graph; a load has in `msg` the store it would read.
 */
export function floor(a: Event, h: History): number {
  searches++
  stack.length = 0
  let low = 0
  a.seen = searches
  pushOwn(a)
  if (a.kind === READ) pushRead(a)
  for (;;) {
    const e = stack.pop()
    if (e === undefined) return low
    if (e.kind === STRONG) {
      const at = e.view.at(h)
      if (at > low) low = at
      for (const b of e.view.of.values())
        for (const last of b.in.last.values())
          for (let y: Event | null = last; y !== null; y = y.before) if (y.msg!.pos < b.pos) push(y)
    } else if (e.kind === READ) {
      if (e.t === a.t) {
        const m = e.msg!
        if (m.ev !== null && m.ev.t !== e.t) {
          const at = m.in === h ? m.pos : m.view.at(h)
          if (at > low) low = at
        }
      }
      pushRead(e)
    }
    pushOwn(e)
  }
}

/** Is `a` after `x` of the same task by program order alone: a barrier between them, a dependency, one cell? */
export function comesAfter(a: Event, x: Event): boolean {
  searches++
  stack.length = 0
  pushOwn(a)
  for (let e = stack.pop(); e !== undefined; e = stack.pop()) {
    if (e === x) return true
    pushOwn(e)
  }
  return false
}
