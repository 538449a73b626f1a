// The strategies that need nothing but a seed, in one table: the command, the book and the benchmarks read it.
import { type Chooser, UsageError } from '../../sim/index.ts'
import { PctChooser } from './pct.ts'
import { PortfolioChooser } from './portfolio.ts'
import { PosChooser } from './pos.ts'
import { RandomChooser } from './random.ts'
import { UrwChooser } from './urw.ts'

/** A chooser that may have something to say after a search: its bound, with the numbers it measured. */
export interface Strategy extends Chooser {
  describe?(): string
}

export interface StrategyRow {
  /** As typed on the command line. */
  readonly name: string
  /** One line: what it does and when to take it. */
  readonly story: string
  /** A fresh one. Use the same one for all executions of a search: it goes on drawing, and may learn. */
  make(seed: number): Strategy
}

/** Every strategy that is made from a seed alone, the one to start with first. */
export const STRATEGIES: readonly StrategyRow[] = [
  {
    name: 'portfolio',
    story: 'the others in turn, URW first; take this if you do not know the bug',
    make: seed => new PortfolioChooser(seed),
  },
  {
    name: 'urw',
    story: 'weights tasks by the steps they have left; finds narrow windows beside long tasks',
    make: seed => new UrwChooser(seed),
  },
  {
    name: 'random',
    story: 'any runnable task, with equal chances; finds what goes wrong when tasks advance abreast',
    make: seed => new RandomChooser(seed),
  },
  {
    name: 'pos',
    story:
      'priorities for operations, drawn again after a race; like random, wasting less on steps that do not touch each other',
    make: seed => new PosChooser(seed),
  },
  {
    name: 'pct2',
    story:
      'priorities for tasks and one change of them; states a bound for bugs that two ordered pairs of steps bring about',
    make: seed => new PctChooser(seed, 2),
  },
  {
    name: 'pct3',
    story: 'priorities for tasks and two changes of them; states a bound for bugs of depth 3',
    make: seed => new PctChooser(seed, 3),
  },
]

/** The row of that name; a UsageError that lists the names if there is none. */
export function strategyRow(name: string): StrategyRow {
  const row = STRATEGIES.find(s => s.name === name)
  if (row) return row
  throw new UsageError(`no strategy is called '${name}': use one of ${STRATEGIES.map(s => s.name).join(', ')}`)
}
