// A task: one thread of the model. Its generators are the frames of its call stack.
import type { FnInfo } from './kfn.ts'
import type { Machine } from './machine.ts'
import type { Lock } from './might-sleep.ts'
import type { Op, OpObject } from './op.ts'
import type { WaitMode } from './signal.ts'
import type { Timeout } from './timer.ts'

export const RUNNABLE = 0
export const SLEEPING = 1
export const DEAD = 2

/** What a service may be asleep at when set-up ends and tasks are forgotten. */
export interface Resting extends OpObject {
  retire(t: Task): void
}

/** A signal that nobody handled, unwinding a task's frames. */
export class Killed extends Error {
  override name = 'Killed'
  readonly signal: string
  readonly info: unknown
  constructor(signal: string, info: unknown) {
    super(`killed by ${signal}`)
    this.signal = signal
    this.info = info
  }
}

/** The kernel hit a BUG, a NULL dereference or a divide error: the task dies where it stands, locks and all. */
export class Oops extends Error {
  override name = 'Oops'
}

/** What no kernel survives: the whole host stops with the task. */
export class Panic extends Oops {
  override name = 'Panic'
}

export class Task {
  readonly m: Machine
  /** Index in the machine's list; stable for one order of spawning. */
  readonly id: number
  /** Stable name: choices are recorded under it. */
  readonly label: string
  /** A task that serves others and may be asleep when the run ends (daemons). */
  readonly service: boolean
  state = RUNNABLE
  /** This task's own virtual time, ns. */
  now = 0
  /** The operation it will do when it runs next. */
  pending: Op | null = null
  /** The pending operation has been completed by a waker; `result` is its value. */
  granted = false
  result: any = undefined
  /** Calls it is in, outermost first: each holds its generator and its function (none for the task's own body). */
  readonly frames: Op[] = []
  /** Locks held, in order of taking. */
  readonly held: Lock[] = []
  /** Counter that names what this task makes. */
  made = 0
  /** What the task returned, or the error that ended it. */
  value: any = undefined
  error: unknown = null
  /** The layer above hangs its `current` here (the kernel's task_struct). */
  owner: any = null
  steps = 0
  /** Hash of everything this task has observed, two lanes; kept by the watch. */
  seenA = 0
  seenB = 0
  /** Those hashes as they were when each sealed function it is in was called. */
  readonly kept: number[] = []
  /** Which signals end the sleep it is in, or was in last. */
  mode: WaitMode = 'uninterruptible'
  /** Its time when it went to sleep last, ns. */
  since = 0
  /** What it runs that must not sleep, in words; null for ordinary code. */
  atomic: string | null = null
  /** Its timer for waits that give up. */
  timeout: Timeout | null = null
  /** Signals that are pending, by name; the kernel above gives them their meaning. */
  readonly signals: string[] = []

  constructor(m: Machine, id: number, label: string, service: boolean) {
    this.m = m
    this.id = id
    this.label = label
    this.service = service
  }

  /** Innermost function. */
  get fn(): FnInfo | null {
    const f = this.frames
    return f.length > 0 ? f[f.length - 1]!.b : null
  }

  /** Is it in this function, at any depth? */
  within(names: ReadonlySet<string>): boolean {
    return this.frames.some(f => f.b !== null && names.has(f.b.name))
  }

  /** Names of the functions it is in, innermost first. */
  backtrace(): string[] {
    const out: string[] = []
    for (let i = this.frames.length - 1; i >= 0; i--) out.push(this.frames[i]!.b?.name ?? this.label)
    return out
  }
}
