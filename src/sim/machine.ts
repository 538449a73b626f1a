// The machine runs tasks, one operation at a time, and asks the chooser wherever there is more than one way on.
// Locking rule of the simulator itself: there is one JavaScript thread; a step (one operation, then plain code up to the
// next operation) is atomic.
import { type Heap, Kasan } from './alloc.ts'
import { assert, InvariantError } from './assert.ts'
import { type Chooser, defaultChooser, type Option, REDUNDANT } from './chooser.ts'
import { describeDeadlock, describeRunnable } from './deadlock.ts'
import { Digest } from './hash.ts'
import { Hooks } from './hooks.ts'
import { HUNG_NS, stillHung, wokenLate } from './hung.ts'
import { Journal } from './journal.ts'
import { CALL } from './kfn.ts'
import { Lockdep } from './lockdep.ts'
import type { Marks } from './marks.ts'
import { imul, trunc } from './math.ts'
import { might_sleep } from './might-sleep.ts'
import { ACCESS_NONE, BLOCKED, LATER, Op, OpKind, type OpObject, type Step } from './op.ts'
import type { MemoryModel, ModelName } from './order.ts'
import { Tso } from './order-tso.ts'
import { Weak } from './order-weak.ts'
import { Races } from './races.ts'
import { Streams } from './rng.ts'
import { DEAD, Killed, Oops, Panic, type Resting, RUNNABLE, SLEEPING, Task } from './task.ts'
import { type EventKind, Trace, valueWord } from './trace.ts'

/** `timed`: the runnable task with the lowest virtual time runs next. `free`: any runnable task may. */
export type Policy = 'timed' | 'free'

export interface MachineOptions {
  /** Seed of the world's own streams. */
  seed?: number
  policy?: Policy
  /** Bound on the steps of one execution; beyond it the run ends as `steps` (a livelock, most likely). */
  maxSteps?: number
  /** Memory ordering of the cells; `sc` (every access at once) unless said otherwise. */
  model?: ModelName
  /** Report data races (KCSAN's rules). */
  races?: boolean
  /** Report locks taken in orders that can deadlock (lockdep's rule). */
  lockdep?: boolean
  /** Report tasks that sleep uninterruptibly for longer, ns; 120 s unless said otherwise, Infinity for never. */
  hungNs?: number
  /** Report stores to guarded cells without their lock; on unless false. */
  guards?: boolean
  /** Note who allocates and frees; report use after free. */
  kasan?: boolean
  /** Everything must be free when an execution has ended: report leaks (needs kasan). */
  freedAtExit?: boolean
}

/** How an execution ended. `held` means: nothing was found wrong. */
export type Verdict = 'held' | 'failed' | 'deadlock' | 'steps' | 'redundant'

/** Something found wrong, by a sanitizer, a property or the model (WARN, oops). */
export interface Problem {
  readonly kind: string
  readonly text: string
  readonly task: string
  readonly backtrace: readonly string[]
  /** Under a memory ordering: what the task saw out of order, and which barriers are missing. */
  readonly ordering?: readonly string[]
}

/** Ids of one task; a task that makes more goes on in a span of its own beyond 32 bits. */
const ID_SPAN = 2 ** 20
const ID_SPAN_LONG = 2 ** 36

const SPAWN = new OpKind('start', ACCESS_NONE, 0, true, () => undefined)
const SLEEP = new OpKind('sleep', ACCESS_NONE, 0, true, (t, op) => {
  might_sleep(t, op)
  t.now += op.a
  return LATER
})
const SLEEP_UNTIL = new OpKind('sleep until', ACCESS_NONE, 0, true, (t, op) => {
  if (op.a > t.now) t.now = op.a
  return LATER
})
const STEP = new OpKind('step', ACCESS_NONE, 1, true, () => undefined)

/** How much longer than usual some work takes: the choice behind `work`. Option 0 is the usual. */
const DURATIONS = [1, 1.5, 2, 4, 8].map(factor => ({ label: `x${factor}`, factor }))
const WORK = new OpKind('work', ACCESS_NONE, 0, true, (t, op) => {
  const { m } = t
  const i = m.policy === 'timed' ? m.choose('duration', DURATIONS) : 0
  t.now += trunc(op.a * DURATIONS[i]!.factor)
  return LATER
})

/** Work that usually takes `ns`; how long it takes this time is a choice (of no consequence under `free`). */
export const work = (ns: number): Op<void> => new Op<void>(WORK, null, ns)
/** The task's own time moves on by `ns`. */
export const sleep = (ns: number): Op<void> => new Op<void>(SLEEP, null, ns)
/** The task's own time moves on to `ns`. */
export const sleep_until = (ns: number): Op<void> => new Op<void>(SLEEP_UNTIL, null, ns)
/** A scheduling point with no effect. */
export const step = (): Op<void> => new Op<void>(STEP, null)

export class Machine {
  readonly journal = new Journal()
  readonly trace = new Trace()
  readonly hooks = new Hooks()
  readonly streams: Streams
  readonly policy: Policy
  readonly maxSteps: number
  readonly tasks: Task[] = []
  /** The task whose code is running. */
  current: Task | null = null
  /** Steps of this execution. */
  steps = 0
  readonly problems: Problem[] = []
  /** What stands between accessors and cells; null for sequential consistency. */
  readonly order: MemoryModel | null
  /** Looks for data races; null when nobody asked. */
  readonly races: Races | null
  /** How long a task may sleep uninterruptibly, ns. */
  readonly hungNs: number
  /** Are guarded cells watched? */
  guards: boolean
  /** Watches lock order; null when nobody asked. */
  readonly lockdep: Lockdep | null
  /** Looks for accesses to freed memory; null when nobody asked. */
  readonly kasan: Kasan | null
  /** Every heap made on this machine. */
  readonly heaps: Heap[] = []
  private readonly freedAtExit: boolean
  /** Which task ran from which step on in this execution: equal digests, equal interleavings. */
  private switches = new Digest()
  private chooser: Chooser = defaultChooser
  /** The chooser answered REDUNDANT in the middle of a step: the execution ends after it. */
  private stopped = false
  private baseIds = 0
  private readonly idCounters: number[] = []
  /** Called when a task of a host has met a panic, and is dead: whoever knows hosts stops the rest of it. */
  panicked: ((t: Task) => void) | null = null
  /** Run after every step; null costs nothing. Properties of a world hang here. */
  afterStep: (() => void) | null = null

  /** Counts calls and marks of a search; null costs a test a call. */
  marks: Marks | null = null
  /** Carries operations out in place of their own `exec` (mutation); null is the ordinary way. */
  instead: ((t: Task, op: Op) => any) | null = null

  constructor(o: MachineOptions = {}) {
    this.streams = new Streams(o.seed ?? 0)
    this.policy = o.policy ?? 'timed'
    this.maxSteps = o.maxSteps ?? 50_000_000
    this.races = o.races === true ? new Races() : null
    this.guards = o.guards ?? true
    this.hungNs = this.policy === 'timed' ? (o.hungNs ?? HUNG_NS) : Number.POSITIVE_INFINITY
    this.lockdep = o.lockdep === true ? new Lockdep() : null
    this.kasan = o.kasan === true ? new Kasan() : null
    this.freedAtExit = o.freedAtExit === true
    this.order = o.model === 'tso' ? new Tso(this) : o.model === 'weak' ? new Weak(this) : null
    this.journal.newId = () => this.newId()
    this.journal.addSaver(this.trace)
    this.journal.addSaver(this.streams)
    if (this.lockdep !== null) this.journal.addSaver(this.lockdep)
    this.journal.addSaver({
      save: () => [this.baseIds, this.problems.length],
      restore: s => {
        this.baseIds = s[0]
        this.problems.length = s[1]
      },
    })
  }

  /** A new id, from a counter of the running task, so that other tasks' work never shifts it. */
  newId(): number {
    const t = this.current
    if (t === null) return ++this.baseIds
    const n = ++t.made
    return n < ID_SPAN ? (t.id + 1) * ID_SPAN + n : (t.id + 1) * ID_SPAN_LONG + n
  }

  /** Set aside `n` ids in a row; gives the first. */
  newIds(n: number): number {
    const first = this.newId()
    if (this.current === null) this.baseIds += n - 1
    else this.current.made += n - 1
    return first
  }

  private named(label: string): boolean {
    for (const t of this.tasks) if (t.label === label) return true
    return false
  }

  /** Make a task. It runs when the machine is run. A label that is taken gets a number. */
  spawn(label: string, body: Step<any>, o: { service?: boolean; owner?: any; at?: number } = {}): Task {
    let unique = label
    for (let same = 2; this.named(unique); same++) unique = `${label}#${same}`
    const t = new Task(this, this.tasks.length, unique, o.service === true)
    t.owner = o.owner ?? null
    t.now = o.at ?? (this.current === null ? 0 : this.current.now)
    // A later task with the same id goes on counting where an earlier one stopped: ids stay unique after set-up.
    t.made = this.idCounters[t.id] ?? 0
    t.frames.push(new Op(CALL, null, body, null))
    t.pending = new Op(SPAWN, null)
    this.tasks.push(t)
    if (this.current !== null) {
      this.journal.watch?.spawned(t, this.current)
      this.order?.spawned(t, this.current)
      this.races?.spawned(t, this.current)
    }
    this.chooser.spawn?.(t)
    return t
  }

  /** Forget all tasks (they are dead, or services asleep with nothing held), so that a mark can be set. */
  retireTasks(): void {
    for (const t of this.tasks) {
      assert(t.error === null || t.error instanceof Killed, `${t.label} died in set-up`)
      assert(t.held.length === 0, `${t.label} is retired holding ${t.held[0]?.name}`)
      assert(t.state === DEAD || (t.service && t.state === SLEEPING), `${t.label} is retired while it runs`)
      if (t.state === SLEEPING) (t.pending!.obj as Resting).retire(t)
      this.idCounters[t.id] = t.made
    }
    this.tasks.length = 0
    this.current = null
  }

  /** Forget the tasks that are over, between two parts of a set-up: each step of the next looks at every task there is. */
  buryTasks(): void {
    let n = 0
    for (const t of this.tasks)
      if (t.state === DEAD) this.idCounters[t.id] = t.made
      else this.tasks[n++] = t
    this.tasks.length = n
    this.current = null
  }

  /** Throw away the tasks of an execution before the world is rewound. */
  dropTasks(): void {
    this.tasks.length = 0
    this.current = null
  }

  /** Wake a task whose blocking operation is complete, with its value. */
  grant(t: Task, value: any): void {
    if (t.state !== SLEEPING) throw new InvariantError(`famsim bug: granting ${t.label}, which does not sleep`)
    t.state = RUNNABLE
    t.granted = true
    t.result = value
    this.woken(t)
  }

  /** Wake a task to try its blocking operation again. */
  retry(t: Task): void {
    if (t.state !== SLEEPING) return
    t.state = RUNNABLE
    this.woken(t)
  }

  /** It goes on no earlier than it was woken. */
  private woken(t: Task): void {
    const w = this.current
    if (w !== null && w.now > t.now) t.now = w.now
    if (t.now - t.since > this.hungNs) wokenLate(this, t)
  }

  /** Is there anybody to ask? False in set-up, where every choice takes its default. */
  get deciding(): boolean {
    return this.chooser !== defaultChooser
  }

  /** Virtual time of the running task, ns, for code that decides by it. */
  clock(): number {
    const t = this.current!
    this.journal.watch?.clock(t)
    return t.now
  }

  /** Ask the chooser; with one option there is nothing to ask. Option 0 is the default. */
  choose(kind: Parameters<Chooser['choose']>[0], options: readonly Option[]): number {
    if (options.length < 2) return 0
    const i = this.chooser.choose(kind, options, this)
    if (this.journal.watch !== null && this.current !== null) this.journal.watch.chose(this.current, i)
    if (i === REDUNDANT) {
      this.stopped = true
      return 0
    }
    if (!(i >= 0 && i < options.length))
      throw new InvariantError(`famsim bug: the chooser answered ${i} of ${options.length}`)
    return i
  }

  /** Write an event into the trace and fire hooks. `subject` + kind name make the hook's label. */
  emit(kind: EventKind, subject: string, obj: OpObject | null, a: number, b: number, ref: unknown): void {
    if (this.trace.on) this.trace.write(this.current, kind, obj, subject, a, b, ref)
    if (this.hooks.live) this.hooks.fire(`${subject} ${kind.name}`, this.current, ref)
  }

  /** Report something wrong, with the simulated backtrace. */
  problem(kind: string, text: string): void {
    const t = this.current
    const ordering = t === null ? [] : (this.order?.why(t) ?? [])
    const p = { kind, text, task: t?.label ?? '-', backtrace: t?.backtrace() ?? [] }
    this.problems.push(ordering.length === 0 ? p : { ...p, ordering })
  }

  /** Stop after this step. Every task stays as it is, and the next run() goes on with them. */
  pause(): void {
    this.stopped = true
  }

  /** Run until nothing can run. */
  run(chooser: Chooser = defaultChooser): Verdict {
    this.chooser = chooser
    this.steps = 0
    this.stopped = false
    this.switches = new Digest()
    this.order?.begin()
    this.races?.begin()
    this.lockdep?.begin()
    this.kasan?.begin()
    chooser.begin?.()
    if (chooser.spawn) for (const t of this.tasks) chooser.spawn(t)
    let v: Verdict
    try {
      v = this.loop(chooser)
    } finally {
      // What is spawned for the next execution is told to its own chooser.
      this.chooser = defaultChooser
    }
    if (v === 'steps') {
      this.problem(
        'steps',
        `no end within ${this.maxSteps} steps, so a livelock, most likely: ${describeRunnable(this.tasks)}`,
      )
      stillHung(this)
    }
    chooser.end?.({ verdict: v, steps: this.steps })
    return v
  }

  private loop(chooser: Chooser): Verdict {
    const { tasks, trace } = this
    // Who may run now, an array for each number of them. As young as the tasks: storing a young object in an old array
    // costs more than the rest of the scheduling.
    const offered: Task[][] = []
    const timed = this.policy === 'timed'
    const always = chooser.always === true
    const { races, instead, kasan } = this
    const { watch } = this.journal
    let cur: Task | null = null
    for (;;) {
      if (this.stopped) return 'redundant'
      // Who may run: the running task first, then the others by id; under `timed` only those with the lowest clock.
      let n = 0
      let low = 0
      if (timed) {
        low = Number.POSITIVE_INFINITY
        for (let i = 0; i < tasks.length; i++) {
          const t = tasks[i]!
          if (t.state !== RUNNABLE || t.now > low) continue
          n = t.now < low ? 1 : n + 1
          low = t.now
        }
      } else for (let i = 0; i < tasks.length; i++) if (tasks[i]!.state === RUNNABLE) n++
      if (n === 0) return this.ended()
      offered[n] ??= new Array<Task>(n)
      const ready = offered[n]!
      let k = 0
      if (cur !== null && cur.state === RUNNABLE && (!timed || cur.now === low)) ready[k++] = cur
      for (let i = 0; k < n; i++) {
        const t = tasks[i]!
        if (t.state === RUNNABLE && t !== cur && (!timed || t.now === low)) ready[k++] = t
      }
      let t = ready[0]!
      if (n > 1 || always) {
        const pick = chooser.choose('schedule', ready, this)
        if (pick === REDUNDANT) return 'redundant'
        t = ready[pick]!
        if (t === undefined) throw new InvariantError(`famsim bug: the chooser answered ${pick} of ${n}`)
      }
      if (t !== cur) {
        this.switches.word(imul(this.steps + 1, 0x9e3779b1) ^ t.id)
        this.current = t
      }
      cur = t
      if (this.steps === this.maxSteps) return 'steps'
      this.steps++
      t.steps++
      const op = t.pending!
      let r: any
      if (watch !== null) watch.begin(op)
      if (kasan !== null && op.obj !== null) kasan.access(t, op, op.obj)
      if (t.granted) {
        t.granted = false
        r = t.result
        t.result = undefined
      } else {
        t.now += op.kind.cost
        r = instead === null ? op.kind.exec(t, op) : instead(t, op)
        if (r === BLOCKED) {
          t.state = SLEEPING
          if (trace.on) trace.write(t, op.kind, op.obj, 'blocks', 0, 0, null)
          if (watch !== null) chooser.stepped?.(t)
          if (this.afterStep !== null) this.afterStep()
          continue
        }
      }
      if (r === LATER) {
        r = undefined
        if (timed) {
          // The time has passed for this task only: its step goes on when its clock is due.
          t.granted = true
          this.steps--
          t.steps--
          if (this.afterStep !== null) this.afterStep()
          continue
        }
      }
      if (races !== null) races.done(t, op, r)
      if (watch !== null) watch.result(t, r)
      if (trace.on) trace.write(t, op.kind, op.obj, '', valueWord(op.a), valueWord(r), null)
      this.advance(t, r)
      if (watch !== null) chooser.stepped?.(t)
      if (this.afterStep !== null) this.afterStep()
    }
  }

  /** Resume a task with the value of its operation, up to its next operation or its end. */
  private advance(t: Task, value: any): void {
    const { frames } = t
    let gen: Step<any> = frames[frames.length - 1]!.a
    let thrown: unknown = null
    let throwing = false
    for (;;) {
      let r: IteratorResult<Op, any>
      try {
        if (throwing) {
          throwing = false
          r = gen.throw(thrown)
        } else r = gen.next(value)
      } catch (e) {
        // An oops stays where it is: its backtrace starts at the function that made it.
        if (e instanceof Oops) {
          this.died(t, e)
          return
        }
        // The frame is gone. A signal unwinds frame by frame, and so does a bug of ours, which then leaves run().
        if (this.journal.watch !== null) this.journal.watch.leave(t, frames[frames.length - 1]!, e)
        frames.pop()
        if (frames.length === 0) {
          this.died(t, e)
          return
        }
        thrown = e
        throwing = true
        gen = frames[frames.length - 1]!.a
        continue
      }
      if (r.done) {
        if (frames.length === 1) {
          frames.pop()
          t.value = r.value
          this.exit(t)
          return
        }
        if (this.hooks.fns) this.hooks.fire(`leave ${frames[frames.length - 1]!.b.name}`, t, r.value)
        if (this.journal.watch !== null) this.journal.watch.leave(t, frames[frames.length - 1]!, r.value)
        frames.pop()
        value = r.value
        gen = frames[frames.length - 1]!.a
        continue
      }
      const op = r.value
      if (op.kind === CALL) {
        gen = op.a
        frames.push(op)
        if (this.journal.watch !== null) this.journal.watch.enter(t, op)
        if (this.marks !== null) this.marks.enter(op.b)
        value = undefined
        if (this.hooks.fns) this.hooks.fire(`enter ${op.b.name}`, t, null)
        continue
      }
      t.pending = op
      return
    }
  }

  /** 16 hex digits that name the interleaving of the last execution. */
  interleaving(): string {
    return this.switches.hex()
  }

  private exit(t: Task): void {
    t.state = DEAD
    t.pending = null
    this.order?.ended(t)
    if (t.held.length > 0)
      this.problem('lock held at exit', `${t.label} ends holding ${t.held.map(l => l.name).join(', ')}`)
  }

  private died(t: Task, e: unknown): void {
    t.error = e
    t.state = DEAD
    t.pending = null
    this.order?.ended(t)
    if (e instanceof Killed) {
      if (t.held.length > 0)
        this.problem('lock held at exit', `${t.label} is killed holding ${t.held.map(l => l.name).join(', ')}`)
    } else if (e instanceof Oops) {
      this.problem(e instanceof Panic ? 'panic' : 'oops', e.message)
      if (e instanceof Panic) this.panicked?.(t)
    } else throw e
  }

  private ended(): Verdict {
    const stuck = this.tasks.filter(t => t.state === SLEEPING && !(t.service && t.held.length === 0))
    if (stuck.length > 0) {
      const d = describeDeadlock(stuck)
      this.problems.push({ kind: 'deadlock', text: d, task: stuck[0]!.label, backtrace: stuck[0]!.backtrace() })
      return 'deadlock'
    }
    if (this.freedAtExit) for (const h of this.heaps) h.report_leaks()
    return this.problems.length > 0 ? 'failed' : 'held'
  }
}
