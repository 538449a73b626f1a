// Uniform random choice, from its own stream of the seed. The same seed makes the same choices.
import { type ChoiceKind, type Chooser, type Option, type Stream, Streams } from '../../sim/index.ts'

/** Choose uniformly at every decision. Streams by kind: a further duration draw never shifts the schedule. */
export class RandomChooser implements Chooser {
  private readonly streams: Streams
  /** The kind most often asked for, without the look-up by name. */
  private readonly schedule: Stream
  constructor(seed: number) {
    this.streams = new Streams(seed)
    this.schedule = this.streams.stream('schedule')
  }
  choose(kind: ChoiceKind, options: readonly Option[]): number {
    const s = kind === 'schedule' ? this.schedule : this.streams.stream(kind)
    return s.below(options.length)
  }
}
