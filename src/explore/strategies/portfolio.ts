// A portfolio: several strategies take turns, since no one of them is best at every kind of bug.
import {
  type ChoiceContext,
  type ChoiceKind,
  type Chooser,
  type Option,
  type RunEnd,
  Streams,
} from '../../sim/index.ts'
import { PctChooser } from './pct.ts'
import { PosChooser } from './pos.ts'
import { RandomChooser } from './random.ts'
import { UrwChooser } from './urw.ts'

/**
 * Execution 0 walks uniformly (URW), then come random, POS, PCT of depth 2 and PCT of depth 3, and so round. Everyone
 * has own streams and learns from its own turns, so the run is a function of seed and execution number (of one
 * program). The idea of taking turns is an old one of solver and testing competitions. Bounds: a fifth of the
 * executions has PCT's of depth 2, a fifth that of depth 3.
 */
export class PortfolioChooser implements Chooser {
  private readonly members: readonly { readonly name: string; readonly chooser: Chooser }[]
  private readonly deep: readonly PctChooser[]
  /** Number of the running execution, or -1 before the first. */
  private number = -1
  private current: Chooser
  constructor(seed: number) {
    // Seeds of their own: with one for all, POS and PCT would begin with the same priorities.
    const seeds = new Streams(seed).stream('portfolio')
    const own = (): number => seeds.u32()
    const urw = new UrwChooser(own())
    const random = new RandomChooser(own())
    const pos = new PosChooser(own())
    const pct2 = new PctChooser(own(), 2)
    const pct3 = new PctChooser(own(), 3)
    this.deep = [pct2, pct3]
    this.members = [
      { name: 'urw', chooser: urw },
      { name: 'random', chooser: random },
      { name: 'pos', chooser: pos },
      { name: 'pct2', chooser: pct2 },
      { name: 'pct3', chooser: pct3 },
    ]
    this.current = urw
  }
  /** Name of the strategy of execution `number` (from 0). */
  nameOf(number: number): string {
    return this.members[number % this.members.length]!.name
  }
  begin(): void {
    this.number++
    this.current = this.members[this.number % this.members.length]!.chooser
    this.current.begin?.()
  }
  spawn(task: Option): void {
    this.current.spawn?.(task)
  }
  choose(kind: ChoiceKind, options: readonly Option[], ctx: ChoiceContext): number {
    return this.current.choose(kind, options, ctx)
  }
  end(end: RunEnd): void {
    this.current.end?.(end)
  }
  describe(): string {
    return this.deep.map(p => p.describe()).join('\n')
  }
}
