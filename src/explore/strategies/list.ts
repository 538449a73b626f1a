// Choices from a list, then the default: what a hand-written interleaving or a shrinker's candidate is.
import type { ChoiceKind, Chooser, Option } from '../../sim/index.ts'

/** Take the listed labels, one a decision; a label that is not among the options, or the end of the list, means the default. */
export class ListChooser implements Chooser {
  private readonly labels: readonly string[]
  private n = 0
  constructor(labels: readonly string[]) {
    this.labels = labels
  }
  begin(): void {
    this.n = 0
  }
  choose(_kind: ChoiceKind, options: readonly Option[]): number {
    const label = this.labels[this.n++]
    const i = options.findIndex(o => o.label === label)
    return i < 0 ? 0 : i
  }
}
