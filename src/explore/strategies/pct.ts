// Probabilistic concurrency testing: random priorities and a few random places where the running task loses its own.
import { assert, type Option, type RunEnd, type Stream, type Task } from '../../sim/index.ts'
import { Sampler } from './sampler.ts'

const U32 = 4294967296

/**
 * PCT of depth d, known from Burckhardt and others (2010). Every task gets a random priority; of the runnable tasks the
 * one with the highest runs, until it sleeps or ends. At d-1 decisions, drawn anew for every execution, the task that
 * is about to run drops below all others. So it runs long stretches undisturbed, and preempts at d-1 points at most (a
 * woken or new task of higher priority takes over besides).
 *
 * Bound: with n tasks and k decisions, an execution meets a bug of depth d (one that d ordered pairs of steps bring
 * about) with a probability of at least 1/(n * k^(d-1)). Only steps with more than one runnable task are decisions:
 * where a task is alone, a lower priority shows no sooner than at the next decision, so k may leave those steps out. n
 * and k are the most of the earlier executions; the first one measures, and has priorities only.
 */
export class PctChooser extends Sampler {
  readonly depth: number
  private readonly changes: Stream
  /** Most tasks that took part in decisions, and most decisions, of an earlier execution. */
  private n = 0
  private k = 0
  /** Of this execution: priority by task id, decisions so far, the decisions at which priority i is handed out. */
  private readonly priority: number[] = []
  private met = 0
  private decision = 0
  private readonly points: number[] = []
  constructor(seed: number, depth: number) {
    super(seed)
    assert(Number.isInteger(depth) && depth >= 1, `a PCT depth is 1 or more, not ${depth}`)
    this.depth = depth
    this.changes = this.streams.stream('change points')
  }
  begin(): void {
    this.priority.length = 0
    this.met = 0
    this.decision = 0
    this.points.length = 0
    if (this.k > 0) for (let i = 0; i < this.depth - 1; i++) this.points.push(this.changes.below(this.k))
  }
  protected pick(options: readonly Option[]): number {
    const { points } = this
    let top = this.top(options)
    for (let i = 0; i < points.length; i++) {
      if (points[i] !== this.decision) continue
      this.priority[(options[top] as Task).id] = i
      top = this.top(options)
    }
    this.decision++
    return top
  }
  end(end: RunEnd): void {
    // A livelock would push the change points out of reach of any ordinary execution.
    if (end.verdict === 'steps') return
    if (this.met > this.n) this.n = this.met
    if (this.decision > this.k) this.k = this.decision
  }
  /** Least probability that one execution meets a given bug of this depth; 0 before anything was measured. */
  bound(): number {
    return this.k === 0 ? 0 : 1 / (this.n * this.k ** (this.depth - 1))
  }
  describe(): string {
    const { depth: d, n, k } = this
    if (k === 0) return `PCT, depth ${d}: no bound before the first execution`
    const over = d === 1 ? `${n}` : d === 2 ? `(${n} * ${k})` : `(${n} * ${k}^${d - 1})`
    return `PCT, depth ${d}: ${n} tasks, ${k} decisions; an execution meets a bug of depth ${d} with probability 1/${over} = ${this.bound().toPrecision(2)} or more`
  }
  /** The option of highest priority. A task met for the first time draws its own, above all that changes hand out. */
  private top(options: readonly Option[]): number {
    const { priority } = this
    let best = 0
    let high = -1
    for (let i = 0; i < options.length; i++) {
      const { id } = options[i] as Task
      let p = priority[id]
      if (p === undefined) {
        p = priority[id] = this.depth + this.schedule.below(U32)
        this.met++
      }
      if (p > high) {
        high = p
        best = i
      }
    }
    return best
  }
}
