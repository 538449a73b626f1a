// The watch: what a step touched, what a task has seen, and a running name of the shared state. The exhaustive search turns
// it on; off (null in the journal) it costs one test.
//
// A step is one operation and the plain code after it, so its footprint is more than its operation's: everything the code
// peeks, pokes or looks up counts. A task's local state is a function of what it has observed, so the name of its
// observations stands for it; the shared state is the sum of what each cell and container contributes.
import type { FnInfo } from './kfn.ts'
import { imul } from './math.ts'
import { Name } from './name.ts'
import { ACCESS_NONE, ACCESS_WRITE, type Op } from './op.ts'
import type { Task } from './task.ts'

/** Something shared that has a number of its own. */
export interface Watched {
  readonly id: number
}

/** Scratch. */
const name = new Name()

export class Watch {
  /** Sum over all shared state, two lanes. */
  a = 0
  b = 0
  /** Footprint of the current step: the first `n` places say what was touched, and whether changed. */
  readonly objs: Watched[] = []
  readonly writes: boolean[] = []
  n = 0
  /** Whose code runs; null outside of steps, and while an operation is carried out: the task sees its result only. */
  task: Task | null = null
  /** Somebody looked at a clock: virtual time is part of every task's state. */
  clocks = false

  /** A step begins with `op`. */
  begin(op: Op): void {
    this.n = 0
    this.task = null
    if (op.obj !== null && op.kind.access !== ACCESS_NONE) this.touch(op.obj, op.kind.access === ACCESS_WRITE)
  }

  /** The operation is done with result `r`; the task's own code follows. */
  result(t: Task, r: unknown): void {
    this.task = t
    this.saw(r)
  }

  /** `t` took option `i` of a choice. */
  chose(t: Task, i: number): void {
    this.saw(i + 1, t)
  }

  /** `t` looks at its clock. */
  clock(t: Task): void {
    this.clocks = true
    this.saw(t.now, t)
  }

  /** `parent` made `t`, whose code may know all that its parent knows. */
  spawned(t: Task, parent: Task): void {
    name.from(parent.seenA, parent.seenB).value(t.label)
    t.seenA = name.a
    t.seenB = name.b
  }

  /** `t` knows nothing but who it is. */
  named(t: Task): void {
    name.from(0, 0).value(t.label)
    t.seenA = name.a
    t.seenB = name.b
  }

  /** The task calls a function. */
  enter(t: Task, call: Op): void {
    if ((call.b as FnInfo).sealed) t.kept.push(t.seenA, t.seenB)
  }
  /** It leaves one, with a value or an error: what a sealed one has seen is forgotten. */
  leave(t: Task, call: Op, value: unknown): void {
    const fn = call.b as FnInfo | null
    if (fn === null || !fn.sealed) return
    t.seenB = t.kept.pop()!
    t.seenA = t.kept.pop()!
    this.saw(fn.hash, t)
    this.saw(value instanceof Error ? value.message : value, t)
  }

  touch(o: Watched, write: boolean): void {
    const { objs, writes } = this
    for (let i = this.n - 1; i >= 0; i--)
      if (objs[i] === o) {
        if (write) writes[i] = true
        return
      }
    objs[this.n] = o
    writes[this.n++] = write
  }

  /**
   * The last touch of the container `o` was about one part of it, a key of a map or an item of a list: it was put there, taken
   * away, or looked at. The search takes a container as one thing; the slicer follows parts.
   */
  detail(_o: Watched, _part: unknown, _how: 'put' | 'take' | 'look'): void {}

  /** The running task (or `t`) saw a value. */
  saw(v: unknown, t: Task | null = this.task): void {
    if (t === null) return
    name.from(t.seenA, t.seenB).value(v)
    t.seenA = name.a
    t.seenB = name.b
  }

  /** It saw things whose order means nothing. */
  sawBag(vs: readonly unknown[]): void {
    let a = vs.length
    let b = 0
    for (const v of vs) {
      name.from(0, 0).value(v)
      a = (a + name.a) | 0
      b = (b + name.b) | 0
    }
    this.saw(a)
    this.saw(b)
  }

  /** Read of `o`, whose value is `v`. */
  read(o: Watched, v: unknown): void {
    this.touch(o, false)
    this.saw(v)
  }

  /** The value of `o` was `old` and is `now`. */
  change(o: Watched, old: unknown, now: unknown): void {
    this.touch(o, true)
    this.remove(o.id, old)
    this.add(o.id, now)
  }

  /**
   * `v` is part of what `id` contributes to the state: its value, or one of its entries with key and place. Until its first
   * change a thing contributes nothing. (Undoing needs no call: a rewind restores both sums.)
   */
  add(id: number, v: unknown, key?: unknown, place = 0): void {
    this.part(id, v, key, place)
    this.a = (this.a + name.a) | 0
    this.b = (this.b + name.b) | 0
  }
  /** It no longer is. */
  remove(id: number, v: unknown, key?: unknown, place = 0): void {
    this.part(id, v, key, place)
    this.a = (this.a - name.a) | 0
    this.b = (this.b - name.b) | 0
  }
  private part(id: number, v: unknown, key: unknown, place: number): void {
    const hi = (id / 4294967296) | 0
    name.from(id + imul(hi, 0x27d4eb2d), imul(id, 0x5bd1e995) + hi).value(v)
    if (key !== undefined) name.value(key).word(place)
  }
}
