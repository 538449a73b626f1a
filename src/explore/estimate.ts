// How large is the tree? Knuth's estimate: a random way down it weighs as much as the product of the number of options on
// the way; the mean weight is the number of ways, without bias but with a wide spread, so the spread is told too. The tree is
// the bare one (within the bound on preemptions and the focus): what reductions will save nobody knows beforehand.
import { type ChoiceKind, type Chooser, type Option, Streams, type Task } from '../sim/index.ts'
import { Bound } from './bound.ts'
import type { ExhaustiveOptions } from './exhaustive.ts'

export interface Estimate {
  /** Power of ten of the number of executions without reduction: of the mean of the weights. */
  readonly log10: number
  /** The mean of the powers, and their standard deviation. Below `log10`, the more so the wider the spread. */
  readonly geometric: number
  readonly spread: number
  readonly probes: number
}

/** One random way down. */
class Probe implements Chooser {
  /** Natural logarithm of its weight. */
  weight = 0
  private readonly draws = new Streams(1).stream('probe')
  private readonly bound: Bound
  constructor(o: ExhaustiveOptions) {
    this.bound = new Bound(o)
  }
  begin(): void {
    this.weight = 0
    this.bound.begin()
  }
  /** The bound must see every step. */
  readonly always = true
  choose(kind: ChoiceKind, options: readonly Option[]): number {
    const tasks = options as readonly Task[]
    if (kind === 'schedule' && this.bound.holds(tasks)) return 0
    this.weight += Math.log(options.length)
    const i = options.length === 1 ? 0 : this.draws.below(options.length)
    if (kind === 'schedule') this.bound.took(tasks, i)
    return i
  }
}

/** Most steps of all probes together. */
const MAX_STEPS = 1_000_000

/**
 * @param run makes one execution from the start, under the chooser it is given; gives its steps
 * @param most how many probes, if they are not too long
 */
export function estimate(run: (c: Chooser) => number, o: ExhaustiveOptions = {}, most = 50): Estimate {
  const probe = new Probe(o)
  const weights: number[] = []
  for (let steps = 0; weights.length < most && steps < MAX_STEPS; ) {
    steps += run(probe)
    weights.push(probe.weight)
  }
  const probes = weights.length
  const top = Math.max(...weights)
  const mean = weights.reduce((a, w) => a + w, 0) / probes
  const sum = weights.reduce((a, w) => a + Math.exp(w - top), 0)
  const variance = weights.reduce((a, w) => a + (w - mean) ** 2, 0) / probes
  const ten = (x: number): number => Math.round((x / Math.LN10) * 100) / 100
  return {
    log10: ten(top + Math.log(sum / probes)),
    geometric: ten(mean),
    spread: ten(Math.sqrt(variance)),
    probes,
  }
}
