// Operations: what a task hands to the machine at a scheduling point. The machine knows an operation's footprint before
// it happens. An Op is its own iterator and its own iterator result: `yield* op` yields the op once and then returns
// what the machine sent back, with no inner generator and no further object.
import { InvariantError } from './assert.ts'
import { hashString } from './hash.ts'
import type { Task } from './task.ts'

/** What an operation does to its object, seen from outside: nothing, reads it, changes it. */
export const ACCESS_NONE = 0
export const ACCESS_READ = 1
export const ACCESS_WRITE = 2

/** Returned by `exec` when the task must sleep; a later wake-up completes or repeats the operation. */
export const BLOCKED = Symbol('blocked')

/** Returned by `exec` when the operation moved the task's own clock: the task goes on when its clock is the lowest. */
export const LATER = Symbol('later')

/** One kind of operation: its name in the trace, its effect, its cost in ns. */
export class OpKind {
  readonly name: string
  readonly hash: number
  readonly access: number
  /** Virtual nanoseconds one such operation takes. */
  readonly cost: number
  /** Marked access in the sense of KCSAN (READ_ONCE, atomics, locks), or plain. */
  readonly marked: boolean
  readonly exec: (task: Task, op: Op) => any
  constructor(name: string, access: number, cost: number, marked: boolean, exec: (task: Task, op: Op) => any) {
    this.name = name
    this.hash = hashString(name)
    this.access = access
    this.cost = cost
    this.marked = marked
    this.exec = exec
  }
}

/** What an operation is about: a cell, a lock, a queue, a range of memory. */
export interface OpObject {
  readonly id: number
  readonly name: string
  /** Of a lock: its class for lockdep, where that is not its name (lockdep_set_class()). */
  readonly lock_class?: string
}

export class Op<T = any> {
  /** Iterator-result half of the protocol. */
  done = false
  value: any = undefined
  readonly kind: OpKind
  readonly obj: OpObject | null
  readonly a: any
  readonly b: any
  /** Phantom: the type that `yield*` gives. */
  declare readonly type: T

  constructor(kind: OpKind, obj: OpObject | null, a?: any, b?: any) {
    this.kind = kind
    this.obj = obj
    this.a = a
    this.b = b
  }
  [Symbol.iterator](): Iterator<Op, T, any> {
    // A second use would slip past its scheduling point unseen.
    if (this.value !== undefined || this.done)
      throw new InvariantError(
        `famsim bug: one ${this.kind.name} operation is used twice; make a fresh one for each use`,
      )
    return this as any
  }
  next(v: any): this {
    // Its own value once it has been yielded.
    if (this.value === this) {
      this.done = true
      this.value = v
    } else this.value = this
    return this
  }
  throw(e: unknown): never {
    throw e
  }
}

/** A body that may be preempted at each of its `yield*`s, and returns a T. */
export type Step<T = void> = Generator<Op, T, any>
