// Run files on disk: reading one with its scenario, writing one. Bad input is one line with the file and the field.
import { existsSync, writeFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { parseRunFile, printRunFile, type RunFile, scenarioPlaces } from '../explore/index.ts'
import { count, hanging } from '../report/index.ts'
import type { Scenario, Without } from '../world/index.ts'
import { oneLine, UserError } from './errors.ts'
import { loadScenario, readText, repository } from './load.ts'

/** A path as the user would type it here. */
export const typed = (path: string): string => relative('.', resolve(path))

/** A run file and its scenario. */
export async function loadRun(file: string): Promise<{ run: RunFile; scenario: Scenario; path: string }> {
  const run = parseRunFile(readText(file), file)
  const places = scenarioPlaces(run.scenario, file, repository)
  const path = places.find(p => existsSync(p))
  if (path === undefined)
    throw new UserError(`${file}: scenario: expected a scenario file at ${places.map(typed).join(' or ')}`)
  return { run, scenario: await loadScenario(path), path }
}

/** A run file that no longer fails as it says. `words`: the options to type with it; `came`: what it came to instead, if known. */
export const noLonger = (file: string, run: RunFile, words: string, came: string | null = null): UserError =>
  new UserError(
    `${file}: does not fail with its problem any more (${run.problem.kind})${came === null ? '' : `, but ${came}`}; see: famsim replay ${typed(file)}${words}`,
  )

/** Names after a heading; nothing when there are none. */
export const listed = (head: string, names: readonly string[]): string[] =>
  names.length === 0 ? [] : hanging(`${head}${names.join(', ')}`, 76)

/** What a run leaves out of its scenario, by name. */
export const leftOutLines = (w: Without): string[] => [
  ...listed('left out: ', [...w.apps, ...w.faults]),
  ...w.ends.map(([name, n]) => `  ${name} ends after ${count(n, 'operation')} of its program`),
]

export const writeRun = (file: string, run: RunFile): void => writeText('--out', file, printRunFile(run))

/** A text file that an option names. */
export function writeText(option: string, file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (e) {
    throw new UserError(`${option} ${file}: ${oneLine((e as Error).message)}`)
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
  /** A line that stays, before work that may be long. */
  head(text: string | null): void {
    if (text !== null && process.stderr.isTTY) process.stderr.write(`${text}\n`)
  }
  end(): void {
    if (this.shown) process.stderr.write('\r\x1b[K')
  }
}
