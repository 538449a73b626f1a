// The part of a failing run that is causally related to its failure. First, by experiment, the applications and faults that
// do not matter at all: without them the rest fails in the same way, its steps in the same order (shrink.ts). Then, of what
// remains, the steps that the failure depends on (dependence.ts), backwards from the step that failed.
import { type Problem, RUNNABLE, SLEEPING, type TraceEvent } from '../sim/index.ts'
import type { Scenario, Without, World } from '../world/index.ts'
import { decodeChoices } from './choices.ts'
import { backwards, Dependence } from './dependence.ts'
import type { RunFileOn } from './runfile.ts'
import { failureOf, makeWorld, sameProblem } from './setting.ts'
import { type ShrinkOptions, shrink } from './shrink.ts'
import { Follow } from './tape.ts'

export interface SlicedTask {
  readonly label: string
  /** Steps of the run and those that are kept. */
  readonly steps: number
  readonly kept: number
  /** Functions of the kept steps, innermost, in the order of their first. */
  readonly path: readonly string[]
}

export interface Slice {
  /** False when the file does not fail with its problem any more; then nothing else counts. */
  readonly fails: boolean
  readonly found: Problem | null
  /** Events of the run in the file, and those that are kept of it. */
  readonly events: number
  readonly kept: readonly TraceEvent[]
  /** What can be left out as a whole. */
  readonly without: Without
  /** Tasks of what remains, those with kept steps first. */
  readonly tasks: readonly SlicedTask[]
}

/** One execution of the file's choices, and how many events it makes. */
function countEvents(s: Scenario, f: RunFileOn): number {
  const world = makeWorld(s, f, { trace: true })
  try {
    let n = 0
    world.m.trace.sink = () => n++
    world.run(new Follow(decodeChoices(f.choices)))
    return n
  } finally {
    world.close()
  }
}

export function slice(s: Scenario, f: RunFileOn, o: Pick<ShrinkOptions, 'progress' | 'maxSeconds'> = {}): Slice {
  const small = shrink(s, f, { ...o, partsOnly: true })
  const nothing = { events: 0, kept: [], without: f.without, tasks: [] }
  if (small.file === null) return { fails: false, found: null, ...nothing }
  const world = makeWorld(s, { ...small.file, backing: f.backing }, { trace: true })
  try {
    return { events: countEvents(s, f), without: small.without, ...sliceRun(world, small.file) }
  } finally {
    world.close()
  }
}

/** Follow the run of `f` in its world (trace on), and keep what its failure depends on. */
export function sliceRun(world: World, f: RunFileOn): Pick<Slice, 'fails' | 'found' | 'kept' | 'tasks'> {
  const { m } = world
  const d = new Dependence(m, new Follow(decodeChoices(f.choices)))
  m.journal.watch = d
  const all: { readonly e: TraceEvent; readonly step: number }[] = []
  m.trace.sink = e => all.push({ e, step: d.steps.length })
  /** Steps from which the slice starts: those at which the first problem showed. */
  let from: number[] | null = null
  const at = (others: () => readonly number[]) => (): void => {
    if (from === null && m.problems.length > 0) from = [d.steps.length - 1, ...others()]
  }
  d.onStep = at(() => (m.problems[0]!.kind === 'data race' ? [d.otherSide(d.steps.length - 1)] : []))
  // A property has failed: on account of what it looked at.
  d.onLook = at(() => d.looked())
  const r = world.run(d.chooser)
  // Only at the end: nobody can run any more, or a property of the end.
  at(() => [...d.looked(), ...(r.verdict === 'deadlock' ? d.lastOf([SLEEPING]) : [])])()
  const found = failureOf(r)
  const kept = backwards(d.steps, from ?? d.lastOf([RUNNABLE, SLEEPING]))
  const tasks = new Map<string, { steps: number; kept: number; path: string[] }>()
  for (const [i, x] of d.steps.entries()) {
    let t = tasks.get(x.task.label)
    if (t === undefined) {
      t = { steps: 0, kept: 0, path: [] }
      tasks.set(x.task.label, t)
    }
    t.steps++
    if (!kept.has(i)) continue
    t.kept++
    if (!t.path.includes(x.frame.name)) t.path.push(x.frame.name)
  }
  return {
    fails: sameProblem(found, f.problem),
    found,
    kept: all.filter(x => kept.has(x.step)).map(x => x.e),
    tasks: [...tasks].map(([label, t]) => ({ label, ...t })).sort((x, y) => Number(y.kept > 0) - Number(x.kept > 0)),
  }
}
