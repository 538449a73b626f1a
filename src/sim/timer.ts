// struct timer_list, and waits that give up after a time. A pending timer is a service task that could run: under `timed`
// when its time is due, under `free` whenever the schedule says so. The callback runs in that task, for no process, and must
// not sleep. So that runs end: what is set after every task but services ended does not fire, and a timer that fired IDLE
// times while no such task took a step has fired enough.
import { assert } from './assert.ts'
import { Cell } from './cell.ts'
import type { Undoable } from './journal.ts'
import { kfn } from './kfn.ts'
import type { Machine } from './machine.ts'
import { max } from './math.ts'
import { ACCESS_WRITE, BLOCKED, Op, OpKind, type Step } from './op.ts'
import type { WaitMode } from './signal.ts'
import { DEAD, SLEEPING, type Task } from './task.ts'
import { type Completion, WaitQueue, wait_event } from './wait.ts'

const IDLE = 100_000

/** Not set; will fire; would fire if anybody were left. */
type Pending = 'no' | 'yes' | 'too late'

/** What is of one execution and of no interest to the search: the service, when it is due, and how it fired lately. */
interface Service {
  readonly task: Task | null
  readonly expires: number
  /** Steps of all tasks but services when it fired last, and how often since they were as many. */
  readonly work: number
  readonly times: number
}

/** struct timer_list */
export class Timer implements Undoable {
  readonly id: number
  readonly name: string
  private readonly m: Machine
  private readonly callback: () => Step<void> | Op<void>
  private readonly pending: Cell<Pending>
  private readonly running: Cell<boolean>
  /** Those who wait for the callback to end. */
  readonly done: WaitQueue
  private s: Service = { task: null, expires: 0, work: -1, times: 0 }

  constructor(m: Machine, name: string, callback: () => Step<void> | Op<void>) {
    this.id = m.newId()
    this.name = name
    this.m = m
    this.callback = callback
    this.pending = new Cell<Pending>(m, `${name} pending`, 'no')
    this.running = new Cell(m, `${name} running`, false)
    this.done = new WaitQueue(m, `end of ${name}`)
  }
  private set(s: Partial<Service>): void {
    this.m.journal.push(this, 0, this.s)
    this.s = { ...this.s, ...s }
  }
  undo(_key: unknown, old: Service): void {
    this.s = old
  }
  isRunning(): boolean {
    return this.running.peek()
  }
  /** Is `t` the one that runs the callback? */
  runsIn(t: Task): boolean {
    return this.s.task === t
  }
  /** Somebody else than a service is left. */
  private anybody(): boolean {
    return this.m.tasks.some(x => !x.service && x.state !== DEAD)
  }
  /** Fire at `expires`, and not when it would have before. True when it was pending. */
  mod(t: Task, expires: number): boolean {
    const was = this.pending.peek() !== 'no'
    this.m.order?.waking(t)
    this.m.races?.waking(t, this)
    this.pending.poke(this.anybody() ? 'yes' : 'too late')
    this.set({ expires: max(expires, t.now) })
    if (this.s.task === null) {
      const task = this.m.spawn(`timer/${this.name}`, this.service(), { service: true })
      task.atomic = `the callback of ${this.name}`
      // Its start is its first expiry.
      task.pending = new Op(EXPIRES, this)
      this.set({ task })
    }
    if (!this.isRunning()) this.wait(this.s.task!)
    return was
  }
  /** The service could run, from `expires` on. */
  private wait(task: Task): void {
    this.m.retry(task)
    task.now = this.s.expires
  }
  /** True when it was pending. */
  del(t: Task): boolean {
    const was = this.pending.peek() !== 'no'
    this.pending.poke('no')
    const { task } = this.s
    if (was && task !== null && !this.isRunning()) {
      task.state = SLEEPING
      task.now = t.now
    }
    return was
  }
  /** The turn of the service came. */
  expired(t: Task): any {
    const p = this.pending.peek()
    if (p === 'no' || (p === 'too late' && !this.anybody())) return BLOCKED
    const work = this.m.tasks.reduce((n, x) => (x.service ? n : n + x.steps), 0)
    const times = work === this.s.work ? this.s.times + 1 : 0
    if (times === IDLE) return BLOCKED
    this.set({ work, times })
    this.pending.poke('no')
    this.running.poke(true)
    this.m.order?.waited(t)
    this.m.races?.waited(t, this)
    return undefined
  }
  private *service(): Step<void> {
    for (;;) {
      yield* this.callback()
      this.running.poke(false)
      this.done.wake_up()
      if (this.pending.peek() !== 'no') this.wait(this.s.task!)
      yield* new Op<void>(EXPIRES, this)
    }
  }
  /** Set-up is over, and with it the service. */
  retire(): void {
    assert(this.pending.peek() === 'no', `${this.name} is pending when set-up ends`)
    this.set({ task: null })
  }
}

const EXPIRES = new OpKind('timer expires', ACCESS_WRITE, 0, true, (t, op) => (op.obj as Timer).expired(t))
const MOD = new OpKind('mod_timer', ACCESS_WRITE, 20, true, (t, op) => (op.obj as Timer).mod(t, op.a))
const DEL = new OpKind('del_timer', ACCESS_WRITE, 20, true, (t, op) => (op.obj as Timer).del(t))

/** Let it fire at virtual time `expires`, ns. True when it was pending. */
export const mod_timer = (timer: Timer, expires: number): Op<boolean> => new Op<boolean>(MOD, timer, expires)
/** It fires no more, unless its callback has begun. True when it was pending. */
export const del_timer = (timer: Timer): Op<boolean> => new Op<boolean>(DEL, timer)
/** The same, and its callback is over. */
export const del_timer_sync = kfn('del_timer_sync', function* (timer: Timer): Step<boolean> {
  const t = timer.done.m.current!
  if (timer.runsIn(t))
    t.m.problem('self-deadlock', `the callback of ${timer.name} waits in del_timer_sync() for its own end`)
  const was = yield* del_timer(timer)
  if (timer.isRunning()) yield* wait_event(timer.done, () => !timer.isRunning())
  return was
})

/** What a task needs to give up a wait; made when it first does. */
export class Timeout {
  readonly late: Cell<boolean>
  readonly timer: Timer
  constructor(t: Task) {
    this.late = new Cell(t.m, `timeout of ${t.label}`, false)
    const wake = function* (late: Cell<boolean>): Step<void> {
      late.poke(true)
      t.m.retry(t)
    }
    this.timer = new Timer(t.m, `timeout of ${t.label}`, () => wake(this.late))
  }
}

/**
 * Sleep until `cond` holds, `ns` at most. 0 when the time is over and it does not hold, INTERRUPTED, or what was left of the
 * time, at least 1 (under `free`, 1: there time says nothing).
 */
export const wait_event_timeout = kfn(
  'wait_event_timeout',
  function* (q: WaitQueue, cond: () => boolean, ns: number, mode: WaitMode = 'uninterruptible'): Step<number> {
    const t = q.m.current!
    t.timeout ??= new Timeout(t)
    const { late, timer } = t.timeout
    const end = t.now + ns
    late.poke(false)
    yield* mod_timer(timer, end)
    const rc = yield* wait_event(q, () => cond() || late.peek(), mode)
    yield* del_timer_sync(timer)
    if (rc < 0) return rc
    if (!cond()) return 0
    return t.m.policy === 'timed' ? max(1, end - t.now) : 1
  },
)
/** Sleep until somebody called complete(), `ns` at most; returns as wait_event_timeout(). */
export const wait_for_completion_timeout = (c: Completion, ns: number, mode?: WaitMode): Op<number> =>
  wait_event_timeout(c.q, () => c.isDone(), ns, mode)
