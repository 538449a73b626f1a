// The trace is the only log: fixed-shape events in a ring and a running digest. Texts, pictures and files are made of it
// by sinks (src/report). Levels: off (nothing, not even the digest) and ring.
import { Digest, hashString } from './hash.ts'
import type { Saver } from './journal.ts'
import type { FnInfo } from './kfn.ts'
import { max } from './math.ts'
import type { OpObject } from './op.ts'
import type { Task } from './task.ts'

/** A kind of event that is not an operation: a message sent, a fault taken, poison. */
export class EventKind {
  readonly name: string
  readonly hash: number
  constructor(name: string) {
    this.name = name
    this.hash = hashString(name)
  }
}

/** One event as sinks see it. `kind` is an operation's or an event's kind. */
export interface TraceEvent {
  /** Running number from the start of the run. */
  readonly seq: number
  /** Virtual time of the task, ns. */
  readonly now: number
  /** Null for events of the world itself. */
  readonly task: Task | null
  readonly kind: { readonly name: string }
  readonly fn: FnInfo | null
  readonly obj: OpObject | null
  /** What the event is about, e.g. `FUSE_GET_FMAP`; operations have none. */
  readonly subject: string
  readonly a: number
  readonly b: number
  /** Message bytes or a detail object; not part of the digest (its hash is in `a` or `b`). */
  readonly ref: unknown
}

/** A number that stands for any value in the digest: numbers by value, named things by id, the rest by kind. */
export function valueWord(v: any): number {
  switch (typeof v) {
    case 'number':
      return v
    case 'boolean':
      return v ? 1 : 0
    case 'string':
      return hashString(v)
    case 'object':
      return v === null ? 0 : typeof v.id === 'number' ? v.id | 0 : 2
    default:
      return 0
  }
}

/** A number of any size: its low word and, when that does not say it all, the high one. */
const mix = (d: Digest, v: number): void => {
  d.word(v | 0)
  if ((v | 0) !== v) d.word((v / 4294967296) | 0)
}

export class Trace implements Saver {
  on = false
  readonly capacity: number
  private readonly events: (TraceEvent | undefined)[] = []
  /** Events so far. */
  seq = 0
  private digest = new Digest()
  /** Called with each event as it happens; null costs nothing. */
  sink: ((e: TraceEvent) => void) | null = null

  constructor(capacity = 1 << 16) {
    this.capacity = capacity
  }

  /** Write one event. Callers test `on` first. */
  write(
    task: Task | null,
    kind: OpKindOrEvent,
    obj: OpObject | null,
    subject: string,
    a: number,
    b: number,
    ref: unknown,
  ): void {
    const d = this.digest
    const now = task === null ? 0 : task.now
    d.word(kind.hash)
    d.word(task === null ? -1 : task.id)
    d.word(now | 0)
    if (obj !== null) d.word(obj.id | 0)
    mix(d, a)
    mix(d, b)
    if (subject !== '') d.word(hashString(subject))
    const seq = this.seq++
    const e: TraceEvent = { seq, now, task, kind, fn: task === null ? null : task.fn, obj, subject, a, b, ref }
    this.events[seq % this.capacity] = e
    if (this.sink !== null) this.sink(e)
  }

  /** 16 hex digits over everything written so far. */
  hex(): string {
    return this.digest.hex()
  }

  /** The newest events, oldest first, at most `n`. */
  tail(n: number): TraceEvent[] {
    const out: TraceEvent[] = []
    const from = max(0, this.seq - (n < this.capacity ? n : this.capacity))
    for (let i = from; i < this.seq; i++) {
      const e = this.events[i % this.capacity]
      // A slot may hold an event that a rewind took back, where an older one was overwritten.
      if (e !== undefined && e.seq === i) out.push(e)
    }
    return out
  }

  save(): unknown {
    return { seq: this.seq, a: this.digest.a, b: this.digest.b }
  }
  restore(s: any): void {
    this.seq = s.seq
    this.digest.a = s.a
    this.digest.b = s.b
  }
}

interface OpKindOrEvent {
  readonly name: string
  readonly hash: number
}
