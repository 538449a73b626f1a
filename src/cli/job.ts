// What a worker thread does: load the scenario by its path, search one part, give plain data back.
import { resolve } from 'node:path'
import { Lender } from '../devdax/index.ts'
import { type Job, type JobResult, PartSearcher, type SearchOptions } from '../explore/index.ts'
import { UserError } from './errors.ts'
import { loadScenario, withScenario } from './load.ts'
import { loadWith } from './with.ts'

/** A search, by the names of its files. */
export interface Work {
  readonly file: string
  readonly with: string | undefined
  /** As after --backing. A thread makes its own memory. */
  readonly backing: string
  readonly options: SearchOptions
}

/** A thread works for one search at a time. */
let search: { readonly of: string; readonly parts: PartSearcher } | null = null

/** The result, or the one line a mistake of the user is told in: an error would lose its class on the way. */
export async function work(w: Work & { readonly job: Job }): Promise<JobResult | { readonly wrong: string }> {
  try {
    const s = await loadScenario(w.file)
    const change = await loadWith(w.with)
    const { job, ...rest } = w
    const of = JSON.stringify(rest)
    return withScenario(resolve(w.file), () =>
      change.within(() => {
        if (search?.of !== of) {
          search?.parts.close()
          search = { of, parts: new PartSearcher(s, { ...w.options, backing: new Lender(w.backing) }) }
        }
        return search.parts.search(job)
      }),
    )
  } catch (e) {
    if (e instanceof UserError) return { wrong: e.message }
    throw e
  }
}
