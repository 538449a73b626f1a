// Make the run of a file again, and say where it is no longer the same.
import type { Choice, Chooser, TraceEvent } from '../sim/index.ts'
import type { RunResult, Scenario, World } from '../world/index.ts'
import { countChoices, decodeChoices } from './choices.ts'
import { Checkpoints } from './record.ts'
import type { RunFileOn } from './runfile.ts'
import { failureOf, makeWorld, type NamedProblem, sameProblem } from './setting.ts'
import { type Divergence, ReplayChooser } from './strategies/replay.ts'
import { Tape } from './tape.ts'

export interface Replay {
  readonly result: RunResult
  readonly problem: NamedProblem | null
  /** Decisions of this run. */
  readonly decisions: number
  /** Null if everything was as recorded; else the first thing that was not, in words. */
  readonly difference: string | null
  /** The same where it is a decision. */
  readonly divergence: Divergence | null
  /** The decisions of this run. */
  readonly choices: readonly Choice[]
}

export interface ReplayOptions {
  /** Sees every event of the applications (not of the set-up). */
  readonly sink?: (e: TraceEvent) => void
  /** Decides from the first difference on; without it the choices go on as far as they fit, then the default. */
  readonly on?: Chooser
}

export function replay(s: Scenario, f: RunFileOn, o: ReplayOptions = {}): Replay {
  const world = makeWorld(s, f, { trace: true })
  try {
    return replayIn(world, f, o)
  } finally {
    world.close()
  }
}

const named = (p: NamedProblem | null): string => (p === null ? 'nothing' : `${p.kind}: ${p.text}`)
const choice = (c: { kind: string; label: string }): string => `'${c.label}' (${c.kind})`

function replayIn(world: World, f: RunFileOn, o: ReplayOptions): Replay {
  const { m } = world
  const chooser = new ReplayChooser(decodeChoices(f.choices), o.on)
  const points = new Checkpoints(m, f.every, false)
  let partedAt: number | null = null
  const parted = (): void => {
    if (partedAt === null && chooser.divergence !== null) partedAt = m.steps
  }
  const tape = new Tape(m, chooser)
  m.trace.sink = e => {
    parted()
    points.sink()
    const n = points.digests.length
    if (o.on !== undefined && n > 0 && n <= f.digests.length && points.digests[n - 1] !== f.digests[n - 1])
      chooser.leave()
    o.sink?.(e)
  }
  const result = world.run(tape)
  m.trace.sink = null
  parted()
  const problem = failureOf(result)
  const { divergence: d } = chooser
  const decisions = tape.choices.length
  const count = countChoices(f.choices)
  let difference: string | null = null
  // The first digest that differs, unless a decision did so before.
  const wrong = f.digests.findIndex((x, i) => points.digests[i] !== x)
  if (d !== null && (wrong < 0 || partedAt! <= (wrong + 1) * f.every)) {
    const there = d.options.map(o => `'${o}'`).join(', ')
    const record = d.recorded === null ? 'the record has ended' : `the record takes ${choice(d.recorded)}`
    difference = `at decision ${d.at} ${record}, but there is a choice (${d.kind}) of ${there}`
  } else if (wrong >= 0)
    difference = `between steps ${wrong * f.every} and ${(wrong + 1) * f.every} the trace has another digest than recorded`
  else if (decisions < count) difference = `the run ends after ${decisions} decisions, the record has ${count}`
  else if (result.digest !== f.digest)
    difference = `after step ${f.digests.length * f.every} the trace has another digest than recorded`
  else if (result.verdict !== f.verdict) difference = `the record says ${f.verdict}, this run ${result.verdict}`
  else if (!sameProblem(problem, f.problem))
    difference = `the record says ${named(f.problem)}; this run: ${named(problem)}`
  return { result, problem, decisions, difference, divergence: d, choices: tape.choices }
}
