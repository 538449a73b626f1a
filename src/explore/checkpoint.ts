// An exhaustive search that was interrupted, as a file: what it searches, and where it is. Reading one checks that it
// belongs to this search; what does not fit is one line with the file and the field.
import { UsageError } from '../sim/index.ts'
import type { ExhaustiveOptions, Node } from './exhaustive.ts'
import type { RunWith } from './runfile.ts'
import type { SearchState } from './search.ts'
import type { Setting } from './setting.ts'

/** Version of the format that is written and read. */
export const CHECKPOINT_VERSION = 2

/** What a search searches: all that decides what its tree is. */
export interface Searched extends Setting {
  /** The scenario's file, as named in run files. */
  readonly scenario: string
  readonly title: string
  readonly bound: ExhaustiveOptions
  /** Functions that are replaced. */
  readonly with?: RunWith
}

const FIELDS = [
  'scenario',
  'title',
  'seed',
  'kernel',
  'dax',
  'server',
  'switches',
  'policy',
  'model',
  'races',
  'fabric',
  'without',
  'with',
  'bound',
] as const
/** Fields a setting may leave out, and what that means. */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  model: 'sc',
  races: false,
  without: null,
  dax: null,
  server: null,
}

const field = (o: Searched, f: (typeof FIELDS)[number]): string => JSON.stringify(o[f] ?? DEFAULTS[f] ?? null)

/** Its text. */
export function printCheckpoint(o: Searched, state: SearchState): string {
  const head = FIELDS.map(f => `  ${JSON.stringify(f)}: ${field(o, f)}`)
  const rest = `  "state": ${JSON.stringify(state)}`
  return `{\n  "famsim": "checkpoint",\n  "version": ${CHECKPOINT_VERSION},\n${head.join(',\n')},\n${rest}\n}\n`
}

const object = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v)
const natural = (v: unknown): boolean => Number.isSafeInteger(v) && (v as number) >= 0
const all = (v: unknown, check: (x: unknown) => boolean): boolean => Array.isArray(v) && v.every(check)

const isSleeper = (v: unknown): boolean =>
  object(v) && natural(v.task) && all(v.objs, Number.isSafeInteger) && all(v.writes, x => typeof x === 'boolean')
const isNode = (v: unknown): v is Node =>
  object(v) &&
  typeof v.kind === 'string' &&
  all(v.todo, natural) &&
  natural(v.current) &&
  typeof v.label === 'string' &&
  natural(v.of) &&
  all(v.sleep, isSleeper)
const STATS = ['complete', 'pruned', 'steps', 'states', 'depth']
const isState = (v: unknown): v is SearchState =>
  object(v) &&
  all(v.where, isNode) &&
  typeof v.clocks === 'boolean' &&
  natural(v.made) &&
  natural(v.executions) &&
  natural(v.distinct) &&
  all(v.unreached, x => typeof x === 'string') &&
  object(v.stats) &&
  STATS.every(k => natural((v.stats as Record<string, unknown>)[k]))

/** Where the search `o` was. `file` is the name, for messages. Throws UsageError. */
export function parseCheckpoint(source: string, file: string, o: Searched): SearchState {
  let v: unknown
  try {
    v = JSON.parse(source)
  } catch (e) {
    throw new UsageError(`${file}: not JSON, so no checkpoint: ${(e as Error).message.split('\n')[0]}`)
  }
  if (!object(v) || v.famsim !== 'checkpoint')
    throw new UsageError(`${file}: famsim: expected "checkpoint": a file that famsim explore --checkpoint has written`)
  if (v.version !== CHECKPOINT_VERSION)
    throw new UsageError(
      `${file}: version: the file has ${JSON.stringify(v.version)}, this famsim reads ${CHECKPOINT_VERSION}; search again without --resume`,
    )
  for (const f of FIELDS) {
    const had = JSON.stringify(v[f] ?? null)
    const has = field(o, f)
    if (had !== has)
      throw new UsageError(`${file}: ${f}: the file has ${had}, this search ${has}; type the same options`)
  }
  if (!isState(v.state)) throw new UsageError(`${file}: state: expected what famsim explore --checkpoint has written`)
  return v.state
}
