// Uniform random choice, from its own stream of the seed. The same seed makes the same choices.
import { type ChoiceKind, type Chooser, type Option, Streams } from '../../sim/index.ts'

/** Choose uniformly at every decision. Streams by kind: a further duration draw never shifts the schedule. */
export class RandomChooser implements Chooser {
  private readonly streams: Streams
  constructor(seed: number) {
    this.streams = new Streams(seed)
  }
  choose(kind: ChoiceKind, options: readonly Option[]): number {
    return this.streams.stream(kind).below(options.length)
  }
}
