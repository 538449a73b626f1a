// The shrinker: fewer and fewer choices that are not the default, as long as the run fails with the same problem.
//
// A deviation is a decision that did not take option 0. Taking one away changes what follows, so deviations are named by
// what the tasks had done, not by number: "where task a would go on after 12 steps of its own, b runs". Blocks of them are
// replaced by the default, half of all, a quarter, and so on down to one by one (delta debugging), then pairs. At the end
// the same is tried with decisions by number, as the file has them, so that what remains is minimal for a reader of the file.
import type { Choice, ChoiceContext, ChoiceKind, Chooser, Machine, Option, Task } from '../sim/index.ts'
import type { Scenario } from '../world/index.ts'
import { decodeChoices } from './choices.ts'
import { confirm, type Recorded } from './record.ts'
import { makeRunFile, type RunFile } from './runfile.ts'
import { failureOf, makeWorld, type NamedProblem, sameProblem } from './setting.ts'
import { type Deviation, Follow, followDeviations, Tape } from './tape.ts'

export interface ShrinkOptions {
  /** Stop after so many seconds of real time; what was reached so far is the answer. Default 60. */
  readonly maxSeconds?: number
  readonly progress?: (executions: number, deviations: number) => void
}

/** How big a run is. */
export interface Size {
  readonly choices: number
  /** Choices other than option 0. */
  readonly deviations: number
  /** Schedule choices that took the processor away from the running task. */
  readonly preemptions: number
}

export interface ShrinkResult {
  /** Null when the file does not fail with its problem any more, or not twice in the same way. */
  readonly file: RunFile | null
  readonly before: Size
  readonly after: Size
  /** What remains. */
  readonly deviations: readonly Deviation[]
  readonly executions: number
  /** Without any one of the remaining deviations the run does not fail in this way. False when the time was up. */
  readonly minimal: boolean
  /** What the choices of the file came to, when `file` is null. */
  readonly found: NamedProblem | null
}

/** Names decisions by what the tasks have done: the task that would run on (or runs) and its own steps. */
class Places {
  private readonly m: Machine
  private readonly last = new Map<string, { steps: number; n: number }>()
  constructor(m: Machine) {
    this.m = m
  }
  reset(): void {
    this.last.clear()
  }
  name(kind: ChoiceKind, options: readonly Option[]): string {
    const task = kind === 'schedule' ? (options[0] as Task) : this.m.current
    const who = kind === 'schedule' ? task!.label : `${kind} ${task?.label ?? '-'}`
    const steps = task?.steps ?? 0
    const l = this.last.get(who)
    if (l === undefined) {
      this.last.set(who, { steps, n: 0 })
      return `${who} ${steps} 0`
    }
    // More than one decision while the task stands where it is.
    l.n = l.steps === steps ? l.n + 1 : 0
    l.steps = steps
    return `${who} ${steps} ${l.n}`
  }
}

/** A deviation by its place. */
interface Placed {
  readonly place: string
  readonly label: string
}

/** Passes on to `inner` and notes the place and label of every deviation. */
class PlaceTape implements Chooser {
  readonly found: Placed[] = []
  private readonly places: Places
  private readonly inner: Chooser
  constructor(m: Machine, inner: Chooser) {
    this.places = new Places(m)
    this.inner = inner
  }
  begin(): void {
    this.found.length = 0
    this.places.reset()
    this.inner.begin?.()
  }
  choose(kind: ChoiceKind, options: readonly Option[], ctx: ChoiceContext): number {
    const place = this.places.name(kind, options)
    const i = this.inner.choose(kind, options, ctx)
    if (i > 0) this.found.push({ place, label: options[i]!.label })
    return i
  }
}

/** Takes the deviations that are switched on, at their places, and the default elsewhere. */
class PlaceChooser implements Chooser {
  /** By number of the deviation: 1 if it is on. */
  readonly on: Uint8Array
  /** Numbers of those that were taken in this execution. */
  readonly taken: number[] = []
  private readonly at = new Map<string, number>()
  private readonly places: Places
  private readonly all: readonly Placed[]
  constructor(m: Machine, all: readonly Placed[]) {
    this.places = new Places(m)
    this.all = all
    this.on = new Uint8Array(all.length)
    for (const [i, d] of all.entries()) this.at.set(d.place, i)
  }
  begin(): void {
    this.taken.length = 0
    this.places.reset()
  }
  choose(kind: ChoiceKind, options: readonly Option[]): number {
    const d = this.at.get(this.places.name(kind, options))
    if (d === undefined || this.on[d] === 0) return 0
    const { label } = this.all[d]!
    const i = options.findIndex(o => o.label === label)
    if (i <= 0) return 0
    this.taken.push(d)
    return i
  }
}

/**
 * A part of the items that still passes and from which no single one can be left out. `test` answers null, or the items
 * of its argument that mattered (those that had no effect may be missing). All together must pass.
 */
export function minimise<T>(items: readonly T[], test: (part: readonly T[]) => readonly T[] | null): readonly T[] {
  let keep = test([]) ?? items
  if (keep.length === 0) return keep
  let size = (keep.length + 1) >> 1
  for (;;) {
    let less = false
    // From the end: what happens late disturbs the rest least.
    for (let end = keep.length; end > 0; ) {
      const start = end - size < 0 ? 0 : end - size
      const part = test([...keep.slice(0, start), ...keep.slice(end)])
      if (part !== null) {
        keep = part
        less = true
        end = start < keep.length ? start : keep.length
      } else end = start
    }
    if (size > 1) size = (size + 1) >> 1
    else if (!less) return keep
  }
}

class OutOfTime extends Error {}

/** Make the run of a file smaller. */
export function shrink(s: Scenario, f: RunFile, o: ShrinkOptions = {}): ShrinkResult {
  const world = makeWorld(s, f, { trace: false })
  const { m } = world
  const until = performance.now() + (o.maxSeconds ?? 60) * 1000
  let executions = 0
  let best: readonly Deviation[] = []
  const better = (d: readonly Deviation[]): void => {
    best = d
  }
  let found: NamedProblem | null = null
  /** Does the run fail as the file says? */
  const fails = (chooser: Chooser): boolean => {
    if (executions > 0 && performance.now() > until) throw new OutOfTime()
    executions++
    o.progress?.(executions, best.length)
    found = failureOf(world.run(chooser))
    return sameProblem(found, f.problem)
  }
  const choices = decodeChoices(f.choices)
  const tape = new Tape(m, new Follow(choices))
  try {
    const same = fails(tape)
    const before: Size = {
      choices: tape.choices.length,
      deviations: tape.deviations.length,
      preemptions: tape.preemptions,
    }
    if (!same)
      return { file: null, before, after: before, deviations: [...tape.deviations], executions, minimal: false, found }
    best = [...tape.deviations]
    let minimal = false
    try {
      // Each round leaves fewer deviations, or is the last.
      for (let n = -1; best.length !== n; ) {
        n = best.length
        byPlace(m, best, fails, better)
        byPairs(m, best, fails, better)
        byNumber(m, best, fails, better)
      }
      minimal = true
    } catch (e) {
      if (!(e instanceof OutOfTime)) throw e
    }
    return finish(s, f, before, best, executions, minimal)
  } finally {
    world.close()
  }
}

/** Leave out deviations named by their place. */
function byPlace(
  m: Machine,
  from: readonly Deviation[],
  fails: (c: Chooser) => boolean,
  better: (d: readonly Deviation[]) => void,
): void {
  const places = new PlaceTape(m, followDeviations(from))
  if (!fails(places)) return
  const chooser = new PlaceChooser(m, places.found)
  minimise([...places.found.keys()], part => {
    chooser.on.fill(0)
    for (const i of part) chooser.on[i] = 1
    const tape = new Tape(m, chooser)
    if (!fails(tape)) return null
    better([...tape.deviations])
    return [...chooser.taken].sort((x, y) => x - y)
  })
}

/** Up to so many deviations, all pairs are tried; beyond, neighbours only. */
const ALL_PAIRS = 24
/** Beyond so many, no pairs. */
const PAIRS = 500

/**
 * What single ones do not reach: two that only work together are left out (there and back again), and of two in a row,
 * "to c, from there to b", the detour is left out.
 */
function byPairs(
  m: Machine,
  from: readonly Deviation[],
  fails: (c: Chooser) => boolean,
  better: (d: readonly Deviation[]) => void,
): void {
  let best = from
  for (let again = true; again && best.length > 1 && best.length <= PAIRS; ) {
    again = false
    const places = new PlaceTape(m, followDeviations(best))
    if (!fails(places)) return
    const all = [...places.found]
    for (const part of pairsOf(all)) {
      const chooser = new PlaceChooser(m, part)
      chooser.on.fill(1)
      const tape = new Tape(m, chooser)
      if (!fails(tape) || tape.deviations.length >= best.length) continue
      best = [...tape.deviations]
      better(best)
      again = true
      break
    }
  }
}

/** The lists to try: without a detour, then without two. */
function* pairsOf(all: readonly Placed[]): Generator<Placed[]> {
  const n = all.length
  for (let i = 0; i + 1 < n; i++)
    yield [...all.slice(0, i), { place: all[i]!.place, label: all[i + 1]!.label }, ...all.slice(i + 2)]
  for (let i = 0; i < n; i++)
    for (let j = i + 1; j < n && (n <= ALL_PAIRS || j === i + 1); j++) yield all.filter((_, k) => k !== i && k !== j)
}

/** Leave out deviations named by the number of their decision. */
function byNumber(
  m: Machine,
  from: readonly Deviation[],
  fails: (c: Chooser) => boolean,
  better: (d: readonly Deviation[]) => void,
): void {
  minimise(from, part => {
    const tape = new Tape(m, followDeviations(part))
    if (!fails(tape)) return null
    better([...tape.deviations])
    return [...tape.deviations]
  })
}

/** The smaller file, made again from nothing with the trace on. */
function finish(
  s: Scenario,
  f: RunFile,
  before: Size,
  deviations: readonly Deviation[],
  executions: number,
  minimal: boolean,
): ShrinkResult {
  const choices: Choice[] = []
  for (const d of deviations) choices[d.at] = { kind: d.kind, label: d.label }
  const c = confirm(s, f, choices, f.problem)
  const size = sizeOf(c.run)
  const base = { before, after: size, deviations: c.run.deviations, executions, minimal }
  if (!c.same) return { ...base, file: null, found: c.run.problem }
  return { ...base, file: makeRunFile(f, c.run), found: c.run.problem }
}

const sizeOf = (r: Recorded): Size => ({
  choices: r.choices.length,
  deviations: r.deviations.length,
  preemptions: r.preemptions,
})
