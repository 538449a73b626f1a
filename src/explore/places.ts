// A decision by its place: which task would run on (or runs) and how many steps of its own it has done. The name stays the
// same when other decisions, or other tasks, are taken away; the number of a decision does not.
import type { ChoiceContext, ChoiceKind, Chooser, Machine, Option, Task } from '../sim/index.ts'

/** Names the decisions of one execution, in their order. */
export class Places {
  private readonly m: Machine
  private readonly last = new Map<string, { steps: number; n: number }>()
  constructor(m: Machine) {
    this.m = m
  }
  reset(): void {
    this.last.clear()
  }
  name(kind: ChoiceKind, options: readonly Option[]): string {
    const task = kind === 'schedule' ? (options[0] as Task) : this.m.current
    const who = kind === 'schedule' ? task!.label : `${kind} ${task?.label ?? '-'}`
    const steps = task?.steps ?? 0
    const l = this.last.get(who)
    if (l === undefined) {
      this.last.set(who, { steps, n: 0 })
      return `${who} ${steps} 0`
    }
    // More than one decision while the task stands where it is.
    l.n = l.steps === steps ? l.n + 1 : 0
    l.steps = steps
    return `${who} ${steps} ${l.n}`
  }
}

/** A deviation by its place. */
export interface Placed {
  readonly place: string
  readonly label: string
}

/** Passes on to `inner` and notes the place and label of every deviation. */
export class PlaceTape implements Chooser {
  readonly found: Placed[] = []
  private readonly places: Places
  private readonly inner: Chooser
  constructor(m: Machine, inner: Chooser) {
    this.places = new Places(m)
    this.inner = inner
  }
  begin(): void {
    this.found.length = 0
    this.places.reset()
    this.inner.begin?.()
  }
  choose(kind: ChoiceKind, options: readonly Option[], ctx: ChoiceContext): number {
    const place = this.places.name(kind, options)
    const i = this.inner.choose(kind, options, ctx)
    if (i > 0) this.found.push({ place, label: options[i]!.label })
    return i
  }
}

/** Takes the deviations that are switched on, at their places, and the default elsewhere. */
export class PlaceChooser implements Chooser {
  /** By number of the deviation: 1 if it is on. */
  readonly on: Uint8Array
  /** Numbers of those that were taken in this execution. */
  readonly taken: number[] = []
  private readonly at = new Map<string, number>()
  private readonly places: Places
  private readonly all: readonly Placed[]
  constructor(m: Machine, all: readonly Placed[]) {
    this.places = new Places(m)
    this.all = all
    this.on = new Uint8Array(all.length)
    for (const [i, d] of all.entries()) this.at.set(d.place, i)
  }
  begin(): void {
    this.taken.length = 0
    this.places.reset()
  }
  choose(kind: ChoiceKind, options: readonly Option[]): number {
    const d = this.at.get(this.places.name(kind, options))
    if (d === undefined || this.on[d] === 0) return 0
    const { label } = this.all[d]!
    const i = options.findIndex(o => o.label === label)
    if (i <= 0) return 0
    this.taken.push(d)
    return i
  }
}
