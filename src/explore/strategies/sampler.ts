// What the random strategies share: streams of one seed, and choices of other kinds than the schedule.
import { type ChoiceKind, type Chooser, type Option, type Stream, Streams } from '../../sim/index.ts'

/**
 * Draws the schedule in a way of its own. Choices of other kinds are uniform, each kind from its own stream: a further
 * duration draw never shifts the schedule. The same seed makes the same choices.
 */
export abstract class Sampler implements Chooser {
  protected readonly streams: Streams
  protected readonly schedule: Stream
  constructor(seed: number) {
    this.streams = new Streams(seed)
    this.schedule = this.streams.stream('schedule')
  }
  choose(kind: ChoiceKind, options: readonly Option[]): number {
    return kind === 'schedule' ? this.pick(options) : this.streams.stream(kind).below(options.length)
  }
  /** Who runs next: an index into `options`. */
  protected abstract pick(options: readonly Option[]): number
}
