// One execution with the trace on: what a run file holds of it, and whether it happens a second time.
import type { Choice, Chooser, Machine, TraceEvent } from '../sim/index.ts'
import type { RunResult, Scenario, World } from '../world/index.ts'
import { failureOf, makeWorld, type NamedProblem, type Setting, sameProblem } from './setting.ts'
import { type Deviation, Follow, Tape } from './tape.ts'

/** Most digests that are kept of one run. */
export const MAX_DIGESTS = 32
/** Most events that are kept to compare two executions; a difference beyond is told without naming the event. */
const MAX_EVENTS = 500_000

/** The digest of the trace every so many steps of the applications (set-up does not count). A sink of the trace. */
export class Checkpoints {
  readonly digests: string[] = []
  every: number
  private readonly m: Machine
  private readonly grow: boolean
  private next: number
  /** @param grow keep at most MAX_DIGESTS, by doubling `every` */
  constructor(m: Machine, every: number, grow: boolean) {
    this.m = m
    this.every = every
    this.grow = grow
    this.next = every
  }
  readonly sink = (): void => {
    if (this.m.steps < this.next) return
    const { digests } = this
    digests.push(this.m.trace.hex())
    if (this.grow && digests.length > MAX_DIGESTS) {
      for (let i = 0; 2 * i + 1 < digests.length; i++) digests[i] = digests[2 * i + 1]!
      digests.length >>= 1
      this.every *= 2
    }
    this.next = (digests.length + 1) * this.every
  }
}

/** What an execution was. */
export interface Recorded {
  readonly result: RunResult
  readonly problem: NamedProblem | null
  readonly choices: readonly Choice[]
  readonly deviations: readonly Deviation[]
  readonly preemptions: number
  /** Steps of the applications. */
  readonly steps: number
  readonly every: number
  readonly digests: readonly string[]
}

/** The first place where two executions of the same choices differ. */
export interface Difference {
  /** Number of the event, from 0 at the start of the applications. */
  readonly event: number
  /** What the first and the second did there; null: it had ended. */
  readonly first: TraceEvent | null
  readonly second: TraceEvent | null
}

/** A sink that keeps events, up to a bound. */
export const keeper =
  (events: TraceEvent[]) =>
  (e: TraceEvent): void => {
    if (events.length < MAX_EVENTS) events.push(e)
  }

/** One execution of `world` (its trace on) under `chooser`, with every event. */
export function trace(world: World, chooser: Chooser, every = 64): { run: Recorded; events: TraceEvent[] } {
  const { m } = world
  const events: TraceEvent[] = []
  const points = new Checkpoints(m, every, true)
  const tape = new Tape(m, chooser)
  // Only what happens in here is to be seen: a rewind takes the trace back to where set-up ended.
  const keep = keeper(events)
  m.trace.sink = e => {
    keep(e)
    points.sink()
  }
  const result = world.run(tape)
  m.trace.sink = null
  const run: Recorded = {
    result,
    problem: failureOf(result),
    choices: [...tape.choices],
    deviations: [...tape.deviations],
    preemptions: tape.preemptions,
    steps: m.steps,
    every: points.every,
    digests: points.digests,
  }
  return { run, events }
}

const sameEvent = (x: TraceEvent, y: TraceEvent): boolean =>
  x.kind.name === y.kind.name &&
  x.task?.label === y.task?.label &&
  x.now === y.now &&
  x.obj?.id === y.obj?.id &&
  x.subject === y.subject &&
  x.a === y.a &&
  x.b === y.b

/** Where two lists of events part; null if nowhere. */
export function firstDifference(x: readonly TraceEvent[], y: readonly TraceEvent[]): Difference | null {
  let i = 0
  while (i < x.length && i < y.length && sameEvent(x[i]!, y[i]!)) i++
  return i === x.length && i === y.length ? null : { event: i, first: x[i] ?? null, second: y[i] ?? null }
}

/** Choices followed from nothing and, in the rewound world, once more. */
export interface Confirmed {
  readonly run: Recorded
  readonly events: readonly TraceEvent[]
  /** Both executions were the same and failed as expected. */
  readonly same: boolean
  readonly difference: Difference | null
}

/** Follow `choices` twice and see whether both fail with `problem`. */
export function confirm(s: Scenario, o: Setting, choices: readonly Choice[], problem: NamedProblem): Confirmed {
  const world = makeWorld(s, o, { trace: true })
  try {
    const { run, events } = trace(world, new Follow(choices))
    const again = trace(world, new Follow(run.choices))
    const equal = again.run.result.digest === run.result.digest && sameProblem(again.run.problem, run.problem)
    const difference = equal ? null : firstDifference(events, again.events)
    return { run, events, same: equal && sameProblem(run.problem, problem), difference }
  } finally {
    world.close()
  }
}
