// Does a race come about? Executions of its scenario until it shows, and how many that took.
import { join } from 'node:path'
import { Search, type SearchOptions } from '../../src/explore/index.ts'
import { buildWorld, type RunResult, type Scenario } from '../../src/world/index.ts'
import type { Race } from './races.ts'

export const scenarioOf = async (r: Race): Promise<Scenario> =>
  (await import(join(import.meta.dirname, '../../scenarios', r.scenario))).default

const setting = (r: Race, kernel: string) => {
  const { noDefect, ...rest } = r.with ?? {}
  return { seed: 1, kernel, switches: { noDefect }, policy: 'free' as const, ...rest }
}

/** Number of the execution in which the race shows, or null: in none of those that its row gives it. */
export async function reach(r: Race, kernel: string): Promise<number | null> {
  const s = await scenarioOf(r)
  return 'plain' in r.reach ? plain(r, s, kernel) : search(r, s, kernel, r.reach)
}

const shown = (r: Race, run: RunResult): boolean =>
  r.shows.some(
    text => run.said.some(l => l.includes(text)) || run.problems.some(p => `${p.kind}: ${p.text}`.includes(text)),
  )

function plain(r: Race, s: Scenario, kernel: string): number | null {
  const { switches, dax, model } = setting(r, kernel)
  const w = buildWorld(s, { kernel, switches, dax: dax ?? undefined, model, trace: false })
  try {
    return shown(r, w.run()) ? 1 : null
  } finally {
    w.close()
  }
}

function search(
  r: Race,
  s: Scenario,
  kernel: string,
  { strategy, seed, runs }: { strategy: string; seed: number; runs: number },
): number | null {
  let made = 0
  let first: number | null = null
  const marked = (x: Search): boolean => {
    const { marks, unreached } = x.result()
    const sometimes = r.shows.filter(t => /^R\d+: /.test(t))
    return marks.some(m => m.hits > 0 && r.shows.includes(m.mark)) || sometimes.some(t => !unreached.includes(t))
  }
  const each = (run: RunResult): void => {
    made++
    if (first === null && shown(r, run)) first = made
  }
  const o: SearchOptions = { ...setting(r, kernel), seed, strategy, runs, each }
  const x = new Search(s, o)
  try {
    while (x.advance(0)) if (first !== null || marked(x)) break
    return first ?? (marked(x) ? made : null)
  } finally {
    x.close()
  }
}
