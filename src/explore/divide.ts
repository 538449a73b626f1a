// A search in parts, for several workers. What the parts are does not depend on how many workers there are, nor does what
// is made of their results, so any number of workers comes to the same answer.
//
// A sampler makes batches of executions; each has a seed of its own. An exhaustive search is cut below some depth into
// subtrees, in the order of the tree; neighbours go into one lane, which remembers the states it has seen. Lanes know nothing
// of each other, so a divided search may make more executions than one that is whole.
import { MARKS } from '../kernel/index.ts'
import { type MarkCount, Marks, Streams, Watch } from '../sim/index.ts'
import type { Scenario, World } from '../world/index.ts'
import type { Estimate } from './estimate.ts'
import { Exhaustive, type Node } from './exhaustive.ts'
import {
  addStats,
  explain,
  type Found,
  Interleavings,
  type Job,
  type JobResult,
  probed,
  RUNS,
  Search,
  type SearchOptions,
  type SearchResult,
} from './search.ts'
import { failureOf, makeWorld } from './setting.ts'
import { Tape } from './tape.ts'

/** Executions of one batch of a sampler. */
const BATCH = 200
/** Lanes of an exhaustive search, and the subtrees it is cut into, if there are as many. */
const LANES = 8
const PARTS = 64
/** Choices on the way to where a tree is cut, at most. */
const DEEPEST = 40

export interface Plan {
  readonly jobs: readonly Job[]
  /** What was seen in an exhaustive search above the cuts; null for a sampler. */
  readonly top: JobResult | null
  readonly estimate: Estimate | null
}

/** Cut a search into parts. */
export function divide(s: Scenario, o: SearchOptions): Plan {
  if (o.strategy === 'exhaustive') return divideTree(s, o)
  const jobs: Job[] = []
  const seeds = new Streams(o.seed).stream('batches')
  for (let left = o.runs ?? RUNS; left > 0; left -= BATCH) jobs.push({ seed: seeds.u32(), runs: Math.min(BATCH, left) })
  return { jobs, top: null, estimate: null }
}

function divideTree(s: Scenario, o: SearchOptions): Plan {
  const size = o.estimate === true ? sizeOf(s, o) : null
  for (let depth = 2; ; depth += 2) {
    const { top, parts } = cut(s, o, depth)
    if (parts.length > 0 && parts.length < PARTS && depth < DEEPEST) continue
    const jobs: Job[] = []
    const each = Math.ceil(parts.length / LANES)
    for (let i = 0; i < parts.length; i += each) jobs.push({ parts: parts.slice(i, i + each) })
    return { jobs, top, estimate: size }
  }
}

function sizeOf(s: Scenario, o: SearchOptions): Estimate {
  const world = makeWorld(s, o, { trace: false })
  try {
    return probed(world, o)
  } finally {
    world.close()
  }
}

/** Walk the tree down to `depth`; what lies below is set aside. */
function cut(s: Scenario, o: SearchOptions, depth: number): { top: JobResult; parts: readonly (readonly Node[])[] } {
  const watch = new Watch()
  const world = makeWorld(s, o, { trace: false, watch })
  const marks = new Marks(MARKS)
  world.m.marks = marks
  const ex = new Exhaustive(world.m, watch, o.exhaustive, depth)
  const tape = new Tape(world.m, ex)
  let executions = 0
  let made = 0
  let found: Found | null = null
  try {
    while (found === null && ex.more()) {
      const r = world.run(tape)
      made++
      const problem = failureOf(r)
      if (r.verdict !== 'redundant' || problem !== null) executions++
      // Parts that come before it may hold one that comes first.
      if (problem !== null) found = { execution: executions, problem, choices: [...tape.choices] }
    }
    const top: JobResult = {
      made,
      executions,
      names: [],
      distinct: executions,
      capped: false,
      unreached: world.unreached(),
      marks: marks.counts(),
      story: null,
      // A subtree that was set aside is no execution.
      stats: { ...ex.stats, pruned: ex.stats.pruned - ex.parts.length },
      timeless: false,
      found,
    }
    return { top, parts: ex.parts }
  } finally {
    world.close()
  }
}

/** Who searches part after part of one search. */
export class PartSearcher {
  private readonly s: Scenario
  private readonly o: SearchOptions
  /** A sampler's, for every part: set-up costs as much as a hundred executions. */
  private world: World | null = null
  constructor(s: Scenario, o: SearchOptions) {
    this.s = s
    this.o = o
  }
  /** Plain data in, plain data out. */
  search(job: Job): JobResult {
    const x = new Search(this.s, { ...this.o, job, estimate: false }, this.world)
    if (this.o.strategy !== 'exhaustive') this.world = x.world
    try {
      x.advance()
      return x.part()
    } finally {
      if (this.world === null) x.close()
    }
  }
  close(): void {
    this.world?.close()
  }
}

/** What the parts came to, in their order, up to the first with a failure. */
export function gather(s: Scenario, o: SearchOptions, plan: Plan, parts: readonly JobResult[]): SearchResult {
  const end = parts.findIndex(p => p.found !== null)
  const used = [...(plan.top === null ? [] : [plan.top]), ...(end < 0 ? parts : parts.slice(0, end + 1))]
  const names = new Interleavings()
  for (const p of used) for (const n of p.names) names.add(n)
  const sum = (f: (p: JobResult) => number): number => used.reduce((a, p) => a + f(p), 0)
  const last = used[used.length - 1]!
  const found = end >= 0 ? parts[end]!.found : (plan.top?.found ?? null)
  const before = sum(p => p.executions) - last.executions
  const failure =
    found === null ? null : explain(s, o, null, end < 0 ? found : { ...found, execution: before + found.execution })
  const whole = plan.top !== null
  return {
    executions: sum(p => p.executions),
    distinct: whole ? sum(p => p.distinct) : names.distinct,
    capped: whole ? used.some(p => p.capped) : names.capped,
    unseen: whole ? (failure === null ? 0 : null) : names.unseen,
    finished: whole && failure === null,
    unreached: used[0]!.unreached.filter(n => used.every(p => p.unreached.includes(n))),
    marks: used.map(p => p.marks).reduce(addMarks),
    story: last.story,
    stats: whole ? used.map(p => p.stats!).reduce(addStats) : null,
    estimate: plan.estimate,
    failure,
  }
}

const addMarks = (a: readonly MarkCount[], b: readonly MarkCount[]): MarkCount[] =>
  a.map((m, i) => ({ ...m, hits: m.hits + b[i]!.hits, entered: m.entered || b[i]!.entered }))
