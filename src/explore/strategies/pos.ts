// Partial order sampling: priorities belong to operations, not to tasks, and those that race are drawn again.
import { ACCESS_NONE, ACCESS_WRITE, type Op, type Option, type Task } from '../../sim/index.ts'
import { Sampler } from './sampler.ts'

const U32 = 4294967296

/**
 * Partial order sampling (POS), known from Yuan, Yang and Gu (2018). Every pending operation has a random priority and
 * the highest is done next. An operation that raced with the one just done (same object, one of them writes) draws
 * again; the others keep theirs. So of the orders that differ only in independent steps none is favoured for being
 * many, and the order of two racing operations says nothing about that of the next two.
 *
 * The machine asks only where two or more may run. A task that was not among the options of the last decision was
 * asleep: what woke it is an operation on its object, so it draws again. (Under the `timed` policy it may also just
 * have been ahead of its time; drawing again is harmless.) No bound that holds for every program.
 */
export class PosChooser extends Sampler {
  /**
   * By task id, for this execution only: the operation that the priority is for, the priority, the last decision it was
   * in.
   */
  private readonly op: Op[] = []
  private readonly priority: number[] = []
  private readonly seen: number[] = []
  private decision = 0
  /** The operation done last. */
  private done: Op | null = null
  begin(): void {
    this.op.length = 0
    this.priority.length = 0
    this.seen.length = 0
    this.decision = 0
    this.done = null
  }
  protected pick(options: readonly Option[]): number {
    const { op, priority, seen, done } = this
    const before = this.decision++
    let best = 0
    let high = -1
    for (let i = 0; i < options.length; i++) {
      const t = options[i] as Task
      const { id } = t
      const pending = t.pending!
      if (op[id] !== pending || seen[id] !== before || races(pending, done)) {
        op[id] = pending
        priority[id] = this.schedule.below(U32)
      }
      seen[id] = before + 1
      if (priority[id]! > high) {
        high = priority[id]!
        best = i
      }
    }
    this.done = (options[best] as Task).pending!
    return best
  }
}

/** Does the order of two operations matter? */
function races(a: Op, b: Op | null): boolean {
  if (b === null || a.obj === null || a.obj !== b.obj) return false
  const x = a.kind.access
  const y = b.kind.access
  return x !== ACCESS_NONE && y !== ACCESS_NONE && (x === ACCESS_WRITE || y === ACCESS_WRITE)
}
