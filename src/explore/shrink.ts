// The shrinker: a smaller run that fails with the same problem. Choices that are not the default are replaced by it, and
// applications, faults and the last operations of applications are left out, until nothing more can be. How choices become
// fewer: fewer.ts.
//
// When an application is left out the others keep the order of their steps (step-order.ts). Leaving something out must not
// make the failure: if the whole scenario holds when every choice is the default, so must what remains of it; else the
// problem must read exactly as before. (A reader that fails because its writer was left out is another failure.)
import type { Choice, Chooser, Machine } from '../sim/index.ts'
import type { RunResult, Scenario, Without, World } from '../world/index.ts'
import { decodeChoices } from './choices.ts'
import { type Fewer, fewer } from './fewer.ts'
import { lowest, minimise } from './minimise.ts'
import { confirm, type Recorded } from './record.ts'
import { makeRunFile, type RunFile, type RunFileOn } from './runfile.ts'
import { failureOf, makeWorld, type NamedProblem, sameProblem } from './setting.ts'
import { StepChooser, type StepOrder, StepTape } from './step-order.ts'
import { PctChooser } from './strategies/pct.ts'
import { type Deviation, Follow, followDeviations, Tape } from './tape.ts'

export interface ShrinkOptions {
  /** Stop after so many seconds of real time; what was reached so far is the answer. Default 60. */
  readonly maxSeconds?: number
  /** Leave out applications and faults only; the choices stay as they come. */
  readonly partsOnly?: boolean
  readonly progress?: (executions: number, deviations: number) => void
}

/** How big a run is. */
export interface Size {
  readonly choices: number
  /** Choices other than option 0. */
  readonly deviations: number
  /** Schedule choices that took the processor away from the running task. */
  readonly preemptions: number
  /** Applications and faults that are not left out. */
  readonly apps: number
  readonly faults: number
}

export interface ShrinkResult {
  /** Null when the file does not fail with its problem any more, or not twice in the same way. */
  readonly file: RunFile | null
  readonly before: Size
  readonly after: Size
  /** What remains. */
  readonly deviations: readonly Deviation[]
  readonly apps: readonly string[]
  readonly faults: readonly string[]
  readonly without: Without
  readonly executions: number
  /** No single deviation, application, fault or last operation can be left out as well. False when the time was up. */
  readonly minimal: boolean
  /** What the choices of the file came to, when `file` is null. */
  readonly found: NamedProblem | null
}

class OutOfTime extends Error {}

/** Executions of the search for a smaller run, and how many of those that fail are made smaller. */
const ANEW = 300
const LIKELY = 3

/** Make the run of a file smaller. */
export function shrink(s: Scenario, f: RunFileOn, o: ShrinkOptions = {}): ShrinkResult {
  const world = makeWorld(s, f, { trace: false })
  try {
    return new Shrinker(s, f, world, o).shrink()
  } finally {
    world.close()
  }
}

class Shrinker implements Fewer {
  private readonly s: Scenario
  private readonly f: RunFileOn
  private readonly world: World
  readonly m: Machine
  private readonly o: ShrinkOptions
  private readonly until: number
  private executions = 0
  /** The last execution. */
  private result: RunResult | null = null
  private found: NamedProblem | null = null
  /** The best so far. */
  deviations: readonly Deviation[] = []
  private without: Without
  /** The text of the problem when every choice is the default; null if that does not fail. */
  private plain: string | null = null

  constructor(s: Scenario, f: RunFileOn, world: World, o: ShrinkOptions) {
    this.s = s
    this.f = f
    this.world = world
    this.m = world.m
    this.o = o
    this.without = f.without
    this.until = performance.now() + (o.maxSeconds ?? 60) * 1000
  }

  shrink(): ShrinkResult {
    const tape = new Tape(this.world.m, new Follow(decodeChoices(this.f.choices)))
    const same = this.fails(tape)
    this.deviations = [...tape.deviations]
    const before = this.size(tape.choices.length, tape.deviations.length, tape.preemptions)
    if (!same) return { ...this.left(), file: null, before, after: before, minimal: false, found: this.found }
    let minimal = false
    try {
      if (this.fails(followDeviations([]))) this.plain = this.found!.text
      // First what makes the run long.
      this.parts()
      if (!this.o.partsOnly) {
        this.rounds()
        this.anew()
      }
      minimal = true
    } catch (e) {
      if (!(e instanceof OutOfTime)) throw e
    }
    return this.finish(before, minimal)
  }

  /** Each leaves something out, or is the last: what it ends with was then tried without each of its parts. */
  private rounds(): void {
    for (let last = ''; last !== this.measure(); ) {
      last = this.measure()
      fewer(this)
      this.parts()
      this.ends()
    }
  }

  /** Does the run fail as the file says? */
  fails(chooser: Chooser): boolean {
    if (this.executions > 0 && performance.now() > this.until) throw new OutOfTime()
    this.executions++
    this.o.progress?.(this.executions, this.deviations.length)
    this.result = this.world.run(chooser)
    this.found = failureOf(this.result)
    return sameProblem(this.found, this.f.problem)
  }
  private measure(): string {
    return JSON.stringify([this.deviations.length, this.without])
  }
  private apps(): string[] {
    return this.world.appNames().filter(a => !this.without.apps.includes(a))
  }
  private faults(): string[] {
    return this.world.faultNames().filter(a => !this.without.faults.includes(a))
  }
  private size(choices: number, deviations: number, preemptions: number): Size {
    return { choices, deviations, preemptions, apps: this.apps().length, faults: this.faults().length }
  }
  private left() {
    const { deviations, without, executions } = this
    return { deviations, apps: this.apps(), faults: this.faults(), without, executions }
  }

  /**
   * What remains of the scenario is small, so a run with fewer deviations may be found quicker than made: search it anew,
   * with a strategy that switches rarely, and make those with the fewest preemptions smaller.
   */
  private anew(): void {
    if (this.deviations.length < 2) return
    const tape = new Tape(this.m, new PctChooser(this.f.seed, 2))
    const found: { readonly preemptions: number; readonly deviations: readonly Deviation[] }[] = []
    for (let i = 0; i < ANEW; i++)
      if (this.fails(tape)) found.push({ preemptions: tape.preemptions, deviations: [...tape.deviations] })
    found.sort((a, b) => a.preemptions - b.preemptions || a.deviations.length - b.deviations.length)
    for (const { deviations } of found.slice(0, LIKELY)) {
      const best = [this.deviations, this.without] as const
      this.deviations = deviations
      this.rounds()
      if (this.deviations.length < best[0].length) continue
      this.deviations = best[0]
      this.without = best[1]
      this.world.leaveOut(this.without)
    }
  }

  /** The order of steps of the best so far. */
  private order(): StepOrder {
    const tape = new StepTape(this.world.m, followDeviations(this.deviations))
    this.fails(tape)
    return tape.order
  }

  /** Leave out applications and faults. */
  private parts(): void {
    let order = this.order()
    const tryTo = (w: Without): boolean => {
      const now = this.leftOut(w, order)
      if (now !== null) order = now
      return now !== null
    }
    const rest = (all: readonly string[], part: readonly string[]) => all.filter(x => !part.includes(x))
    const apps = this.world.appNames()
    minimise(this.apps(), part => {
      const ends = this.without.ends.filter(e => part.includes(e[0]))
      return tryTo({ ...this.without, apps: rest(apps, part), ends }) ? part : null
    })
    const faults = this.world.faultNames()
    minimise(this.faults(), part => (tryTo({ ...this.without, faults: rest(faults, part) }) ? part : null))
  }

  /** Leave out the last operations of the applications that remain. */
  private ends(): void {
    for (const app of this.apps()) {
      let order = this.order()
      const { deviations } = this
      const others = this.without.ends.filter(e => e[0] !== app)
      const end = this.without.ends.find(e => e[0] === app)?.[1]
      lowest(end ?? order.steps.filter(label => label === app).length, n => {
        const now = this.leftOut({ ...this.without, ends: [...others, [app, n]] }, order)
        if (now !== null) order = now
        return now !== null
      })
      if (end === undefined && this.without.ends.length > others.length) this.dropIdle(others, order, deviations)
    }
  }

  /** An end after the application's own last operation cuts nothing, and is not noted. */
  private dropIdle(others: Without['ends'], order: StepOrder, deviations: readonly Deviation[]): void {
    const run = (ends: Without['ends']): string => {
      this.world.leaveOut({ ...this.without, ends })
      this.fails(new StepChooser(this.world.m, order))
      return `${this.result!.steps} ${this.result!.interleaving}`
    }
    if (run(this.without.ends) === run(others)) {
      this.without = { ...this.without, ends: others }
      this.deviations = deviations
    }
    this.world.leaveOut(this.without)
  }

  /** Leave this out, the rest in the same order. If it fails in the same way, that is the best so far: its order of steps; else null. */
  private leftOut(without: Without, order: StepOrder): StepOrder | null {
    const { world } = this
    const tape = new StepTape(world.m, new StepChooser(world.m, order))
    const outer = new Tape(world.m, tape)
    world.leaveOut(without)
    if (this.fails(outer)) {
      const deviations = [...outer.deviations]
      const { order: now } = tape
      const itself = this.plain === null ? this.fails(followDeviations([])) : this.found!.text !== this.plain
      if (!itself) {
        this.without = without
        this.deviations = deviations
        return now
      }
    }
    world.leaveOut(this.without)
    return null
  }

  /** The smaller file, made again from nothing with the trace on. */
  private finish(before: Size, minimal: boolean): ShrinkResult {
    const choices: Choice[] = []
    for (const d of this.deviations) choices[d.at] = { kind: d.kind, label: d.label }
    const head = { ...this.f, without: this.without }
    const c = confirm(this.s, head, choices, this.f.problem)
    const run: Recorded = c.run
    const after = this.size(run.choices.length, run.deviations.length, run.preemptions)
    const file = c.same ? makeRunFile(head, run) : null
    return { ...this.left(), file, before, after, deviations: run.deviations, minimal, found: run.problem }
  }
}
