// The search: executions of one rewound world under a strategy, until one fails or the budget is used up.
import { MARKS } from '../kernel/index.ts'
import { type Choice, knownFunctions, type MarkCount, Marks, type Problem, UsageError, Watch } from '../sim/index.ts'
import type { RunResult, Scenario, World } from '../world/index.ts'
import { type Estimate, estimate } from './estimate.ts'
import { Exhaustive, type ExhaustiveOptions, type Node, type SearchStats } from './exhaustive.ts'
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
  /** Begin an exhaustive search with an estimate of its tree. */
  readonly estimate?: boolean
  /** Go on from here (an exhaustive search only). */
  readonly from?: SearchState
  /** One part of a search that is divided. */
  readonly job?: Job
  /** Told of every execution; then a failure does not end the search. */
  readonly each?: (r: RunResult) => void
}

/** A part of a search: some executions under a seed of its own, or some subtrees of an exhaustive one, in their order. */
export interface Job {
  readonly seed?: number
  readonly runs?: number
  readonly parts?: readonly (readonly Node[])[]
}

/** What came of it. Plain data. */
export interface JobResult {
  readonly made: number
  readonly executions: number
  /** Interleavings, one for each execution; of an exhaustive search, where they all differ, none. */
  readonly names: readonly string[]
  readonly distinct: number
  readonly capped: boolean
  readonly unreached: readonly string[]
  readonly marks: readonly MarkCount[]
  readonly story: string | null
  readonly stats: SearchStats | null
  /** Clocks matter, and were not in the names of states: search again with `exhaustive.clocks`. */
  readonly timeless: boolean
  readonly found: Found | null
}

/** An execution that failed. */
export interface Found {
  readonly execution: number
  readonly problem: Problem
  readonly choices: readonly Choice[]
}

/** Where an exhaustive search is. Plain data. What states it has seen is not kept, so it may see some of them again. */
export interface SearchState {
  readonly where: readonly Node[]
  /** Time was part of the names of states. */
  readonly clocks: boolean
  readonly made: number
  readonly executions: number
  readonly distinct: number
  readonly unreached: readonly string[]
  readonly stats: SearchStats
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
  /** Of one, how large the tree was thought to be beforehand, if that was asked for. */
  readonly estimate: Estimate | null
  readonly failure: Failure | null
}

/** Most interleavings that are remembered. */
export const MAX_SEEN = 200_000
export const RUNS = 1000

/** Which interleavings were seen, and how often: once or more than once. */
export class Interleavings {
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

/** A world and who decides in it; making it twice makes the same executions twice. A sampler may use a world again. */
function begin(
  s: Scenario,
  o: SearchOptions,
  again: World | null = null,
): { world: World; strategy: Strategy; exhaustive: Exhaustive | null } {
  if (o.strategy !== 'exhaustive') {
    if (!STRATEGIES.some(r => r.name === o.strategy))
      throw new UsageError(
        `no strategy is called '${o.strategy}': use one of ${STRATEGIES.map(r => r.name).join(', ')}, exhaustive`,
      )
    const strategy = strategyRow(o.strategy).make(o.job?.seed ?? o.seed)
    return { world: again ?? makeWorld(s, o, { trace: false }), strategy, exhaustive: null }
  }
  for (const name of o.exhaustive?.focus ?? []) knownFunctions(name)
  const watch = new Watch()
  const world = makeWorld(s, o, { trace: false, watch })
  const { from } = o
  const exhaustive = new Exhaustive(world.m, watch, { ...o.exhaustive, ...(from?.clocks ? { clocks: true } : {}) })
  if (from !== undefined) exhaustive.resume(from.where)
  if (o.job?.parts !== undefined) exhaustive.finish()
  return { world, strategy: exhaustive, exhaustive }
}

/** A search under way. `close` it when done with it. */
export class Search {
  readonly estimate: Estimate | null
  private readonly s: Scenario
  private readonly o: SearchOptions
  readonly world: World
  private readonly strategy: Strategy
  private readonly exhaustive: Exhaustive | null
  private readonly tape: Tape
  private readonly seen = new Interleavings()
  private readonly marks = new Marks(MARKS)
  private readonly runs: number
  private made = 0
  private executions = 0
  private found: Found | null = null
  private readonly names: string[] = []
  /** Subtrees not begun. */
  private readonly parts: (readonly Node[])[]

  /** @param again a sampler's world of an earlier search of the same setting */
  constructor(s: Scenario, o: SearchOptions, again: World | null = null) {
    this.s = s
    this.o = o
    const { world, strategy, exhaustive } = begin(s, o, again)
    this.world = world
    this.strategy = strategy
    this.exhaustive = exhaustive
    this.estimate = exhaustive === null || o.estimate !== true ? null : probed(world, o)
    this.parts = [...(o.job?.parts ?? [])]
    this.runs = o.job?.runs ?? o.runs ?? (exhaustive === null ? RUNS : Number.POSITIVE_INFINITY)
    this.tape = new Tape(world.m, strategy)
    world.m.marks = this.marks
  }

  /** Make executions for `ms` of real time. False when the search is over: a failure, nothing left, the budget used up. */
  advance(ms = Number.POSITIVE_INFINITY): boolean {
    const { world, tape, exhaustive, o } = this
    const started = performance.now()
    while (this.found === null && this.made < this.runs && (exhaustive === null || this.more(exhaustive))) {
      const r = world.run(tape)
      this.made++
      const problem = failureOf(r)
      if (r.verdict !== 'redundant' || problem !== null) {
        this.executions++
        this.seen.add(r.interleaving)
        if (o.job !== undefined && exhaustive === null) this.names.push(r.interleaving)
      }
      o.each?.(r)
      if (problem !== null && o.each === undefined)
        this.found = { execution: this.executions, problem, choices: [...tape.choices] }
      else {
        o.progress?.(this.made)
        if (performance.now() - started > ms) return true
      }
    }
    return false
  }

  /** Is there an execution left, in this subtree or the next? */
  private more(ex: Exhaustive): boolean {
    while (!ex.more()) {
      const next = this.parts.shift()
      if (next === undefined) return false
      ex.resume(next)
    }
    return true
  }

  /** What came of one part of a divided search. */
  part(): JobResult {
    const { exhaustive, seen } = this
    return {
      made: this.made,
      executions: this.executions,
      names: this.names,
      distinct: seen.distinct,
      capped: seen.capped,
      unreached: this.world.unreached(),
      marks: this.marks.counts(),
      story: this.strategy.describe?.() ?? null,
      stats: exhaustive?.stats ?? null,
      timeless: exhaustive?.restarted ?? false,
      found: this.found,
    }
  }

  /** One line on how far it is. */
  told(): string {
    const part = this.exhaustive === null ? '' : `, about ${percent(this.exhaustive.fraction())} % of the tree`
    return `${this.made} executions${part}`
  }

  /** Where an exhaustive search is, to go on from there. */
  state(): SearchState {
    const ex = this.exhaustive!
    const from = this.o.from
    const unreached = this.world.unreached()
    return {
      where: ex.where(),
      clocks: ex.clocks,
      made: (from?.made ?? 0) + this.made,
      executions: (from?.executions ?? 0) + this.executions,
      distinct: (from?.distinct ?? 0) + this.seen.distinct,
      unreached: from === undefined ? unreached : unreached.filter(n => from.unreached.includes(n)),
      stats: from === undefined ? ex.stats : addStats(from.stats, ex.stats),
    }
  }

  result(): SearchResult {
    const { exhaustive, found, seen, s, o } = this
    const failure = found === null ? null : explain(s, o, this.made, found)
    const finished = exhaustive !== null && failure === null && !exhaustive.more()
    const all = exhaustive === null ? null : this.state()
    return {
      executions: all?.executions ?? this.executions,
      distinct: all?.distinct ?? seen.distinct,
      capped: seen.capped,
      unseen: exhaustive === null ? seen.unseen : finished ? 0 : null,
      finished,
      unreached: all?.unreached ?? this.world.unreached(),
      marks: this.marks.counts(),
      story: this.strategy.describe?.() ?? null,
      stats: all?.stats ?? null,
      estimate: this.estimate,
      failure,
    }
  }

  close(): void {
    this.world.close()
  }
}

export const probed = (world: World, o: SearchOptions): Estimate =>
  estimate(c => {
    world.run(c)
    return world.m.steps
  }, o.exhaustive)

const percent = (x: number): string => (100 * x).toFixed(x < 0.1 ? 2 : 0)

/** Figures of two parts of one search. */
export const addStats = (a: SearchStats, b: SearchStats): SearchStats => ({
  complete: a.complete + b.complete,
  pruned: a.pruned + b.pruned,
  steps: a.steps + b.steps,
  states: a.states + b.states,
  depth: Math.max(a.depth, b.depth),
})

/** Search until an execution fails, the strategy has nothing left, or the budget is used up. */
export function search(s: Scenario, o: SearchOptions): SearchResult {
  const x = new Search(s, o)
  try {
    x.advance(o.maxSeconds === undefined ? undefined : 1000 * o.maxSeconds)
    return x.result()
  } finally {
    x.close()
  }
}

/**
 * Make the failing execution again from nothing; if that does not work, look for the event that shows why: it may show when
 * the search is made again up to that execution, the `made`-th (null: it was divided).
 */
export function explain(s: Scenario, o: SearchOptions, made: number | null, f: Found): Failure {
  const c = confirm(s, o, f.choices, f.problem)
  const base = { execution: f.execution, problem: f.problem, run: c.run }
  if (c.same) return { ...base, reproduces: true, difference: null }
  const difference = c.difference ?? (made === null ? null : compare(s, o, made, c.events))
  return { ...base, reproduces: false, difference }
}

/** Search again up to execution `made`, that one with the trace on, and compare it with the events of a fresh world. */
function compare(s: Scenario, o: SearchOptions, made: number, fresh: Parameters<typeof firstDifference>[1]) {
  const { world, strategy } = begin(s, o)
  try {
    if (o.estimate === true) probed(world, o)
    for (let i = 1; i < made; i++) world.run(new Tape(world.m, strategy))
    world.m.trace.on = true
    return firstDifference(trace(world, strategy).events, fresh)
  } finally {
    world.close()
  }
}
