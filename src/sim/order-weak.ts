// The weak model: the kernel's own memory model (LKMM, tools/memory-model of the kernel tree), run forward. What LKMM
// forbids never shows; what it allows shows, but for load buffering: a load reads a store that was taken before it, so
// no cycle of program order and reads-from. Two things are free, and each is a choice whose option 0 is "newest":
// * which store a load reads ('load'): any that coherence and the graph (order-graph.ts) do not rule out;
// * where in coherence order a store goes ('store'): the end, or before stores of others that are not known to it.
// An atomic reads the store directly before its own. Locks are atomics on a cell of their own, always at the end of it.
// With smp_rmb() and friends told by the kernel's code and dependencies by whoever knows them, the rules are those of
// linux-kernel.cat (v6.3: rmw sequences, unlock+lock); plain accesses are treated as marked ones, which is stronger.
//
// Kernel code here is TypeScript: its values carry no dependencies. Where nobody tells them (`dependencies.depends`),
// the model assumes more than a C compiler would have to keep, so that still nothing forbidden shows:
// * a store comes after every earlier load of its task (a value or a branch may depend on it);
// * a cell made by a task (an object, not a global) has its address from every earlier load of its task that gave an
//   object. So what was stored into an object before its pointer was published is seen by who followed the pointer.
// * a cell is made with its value: nobody sees it before that, even where the pointer was published with no barrier.
//   A missing barrier shows for stores after the cell was made, never for the value it was made with.
// Not covered: a cell made with no task running (before the first run) whose address a task gets from a load; two loads
// of such cells may then appear out of order where C would have an address dependency.
import type { Cell } from './cell.ts'
import type { Undoable } from './journal.ts'
import type { Machine } from './machine.ts'
import { Name } from './name.ts'
import type { OpObject } from './op.ts'
import {
  ACQUIRE,
  type Dependencies,
  type Fence,
  FULL,
  type MemoryModel,
  NO_WRITE,
  NORETURN,
  type Point,
  RELEASE,
  type ReadHandle,
  valueLabel,
} from './order.ts'
import { Event, floor, History, LOCAL, Message, READ, STRONG, Thread, WRITE } from './order-graph.ts'
import { EMPTY, join, type View } from './order-view.ts'
import { whyOld } from './order-why.ts'
import type { Task } from './task.ts'

/** Ids of what tasks make start here (Machine.newId). */
const MADE_BY_TASKS = 1048576

// What a task did, as its name tells it.
const LOAD = 1
const STORE = 2
const RMW = 3
const FENCE = 4
const LOCK = 5
const UNLOCK = 6
const LOOK = 7
const SPAWN = 8
const WAITED = 9
const GP_START = 10
const GP_END = 11
const RCU_LOCK = 12
const RCU_UNLOCK = 13
const DEPENDS = 14
const BRANCHES = 15

/** Scratch. */
const name = new Name()

export class Weak implements MemoryModel, Dependencies, Undoable {
  readonly name = 'weak'
  readonly dependencies = this
  private readonly m: Machine
  private threads = new Map<Task, Thread>()
  private cells = new Map<OpObject, History>()

  constructor(m: Machine) {
    this.m = m
  }
  undo(key: 'run' | 'thread' | 'cell', old: any): void {
    if (key === 'thread') this.threads.delete(old)
    else if (key === 'cell') {
      if (old[1] === undefined) this.cells.delete(old[0])
      else this.cells.set(old[0], old[1])
    } else {
      this.threads = old[0]
      this.cells = old[1]
    }
  }
  begin(): void {
    this.m.journal.push(this, 'run', [this.threads, this.cells])
    this.threads = new Map()
    this.cells = new Map()
  }

  private thread(t: Task): Thread {
    let th = this.threads.get(t)
    if (th === undefined) {
      th = new Thread(this.m.journal, t)
      this.m.journal.push(this, 'thread', t)
      this.threads.set(t, th)
    }
    return th
  }
  private start(o: OpObject, v: any, old: History | undefined): History {
    const h = new History(o, v, this.m.journal, old === undefined ? 0 : old.again + 1)
    if (this.m.journal.watch !== null) {
      name.from(0, 0).value(o.id).word(h.again).value(v)
      h.newest.a = name.a
      h.newest.b = name.b
    }
    this.m.journal.push(this, 'cell', [o, old])
    this.cells.set(o, h)
    return h
  }
  /** Stores to a cell; a value that was poked into it is where its history starts anew, for all to see. */
  private cell(c: Cell<any>): History {
    const h = this.cells.get(c)
    return h !== undefined && h.newest.value === c.peek() ? h : this.start(c, c.peek(), h)
  }
  private lockWord(o: OpObject): History {
    return this.cells.get(o) ?? this.start(o, false, undefined)
  }

  /**
   * Everything that is kept here is a function of what each task did, in order, of which store each read, and of coherence
   * order. So that is what a state is called by: a running name for each task, in which a store that was read stands by the
   * name its own task had then.
   */
  private did(th: Thread, what: number, v: unknown, read?: Message): void {
    const { watch } = this.m.journal
    if (watch === null) return
    watch.touch(th, true)
    name.from(th.a, th.b).word(what).value(v)
    if (read !== undefined) name.word(read.a).word(read.b)
    th.set('a', name.a)
    th.set('b', name.b)
    th.set('said', th.said + 1)
  }
  /** Points of tasks, as words. */
  private points(es: readonly Event[]): number[] {
    return this.m.journal.watch === null ? [] : es.flatMap(e => [e.t.id, e.at])
  }
  state(into: Name): void {
    for (const t of this.m.tasks) {
      const th = this.threads.get(t)
      into.word(th?.a ?? 0).word(th?.b ?? 0)
    }
    let a = 0
    let b = 0
    for (const h of this.cells.values()) {
      // Nothing was stored: the same as if nobody had looked.
      if (h.list.length === 1 && h.again === 0) continue
      name.from(0, 0).value(h.of.id)
      for (const m of h.list) name.word(m.a).word(m.b)
      a = (a + name.a) | 0
      b = (b + name.b) | 0
    }
    into.word(a).word(b)
  }

  /** An access with what orders it; not yet part of the graph. */
  private access(kind: number, th: Thread, h: History): Event {
    const e = new Event(kind, th)
    e.fence = th.fence
    e.local = th.local
    e.reader = th.reader
    e.acquire = th.acquire
    e.before = h.last.get(th) ?? null
    e.same = kind === WRITE ? th.wmbAt : th.rmbAt
    if (kind === READ) e.rmb = true
    if (th.told) {
      e.others = th.addr
      if (kind === WRITE) {
        const all = th.addr === null ? th.data : th.data === null ? th.addr : [...th.addr, ...th.data]
        e.made = all
        e.others = th.branches === null ? all : all === null ? th.branches : [...all, ...th.branches]
      }
    } else {
      if (kind === WRITE) e.reads = th.evs.length
      if (h.of.id >= MADE_BY_TASKS) e.pointers = th.evs.length
    }
    return e
  }
  private forget(th: Thread): void {
    th.set('addr', null)
    th.set('data', null)
  }

  private where(): string {
    const t = this.m.current
    return t?.fn?.name ?? t?.label ?? 'set-up'
  }

  /** `e` reads `m`: from here on it is part of the graph. */
  private reads(e: Event, m: Message): void {
    const { t } = e
    e.msg = m
    if (m !== m.in.newest) e.behind = m.in.newest
    e.where = this.where()
    this.did(t, LOAD, m.in.of.id, m)
    const v = m.value
    e.pointer = typeof v === 'object' && v !== null
    // A load that gets its own task's store waits for what that store was made of.
    const own = m.ev !== null && m.ev.t === t
    if (own && m.ev!.made !== null) e.others = e.others === null ? m.ev!.made : [...e.others, ...m.ev!.made]
    t.append(e)
    t.set('lastRead', e)
    if (m.ev !== null && !own) {
      t.reached.join(m.view)
      t.reached.add(m)
    }
  }
  /** `e` stores `v` at `pos`, carrying `view`. */
  private writes(e: Event, h: History, v: any, pos: number, view: View, handover: View): Message {
    const { t } = e
    const m = new Message(h, v, pos, view, handover, this.m.journal)
    m.ev = e
    e.msg = m
    e.where = this.where()
    this.did(t, STORE, [h.of.id, v])
    m.a = t.a
    m.b = t.b
    h.insert(m)
    t.append(e)
    t.reached.join(view)
    t.reached.add(m)
    t.stored.join(view)
    t.stored.add(m)
    return m
  }

  load(t: Task, c: Cell<any>, acquire: boolean): any {
    const th = this.thread(t)
    const h = this.cell(c)
    this.did(th, LOAD, acquire)
    const v = this.read(th, h, acquire)
    this.forget(th)
    return v
  }
  private read(th: Thread, h: History, acquire: boolean): any {
    const e = this.access(READ, th, h)
    const { list } = h
    let m = h.newest
    const own = e.before === null ? 0 : e.before.msg!.pos
    if (own < list.length - 1 && this.m.deciding) {
      const may = [m]
      for (let i = list.length - 2; i >= own; i--) {
        e.msg = list[i]!
        if (floor(e, h) <= i) may.push(list[i]!)
      }
      m = may[this.pick('load', may, h)]!
    }
    this.reads(e, m)
    if (acquire) th.set('acquire', e)
    return m.value
  }
  private pick(kind: 'load' | 'store', among: readonly Message[], h: History): number {
    if (among.length < 2) return 0
    const n = h.list.length - 1
    return this.m.choose(
      kind,
      among.map(m => ({ label: `${valueLabel(m.value)}@${n - m.pos}` })),
    )
  }

  store(t: Task, c: Cell<any>, v: any, release: boolean): void {
    const th = this.thread(t)
    const h = this.cell(c)
    this.did(th, STORE, release)
    const e = this.access(WRITE, th, h)
    if (release) e.all = th.evs.length
    const { list } = h
    let after = h.newest
    const own = e.before === null ? 0 : e.before.msg!.pos
    if (own < list.length - 1 && this.m.deciding) {
      const low = floor(e, h)
      const may = [after]
      for (let i = list.length - 2; i >= own && i >= low; i--) if (!list[i]!.taken) may.push(list[i]!)
      after = may[this.pick('store', may, h)]!
    }
    const view = release ? join(th.carries, th.reached.view()) : th.carries
    this.writes(e, h, v, after.pos + 1, view, EMPTY)
    if (after.pos + 2 === list.length) c.poke(v)
    this.forget(th)
  }

  rmw(t: Task, c: Cell<any>, f: (old: any) => any, order: number): any {
    const th = this.thread(t)
    const h = this.cell(c)
    const { list } = h
    this.did(th, RMW, order)
    const noreturn = (order & NORETURN) !== 0
    order &= ~NORETURN
    let m = h.newest
    const own = h.last.get(th)?.msg?.pos ?? 0
    const pair = (): [Event, Event] => {
      const r = this.access(READ, th, h)
      const w = this.access(WRITE, th, h)
      const fence = order === FULL ? this.strong(th, th.evs.length, th.reached.view()) : th.armed
      if (fence !== null) r.fence = w.fence = fence
      if (noreturn) r.rmb = false
      if (noreturn) r.same = 0
      w.before = r
      if (order === RELEASE) w.all = th.evs.length
      if (order === ACQUIRE || order === FULL) w.acquire = r
      return [r, w]
    }
    if (own < list.length - 1 && this.m.deciding) {
      const may = [m]
      const [r, w] = pair()
      for (let i = list.length - 2; i >= own; i--) {
        const x = list[i]!
        if (f(x.value) === NO_WRITE) {
          const e = this.access(READ, th, h)
          e.msg = x
          if (floor(e, h) <= i) may.push(x)
        } else if (!x.taken) {
          r.msg = x
          if (floor(w, h) <= i) may.push(x)
        }
      }
      m = may[this.pick('load', may, h)]!
    }
    const v = f(m.value)
    if (v === NO_WRITE) {
      // Nothing written, nothing ordered: as a READ_ONCE.
      this.reads(this.access(READ, th, h), m)
      this.forget(th)
      return m.value
    }
    const [r, w] = pair()
    if (order === FULL) this.inForce(th, r.fence!)
    else if (th.armed !== null) this.inForce(th, th.armed)
    this.reads(r, m)
    if (order === ACQUIRE) th.set('acquire', r)
    m.take()
    const view = join(join(th.carries, m.view), order === RELEASE ? th.reached.view() : EMPTY)
    w.made = [...(w.made ?? []), r]
    this.writes(w, h, v, m.pos + 1, view, EMPTY)
    if (w.msg!.pos === list.length - 1) c.poke(v)
    th.set('atAtomic', this.strong(th, th.evs.length, th.reached.view()))
    if (order === FULL) this.inForce(th, th.atAtomic!)
    this.forget(th)
    return m.value
  }

  /** A strong fence of `th` behind its first `upTo` accesses; not yet in force. */
  private strong(th: Thread, upTo: number, view: View): Event {
    const f = new Event(STRONG, th)
    f.all = upTo
    f.view = view
    f.fence = th.fence
    f.local = th.local
    f.reader = th.reader
    return f
  }
  private inForce(th: Thread, f: Event): void {
    // One that was made before the fence in force, and reaches no further, adds nothing.
    const g = th.fence
    if (g !== null && g !== f.fence && g.t === th && g.all >= f.all) return
    th.set('fence', f)
    if (th.armed !== null && th.armed.all <= f.all) th.set('armed', null)
    th.set('carries', join(th.carries, f.view))
  }
  private barrier(th: Thread): Event {
    const f = this.strong(th, th.evs.length, th.reached.view())
    this.inForce(th, f)
    return f
  }
  fence(t: Task, kind: Fence): void {
    const th = this.thread(t)
    this.did(th, FENCE, kind)
    switch (kind) {
      case 'mb':
        this.barrier(th)
        break
      case 'rmb':
        th.set('rmbAt', th.evs.length)
        break
      case 'wmb':
        th.set('wmbAt', th.evs.length)
        th.set('carries', join(th.carries, th.stored.view()))
        break
      case 'before_atomic':
        th.set('armed', this.strong(th, th.evs.length, th.reached.view()))
        break
      case 'after_atomic':
        if (th.atAtomic !== null) this.inForce(th, th.atAtomic)
        break
      case 'after_spinlock':
        if (th.atLock !== null) this.inForce(th, th.atLock)
        break
    }
  }

  locked(t: Task, lock: OpObject): void {
    const th = this.thread(t)
    const h = this.lockWord(lock)
    this.did(th, LOCK, lock.id)
    const m = h.newest
    if (th.unlock !== null) {
      // Unlock, then lock, of the same task: what was before is ordered before what comes.
      th.set('local', th.unlock)
      th.set('carries', join(th.carries, th.unlockCarries))
    }
    const r = this.access(READ, th, h)
    this.reads(r, m)
    th.set('acquire', r)
    th.set('carries', join(th.carries, m.handover))
    m.take()
    const w = this.access(WRITE, th, h)
    w.before = r
    this.writes(w, h, true, m.pos + 1, join(th.carries, m.view), EMPTY)
    th.set('atLock', this.strong(th, th.evs.length, th.reached.view()))
  }
  unlocking(t: Task, lock: OpObject): void {
    const th = this.thread(t)
    const h = this.lockWord(lock)
    this.did(th, UNLOCK, lock.id)
    const point = new Event(LOCAL, th)
    point.all = th.evs.length
    point.fence = th.fence
    point.local = th.local
    point.reader = th.reader
    const stored = th.stored.view()
    const e = this.access(WRITE, th, h)
    e.all = th.evs.length
    // Several holders (a lock taken for reading): each one's release is part of what the next writer takes over.
    const last = h.newest
    const view = join(join(th.carries, th.reached.view()), last.view)
    this.writes(e, h, false, last.pos + 1, view, join(join(th.carries, stored), last.handover))
    th.set('unlock', point)
    th.set('unlockCarries', stored)
  }
  refused(t: Task, lock: OpObject): void {
    const th = this.thread(t)
    const h = this.lockWord(lock)
    this.did(th, LOOK, lock.id)
    this.reads(this.access(READ, th, h), h.newest)
  }
  sees(t: Task, lock: OpObject): boolean {
    const th = this.thread(t)
    this.did(th, LOOK, lock.id)
    const v = this.read(th, this.lockWord(lock), false)
    this.forget(th)
    return v
  }

  spawned(t: Task, parent: Task): void {
    const p = this.thread(parent)
    const th = this.thread(t)
    this.did(th, SPAWN, [p.a, p.b])
    const f = this.strong(p, p.evs.length, p.reached.view())
    th.reached.join(f.view)
    th.set('fence', f)
    th.set('carries', f.view)
  }
  ended(): void {}
  waking(): void {}
  waited(t: Task): void {
    const th = this.thread(t)
    const points: Event[] = []
    const { watch } = this.m.journal
    if (watch !== null)
      for (const x of this.m.tasks) {
        if (x === t) continue
        // Whoever has done nothing yet too: what it does first comes before or after this.
        const other = this.thread(x)
        watch.touch(other, false)
        this.did(th, WAITED, [other.a, other.b])
      }
    for (const other of this.threads.values()) {
      if (other === th) continue
      const p = this.strong(other, other.evs.length, other.reached.view())
      th.reached.join(p.view)
      points.push(p)
    }
    const f = this.strong(th, th.evs.length, th.reached.view())
    f.others = points
    this.inForce(th, f)
  }

  gpStart(t: Task): Point {
    const th = this.thread(t)
    this.did(th, GP_START, 0)
    return this.barrier(th)
  }
  gpEnd(t: Task, ends: readonly Point[]): void {
    const th = this.thread(t)
    this.did(th, GP_END, this.points(ends as Event[]))
    for (const e of ends as Event[]) th.reached.join(e.view)
    const f = this.strong(th, th.evs.length, th.reached.view())
    if (ends.length > 0) f.others = ends as Event[]
    this.inForce(th, f)
  }
  readLock(t: Task, gps: readonly Point[]): void {
    if (gps.length === 0) return
    const th = this.thread(t)
    this.did(th, RCU_LOCK, this.points(gps as Event[]))
    const e = new Event(LOCAL, th)
    e.others = gps as Event[]
    e.reader = th.reader
    th.set('reader', e)
  }
  readUnlock(t: Task): Point {
    const th = this.thread(t)
    this.did(th, RCU_UNLOCK, 0)
    return this.strong(th, th.evs.length, th.reached.view())
  }

  why(t: Task): readonly string[] {
    const th = this.threads.get(t)
    return th === undefined ? [] : whyOld(th)
  }
  history(o: OpObject): readonly any[] {
    return this.cells.get(o)?.list.map(m => m.value) ?? []
  }

  depends(t: Task, addr: readonly ReadHandle[], data: readonly ReadHandle[]): void {
    const th = this.thread(t)
    this.did(th, DEPENDS, [this.points(addr as Event[]), this.points(data as Event[])])
    th.set('told', true)
    th.set('addr', addr.length > 0 ? (addr as Event[]) : null)
    th.set('data', data.length > 0 ? (data as Event[]) : null)
  }
  branches(t: Task, reads: readonly ReadHandle[]): void {
    const th = this.thread(t)
    this.did(th, BRANCHES, this.points(reads as Event[]))
    th.set('told', true)
    if (reads.length > 0) th.set('branches', [...(th.branches ?? []), ...(reads as Event[])])
  }
  lastRead(t: Task): readonly ReadHandle[] {
    const e = this.thread(t).lastRead
    return e === null ? [] : [e]
  }
  lastAge(t: Task): number {
    const m = this.thread(t).lastRead?.msg
    return m ? m.in.list.length - 1 - m.pos : 0
  }
}
