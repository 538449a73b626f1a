// A failure as a file: JSON with the scenario, the seed, the choices and digests to check a replay against. Reading one
// checks every field; what is wrong is one line with the file and the field.
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { type ChoiceKind, MODELS, type ModelName, type Policy, UsageError, type Verdict } from '../sim/index.ts'
import { COHERENCES, type Coherence, type FabricSetting, NOTHING, type Without } from '../world/index.ts'
import { encodeChoices, type PackedChoices } from './choices.ts'
import type { Recorded } from './record.ts'
import type { NamedProblem, Setting } from './setting.ts'

/** Version of the format that is written and read. */
export const RUN_VERSION = 3

/** The functions that were replaced (`--with`). */
export interface RunWith {
  /** Named as the scenario is. */
  readonly file: string
  /** 16 hex digits of its text. */
  readonly hash: string
}

export interface RunFile {
  readonly famsim: 'run'
  readonly version: typeof RUN_VERSION
  /** Scenario file: below the repository if it lies in it, else from the folder of the run file. With slashes. */
  readonly scenario: string
  readonly title: string
  readonly seed: number
  readonly kernel: string | null
  readonly dax: string | null
  /** Not there when the scenario decides. */
  readonly server?: string
  readonly switches: { readonly defect: readonly string[]; readonly noDefect: readonly string[] }
  readonly policy: Policy
  readonly model: ModelName
  readonly races: boolean
  /** Not there when the scenario decides. */
  readonly fabric?: FabricSetting
  /** What of the scenario is left out. */
  readonly without: Without
  readonly choices: PackedChoices
  /** Steps of the applications, and how many lie between two digests. */
  readonly steps: number
  readonly every: number
  /** Digests of the trace, at step `every`, twice that, ... */
  readonly digests: readonly string[]
  /** The one at the end. */
  readonly digest: string
  readonly verdict: Verdict
  /** The first problem. */
  readonly problem: NamedProblem
  /** What makes it happen again. */
  readonly command: string
  /** Not there when nothing was replaced. */
  readonly with?: RunWith
}

const KINDS: readonly ChoiceKind[] = ['schedule', 'duration', 'fault', 'wakeup', 'poison', 'load', 'store', 'line']
const VERDICTS: readonly Verdict[] = ['failed', 'deadlock', 'steps']
const POLICIES: readonly Policy[] = ['free', 'timed']
/** More choices than an execution can have: a number typed by hand must not fill the memory. */
const MAX_CHOICES = 50_000_000

/** How `file` names the scenario at `scenario`: below `repo` if it lies there, else from the folder of the run file. */
export function scenarioName(scenario: string, file: string, repo: string): string {
  const path = resolve(scenario)
  const below = relative(repo, path)
  const inside = !below.startsWith('..') && !isAbsolute(below)
  return (inside ? below : relative(dirname(resolve(file)), path)).split(sep).join('/')
}

/** Where the scenario of a run file may lie, the likeliest first. */
export function scenarioPlaces(name: string, file: string, repo: string): string[] {
  return isAbsolute(name) ? [name] : [join(dirname(resolve(file)), name), join(repo, name)]
}

/** A run file to be run, and on what. */
export type RunFileOn = RunFile & Pick<Setting, 'backing'>

export interface RunFileHead extends Setting {
  readonly scenario: string
  readonly title: string
  readonly command: string
  readonly with?: RunWith
}

/** The file of a run that failed. */
export function makeRunFile(head: RunFileHead, run: Recorded): RunFile {
  const { problem } = run
  if (problem === null) throw new UsageError(`${head.title}: the run held; only a failure makes a run file`)
  return {
    famsim: 'run',
    version: RUN_VERSION,
    scenario: head.scenario,
    title: head.title,
    seed: head.seed,
    kernel: head.kernel,
    dax: head.dax ?? null,
    ...(head.server == null ? {} : { server: head.server }),
    switches: { defect: [...(head.switches.defect ?? [])], noDefect: [...(head.switches.noDefect ?? [])] },
    policy: head.policy,
    model: head.model ?? 'sc',
    races: head.races ?? false,
    ...(head.fabric === undefined ? {} : { fabric: head.fabric }),
    without: head.without ?? NOTHING,
    choices: encodeChoices(run.choices),
    steps: run.steps,
    every: run.every,
    digests: run.digests,
    digest: run.result.digest,
    verdict: run.result.verdict,
    problem: { kind: problem.kind, text: problem.text },
    command: head.command,
    ...(head.with === undefined ? {} : { with: head.with }),
  }
}

/** Its text: one line a field, so that two of them can be compared by eye. */
export function printRunFile(f: RunFile): string {
  const lines = Object.entries(f).map(([k, v]) => `  ${JSON.stringify(k)}: ${JSON.stringify(v)}`)
  return `{\n${lines.join(',\n')}\n}\n`
}

type Check = (v: unknown) => boolean
const text: Check = v => typeof v === 'string' && v !== ''
const natural: Check = v => Number.isSafeInteger(v) && (v as number) >= 0
const digest: Check = v => typeof v === 'string' && /^[0-9a-f]{16}$/.test(v)
const oneOf =
  (all: readonly string[]): Check =>
  v =>
    all.includes(v as string)
const listOf =
  (check: Check): Check =>
  v =>
    Array.isArray(v) && v.every(check)
const cut: Check = v => Array.isArray(v) && v.length === 2 && text(v[0]) && natural(v[1])
const object = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v)

/** Field, what it must be, and how that is said. Checked in this order. */
const FIELDS: readonly (readonly [string, Check, string])[] = [
  ['scenario', text, 'the path of a scenario file'],
  ['title', v => typeof v === 'string', 'a text'],
  ['seed', natural, 'a whole number from 0'],
  ['kernel', v => v === null || text(v), 'the name of a kernel, or null'],
  ['dax', v => v === null || text(v), 'the name of a DAX level, or null'],
  ['server', v => v === undefined || text(v), 'the name of a user space'],
  [
    'switches',
    v => object(v) && Object.keys(v).length === 2 && listOf(text)(v.defect) && listOf(text)(v.noDefect),
    '{ "defect": [...], "noDefect": [...] } with numbers of defects',
  ],
  ['policy', oneOf(POLICIES), `one of ${POLICIES.join(', ')}`],
  ['model', oneOf(MODELS), `one of ${MODELS.join(', ')}`],
  ['races', v => typeof v === 'boolean', 'true or false'],
  [
    'fabric',
    v =>
      v === undefined ||
      (object(v) &&
        Object.keys(v).every(k => ['caches', 'coherence', 'evictions'].includes(k)) &&
        (v.caches === undefined || typeof v.caches === 'boolean') &&
        (v.coherence === undefined || COHERENCES.includes(v.coherence as Coherence)) &&
        (v.evictions === undefined || natural(v.evictions))),
    `{ "caches": true or false, "coherence": one of ${COHERENCES.join(', ')}, "evictions": a whole number from 0 }, or less`,
  ],
  [
    'without',
    v =>
      object(v) && Object.keys(v).length === 3 && listOf(text)(v.apps) && listOf(cut)(v.ends) && listOf(text)(v.faults),
    '{ "apps": [names], "ends": [[name, operations]], "faults": [names] }',
  ],
  ['choices', v => object(v) && Object.keys(v).length === 2, '{ "labels": [...], "runs": [...] }'],
  [
    'choices.labels',
    listOf(v => Array.isArray(v) && v.length === 2 && KINDS.includes(v[0]) && typeof v[1] === 'string'),
    `pairs of a kind (${KINDS.join(', ')}) and a label`,
  ],
  [
    'choices.runs',
    listOf(v => Array.isArray(v) && v.length === 2 && natural(v[0]) && natural(v[1]) && v[1] > 0),
    'pairs of an index into the labels and a count from 1',
  ],
  ['steps', natural, 'a whole number from 0'],
  ['every', v => natural(v) && (v as number) > 0, 'a whole number from 1'],
  ['digests', listOf(digest), 'a list of 16 hex digits each'],
  ['digest', digest, '16 hex digits'],
  ['verdict', oneOf(VERDICTS), `one of ${VERDICTS.join(', ')}`],
  ['problem', v => object(v) && text(v.kind) && typeof v.text === 'string', '{ "kind": ..., "text": ... }'],
  ['command', v => typeof v === 'string', 'a text'],
  [
    'with',
    v => v === undefined || (object(v) && Object.keys(v).length === 2 && text(v.file) && digest(v.hash)),
    '{ "file": ..., "hash": 16 hex digits }, or nothing',
  ],
]
const TOP = new Set(['famsim', 'version', ...FIELDS.map(f => f[0]).filter(f => !f.includes('.'))])

/** Read a run file. `file` is its name, for messages. Throws UsageError: `file: field: what was expected`. */
export function parseRunFile(source: string, file: string): RunFile {
  const bad = (field: string, want: string): never => {
    throw new UsageError(`${file}: ${field}: expected ${want}`)
  }
  let v: unknown
  try {
    v = JSON.parse(source)
  } catch (e) {
    throw new UsageError(`${file}: not JSON, so no run file: ${(e as Error).message.split('\n')[0]}`)
  }
  if (!object(v) || v.famsim !== 'run') return bad('famsim', `"run": a file that famsim explore has written`)
  if (v.version !== RUN_VERSION)
    throw new UsageError(
      `${file}: version: the file has ${JSON.stringify(v.version)}, this famsim reads ${RUN_VERSION}; replay it with the famsim that wrote it, or search again: famsim explore`,
    )
  for (const [field, check, want] of FIELDS) {
    const value = field.split('.').reduce<unknown>((o, k) => (o as Record<string, unknown>)[k], v)
    if (!check(value)) bad(field, want)
  }
  for (const k of Object.keys(v)) if (!TOP.has(k)) bad(k, 'nothing: a run file has no such field')
  const f = v as unknown as RunFile
  let n = 0
  for (const [i, count] of f.choices.runs) {
    if (i >= f.choices.labels.length)
      bad('choices.runs', `an index below ${f.choices.labels.length}, the number of labels, not ${i}`)
    n += count
  }
  if (n > MAX_CHOICES) bad('choices.runs', `at most ${MAX_CHOICES} choices, not ${n}`)
  return f
}
