// Loading a scenario file. Every way it can be wrong is one line with the file, the place and what was expected.
import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isScenario, type Scenario } from '../world/index.ts'
import { oneLine, UserError } from './errors.ts'

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
