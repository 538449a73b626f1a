// Memory orderings: what stands between a task's accessors and the cells. `sc` is no model at all (null): every access
// takes effect at once, in the order of the steps. `tso` puts a store buffer between (order-tso.ts), `weak` is the
// kernel's own memory model as far as it can be run forward (order-weak.ts). A model journals whatever it keeps: it
// rewinds with the world. peek and poke of a cell mean "not modelled memory": the newest value, at once, under every model.
import type { Cell } from './cell.ts'
import type { Name } from './name.ts'
import type { OpObject } from './op.ts'
import type { Task } from './task.ts'

export const MODELS = ['sc', 'tso', 'weak'] as const
export type ModelName = (typeof MODELS)[number]

/** Order of an atomic read-modify-write: none, acquire, release, or a full barrier on both sides when it writes. */
export const RELAXED = 0
export const ACQUIRE = 1
export const RELEASE = 2
export const FULL = 3
/** Not an order but a flag to add to RELAXED: no value is returned, and smp_rmb() does not order the read (atomic_inc). */
export const NORETURN = 4

/** What the function of a read-modify-write returns to leave the cell alone (a failed cmpxchg). */
export const NO_WRITE = Symbol('no write')

export type Fence = 'mb' | 'rmb' | 'wmb' | 'before_atomic' | 'after_atomic' | 'after_spinlock'

/** A read that something may depend on; what a model hands out and takes back, opaque to others. */
export type ReadHandle = object
/** "Everything this task did up to here"; opaque to others. */
export type Point = object

/**
 * Dependencies, told by whoever knows them (an interpreter of C; kernel code in TypeScript does not). Told before the
 * access they belong to is yielded; they are used up by that access.
 */
export interface Dependencies {
  /** The next access of `t` has its address from `addr` and its value from `data`. */
  depends(t: Task, addr: readonly ReadHandle[], data: readonly ReadHandle[]): void
  /** Every later store of `t` is behind a branch on `reads`. */
  branches(t: Task, reads: readonly ReadHandle[]): void
  /** The read `t` did last. */
  lastRead(t: Task): readonly ReadHandle[]
  /** How many stores to its cell came after the one that `t` read last. */
  lastAge(t: Task): number
}

export interface MemoryModel {
  readonly name: ModelName
  /** A run starts: what came before is settled, every task sees all of it. */
  begin(): void
  /** `t` was made by `parent`, which it follows in every order. */
  spawned(t: Task, parent: Task): void
  /** `t` ended, however it did. */
  ended(t: Task): void
  /** `t` is about to wake others, or to look whether it must sleep: its stores so far are there to be seen. */
  waking(t: Task): void
  /**
   * `t` goes on because the condition it waited for holds. It was looked up with no accessor, so nobody knows which store
   * made it so: all that was done is before what `t` does now.
   */
  waited(t: Task): void
  load(t: Task, c: Cell<any>, acquire: boolean): any
  store(t: Task, c: Cell<any>, v: any, release: boolean): void
  /** Replace the value `old` by `f(old)`, unless that is NO_WRITE; gives `old`. `f` may be called for several values. */
  rmw(t: Task, c: Cell<any>, f: (old: any) => any, order: number): any
  fence(t: Task, kind: Fence): void
  /** `t` has just taken `lock`, or was just given it. */
  locked(t: Task, lock: OpObject): void
  /** `t` is about to give `lock` up. */
  unlocking(t: Task, lock: OpObject): void
  /** `t` found `lock` taken, and goes on without it. */
  refused(t: Task, lock: OpObject): void
  /** Does `t` see `lock` as taken? `held` is whether it is. */
  sees(t: Task, lock: OpObject, held: boolean): boolean
  /** A grace period starts (a full barrier). */
  gpStart(t: Task): Point
  /** It ends (a full barrier); the critical sections that ended at `ends` are over for it. */
  gpEnd(t: Task, ends: readonly Point[]): void
  /** An outermost critical section starts after the grace periods that started at `gps`, done or not. */
  readLock(t: Task, gps: readonly Point[]): void
  /** It ends. */
  readUnlock(t: Task): Point
  /** Mix in all that later steps depend on and no cell, lock or container holds. */
  state(into: Name): void
  /** Why `t` saw an old value, in lines for a report: the store, the load, the missing barriers. None: it saw none. */
  why(t: Task): readonly string[]
  /** Values of a cell or lock in coherence order, as far as they came up in this run; the first one is older. */
  history(o: OpObject): readonly any[]
  /** Null when this model has no use for dependencies. */
  readonly dependencies: Dependencies | null
}

/** A name for a value that stays the same from run to run, for labels of choices. */
export function valueLabel(v: any): string {
  if (typeof v !== 'object' || v === null) return String(v)
  return String(v.label ?? v.name ?? (typeof v.id === 'number' ? `#${v.id}` : 'object'))
}
