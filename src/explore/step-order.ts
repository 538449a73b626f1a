// The order in which tasks took their steps, written down and followed again where some of them are missing: those who
// remain keep their order among each other. It is how a failure survives that a task is left out.
import type { ChoiceContext, ChoiceKind, Chooser, Machine, Option } from '../sim/index.ts'
import { Places } from './places.ts'

/** One execution: who took each step, and the label of every other choice that was not the default, by its place. */
export interface StepOrder {
  readonly steps: readonly string[]
  readonly others: ReadonlyMap<string, string>
}

/** Passes on to `inner` and writes the order of steps down, the current execution only. */
export class StepTape implements Chooser {
  readonly always = true
  private steps: string[] = []
  private others = new Map<string, string>()
  private readonly places: Places
  private readonly inner: Chooser
  constructor(m: Machine, inner: Chooser) {
    this.places = new Places(m)
    this.inner = inner
  }
  begin(): void {
    this.steps = []
    this.others = new Map()
    this.places.reset()
    this.inner.begin?.()
  }
  choose(kind: ChoiceKind, options: readonly Option[], ctx: ChoiceContext): number {
    // Who can't do without a second option is not asked.
    const i = options.length < 2 && this.inner.always !== true ? 0 : this.inner.choose(kind, options, ctx)
    if (kind === 'schedule') this.steps.push(options[i]!.label)
    else {
      const place = this.places.name(kind, options)
      if (i > 0) this.others.set(place, options[i]!.label)
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
  private readonly o: StepOrder
  private readonly at = new Map<string, number[]>()
  private readonly next = new Map<string, number>()
  private readonly places: Places
  constructor(m: Machine, o: StepOrder) {
    this.o = o
    this.places = new Places(m)
    for (const [i, label] of o.steps.entries()) {
      const list = this.at.get(label)
      if (list === undefined) this.at.set(label, [i])
      else list.push(i)
    }
  }
  begin(): void {
    this.next.clear()
    this.places.reset()
  }
  choose(kind: ChoiceKind, options: readonly Option[]): number {
    if (kind !== 'schedule') {
      const label = this.o.others.get(this.places.name(kind, options))
      const i = label === undefined ? 0 : options.findIndex(o => o.label === label)
      return i < 0 ? 0 : i
    }
    let pick = 0
    let first = Number.POSITIVE_INFINITY
    for (const [i, o] of options.entries()) {
      const at = this.at.get(o.label)?.[this.next.get(o.label) ?? 0] ?? Number.POSITIVE_INFINITY
      if (at < first) {
        first = at
        pick = i
      }
    }
    const { label } = options[pick]!
    this.next.set(label, (this.next.get(label) ?? 0) + 1)
    return pick
  }
}
