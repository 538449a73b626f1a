// The search: executions of one rewound world under a strategy, until one fails or the budget is used up.
import { MARKS } from '../kernel/index.ts'
import { type MarkCount, Marks, type Problem, UsageError, Watch } from '../sim/index.ts'
import type { Scenario, World } from '../world/index.ts'
import { Exhaustive, type ExhaustiveOptions, type SearchStats } from './exhaustive.ts'
import { confirm, type Difference, firstDifference, type Recorded, trace } from './record.ts'
import { failureOf, makeWorld, type Setting } from './setting.ts'
import { STRATEGIES, type Strategy, strategyRow } from './strategies/table.ts'
import { Tape } from './tape.ts'

export interface SearchOptions extends Setting {
  /** A name of STRATEGIES, or `exhaustive`. */
  readonly strategy: string
  /** Most executions; those that are cut short count too. Default for `exhaustive`: no bound; else 1000. */
  readonly runs?: number
  readonly exhaustive?: ExhaustiveOptions
  /** Stop after so many seconds of real time (default: never). */
  readonly maxSeconds?: number
  /** Called now and then with the number of executions so far. */
  readonly progress?: (executions: number) => void
}

/** A failing execution. */
export interface Failure {
  /** Number of the execution, from 1. */
  readonly execution: number
  readonly problem: Problem
  /** Its choices made again from nothing with the trace on. */
  readonly run: Recorded
  /** Did they fail in the same way, and twice? If not, the scenario depends on more than its seed and choices. */
  readonly reproduces: boolean
  /** Where two executions of the same choices part, if they do not reproduce and it shows in the trace. */
  readonly difference: Difference | null
}

export interface SearchResult {
  /** Executions that ran to their end (or to a failure). */
  readonly executions: number
  /** Different interleavings among them, up to a cap. */
  readonly distinct: number
  /** There were more: `distinct` is a lower bound. */
  readonly capped: boolean
  /** Good-Turing estimate of the chance that the next execution is one not seen yet; null for an unfinished exhaustive search. */
  readonly unseen: number | null
  /** An exhaustive search came to its end (within its bound). */
  readonly finished: boolean
  /** `sometimes` properties that no execution reached. */
  readonly unreached: readonly string[]
  /** Every mark of the kernel, how often the executions came by, and whether they were in its function at all. */
  readonly marks: readonly MarkCount[]
  /** What the strategy says of itself: bounds, with the numbers it measured. */
  readonly story: string | null
  /** Figures of an exhaustive search. */
  readonly stats: SearchStats | null
  readonly failure: Failure | null
}

/** Most interleavings that are remembered. */
export const MAX_SEEN = 200_000
const RUNS = 1000

/** Which interleavings were seen, and how often: once or more than once. */
class Interleavings {
  private readonly once = new Set<string>()
  private readonly more = new Set<string>()
  private n = 0
  capped = false
  add(name: string): void {
    const { once, more } = this
    if (!this.capped && this.distinct === MAX_SEEN) this.capped = true
    if (this.capped) return
    this.n++
    if (more.has(name)) return
    if (once.delete(name)) more.add(name)
    else once.add(name)
  }
  get distinct(): number {
    return this.once.size + this.more.size
  }
  /** The share of executions whose interleaving came once. */
  get unseen(): number {
    return this.n === 0 ? 1 : this.once.size / this.n
  }
}

/** A world and who decides in it; making it twice makes the same executions twice. */
function begin(s: Scenario, o: SearchOptions): { world: World; strategy: Strategy; exhaustive: Exhaustive | null } {
  if (o.strategy !== 'exhaustive') {
    if (!STRATEGIES.some(r => r.name === o.strategy))
      throw new UsageError(
        `no strategy is called '${o.strategy}': use one of ${STRATEGIES.map(r => r.name).join(', ')}, exhaustive`,
      )
    const strategy = strategyRow(o.strategy).make(o.seed)
    return { world: makeWorld(s, o, { trace: false }), strategy, exhaustive: null }
  }
  const watch = new Watch()
  const world = makeWorld(s, o, { trace: false, watch })
  const exhaustive = new Exhaustive(world.m, watch, o.exhaustive)
  return { world, strategy: exhaustive, exhaustive }
}

/** Search until an execution fails, the strategy has nothing left, or the budget is used up. */
export function search(s: Scenario, o: SearchOptions): SearchResult {
  const { world, strategy, exhaustive } = begin(s, o)
  const runs = o.runs ?? (exhaustive === null ? RUNS : Number.POSITIVE_INFINITY)
  const seen = new Interleavings()
  const started = performance.now()
  let made = 0
  let executions = 0
  let failure: Failure | null = null
  const marks = new Marks(MARKS)
  world.m.marks = marks
  try {
    const tape = new Tape(world.m, strategy)
    while (made < runs && (exhaustive === null || exhaustive.more())) {
      const r = world.run(tape)
      made++
      const problem = failureOf(r)
      if (r.verdict !== 'redundant' || problem !== null) {
        executions++
        seen.add(r.interleaving)
      }
      if (problem !== null) {
        failure = explain(s, o, made, executions, problem, tape)
        break
      }
      o.progress?.(made)
      if (o.maxSeconds !== undefined && performance.now() - started > o.maxSeconds * 1000) break
    }
    const finished = exhaustive !== null && failure === null && !exhaustive.more()
    return {
      executions,
      distinct: seen.distinct,
      capped: seen.capped,
      unseen: exhaustive === null ? seen.unseen : finished ? 0 : null,
      finished,
      unreached: world.unreached(),
      marks: marks.counts(),
      story: strategy.describe?.() ?? null,
      stats: exhaustive?.stats ?? null,
      failure,
    }
  } finally {
    world.close()
  }
}

/** Make the failing execution again from nothing; if that does not work, look for the event that shows why. */
function explain(
  s: Scenario,
  o: SearchOptions,
  made: number,
  execution: number,
  problem: Problem,
  tape: Tape,
): Failure {
  const c = confirm(s, o, tape.choices, problem)
  const base = { execution, problem, run: c.run }
  if (c.same) return { ...base, reproduces: true, difference: null }
  return { ...base, reproduces: false, difference: c.difference ?? compare(s, o, made, c.events) }
}

/** Search again up to execution `made`, that one with the trace on, and compare it with the events of a fresh world. */
function compare(s: Scenario, o: SearchOptions, made: number, fresh: Parameters<typeof firstDifference>[1]) {
  const { world, strategy } = begin(s, o)
  try {
    for (let i = 1; i < made; i++) world.run(new Tape(world.m, strategy))
    world.m.trace.on = true
    return firstDifference(trace(world, strategy).events, fresh)
  } finally {
    world.close()
  }
}
