// Where the running task may be preempted: only so often in an execution, only in some functions. The exhaustive search and
// the estimate of its size keep to it.
import type { Task } from '../sim/index.ts'

export class Bound {
  /** Preemptions left in this execution. */
  budget = 0
  /** The task that ran last. */
  last: Task | null = null
  /** Is there a bound at all? */
  readonly bounded: boolean
  private readonly preemptions: number
  private readonly focus: ReadonlySet<string> | null

  constructor(o: { readonly preemptions?: number; readonly focus?: readonly string[] }) {
    this.preemptions = o.preemptions ?? Number.POSITIVE_INFINITY
    this.focus = o.focus === undefined ? null : new Set(o.focus)
    this.bounded = o.preemptions !== undefined || o.focus !== undefined
  }
  begin(): void {
    this.last = null
    this.budget = this.preemptions
  }
  /** Must the running task (option 0) run on? */
  holds(tasks: readonly Task[]): boolean {
    if (!this.bounded || tasks.length < 2 || tasks[0] !== this.last) return false
    return this.budget <= 0 || (this.focus !== null && !tasks[0]!.within(this.focus))
  }
  /** Option `i` is taken. */
  took(tasks: readonly Task[], i: number): void {
    if (i !== 0 && tasks[0] === this.last) this.budget--
    this.last = tasks[i]!
  }
}
