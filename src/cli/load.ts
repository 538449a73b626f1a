// Loading a scenario file and using it. Every way it can be wrong is one line with the file, the place and what was
// expected.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { BackingError } from '../devdax/index.ts'
import { UsageError } from '../sim/index.ts'
import { isScenario, type Scenario } from '../world/index.ts'
import { oneLine, UserError } from './errors.ts'

export const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** A text file, or one line on why not. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (e) {
    throw new UserError(`${file}: ${oneLine((e as Error).message)}`)
  }
}

/** `file:line` of the first frame of an error that lies in `path`, else the path. */
export function place(e: unknown, path: string): string {
  const stack = e instanceof Error ? (e.stack ?? '') : ''
  const at = stack.split('\n').find(l => l.includes(path))
  const m = at?.match(/:(\d+):\d+\)?$/)
  return m ? `${path}:${m[1]}` : path
}

export async function loadScenario(file: string): Promise<Scenario> {
  const path = resolve(file)
  if (!existsSync(path) || !statSync(path).isFile())
    throw new UserError(`no such scenario file: ${file}; see: famsim list`)
  let mod: { default?: unknown }
  try {
    mod = await import(pathToFileURL(path).href)
  } catch (e) {
    const why = e instanceof Error ? oneLine(e.message) : String(e)
    throw new UserError(`${place(e, path)}: the scenario file does not load: ${why}`)
  }
  // A file outside an ES-module package is loaded as CommonJS and its default lies one level deeper.
  const inner = (mod.default as { default?: unknown } | undefined)?.default
  const found = isScenario(mod.default) ? mod.default : inner
  if (!isScenario(found)) throw new UserError(`${file}: expected 'export default scenario(title, build)'`)
  return found
}

/** Do something with a scenario; what it throws is told in one line with its file and line. */
export function withScenario<T>(path: string, body: () => T): T {
  try {
    return body()
  } catch (e) {
    if (e instanceof UsageError || e instanceof BackingError)
      throw new UserError(`${place(e, path)}: ${oneLine(e.message)}`)
    if (e instanceof Error && !(e instanceof UserError) && e.name !== 'InvariantError' && e.stack?.includes(path))
      throw new UserError(`${place(e, path)}: the scenario throws: ${oneLine(e.message)}`)
    throw e
  }
}
