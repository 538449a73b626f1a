// Total store order (x86): each task has a FIFO buffer of its own stores. It reads its own newest buffered store, else
// memory. Full barriers, atomics and locks land the buffer first; when a buffered store lands otherwise is a choice: a
// service task `<label>/drain` lands the oldest one whenever it is scheduled, and sleeps while the buffer is empty.
import type { Cell } from './cell.ts'
import { JList, type Journal, type Undoable } from './journal.ts'
import type { Machine } from './machine.ts'
import { ACCESS_WRITE, Op, OpKind, type OpObject, type Step } from './op.ts'
import { type Fence, type MemoryModel, NO_WRITE, type Point } from './order.ts'
import { DEAD, RUNNABLE, SLEEPING, type Task } from './task.ts'

interface Entry {
  readonly cell: Cell<any>
  readonly v: any
}

/** The store buffer of one task. As the object of the drain's operation it stands in the trace and in deadlock reports. */
class StoreBuffer implements OpObject {
  readonly id: number
  readonly name: string
  readonly entries: JList<Entry>
  drain: Task | null = null
  constructor(id: number, name: string, j: Journal) {
    this.id = id
    this.name = name
    this.entries = new JList(j)
  }
  /** The drain sleeps in no queue. */
  retire(): void {}
}

const LAND = new OpKind('store lands', ACCESS_WRITE, 1, true, (t, op) => {
  const b = op.obj as StoreBuffer
  const e = b.entries.at(0)
  ;(t.m.order as Tso).land(b)
  return e?.v
})

function* drain(b: StoreBuffer): Step {
  for (;;) yield* new Op<void>(LAND, b)
}

export class Tso implements MemoryModel, Undoable {
  readonly name = 'tso'
  readonly dependencies = null
  private readonly m: Machine
  private buffers = new Map<Task, StoreBuffer>()
  /** What reached each cell, oldest first: for who looks at the run from outside, so no part of the state. */
  private landed = new Map<OpObject, any[]>()
  /** The task being made is one of ours. */
  private making = false

  constructor(m: Machine) {
    this.m = m
  }
  undo(key: 'run' | 'buffer' | 'landed', old: any): void {
    if (key === 'buffer') this.buffers.delete(old)
    else if (key === 'landed') {
      const l = this.landed.get(old)!
      l.pop()
      if (l.length === 1) this.landed.delete(old)
    } else {
      this.buffers = old[0]
      this.landed = old[1]
    }
  }
  begin(): void {
    for (const b of this.buffers.values()) while (b.entries.length > 0) this.land(b)
    this.m.journal.push(this, 'run', [this.buffers, this.landed])
    this.buffers = new Map()
    this.landed = new Map()
  }

  private write(c: Cell<any>, v: any): void {
    let l = this.landed.get(c)
    if (l === undefined) {
      l = [c.peek()]
      this.landed.set(c, l)
    }
    this.m.journal.push(this, 'landed', c)
    l.push(v)
    c.poke(v)
  }
  /** The oldest store of `b` reaches memory. */
  land(b: StoreBuffer): void {
    const e = b.entries.shift()
    if (e !== undefined) this.write(e.cell, e.v)
    if (b.entries.length === 0 && b.drain !== null && b.drain.state === RUNNABLE) b.drain.state = SLEEPING
  }
  private drainAll(t: Task): void {
    const b = this.buffers.get(t)
    if (b !== undefined) while (b.entries.length > 0) this.land(b)
  }

  spawned(_t: Task, parent: Task): void {
    if (!this.making) this.drainAll(parent)
  }
  /** Its drain goes on without it. Landing them here would make the task's last step and its stores one. */
  ended(): void {}
  waking(t: Task): void {
    this.drainAll(t)
  }
  waited(): void {}
  load(t: Task, c: Cell<any>): any {
    const b = this.buffers.get(t)
    if (b !== undefined) {
      const es = b.entries.items
      for (let i = es.length - 1; i >= 0; i--) if (es[i]!.cell === c) return es[i]!.v
    }
    return c.peek()
  }
  store(t: Task, c: Cell<any>, v: any): void {
    let b = this.buffers.get(t)
    if (b === undefined) {
      b = new StoreBuffer(this.m.newId(), `${t.label}'s store buffer`, this.m.journal)
      this.m.journal.push(this, 'buffer', t)
      this.buffers.set(t, b)
    }
    b.entries.push({ cell: c, v })
    if (b.drain === null || b.drain.state === DEAD) {
      this.making = true
      b.drain = this.m.spawn(`${t.label}/drain`, drain(b), { service: true })
      this.making = false
      b.drain.pending = new Op<void>(LAND, b)
      // What its task knew when it stored first is nothing to the drain.
      this.m.journal.watch?.named(b.drain)
    } else this.m.retry(b.drain)
  }
  rmw(t: Task, c: Cell<any>, f: (old: any) => any): any {
    this.drainAll(t)
    const old = c.peek()
    const v = f(old)
    if (v !== NO_WRITE) this.write(c, v)
    return old
  }
  fence(t: Task, kind: Fence): void {
    if (kind === 'mb') this.drainAll(t)
  }
  locked(t: Task): void {
    this.drainAll(t)
  }
  /** A lock word is not buffered here: what was stored before it lands before it. */
  unlocking(t: Task): void {
    this.drainAll(t)
  }
  refused(t: Task): void {
    this.drainAll(t)
  }
  sees(_t: Task, _lock: OpObject, held: boolean): boolean {
    return held
  }
  gpStart(t: Task): Point {
    this.drainAll(t)
    return t
  }
  gpEnd(t: Task): void {
    this.drainAll(t)
  }
  readLock(): void {}
  readUnlock(t: Task): Point {
    // The grace period that waits for this reader orders its stores: they have landed when it ends.
    this.drainAll(t)
    return t
  }
  /** The buffers are journaled lists, which the watch knows. */
  state(): void {}
  why(): readonly string[] {
    return []
  }
  history(o: OpObject): readonly any[] {
    return this.landed.get(o) ?? []
  }
}
