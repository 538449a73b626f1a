// What an execution depends on besides the scenario and the choices, and what counts as its failure.
import type { DefectSwitches } from '../profile/index.ts'
import type { ModelName, Policy, Problem, Watch } from '../sim/index.ts'
import {
  buildWorld,
  type FabricSetting,
  type RunResult,
  type Scenario,
  type Without,
  type World,
  type WorldOptions,
} from '../world/index.ts'

export interface Setting {
  readonly seed: number
  /** Kernel of every host; null leaves it to the scenario. */
  readonly kernel: string | null
  /** DAX level of every host; null or nothing leaves it to the scenario. */
  readonly dax?: string | null
  /** User space of every host; null or nothing leaves it to the scenario. */
  readonly server?: string | null
  readonly switches: DefectSwitches
  readonly policy: Policy
  /** Memory ordering of kernel cells; `sc` unless said otherwise. */
  readonly model?: ModelName
  /** Report data races; no unless said otherwise. */
  readonly races?: boolean
  /** Where device memory comes from. No part of what a failure is: a trace is the same on each. */
  readonly backing?: WorldOptions['backing']
  /** Caches, coherence and evictions, in place of what the scenario says. */
  readonly fabric?: FabricSetting
  /** What of the scenario is left out; nothing unless said otherwise. */
  readonly without?: Without
}

/** Bound on the steps of one execution of a search; beyond it the execution counts as one that does not end. */
export const MAX_STEPS = 2_000_000

/** The part of a world's options that a setting says. */
export const worldOptions = (o: Setting): WorldOptions => ({
  seed: o.seed,
  policy: o.policy,
  kernel: o.kernel ?? undefined,
  dax: o.dax ?? undefined,
  server: o.server ?? undefined,
  switches: o.switches,
  model: o.model,
  races: o.races,
  fabric: o.fabric,
  without: o.without,
  backing: o.backing,
})

/** A world of this scenario, set-up done. Close it when done. With a watch, the whole of it is watched. */
export const makeWorld = (s: Scenario, o: Setting, how: { trace: boolean; watch?: Watch }): World =>
  buildWorld(s, { ...worldOptions(o), maxSteps: MAX_STEPS, ...how })

/** What is wrong with this execution. Of one cut short, only what came before the cut counts. */
export const problemsOf = (r: RunResult): readonly Problem[] =>
  r.verdict === 'redundant' ? r.problems.filter(p => !p.text.startsWith('eventually: ')) : r.problems

/** The first of it, or null. */
export const failureOf = (r: RunResult): Problem | null => problemsOf(r)[0] ?? null

/** Kind and text are what names a problem in a file. */
export interface NamedProblem {
  readonly kind: string
  readonly text: string
}

/** One mistake seen twice? The kind, for a property its name too, for an expectation what it was about. */
export function sameProblem(x: NamedProblem | null, y: NamedProblem | null): boolean {
  if (x === null || y === null || x.kind !== y.kind) return x === y
  if (x.kind === 'property') return x.text === y.text
  if (x.kind === 'expectation') return x.text.split(': expected ')[0] === y.text.split(': expected ')[0]
  return true
}
