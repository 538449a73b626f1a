// A Cell is one word of shared kernel memory, with the kernel's own accessors. Each accessor makes a fresh operation to
// `yield*`. With no memory model in the machine each takes effect at once; else the model decides (order.ts).
// peek/poke are for what is atomic with the surrounding code and no scheduling point (counters, private fields).
import type { Undoable } from './journal.ts'
import type { Machine } from './machine.ts'
import { ACCESS_NONE, ACCESS_READ, ACCESS_WRITE, Op, OpKind } from './op.ts'
import { ACQUIRE, type Fence, FULL, NO_WRITE, RELAXED, RELEASE } from './order.ts'
import type { Task } from './task.ts'

const load = (t: Task, op: Op) => {
  const o = t.m.order
  return o === null ? (op.obj as Cell<any>).v : o.load(t, op.obj as Cell<any>, false)
}
const loadAcquire = (t: Task, op: Op) => {
  const o = t.m.order
  return o === null ? (op.obj as Cell<any>).v : o.load(t, op.obj as Cell<any>, true)
}
const store = (t: Task, op: Op) => {
  const o = t.m.order
  if (o === null) (op.obj as Cell<any>).poke(op.a)
  else o.store(t, op.obj as Cell<any>, op.a, false)
}
const storeRelease = (t: Task, op: Op) => {
  const o = t.m.order
  if (o === null) (op.obj as Cell<any>).poke(op.a)
  else o.store(t, op.obj as Cell<any>, op.a, true)
}
/** Compare by identity, exchange when equal, return what was there. */
const cmpxchg = (t: Task, op: Op) => {
  const c = op.obj as Cell<any>
  const o = t.m.order
  if (o !== null) return o.rmw(t, c, v => (v === op.a ? op.b : NO_WRITE), FULL)
  const old = c.v
  if (old === op.a) c.poke(op.b)
  return old
}
const xchg = (t: Task, op: Op) => {
  const c = op.obj as Cell<any>
  const o = t.m.order
  if (o !== null) return o.rmw(t, c, () => op.a, FULL)
  const old = c.v
  c.poke(op.a)
  return old
}
/** Replace the value by what `op.a` makes of it, with the order `op.b`; give what was there. */
const rmw = (t: Task, op: Op) => {
  const c = op.obj as Cell<any>
  const o = t.m.order
  if (o !== null) return o.rmw(t, c, op.a, op.b)
  const old = c.v
  const v = op.a(old)
  if (v !== NO_WRITE) c.poke(v)
  return old
}
const fence =
  (kind: Fence) =>
  (t: Task): void => {
    const o = t.m.order
    if (o !== null) o.fence(t, kind)
  }

export const LOAD = new OpKind('load', ACCESS_READ, 2, false, load)
export const STORE = new OpKind('store', ACCESS_WRITE, 2, false, store)
export const LOAD_ONCE = new OpKind('READ_ONCE', ACCESS_READ, 2, true, load)
export const STORE_ONCE = new OpKind('WRITE_ONCE', ACCESS_WRITE, 2, true, store)
export const LOAD_ACQUIRE = new OpKind('smp_load_acquire', ACCESS_READ, 3, true, loadAcquire)
export const STORE_RELEASE = new OpKind('smp_store_release', ACCESS_WRITE, 3, true, storeRelease)
export const CMPXCHG = new OpKind('cmpxchg', ACCESS_WRITE, 20, true, cmpxchg)
export const XCHG = new OpKind('xchg', ACCESS_WRITE, 20, true, xchg)
export const RMW = new OpKind('rmw', ACCESS_WRITE, 20, true, rmw)
export const SMP_WMB = new OpKind('smp_wmb', ACCESS_NONE, 5, true, fence('wmb'))
export const SMP_RMB = new OpKind('smp_rmb', ACCESS_NONE, 5, true, fence('rmb'))
export const SMP_MB = new OpKind('smp_mb', ACCESS_NONE, 15, true, fence('mb'))
const BEFORE_ATOMIC = new OpKind('smp_mb__before_atomic', ACCESS_NONE, 15, true, fence('before_atomic'))
const AFTER_ATOMIC = new OpKind('smp_mb__after_atomic', ACCESS_NONE, 15, true, fence('after_atomic'))
const AFTER_SPINLOCK = new OpKind('smp_mb__after_spinlock', ACCESS_NONE, 15, true, fence('after_spinlock'))

export class Cell<T> implements Undoable {
  readonly id: number
  readonly name: string
  /** The value; only accessors touch it. */
  v: T
  private readonly m: Machine
  /** `id`: one that was set aside (Machine.newIds) for a cell that is made when it is first touched, with a fixed value. */
  constructor(m: Machine, name: string, v: T, id = 0) {
    this.id = id === 0 ? m.newId() : id
    this.name = name
    this.v = v
    this.m = m
    const { watch } = m.journal
    if (watch !== null && id === 0) watch.add(this.id, v)
  }
  /** Value, atomically with the surrounding code. Not a scheduling point. */
  peek(): T {
    const { watch } = this.m.journal
    if (watch !== null) watch.read(this, this.v)
    return this.v
  }
  /** Set, atomically with the surrounding code. Not a scheduling point. */
  poke(v: T): void {
    const j = this.m.journal
    if (j.watch !== null) j.watch.change(this, this.v, v)
    j.push(this, 0, this.v)
    this.v = v
  }
  undo(_key: unknown, old: T): void {
    this.v = old
  }
  /** Plain load. */
  load(): Op<T> {
    return new Op<T>(LOAD, this)
  }
  /** Plain store. */
  store(v: T): Op<void> {
    return new Op<void>(STORE, this, v)
  }
  READ_ONCE(): Op<T> {
    return new Op<T>(LOAD_ONCE, this)
  }
  WRITE_ONCE(v: T): Op<void> {
    return new Op<void>(STORE_ONCE, this, v)
  }
  smp_load_acquire(): Op<T> {
    return new Op<T>(LOAD_ACQUIRE, this)
  }
  smp_store_release(v: T): Op<void> {
    return new Op<void>(STORE_RELEASE, this, v)
  }
  /** Full-barrier compare and exchange; gives what was there before. */
  cmpxchg(old: T, v: T): Op<T> {
    return new Op<T>(CMPXCHG, this, old, v)
  }
  /** Full-barrier exchange; gives what was there before. */
  xchg(v: T): Op<T> {
    return new Op<T>(XCHG, this, v)
  }
  /**
   * Any other atomic: the value becomes `f(value)`, or stays when `f` gives NO_WRITE; gives what was there before. `order`
   * is RELAXED, ACQUIRE, RELEASE or FULL. `f` must not change anything, and may be called more than once.
   */
  rmw(f: (old: T) => T | typeof NO_WRITE, order: number = FULL): Op<T> {
    return new Op<T>(RMW, this, f, order)
  }
  cmpxchg_relaxed(old: T, v: T): Op<T> {
    return this.rmw(x => (x === old ? v : NO_WRITE), RELAXED)
  }
  cmpxchg_acquire(old: T, v: T): Op<T> {
    return this.rmw(x => (x === old ? v : NO_WRITE), ACQUIRE)
  }
  cmpxchg_release(old: T, v: T): Op<T> {
    return this.rmw(x => (x === old ? v : NO_WRITE), RELEASE)
  }
  xchg_relaxed(v: T): Op<T> {
    return this.rmw(() => v, RELAXED)
  }
  xchg_acquire(v: T): Op<T> {
    return this.rmw(() => v, ACQUIRE)
  }
  xchg_release(v: T): Op<T> {
    return this.rmw(() => v, RELEASE)
  }
}

export const smp_wmb = (): Op<void> => new Op<void>(SMP_WMB, null)
export const smp_rmb = (): Op<void> => new Op<void>(SMP_RMB, null)
export const smp_mb = (): Op<void> => new Op<void>(SMP_MB, null)
export const smp_mb__before_atomic = (): Op<void> => new Op<void>(BEFORE_ATOMIC, null)
export const smp_mb__after_atomic = (): Op<void> => new Op<void>(AFTER_ATOMIC, null)
/** Makes the spin_lock() before it a full barrier. */
export const smp_mb__after_spinlock = (): Op<void> => new Op<void>(AFTER_SPINLOCK, null)
