// What each step of one execution depends on: who wrote what it read, who woke or made its task, and which earlier steps of
// its own task told it something. A dynamic slice is what a step reaches along these.
//
// * A read depends on the last write of the cell, key or list item. (Under `weak` a load need not see the last store: all
//   earlier ones count. So do all writes to a thing that is no cell and has no parts, such as a device's memory.)
// * A task that waited owes all it does from then on to whoever ended that: a lock handed over, a wake-up, a reply that was
//   there before it looked. A lock that was free connects nobody: what it protects does, if it was read.
// * The first step of a task depends on the step that made it.
// * Inside a task a value flows from a read to all that follows in the same call of a function and in what that calls, and
//   further to its caller if the function returns anything. A function that returns nothing tells its caller nothing.
//   What a daemon did before it last waited for work tells it nothing either.
// Barriers, allocations and steps that only write are kept when somebody who is kept read what they wrote.
import {
  type Chooser,
  JList,
  type Machine,
  type Op,
  RUNNABLE,
  SLEEPING,
  type Task,
  Watch,
  type Watched,
} from '../sim/index.ts'

/** One call of a function, or the body of a task. */
interface Frame {
  readonly parent: Frame | null
  readonly name: string
  /** It has returned something other than nothing. */
  tells: boolean
}

interface Access {
  readonly o: Watched
  /** Key or item; NONE for the whole. */
  part: unknown
  read: boolean
  write: boolean
  take: boolean
  readonly frame: Frame | null
}

const NONE = Symbol('whole')

/** One step of the execution. */
export interface StepRecord {
  readonly task: Task
  readonly frame: Frame
  readonly accesses: Access[]
  /** Numbers of the steps it depends on in other tasks, or through what it read. */
  readonly on: Set<number>
  /** The task's step before this one. */
  readonly before: number
  /** It waited for something, or could have had to. */
  readonly waited: boolean
  /** It looks for work to do, as a daemon. */
  readonly idle: boolean
}

/** What was written to one thing so far. */
interface History {
  /** Last step that wrote each part, and whether the part is there. */
  readonly parts: Map<unknown, { step: number; there: boolean }>
  /** Steps that wrote it as a whole. */
  readonly whole: number[]
  taken: number
}

/** The queues of a lock or a place to wait at; null of anything else. Of a store buffer only who sleeps there is one. */
const queuesOf = (o: object): readonly unknown[] | null =>
  'waiters' in o ? [o.waiters] : 'holders' in o ? Object.values(o).filter(v => v instanceof JList) : null

/** Watches an execution. Put it into the journal, and run under its chooser. */
export class Dependence extends Watch {
  /** Decides as `inner` does, and tells the watch of steps. */
  readonly chooser: Chooser
  readonly steps: StepRecord[] = []
  /** Told after each step, and before the next, when properties have looked. */
  onStep: (() => void) | null = null
  onLook: (() => void) | null = null
  private readonly m: Machine
  private accesses: Access[] = []
  private readonly last = new Map<Task, number>()
  private readonly wokenBy = new Map<Task, number>()
  private readonly top = new Map<Task, Frame>()
  private readonly asleep = new Set<Task>()
  private known = 0
  private readonly madeBy = new Map<Task, number>()
  private readonly history = new Map<Watched, History>()
  /** Queues of locks and waiters: who waits with whom tells nobody anything. */
  private readonly queues = new Set<unknown>()
  private op: Op | null = null

  constructor(m: Machine, inner: Chooser) {
    super()
    this.m = m
    this.chooser = {
      begin: () => inner.begin?.(),
      choose: (kind, options, ctx) => inner.choose(kind, options, ctx),
      stepped: t => this.stepped(t as Task),
    }
  }

  private stepped(task: Task): void {
    const n = this.steps.length
    const op = this.op!
    const frame = this.opFrame!
    const { accesses } = this
    const on = new Set<number>()
    const woken = this.wokenBy.get(task)
    const before = this.last.get(task) ?? -1
    if (woken !== undefined) on.add(woken).add(before)
    this.wokenBy.delete(task)
    if (before < 0 && this.madeBy.has(task)) on.add(this.madeBy.get(task)!)
    for (const a of accesses) if (a.read) for (const s of this.writers(a)) on.add(s)
    on.delete(-1)
    for (const a of accesses) if (a.write) this.wrote(a, n)
    const waits = op.obj !== null && 'waiters' in op.obj && op.kind.name.startsWith('wait')
    this.steps.push({
      task,
      frame,
      accesses,
      on,
      before,
      waited: waits || woken !== undefined,
      idle: waits && task.service,
    })
    this.last.set(task, n)
    const { tasks } = this.m
    for (; this.known < tasks.length; this.known++) this.madeBy.set(tasks[this.known]!, n)
    for (const t of tasks)
      if (t.state === SLEEPING) this.asleep.add(t)
      else if (this.asleep.delete(t) && t.state === RUNNABLE) this.wokenBy.set(t, n)
    this.task = null
    this.accesses = []
    this.onStep?.()
  }

  private opFrame: Frame | null = null
  override begin(op: Op): void {
    const t = this.m.current!
    if (this.steps.length === 0) this.known = this.m.tasks.length
    else this.onLook?.()
    this.accesses = []
    this.op = op
    this.opFrame = this.frameOf(t)
    super.begin(op)
    const a = this.accesses[0]
    // Under `tso` a store goes to a buffer: memory is touched where it lands, and a load looks there if at all.
    if (a !== undefined && this.m.order?.name === 'tso' && 'poke' in a.o) this.accesses.length = 0
    // Exchanges look before they write.
    else if (a?.write && !/store|WRITE_ONCE/.test(op.kind.name)) a.read = true
  }
  override enter(t: Task, call: Op): void {
    super.enter(t, call)
    this.top.set(t, { parent: this.frameOf(t), name: (call.b as { name: string }).name, tells: false })
  }
  override leave(t: Task, call: Op, value: unknown): void {
    super.leave(t, call, value)
    const f = this.frameOf(t)
    f.tells = value !== undefined
    if (f.parent !== null) this.top.set(t, f.parent)
  }
  private frameOf(t: Task): Frame {
    let f = this.top.get(t)
    if (f === undefined) {
      f = { parent: null, name: t.label, tells: false }
      this.top.set(t, f)
    }
    return f
  }
  override touch(o: Watched, write: boolean): void {
    super.touch(o, write)
    if (o.id < 0) return
    const queues = queuesOf(o)
    if (queues !== null) {
      for (const q of queues) this.queues.add(q)
      return
    }
    if (this.queues.has(o)) return
    const t = this.m.current
    const frame = t === null ? null : this.frameOf(t)
    this.accesses.push({ o, part: NONE, read: !write, write, take: false, frame })
  }
  override detail(o: Watched, part: unknown, how: 'put' | 'take' | 'look'): void {
    const a = this.accesses[this.accesses.length - 1]
    if (a === undefined || a.o !== o) return
    a.part = part
    if (how === 'take') a.take = a.read = true
  }

  /** Steps that wrote what was read since the last step, by properties. */
  looked(): number[] {
    return this.accesses.flatMap(a => this.writers(a))
  }
  /** The last step of each task in one of these states. */
  lastOf(states: readonly number[]): number[] {
    return [...this.last].filter(([t]) => states.includes(t.state)).map(([, n]) => n)
  }
  /** The last step of another task that touched what step `n` is about. */
  otherSide(n: number): number {
    const s = this.steps[n]!
    const { o } = s.accesses[0] ?? {}
    for (let i = n - 1; i >= 0; i--)
      if (this.steps[i]!.task !== s.task && this.steps[i]!.accesses.some(a => a.o === o)) return i
    return -1
  }

  private of(o: Watched): History {
    let h = this.history.get(o)
    if (h === undefined) {
      h = { parts: new Map(), whole: [], taken: -1 }
      this.history.set(o, h)
    }
    return h
  }
  private wrote(a: Access, step: number): void {
    const h = this.of(a.o)
    if (a.part === NONE) h.whole.push(step)
    else h.parts.set(a.part, { step, there: !a.take })
    if (a.take) h.taken = step
  }
  /** Steps whose writes a read may have seen. */
  private writers(a: Access): number[] {
    const h = this.history.get(a.o)
    if (h === undefined) return []
    const last = 'poke' in a.o && this.m.order?.name !== 'weak'
    const whole = last ? h.whole.slice(-1) : h.whole
    if (a.part !== NONE) return [...whole, h.parts.get(a.part)?.step ?? -1]
    const there = [...h.parts.values()].filter(p => p.there).map(p => p.step)
    return [...whole, ...(there.length > 0 ? there : [h.taken])]
  }
}

/** Does what was read in frame `g` reach frame `f`? */
const reaches = (g: Frame | null, f: Frame): boolean => {
  for (let at = g; at !== null; at = at.tells ? at.parent : null) {
    for (let x: Frame | null = f; x !== null; x = x.parent) if (x === at) return true
  }
  return false
}

/** Every step that `from` depends on, themselves included. */
export function backwards(steps: readonly StepRecord[], from: Iterable<number>): Set<number> {
  const kept = new Set<number>()
  const todo = [...from].filter(i => i >= 0)
  while (todo.length > 0) {
    const i = todo.pop()!
    if (kept.has(i)) continue
    kept.add(i)
    const s = steps[i]!
    for (const on of s.on) if (!kept.has(on)) todo.push(on)
    if (s.idle) continue
    for (let b = s.before; b >= 0; b = steps[b]!.before) {
      const x = steps[b]!
      if (!kept.has(b) && (x.waited || x.accesses.some(a => a.read && reaches(a.frame, s.frame)))) todo.push(b)
      if (x.idle) {
        todo.push(b)
        break
      }
    }
  }
  return kept
}
