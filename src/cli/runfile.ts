// Run files on disk: reading one with its scenario, writing one. Bad input is one line with the file and the field.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BackingError } from '../devdax/index.ts'
import { parseRunFile, printRunFile, type RunFile, scenarioPlaces } from '../explore/index.ts'
import { UsageError } from '../sim/index.ts'
import type { Scenario } from '../world/index.ts'
import { oneLine, UserError } from './errors.ts'
import { loadScenario, place } from './load.ts'

export const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** A path as the user would type it here. */
export const typed = (path: string): string => relative('.', resolve(path))

/** A run file and its scenario. */
export async function loadRun(file: string): Promise<{ run: RunFile; scenario: Scenario; path: string }> {
  let source: string
  try {
    source = readFileSync(file, 'utf8')
  } catch (e) {
    throw new UserError(`${file}: ${oneLine((e as Error).message)}`)
  }
  const run = parseRunFile(source, file)
  const places = scenarioPlaces(run.scenario, file, repository)
  const path = places.find(p => existsSync(p))
  if (path === undefined)
    throw new UserError(`${file}: scenario: expected a scenario file at ${places.map(typed).join(' or ')}`)
  return { run, scenario: await loadScenario(path), path }
}

export function writeRun(file: string, run: RunFile): void {
  try {
    writeFileSync(file, printRunFile(run))
  } catch (e) {
    throw new UserError(`--out ${file}: ${oneLine((e as Error).message)}`)
  }
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

/** A line on the terminal about work that takes over a second; nothing when stderr is none. */
export class Progress {
  private readonly started = performance.now()
  private last = this.started + 900
  private shown = false
  tell(text: () => string): void {
    if (!process.stderr.isTTY) return
    const now = performance.now()
    if (now - this.last < 100) return
    this.last = now
    this.shown = true
    process.stderr.write(`\r\x1b[K${text()}, ${((now - this.started) / 1000).toFixed(0)} s`)
  }
  end(): void {
    if (this.shown) process.stderr.write('\r\x1b[K')
  }
}
