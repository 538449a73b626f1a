// The order in which tasks took their steps, written down and followed again where some of them are missing: those who
// remain keep their order among each other. It is how a failure survives that a task is left out. Only steps that end
// count, not those that go to sleep or wait for their clock: who leaves out a lock's holder takes away a sleep of others,
// not a step.
import type { ChoiceContext, ChoiceKind, Chooser, Machine, Op, Option, Task } from '../sim/index.ts'

/** One execution: who took each step, and the label of every other choice that was not the default, by its place. */
export interface StepOrder {
  readonly steps: readonly string[]
  readonly others: ReadonlyMap<string, string>
}

/** How many steps each task has taken. */
class Steps {
  private readonly taken = new Map<string, number>()
  /** The step chosen last, and the operation it is to do. */
  private last: Task | null = null
  private op: Op | null = null
  /** Choices within it. */
  private within = 0

  reset(): void {
    this.taken.clear()
    this.last = null
    this.op = null
  }
  of(label: string): number {
    return this.taken.get(label) ?? 0
  }
  /** The step chosen last is over: did it end? If not it does not count. */
  settle(): boolean {
    const { last, op } = this
    this.last = null
    if (last === null || op === null || last.pending !== op) return true
    this.taken.set(last.label, this.of(last.label) - 1)
    return false
  }
  chose(t: Task): void {
    this.taken.set(t.label, this.of(t.label) + 1)
    this.last = t
    this.op = t.pending
    this.within = 0
  }
  /** A name for a choice within the step. */
  place(kind: ChoiceKind, t: Task | null): string {
    return `${kind} ${t?.label ?? '-'} ${t === null ? 0 : this.of(t.label)} ${this.within++}`
  }
}

/** Passes on to `inner` and writes the order of steps down, the current execution only. */
export class StepTape implements Chooser {
  readonly always = true
  private steps: string[] = []
  private others = new Map<string, string>()
  private readonly count = new Steps()
  private readonly m: Machine
  private readonly inner: Chooser
  constructor(m: Machine, inner: Chooser) {
    this.m = m
    this.inner = inner
  }
  begin(): void {
    this.steps = []
    this.others = new Map()
    this.count.reset()
    this.inner.begin?.()
  }
  choose(kind: ChoiceKind, options: readonly Option[], ctx: ChoiceContext): number {
    // Who can't do without a second option is not asked.
    const i = options.length < 2 && this.inner.always !== true ? 0 : this.inner.choose(kind, options, ctx)
    const { label } = options[i]!
    if (kind === 'schedule') {
      if (!this.count.settle()) this.steps.pop()
      this.count.chose(options[i] as Task)
      this.steps.push(label)
    } else {
      const place = this.count.place(kind, this.m.current)
      if (i > 0) this.others.set(place, label)
    }
    return i
  }
  get order(): StepOrder {
    return { steps: this.steps, others: this.others }
  }
}

/** Follows an order: of those who may run, the one whose next step comes first in it; the default when it is used up. */
export class StepChooser implements Chooser {
  readonly always = true
  private readonly m: Machine
  private readonly o: StepOrder
  private readonly at = new Map<string, number[]>()
  private readonly count = new Steps()
  constructor(m: Machine, o: StepOrder) {
    this.m = m
    this.o = o
    for (const [i, label] of o.steps.entries()) {
      const list = this.at.get(label)
      if (list === undefined) this.at.set(label, [i])
      else list.push(i)
    }
  }
  begin(): void {
    this.count.reset()
  }
  choose(kind: ChoiceKind, options: readonly Option[]): number {
    const { count } = this
    if (kind !== 'schedule') {
      const label = this.o.others.get(count.place(kind, this.m.current))
      const i = label === undefined ? 0 : options.findIndex(o => o.label === label)
      return i < 0 ? 0 : i
    }
    count.settle()
    let pick = 0
    let first = Number.POSITIVE_INFINITY
    for (const [i, o] of options.entries()) {
      const at = this.at.get(o.label)?.[count.of(o.label)] ?? Number.POSITIVE_INFINITY
      if (at < first) {
        first = at
        pick = i
      }
    }
    count.chose(options[pick] as Task)
    return pick
  }
}
