// Exhaustive search: every execution, by depth-first re-execution from a rewound world, with sleep sets over actual step
// footprints and pruning of states seen before.
//
// A state is named by the shared state, by what each task has observed (a task's local state is a function of that), by what
// the memory model, the race detector and lock order know, and by the clocks if anybody looks at one. Sleep sets are stored
// with the state: on a revisit only what slept then and does not sleep now is explored, and the intersection is stored
// (otherwise states are lost). With a bound on preemptions, or a focus, sleep sets are off and the state's name also holds
// the last task and the budget left. Under the policy `timed` every step moves a clock that decides who may run, so nothing
// is independent of anything and no reduction is made.
import {
  type ChoiceKind,
  type Chooser,
  DEAD,
  type Machine,
  Name,
  type Option,
  REDUNDANT,
  type Task,
  UsageError,
  type Watch,
} from '../sim/index.ts'
import { Bound } from './bound.ts'
import { KeyTable } from './key-table.ts'

/** What to search and how. */
export interface ExhaustiveOptions {
  /** Sleep sets (default on). Off under a preemption bound or a focus. */
  readonly sleep?: boolean
  /** Prune states seen before (default on). */
  readonly cache?: boolean
  /** Most preemptions of one execution; default unbounded. */
  readonly preemptions?: number
  /** Functions in which a task may be preempted; elsewhere it runs on. Default: everywhere. */
  readonly focus?: readonly string[]
  /** Time is part of every state's name from the start (default: from when somebody looks at a clock). */
  readonly clocks?: boolean
}

/** One task that need not be run from here, because what it would do was explored before: ids of what its step touches. */
export interface Sleeper {
  readonly task: number
  readonly objs: number[]
  readonly writes: boolean[]
}

/** A choice on the way to the current execution. Plain data: a list of them is where a search is, and can be kept. */
export interface Node {
  readonly kind: ChoiceKind
  /** Options still to be taken, last first: task ids of a schedule choice, else indices. The current one is not among them. */
  readonly todo: number[]
  current: number
  /** Label of the current one. */
  label: string
  /** How many there were to take when the node was new. */
  readonly of: number
  /** What sleeps here: on arrival, plus what was explored since. */
  readonly sleep: Sleeper[]
}

/** Figures of a search. */
export interface SearchStats {
  /** Executions that ran to their end. */
  complete: number
  /** Executions cut because they bring nothing new. */
  pruned: number
  /** Steps of all executions. */
  steps: number
  /** Distinct states at which there was a choice; 0 when they are not looked at. */
  states: number
  /** Depth of the deepest choice. */
  depth: number
}

/** Chance that two of so many different states had one 64-bit name, so that one of them was not explored. */
export const collisionOdds = (states: number): number => states ** 2 / 2 ** 65

const gone = (): UsageError =>
  new UsageError(
    'an execution cannot be made again: the scenario is not deterministic, or has changed since the search that is resumed',
  )

const dependent = (a: Sleeper, w: Watch): boolean => {
  for (let i = 0; i < a.objs.length; i++)
    for (let j = 0; j < w.n; j++) if (a.objs[i] === w.objs[j]!.id && (a.writes[i] || w.writes[j])) return true
  return false
}

/** A strategy that walks the whole tree, one execution at a time. `more()` says whether there is one left. */
export class Exhaustive implements Chooser {
  readonly always = true
  readonly stats: SearchStats = { complete: 0, pruned: 0, steps: 0, states: 0, depth: 0 }
  private readonly m: Machine
  private readonly watch: Watch
  private readonly sleepSets: boolean
  private readonly cache: boolean
  private readonly bound: Bound
  /** Time is part of the names of states: somebody looked at a clock. */
  clocks: boolean
  private stack: Node[] = []
  /** Where the search began: choices with nothing left to do before the last. */
  private root: readonly Node[] = []
  /** At this depth a subtree is set aside instead of explored. */
  private readonly cutAt: number
  /** What was set aside, in the order of the tree. */
  readonly parts: (readonly Node[])[] = []
  private depth = 0
  /** Tasks that sleep now. */
  private sleeping: Sleeper[] = []
  /** Place of the last schedule choice on the stack; -1 when there is none. What comes after it is being explored. */
  private lastSchedule = -1
  /** The node whose chosen step runs now, when it is the last schedule choice. */
  private stepOf: Node | null = null
  private done = false
  private redundant = false
  /** States seen, and the tasks that slept there (null: none). */
  private seen = new KeyTable<readonly number[] | null>()
  private readonly key = new Name()

  /** @param cutAt depth (in choices) below which subtrees are not explored but set aside in `parts` */
  constructor(m: Machine, watch: Watch, o: ExhaustiveOptions = {}, cutAt = Number.POSITIVE_INFINITY) {
    this.m = m
    this.watch = watch
    this.bound = new Bound(o)
    const free = m.policy === 'free'
    this.sleepSets = (o.sleep ?? true) && free && !this.bound.bounded
    this.cache = (o.cache ?? true) && free
    this.clocks = o.clocks ?? watch.clocks
    this.cutAt = cutAt
  }

  /** Is there an execution left? */
  more(): boolean {
    return !this.done
  }

  /** The search began anew where it began, because somebody looked at a clock. */
  restarted = false

  /** Go on from here: what `where` has left to do. States seen stay seen. */
  resume(where: readonly Node[]): void {
    this.root = structuredClone(where)
    this.stack = structuredClone(where) as Node[]
    this.done = false
  }
  /** There is nothing (more) to do here. */
  finish(): void {
    this.stack = []
    this.done = true
  }
  /** Where the search is: all that is left to do. */
  where(): readonly Node[] {
    return this.stack
  }
  /** The part of the tree that is done, if all branches of a choice are equal. */
  fraction(): number {
    let done = 0
    let share = 1
    for (const n of this.stack) {
      const each = share / n.of
      done += each * (n.of - n.todo.length - 1)
      share = each
    }
    return this.done ? 1 : done
  }

  begin(): void {
    this.depth = 0
    this.sleeping = []
    this.stepOf = null
    this.bound.begin()
    this.redundant = false
    this.lastSchedule = this.stack.length - 1
    while (this.lastSchedule >= 0 && this.stack[this.lastSchedule]!.kind !== 'schedule') this.lastSchedule--
  }

  choose(kind: ChoiceKind, options: readonly Option[]): number {
    if (kind !== 'schedule') return this.plain(kind, options)
    const tasks = options as readonly Task[]
    if (this.bound.holds(tasks)) return 0
    if (tasks.length === 1) {
      if (this.asleep(tasks[0]!.id)) return this.cut()
      this.bound.took(tasks, 0)
      this.stepOf = null
      return 0
    }
    const node = this.depth < this.stack.length ? this.stack[this.depth]! : this.arrive(tasks)
    if (node === null) return this.cut()
    if (this.depth === this.lastSchedule) {
      this.sleeping = node.sleep.slice()
      this.stepOf = node
    } else this.stepOf = null
    this.depth++
    let i = 0
    while (i < tasks.length && tasks[i]!.id !== node.current) i++
    if (i === tasks.length || node.kind !== 'schedule') throw gone()
    node.label = tasks[i]!.label
    this.bound.took(tasks, i)
    return i
  }

  private asleep(task: number): boolean {
    const s = this.sleeping
    for (let i = 0; i < s.length; i++) if (s[i]!.task === task) return true
    return false
  }

  private cut(): number {
    this.redundant = true
    return REDUNDANT
  }

  /** A choice that is no schedule: every option in turn. */
  private plain(kind: ChoiceKind, options: readonly Option[]): number {
    if (this.depth === this.stack.length) {
      const todo: number[] = []
      for (let i = options.length - 1; i > 0; i--) todo.push(i)
      this.stack.push({ kind, todo, current: 0, label: '', of: options.length, sleep: [] })
    }
    const node = this.stack[this.depth++]!
    if (this.depth > this.stats.depth) this.stats.depth = this.depth
    const option = options[node.current]
    if (option === undefined || node.kind !== kind) throw gone()
    node.label = option.label
    return node.current
  }

  /** A new schedule choice: what is to be explored from here; null when it is nothing. */
  private arrive(tasks: readonly Task[]): Node | null {
    // Last first, so that the running task (option 0) is taken first.
    const todo: number[] = []
    let before: readonly number[] | null | undefined
    let sleep = this.sleeping
    if (this.cache) {
      this.nameState()
      before = this.seen.get(this.key.a, this.key.b)
      // Seen: what slept then and does not now was never explored from here.
      if (before !== undefined) sleep = before === null ? [] : sleep.filter(s => before!.includes(s.task))
    }
    if (before !== null)
      for (let i = tasks.length - 1; i >= 0; i--) {
        const { id } = tasks[i]!
        if (!this.asleep(id) && (before === undefined || before.includes(id))) todo.push(id)
      }
    if (this.cache && before === undefined) this.stats.states++
    if (this.cache && (before === undefined || todo.length > 0))
      this.seen.set(this.key.a, this.key.b, sleep.length === 0 ? null : sleep.map(s => s.task))
    const of = todo.length
    const current = todo.pop()
    if (current === undefined) return null
    const node: Node = { kind: 'schedule', todo, current, label: '', of, sleep: sleep.slice() }
    if (this.stack.length >= this.cutAt) {
      this.parts.push(structuredClone([...this.stack.map(n => ({ ...n, todo: [], sleep: [] })), node]))
      return null
    }
    this.lastSchedule = this.stack.push(node) - 1
    if (this.stack.length > this.stats.depth) this.stats.depth = this.stack.length
    return node
  }

  /** Name of the state at the newest choice. */
  private nameState(): void {
    const { watch, m } = this
    const key = this.key.from(watch.a, watch.b)
    for (const t of m.tasks) {
      key.word(t.state * 2 + (t.granted ? 1 : 0))
      if (t.granted) key.value(t.result)
      if (t.state === DEAD) {
        // What it came to is still there to be looked at.
        if (t.value !== undefined) key.value(t.value)
        if (t.error !== null) key.value(String(t.error))
        continue
      }
      key.word(t.seenA).word(t.seenB)
      if (t.signals.length > 0) key.value(t.signals)
      if (this.clocks) key.value(t.now)
    }
    if (m.problems.length > 0) key.word(m.problems.length)
    m.order?.state(key)
    m.races?.state(key)
    if (m.lockdep !== null) key.word(m.lockdep.a).word(m.lockdep.b)
    if (this.bound.bounded) key.value(this.bound.last?.id).value(this.bound.budget)
  }

  /** A step ended: whoever depends on it wakes. */
  stepped(t: Option): void {
    const { watch } = this
    // What properties look at from here on is not seen by the task.
    watch.task = null
    if (!this.sleepSets) return
    const { id } = t as Task
    const node = this.stepOf
    this.stepOf = null
    // The step is new when no choice that was made in it lies deeper on the stack. It may touch other things when it
    // chooses otherwise, so what its sleeper depends on is all of that.
    if (node !== null && node.todo.length > 0 && this.depth === this.stack.length) this.explored(node, id)
    const s = this.sleeping
    if (s.length === 0) return
    let n = 0
    for (let i = 0; i < s.length; i++) {
      const x = s[i]!
      if (x.task !== id && !dependent(x, watch)) s[n++] = x
    }
    if (n < s.length) s.length = n
  }

  /** From `node` on, task `id` sleeps. */
  private explored(node: Node, id: number): void {
    const { watch } = this
    let x = node.sleep.find(s => s.task === id)
    if (x === undefined) {
      x = { task: id, objs: [], writes: [] }
      node.sleep.push(x)
    }
    for (let i = 0; i < watch.n; i++) {
      const at = x.objs.indexOf(watch.objs[i]!.id)
      if (at < 0) {
        x.objs.push(watch.objs[i]!.id)
        x.writes.push(watch.writes[i]!)
      } else if (watch.writes[i]) x.writes[at] = true
    }
  }

  end(e: { steps: number }): void {
    this.stats.steps += e.steps
    if (this.redundant) this.stats.pruned++
    else this.stats.complete++
    if (this.watch.clocks && !this.clocks) {
      // States were taken for one that differ in time. Begin anew.
      this.clocks = true
      this.restarted = true
      this.seen = new KeyTable()
      this.parts.length = 0
      this.resume(this.root)
      return
    }
    this.backtrack()
  }

  /** On to the next execution: the deepest choice with something left. */
  private backtrack(): void {
    const { stack } = this
    while (stack.length > 0) {
      const node = stack[stack.length - 1]!
      const next = node.todo.pop()
      if (next !== undefined) {
        node.current = next
        return
      }
      stack.pop()
    }
    this.done = true
  }
}
