// A Cell is one word of shared kernel memory, with the kernel's own accessors. Each accessor makes a fresh operation to
// `yield*`. Ordering here is sequential consistency; the accessors keep apart what weaker models will tell apart.
// peek/poke are for what is atomic with the surrounding code and no scheduling point (counters, private fields).
import type { Undoable } from './journal.ts'
import type { Machine } from './machine.ts'
import { ACCESS_NONE, ACCESS_READ, ACCESS_WRITE, Op, OpKind } from './op.ts'

const load = (_t: unknown, op: Op) => (op.obj as Cell<any>).v
const store = (_t: unknown, op: Op) => {
  ;(op.obj as Cell<any>).poke(op.a)
}
/** Compare by identity, exchange when equal, return what was there. */
const cmpxchg = (_t: unknown, op: Op) => {
  const c = op.obj as Cell<any>
  const old = c.v
  if (old === op.a) c.poke(op.b)
  return old
}
const xchg = (_t: unknown, op: Op) => {
  const c = op.obj as Cell<any>
  const old = c.v
  c.poke(op.a)
  return old
}
const fence = () => undefined

export const LOAD = new OpKind('load', ACCESS_READ, 2, false, load)
export const STORE = new OpKind('store', ACCESS_WRITE, 2, false, store)
export const LOAD_ONCE = new OpKind('READ_ONCE', ACCESS_READ, 2, true, load)
export const STORE_ONCE = new OpKind('WRITE_ONCE', ACCESS_WRITE, 2, true, store)
export const LOAD_ACQUIRE = new OpKind('smp_load_acquire', ACCESS_READ, 3, true, load)
export const STORE_RELEASE = new OpKind('smp_store_release', ACCESS_WRITE, 3, true, store)
export const CMPXCHG = new OpKind('cmpxchg', ACCESS_WRITE, 20, true, cmpxchg)
export const XCHG = new OpKind('xchg', ACCESS_WRITE, 20, true, xchg)
export const SMP_WMB = new OpKind('smp_wmb', ACCESS_NONE, 5, true, fence)
export const SMP_RMB = new OpKind('smp_rmb', ACCESS_NONE, 5, true, fence)
export const SMP_MB = new OpKind('smp_mb', ACCESS_NONE, 15, true, fence)

export class Cell<T> implements Undoable {
  readonly id: number
  readonly name: string
  /** The value; only accessors touch it. */
  v: T
  private readonly m: Machine
  constructor(m: Machine, name: string, v: T) {
    this.id = m.newId()
    this.name = name
    this.v = v
    this.m = m
  }
  /** Value, atomically with the surrounding code. Not a scheduling point. */
  peek(): T {
    return this.v
  }
  /** Set, atomically with the surrounding code. Not a scheduling point. */
  poke(v: T): void {
    this.m.journal.push(this, 0, this.v)
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
}

export const smp_wmb = (): Op<void> => new Op<void>(SMP_WMB, null)
export const smp_rmb = (): Op<void> => new Op<void>(SMP_RMB, null)
export const smp_mb = (): Op<void> => new Op<void>(SMP_MB, null)
