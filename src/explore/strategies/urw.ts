// Uniform random walk: a runnable task is drawn with a weight of the steps it still has to do.
import type { Option, RunEnd, Task } from '../../sim/index.ts'
import { Sampler } from './sampler.ts'

/** Share of the newest execution in a task's estimate: the mean of all at first, a moving average later. */
const share = (executions: number): number => (executions < 32 ? 1 / executions : 1 / 32)
const U32 = 4294967296

/**
 * Uniform random walk (URW). Known from work on selectively uniform concurrency testing (2025): if the weights are
 * right, every interleaving of tasks that never sleep is equally likely, where a fair coin at each step piles up on
 * those in which all tasks advance abreast. So a short task beside long ones may meet any point of theirs.
 *
 * How many steps a task takes is learnt by its label from earlier executions (their mean, later a moving average);
 * the first execution knows nothing and is uniform. A task not met before counts as an average one, one beyond its
 * estimate as having one step left. No bound.
 */
export class UrwChooser extends Sampler {
  /** Steps of a whole task, by label. */
  private readonly learnt = new Map<string, number>()
  private average = 0
  /** Executions learnt from. */
  private executions = 0
  /** By task id, for this execution only: the tasks met, their estimates. */
  private readonly tasks: Task[] = []
  private readonly estimate: number[] = []
  private readonly weight: number[] = []
  begin(): void {
    this.tasks.length = 0
    this.estimate.length = 0
  }
  protected pick(options: readonly Option[]): number {
    const { estimate, weight } = this
    let total = 0
    for (let i = 0; i < options.length; i++) {
      const t = options[i] as Task
      const e = estimate[t.id] ?? this.meet(t)
      const left = e - t.steps
      total += weight[i] = left < 1 ? 1 : left
    }
    let at = (this.schedule.below(U32) / U32) * total
    const last = options.length - 1
    for (let i = 0; i < last; i++) {
      at -= weight[i]!
      if (at < 0) return i
    }
    return last
  }
  end(end: RunEnd): void {
    const whole = end.verdict === 'held' || end.verdict === 'failed'
    const part = share(++this.executions)
    for (const t of this.tasks) {
      if (t === undefined) continue
      const old = this.learnt.get(t.label)
      // An execution that was cut short tells only that a task takes at least so many steps.
      if (old === undefined) this.learnt.set(t.label, t.steps)
      else if (whole || t.steps > old) this.learnt.set(t.label, old + (t.steps - old) * part)
    }
    let sum = 0
    for (const steps of this.learnt.values()) sum += steps
    this.average = this.learnt.size === 0 ? 0 : sum / this.learnt.size
    this.begin()
  }
  private meet(t: Task): number {
    this.tasks[t.id] = t
    const e = this.learnt.get(t.label) ?? this.average
    this.estimate[t.id] = e
    return e
  }
}
