// Uniform random choice: any runnable task, with equal chances, at every decision.
import type { Option } from '../../sim/index.ts'
import { Sampler } from './sampler.ts'

export class RandomChooser extends Sampler {
  protected pick(options: readonly Option[]): number {
    return this.schedule.below(options.length)
  }
}
