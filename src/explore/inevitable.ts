// From which decision of a failing run on could the failure no longer be avoided? The run is followed up to some decision
// and then goes on otherwise: by default, at random and weighted (urw). Whoever can avoid it from a decision can do so from
// every earlier one, so the last such decision is found by bisection. Samples can miss a way out; so the decision behind
// it is searched exhaustively, as far as the budget goes: either a later way out is found, or there is none.
import {
  type Choice,
  type ChoiceContext,
  type ChoiceKind,
  type Chooser,
  type Option,
  REDUNDANT,
  type RunEnd,
  type Task,
  Watch,
} from '../sim/index.ts'
import type { Scenario, World } from '../world/index.ts'
import { decodeChoices } from './choices.ts'
import { Exhaustive } from './exhaustive.ts'
import type { RunFileOn } from './runfile.ts'
import { failureOf, makeWorld, type NamedProblem, sameProblem } from './setting.ts'
import { RandomChooser } from './strategies/random.ts'
import { ReplayChooser } from './strategies/replay.ts'
import { UrwChooser } from './strategies/urw.ts'
import { Follow, Tape } from './tape.ts'

export interface InevitableOptions {
  /** Continuations that are tried from one decision. Default 30. */
  readonly tries?: number
  /** Executions that an exhaustive search behind one decision may take. Default 3000. */
  readonly limit?: number
  readonly progress?: (executions: number) => void
}

/** A number of decisions followed, and what became of the continuations. */
export interface Rung {
  readonly at: number
  readonly tries: number
  readonly avoided: number
}

/** One side of a decision: what is taken, and for a schedule choice what that task is about to do. */
export interface Alternative {
  readonly label: string
  readonly fn: string | null
  readonly op: string | null
}

/** The last decision at which the failure could be avoided. */
export interface PointOfNoReturn {
  readonly at: number
  readonly kind: ChoiceKind
  readonly taken: Alternative
  readonly others: readonly Alternative[]
}

export interface Inevitable {
  /** False when the file does not fail with its problem any more; then nothing else counts. */
  readonly fails: boolean
  readonly found: NamedProblem | null
  /** Decisions until the failure. */
  readonly decisions: number
  readonly ladder: readonly Rung[]
  /** Null when no continuation avoided it, from the start on. */
  readonly last: PointOfNoReturn | null
  /** All continuations behind the last decision were searched, and all fail. False: none was found that does not. */
  readonly proved: boolean
  readonly executions: number
}

/** Rungs of the ladder, besides those around the point of no return. */
const RUNGS = 12

export function inevitable(s: Scenario, f: RunFileOn, o: InevitableOptions = {}): Inevitable {
  const watch = new Watch()
  const world = makeWorld(s, f, { trace: false, watch })
  try {
    return new Search(world, watch, f, o).run()
  } finally {
    world.close()
  }
}

/** Follows and counts the decisions up to the first problem; keeps what stood at one of them. */
class Witness implements Chooser {
  decisions = 0
  seen: PointOfNoReturn | null = null
  private readonly world: World
  private readonly inner: Chooser
  private readonly at: number
  constructor(world: World, inner: Chooser, at: number) {
    this.world = world
    this.inner = inner
    this.at = at
  }
  begin(): void {
    this.decisions = 0
    this.inner.begin?.()
  }
  choose(kind: ChoiceKind, options: readonly Option[], ctx: ChoiceContext): number {
    const i = this.inner.choose(kind, options, ctx)
    if (this.world.m.problems.length > 0) return i
    if (this.decisions++ === this.at) {
      const all = options.map(x => alternative(kind, x))
      this.seen = { at: this.at, kind, taken: all[i]!, others: all.filter((_, k) => k !== i) }
    }
    return i
  }
}

const alternative = (kind: ChoiceKind, o: Option): Alternative => {
  if (kind !== 'schedule') return { label: o.label, fn: null, op: null }
  const t = o as Task
  const op = t.pending
  const what = op === null ? null : op.obj === null ? op.kind.name : `${op.kind.name} ${op.obj.name}`
  return { label: t.label, fn: t.fn?.name ?? null, op: what }
}

/** Follows a number of choices, then lets an exhaustive search decide. Where the failure has happened it goes no further. */
class Behind implements Chooser {
  readonly always = true
  private n = 0
  private readonly world: World
  private readonly prefix: Follow
  private readonly upTo: number
  private readonly inner: Exhaustive
  constructor(world: World, prefix: Follow, upTo: number, inner: Exhaustive) {
    this.world = world
    this.prefix = prefix
    this.upTo = upTo
    this.inner = inner
  }
  begin(): void {
    this.n = 0
    this.prefix.begin()
    this.inner.begin()
  }
  choose(kind: ChoiceKind, options: readonly Option[]): number {
    if (this.n < this.upTo) {
      if (options.length < 2) return 0
      this.n++
      return this.prefix.choose(kind, options)
    }
    // What comes after a failure says nothing, and its states must not hide those of an execution that holds.
    if (this.world.m.problems.length > 0) return REDUNDANT
    return this.inner.choose(kind, options)
  }
  stepped(task: Option): void {
    this.inner.stepped(task)
  }
  end(end: RunEnd): void {
    this.inner.end(end)
  }
}

class Search {
  private readonly world: World
  private readonly watch: Watch
  private readonly f: RunFileOn
  private readonly o: InevitableOptions
  private readonly choices: readonly Choice[]
  private readonly tries: number
  private executions = 0
  private found: NamedProblem | null = null
  private verdict = ''

  constructor(world: World, watch: Watch, f: RunFileOn, o: InevitableOptions) {
    this.world = world
    this.watch = watch
    this.f = f
    this.o = o
    this.choices = decodeChoices(f.choices)
    this.tries = o.tries ?? 30
  }

  run(): Inevitable {
    const whole = new Witness(this.world, new Follow(this.choices), -1)
    const fails = this.fails(whole, false)
    const { decisions } = whole
    const base = { fails, found: this.found, decisions }
    if (!fails) return { ...base, ladder: [], last: null, proved: false, executions: this.executions }
    const rungs = new Map<number, Rung>()
    const sampled = (at: number): Rung => {
      const r = this.sample(at, false)
      rungs.set(at, r)
      return r
    }
    // The last number of followed decisions from which a continuation avoids it; -1: none.
    let low = -1
    for (let i = 0; i <= RUNGS; i++) {
      const at = ((decisions * i) / RUNGS) | 0
      if (!rungs.has(at) && sampled(at).avoided > 0) low = at
    }
    let high = decisions
    for (const at of rungs.keys()) if (at > low && at < high) high = at
    while (high - low > 1) {
      const mid = (low + high) >> 1
      if (this.sample(mid, true).avoided > 0) low = mid
      else high = mid
    }
    let proved = false
    for (;;) {
      const later = this.wayOut(low + 1)
      if (typeof later === 'boolean') {
        proved = later
        break
      }
      low = later
    }
    for (const at of [low, low + 1]) if (at >= 0 && at <= decisions && !rungs.has(at)) sampled(at)
    const ladder = [...rungs.values()].sort((x, y) => x.at - y.at)
    return { ...base, ladder, last: low < 0 ? null : this.witness(low), proved, executions: this.executions }
  }

  /** Does an execution under this chooser fail as the file says? */
  private fails(c: Chooser, watched: boolean): boolean {
    this.executions++
    this.o.progress?.(this.executions)
    const { journal } = this.world.m
    // Only the exhaustive search needs the watch, and it is dear.
    journal.watch = watched ? this.watch : null
    const r = this.world.run(c)
    journal.watch = this.watch
    this.found = failureOf(r)
    this.verdict = r.verdict
    return sameProblem(this.found, this.f.problem)
  }

  /** Follow `at` decisions, then go on in other ways. */
  private sample(at: number, untilOne: boolean): Rung {
    const prefix = this.choices.slice(0, at)
    const { seed } = this.f
    const ways = [new RandomChooser(seed), new UrwChooser(seed)].map(c => new ReplayChooser(prefix, c))
    let avoided = 0
    for (let i = 0; i < this.tries; i++) {
      const way = i === 0 ? new ReplayChooser(prefix) : ways[i % 2]!
      if (this.fails(way, false)) continue
      avoided++
      if (untilOne) break
    }
    return { at, tries: this.tries, avoided }
  }

  /** Search everything behind `at` decisions: the decisions followed by an execution that avoids it, or whether all fail. */
  private wayOut(at: number): number | boolean {
    const { m } = this.world
    // No sleep sets: of two orders of independent steps only one may pass a state in which a property fails.
    const exhaustive = new Exhaustive(m, this.watch, { sleep: false })
    const tape = new Tape(m, new Behind(this.world, new Follow(this.choices), at, exhaustive))
    const limit = this.executions + (this.o.limit ?? 3000)
    while (exhaustive.more()) {
      if (this.executions >= limit) return false
      if (this.fails(tape, true) || (this.verdict === 'redundant' && this.found === null)) continue
      let n = 0
      while (n < tape.choices.length && sameChoice(tape.choices[n], this.choices[n])) n++
      return n
    }
    return true
  }

  /** What stood at decision `at` of the run. */
  private witness(at: number): PointOfNoReturn | null {
    const w = new Witness(this.world, new Follow(this.choices), at)
    this.fails(w, false)
    return w.seen
  }
}

const sameChoice = (x: Choice | undefined, y: Choice | undefined): boolean =>
  x?.kind === y?.kind && x?.label === y?.label
