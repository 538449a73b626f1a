// --with FILE.ts: functions of the model replaced for one command. The file is loaded and checked after the scenario, so that
// the scenario's own functions can be replaced too, and everything is put back when the work is done.
import { createHash } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type RunFile, type RunWith, scenarioName } from '../explore/index.ts'
import { replaceAll, replacements, UsageError } from '../sim/index.ts'
import { oneLine, UserError } from './errors.ts'
import { place, readText, repository } from './load.ts'
import { typed } from './runfile.ts'

/** What `--with` asked for. */
export interface Change {
  /** Words to type for the same again: ` --with FILE`, or nothing. */
  readonly words: string
  /** A line for the output; none without `--with`. */
  readonly notes: readonly string[]
  /** For JSON output: the names of the functions that are replaced. */
  readonly json: { readonly with?: readonly string[] }
  /** Do something with the functions replaced. */
  within<T>(body: () => T): T
  /** For a run file that is written to `out`. */
  record(out: string): { with?: RunWith }
}

const NONE: Change = { words: '', notes: [], json: {}, within: body => body(), record: () => ({}) }

const EXPECTED =
  "expected 'export default' of replace(name, function* (...) {...}), a list of them, or { name: function* }"

export async function loadWith(file: string | undefined): Promise<Change> {
  if (file === undefined) return NONE
  const path = resolve(file)
  if (!existsSync(path) || !statSync(path).isFile()) throw new UserError(`--with ${file}: no such file`)
  let mod: { default?: unknown }
  try {
    mod = await import(pathToFileURL(path).href)
  } catch (e) {
    throw new UserError(
      `${place(e, path)}: --with: does not load: ${oneLine(e instanceof Error ? e.message : String(e))}`,
    )
  }
  // As for scenarios: outside of an ES-module package the default lies one level deeper.
  const all = replacements(mod.default) ?? replacements((mod.default as { default?: unknown } | undefined)?.default)
  if (all === null) throw new UserError(`--with ${file}: ${EXPECTED}`)
  try {
    replaceAll(all)()
  } catch (e) {
    if (e instanceof UsageError) throw new UserError(`--with ${file}: ${oneLine(e.message)}`)
    throw e
  }
  const names = all.map(r => r.name)
  const words = ` --with ${typed(path)}`
  return {
    words,
    notes: [`with ${typed(path)}: ${names.join(', ')}`],
    json: { with: names },
    within: body => {
      const undo = replaceAll(all)
      try {
        return body()
      } catch (e) {
        if (e instanceof Error && !(e instanceof UserError) && e.stack?.includes(path))
          throw new UserError(`${place(e, path)}: the replacement throws: ${oneLine(e.message)}`)
        throw e
      } finally {
        undo()
      }
    },
    record: out => ({ with: { file: scenarioName(path, out, repository), hash: fileHash(path) } }),
  }
}

/** 16 hex digits that name a text. */
const fileHash = (path: string): string => createHash('sha256').update(readText(path)).digest('hex').slice(0, 16)

/** `--with` for a run file: one made with replacements is nothing without them. */
export async function withFor(
  runFile: string,
  run: RunFile,
  command: string,
  file: string | undefined,
): Promise<Change> {
  if (file === undefined && run.with !== undefined)
    throw new UserError(
      `${runFile}: made with functions replaced by ${run.with.file}; give them: famsim ${command} ${typed(runFile)} --with FILE`,
    )
  const c = await loadWith(file)
  if (file === undefined || c.record(runFile).with?.hash === run.with?.hash) return c
  return {
    ...c,
    notes: [...c.notes, run.with === undefined ? 'the record was made without' : 'changed since the record'],
  }
}
