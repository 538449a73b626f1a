// Replay of recorded choices. Says where the run first departs from the record; from there on it takes the default.
import type { Choice, ChoiceKind, Chooser, Option } from '../../sim/index.ts'

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
  private n = 0
  /** Null while the run follows the record. */
  divergence: Divergence | null = null
  constructor(choices: readonly Choice[]) {
    this.choices = choices
  }
  begin(): void {
    this.n = 0
    this.divergence = null
  }
  choose(kind: ChoiceKind, options: readonly Option[]): number {
    const at = this.n++
    if (this.divergence !== null) return 0
    const c = this.choices[at]
    const i = c?.kind === kind ? options.findIndex(o => o.label === c.label) : -1
    if (i >= 0) return i
    this.divergence = { at, recorded: c ?? null, kind, options: options.map(o => o.label) }
    return 0
  }
  /** All choices were used and none departed. */
  complete(): boolean {
    return this.divergence === null && this.n === this.choices.length
  }
}
