// A divided search on worker threads. One message a part: a message costs as much as a thousand steps.
import { availableParallelism } from 'node:os'
import { Tinypool } from 'tinypool'
import { divide, type Estimate, gather, type JobResult, type SearchResult } from '../explore/index.ts'
import type { Scenario } from '../world/index.ts'
import { UserError } from './errors.ts'
import type { Work } from './job.ts'

/** Most workers that make sense to ask for. */
export const MAX_WORKERS = 4 * availableParallelism()

/** Does something with the scenario; what goes wrong there is told in one line. */
export type Within = <T>(body: () => T) => T

/** Told how many parts of how many are done. */
type Tell = (done: number, of: number) => void

/** @param size told how large the tree may be, if that was asked for */
export async function searchWith(
  workers: number,
  w: Work,
  within: Within,
  s: Scenario,
  tell: Tell,
  size: (e: Estimate | null) => void,
): Promise<SearchResult> {
  const pool = new Tinypool({
    filename: new URL('./worker.mjs', import.meta.url).href,
    minThreads: workers,
    maxThreads: workers,
  })
  try {
    const r = await searchParts(pool, w, within, s, tell, size)
    if (r !== null) return r
    // Somebody looked at a clock after states had been taken for one that differ in time.
    const { options } = w
    const timed: Work = { ...w, options: { ...options, exhaustive: { ...options.exhaustive, clocks: true } } }
    return (await searchParts(pool, timed, within, s, tell, () => {}))!
  } finally {
    await pool.destroy()
  }
}

async function searchParts(
  pool: Tinypool,
  w: Work,
  within: Within,
  s: Scenario,
  tell: Tell,
  size: (e: Estimate | null) => void,
): Promise<SearchResult | null> {
  const plan = within(() => divide(s, w.options))
  size(plan.estimate)
  const results: JobResult[] = []
  // What comes after a part with a failure is of no interest.
  const stops = plan.jobs.map(() => new AbortController())
  let first = plan.jobs.length
  let done = 0
  const one = async (i: number): Promise<void> => {
    let r: JobResult | { readonly wrong: string }
    try {
      r = await pool.run({ ...w, job: plan.jobs[i]! }, { signal: stops[i]!.signal })
    } catch (e) {
      if (i > first) return
      throw e
    }
    if ('wrong' in r) throw new UserError(r.wrong)
    results[i] = r
    tell(++done, plan.jobs.length)
    if (r.found === null || i > first) return
    first = i
    for (let k = i + 1; k < stops.length; k++) stops[k]!.abort()
  }
  await Promise.all(plan.jobs.map((_, i) => one(i)))
  if (results.some(r => r?.timeless) && w.options.exhaustive?.clocks !== true) return null
  return within(() => gather(s, w.options, plan, results.slice(0, first + 1)))
}
