// Exhaustive search: every execution, by depth-first re-execution from a rewound world, with sleep sets over actual step
// footprints and pruning of states seen before.
//
// A state is named by the shared state's hash and, for each task, the hash of what it has observed: a task's local state is a
// function of that. Sleep sets are stored with the state: on a revisit only what slept then and does not sleep now is
// explored, and the intersection is stored (otherwise states are lost). With a bound on preemptions, or a focus, sleep sets
// are off and the state's name also holds the last task and the budget left.
import {
  type ChoiceKind,
  type Chooser,
  DEAD,
  imul,
  type Machine,
  type Option,
  REDUNDANT,
  type Task,
  type Watch,
  type Watched,
} from '../sim/index.ts'
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
}

/** One task that need not be run from here, because what it would do was explored before: its label and its step's footprint. */
interface Sleeper {
  readonly task: number
  readonly objs: readonly Watched[]
  readonly writes: readonly boolean[]
}

interface Node {
  readonly kind: ChoiceKind
  /** Options still to be taken, last first: task ids of a schedule choice, else indices. The current one is not among them. */
  readonly todo: number[]
  current: number
  /** Label of the current one. */
  label: string
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
  /** Distinct states at which there was a choice. */
  states: number
  /** Depth of the deepest choice. */
  depth: number
}

const dependent = (a: Sleeper, w: Watch): boolean => {
  for (let i = 0; i < a.objs.length; i++)
    for (let j = 0; j < w.n; j++) if (a.objs[i]!.id === w.objs[j]!.id && (a.writes[i] || w.writes[j])) return true
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
  private readonly bound: number
  private readonly focus: ReadonlySet<string> | null
  private readonly stack: Node[] = []
  private depth = 0
  /** Tasks that sleep now. */
  private sleeping: Sleeper[] = []
  /** The node whose chosen step runs now, when it is the newest choice of this execution. */
  private stepOf: Node | null = null
  private last: Task | null = null
  private budget = 0
  private done = false
  private redundant = false
  /** States seen, and the tasks that slept there (null: none). */
  private readonly seen = new KeyTable<readonly number[] | null>()

  constructor(m: Machine, watch: Watch, o: ExhaustiveOptions = {}) {
    this.m = m
    this.watch = watch
    const bounded = o.preemptions !== undefined || o.focus !== undefined
    this.sleepSets = (o.sleep ?? true) && !bounded
    this.cache = o.cache ?? true
    this.bound = o.preemptions ?? Number.POSITIVE_INFINITY
    this.focus = o.focus === undefined ? null : new Set(o.focus)
  }

  /** Is there an execution left? */
  more(): boolean {
    return !this.done
  }

  /** Choices of the current execution, by label. */
  path(): { kind: ChoiceKind; label: string }[] {
    return this.stack.map(n => ({ kind: n.kind, label: n.label }))
  }

  begin(): void {
    this.depth = 0
    this.sleeping = []
    this.stepOf = null
    this.last = null
    this.budget = this.bound
    this.redundant = false
  }

  choose(kind: ChoiceKind, options: readonly Option[]): number {
    if (kind !== 'schedule') return this.plain(kind, options)
    const tasks = options as readonly Task[]
    const running = this.last !== null && tasks[0] === this.last ? this.last : null
    if (running !== null && tasks.length > 1 && (this.budget <= 0 || !this.inFocus(running))) return 0
    if (tasks.length === 1) {
      if (this.asleep(tasks[0]!.id)) return this.cut()
      this.last = tasks[0]!
      this.stepOf = null
      return 0
    }
    const node = this.depth < this.stack.length ? this.stack[this.depth]! : this.arrive(tasks)
    if (node === null) return this.cut()
    if (this.depth === this.stack.length - 1) {
      this.sleeping = node.sleep.slice()
      this.stepOf = node
    } else this.stepOf = null
    this.depth++
    let i = 0
    while (tasks[i]!.id !== node.current) i++
    node.label = tasks[i]!.label
    if (running !== null && i !== 0) this.budget--
    this.last = tasks[i]!
    return i
  }

  private inFocus(t: Task): boolean {
    return this.focus === null || t.within(this.focus)
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
      this.stack.push({ kind, todo, current: 0, label: '', sleep: [] })
    }
    const node = this.stack[this.depth++]!
    if (this.depth > this.stats.depth) this.stats.depth = this.depth
    node.label = options[node.current]!.label
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
      before = this.seen.get(this.a, this.b)
      // Seen: what slept then and does not now was never explored from here.
      if (before !== undefined) sleep = before === null ? [] : sleep.filter(s => before!.includes(s.task))
    }
    if (before !== null)
      for (let i = tasks.length - 1; i >= 0; i--) {
        const { id } = tasks[i]!
        if (!this.asleep(id) && (before === undefined || before.includes(id))) todo.push(id)
      }
    if (before === undefined) this.stats.states++
    if (this.cache && (before === undefined || todo.length > 0))
      this.seen.set(this.a, this.b, sleep.length === 0 ? null : sleep.map(s => s.task))
    const current = todo.pop()
    if (current === undefined) return null
    const node: Node = { kind: 'schedule', todo, current, label: '', sleep: sleep.slice() }
    this.stack.push(node)
    if (this.stack.length > this.stats.depth) this.stats.depth = this.stack.length
    return node
  }

  /** Name of the state at the newest choice: two words. */
  private a = 0
  private b = 0
  private nameState(): void {
    const { watch, m } = this
    let a = watch.a
    let b = watch.b
    const mix = (w: number): void => {
      a = imul(a ^ w, 0x85ebca6b)
      a ^= a >>> 13
      b = (imul(b + w, 0x9e3779b1) ^ (a >>> 16)) | 0
    }
    for (const t of m.tasks) {
      mix(t.id * 8 + t.state * 2 + (t.granted ? 1 : 0))
      if (t.state === DEAD) continue
      mix(t.seenA)
      mix(t.seenB)
    }
    if (this.bound !== Number.POSITIVE_INFINITY || this.focus !== null) {
      mix(this.last === null ? -1 : this.last.id)
      mix(this.bound === Number.POSITIVE_INFINITY ? 0 : this.budget)
    }
    this.a = a | 0
    this.b = b | 0
  }

  /** A step ended: whoever depends on it wakes. */
  stepped(t: Option): void {
    if (!this.sleepSets) return
    const { watch } = this
    const { id } = t as Task
    const node = this.stepOf
    this.stepOf = null
    if (node !== null && node.todo.length > 0)
      node.sleep.push({ task: id, objs: watch.objs.slice(0, watch.n), writes: watch.writes.slice(0, watch.n) })
    const s = this.sleeping
    if (s.length === 0) return
    let n = 0
    for (let i = 0; i < s.length; i++) {
      const x = s[i]!
      if (x.task !== id && !dependent(x, watch)) s[n++] = x
    }
    if (n < s.length) s.length = n
  }

  end(e: { steps: number }): void {
    this.stats.steps += e.steps
    if (this.redundant) this.stats.pruned++
    else this.stats.complete++
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
