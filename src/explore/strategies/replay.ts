// Replay of recorded choices. Says where the run first departs from the record; from there on another chooser decides.
import {
  type Choice,
  type ChoiceContext,
  type ChoiceKind,
  type Chooser,
  defaultChooser,
  type Option,
  type RunEnd,
} from '../../sim/index.ts'

/** Where a replay departed from its record. */
export interface Divergence {
  /** Number of the decision, from 0. */
  readonly at: number
  readonly recorded: Choice | null
  readonly kind: ChoiceKind
  readonly options: readonly string[]
}

export class ReplayChooser implements Chooser {
  private readonly choices: readonly Choice[]
  private readonly rest: Chooser
  private n = 0
  private left = false
  /** Null while the run follows the record. */
  divergence: Divergence | null = null
  /** @param rest who decides where the record no longer does; told of tasks and steps from the start. Default: option 0. */
  constructor(choices: readonly Choice[], rest: Chooser = defaultChooser) {
    this.choices = choices
    this.rest = rest
  }
  begin(): void {
    this.n = 0
    this.left = false
    this.divergence = null
    this.rest.begin?.()
  }
  spawn(task: Option): void {
    this.rest.spawn?.(task)
  }
  stepped(task: Option): void {
    this.rest.stepped?.(task)
  }
  end(end: RunEnd): void {
    this.rest.end?.(end)
  }
  /** From here on the record counts no more, though it may fit. */
  leave(): void {
    this.left = true
  }
  choose(kind: ChoiceKind, options: readonly Option[], ctx: ChoiceContext): number {
    const at = this.n++
    if (this.left) return this.rest.choose(kind, options, ctx)
    const c = this.choices[at]
    const i = c?.kind === kind ? options.findIndex(o => o.label === c.label) : -1
    if (i >= 0) return i
    this.divergence = { at, recorded: c ?? null, kind, options: options.map(o => o.label) }
    this.left = true
    return this.rest.choose(kind, options, ctx)
  }
  /** All choices were used and none departed. */
  complete(): boolean {
    return this.divergence === null && this.n === this.choices.length
  }
}
