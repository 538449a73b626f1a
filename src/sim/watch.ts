// The watch: what a step touched, what a task has seen, and a running hash of the shared state. The exhaustive search turns
// it on; off (null in the journal) it costs one test.
//
// A step is one operation and the plain code after it, so its footprint is more than its operation's: everything the code
// peeks, pokes or looks up counts. A task's local state is a function of what it has observed, so the hash of its
// observations stands for it; the shared state is the sum of what each cell and container contributes.
import { hashBytes, hashString } from './hash.ts'
import type { FnInfo } from './kfn.ts'
import { imul } from './math.ts'
import { ACCESS_NONE, ACCESS_WRITE, type Op } from './op.ts'
import type { Task } from './task.ts'

/** Something shared that has a number of its own. */
export interface Watched {
  readonly id: number
}

const MIX = 0x9e3779b1

const mix2 = (h: number, w: number): number => {
  let x = imul(h ^ w, 0x85ebca6b)
  x ^= x >>> 13
  x = imul(x, 0xc2b2ae35)
  return x ^ (x >>> 16)
}

/** A number for any value: numbers by value, things with an id by it, bytes and plain data by content. */
export function hashValue(v: any, depth = 0): number {
  switch (typeof v) {
    case 'number':
      return mix2(v | 0, (v / 4294967296) | 0)
    case 'boolean':
      return v ? 0x51ed27 : 0x3c6ef3
    case 'string':
      return hashString(v)
    case 'undefined':
      return 0x1f83d9
    case 'bigint':
      return hashString(v.toString())
    case 'object': {
      if (v === null) return 0x5be0cd
      if (typeof v.id === 'number') return mix2(0x1b873593 ^ ((v.id / 4294967296) | 0), v.id | 0)
      if (v instanceof Uint8Array) return hashBytes(v)
      if (depth > 4) return 0x2545f4
      let h = 0x27d4eb
      if (Array.isArray(v)) for (const x of v) h = mix2(h, hashValue(x, depth + 1))
      else for (const [k, x] of Object.entries(v)) h = mix2(mix2(h, hashString(k)), hashValue(x, depth + 1))
      return h
    }
    default:
      return 0x6a09e6
  }
}

export class Watch {
  /** Sum over all shared state, two lanes. */
  a = 0
  b = 0
  /** Footprint of the current step: the first `n` places say what was touched, and whether changed. */
  readonly objs: Watched[] = []
  readonly writes: boolean[] = []
  n = 0
  /** Whose step it is; null outside of steps. */
  task: Task | null = null

  /** A step begins with `op`. */
  begin(op: Op): void {
    this.n = 0
    // What an operation looks at inside (a lock's queue, say) is not seen by the task; its result is.
    this.task = null
    if (op.obj !== null && op.kind.access !== ACCESS_NONE) this.touch(op.obj, op.kind.access === ACCESS_WRITE)
  }

  /** The operation is done with result `r`; the task's own code follows. */
  result(t: Task, r: unknown): void {
    this.task = t
    this.saw(hashValue(r))
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
    this.saw(mix2(fn.hash, value instanceof Error ? hashString(value.message) : hashValue(value)))
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

  /** The running task saw a value. */
  saw(h: number): void {
    const t = this.task
    if (t === null) return
    t.seenA = mix2(t.seenA, h)
    t.seenB = imul(t.seenB + h, MIX) ^ (t.seenB >>> 15)
  }

  /** Read of `o`, whose value (or content) hashes to `h`. */
  read(o: Watched, h: number): void {
    this.touch(o, false)
    this.saw(h)
  }

  /** `o` contributed `old` to the state and contributes `now` instead (hashes of its value or entry). */
  change(o: Watched, old: number, now: number): void {
    this.touch(o, true)
    this.shift(o.id, old, now)
  }

  /** The same without a footprint: something new. (Undoing needs none: a rewind restores both sums.) */
  shift(id: number, old: number, now: number): void {
    const hi = (id / 4294967296) | 0
    const x = mix2((id | 0) ^ hi, old)
    const y = mix2((id | 0) ^ hi, now)
    this.a = (this.a - x + y) | 0
    this.b = (this.b - imul(x ^ 0x5bd1e995, MIX) + imul(y ^ 0x5bd1e995, MIX)) | 0
  }
}
