// What the executions of a scenario come to, all of them: a failure is one outcome among others and does not end the search.
import type { RunResult, Scenario } from '../world/index.ts'
import { Search, type SearchOptions, type SearchResult } from './search.ts'
import { problemsOf } from './setting.ts'

/** What was seen, and in how many executions; sorted by what was seen. */
export type Tally = readonly (readonly [seen: string, executions: number])[]

export interface Outcomes {
  /** What the applications said, lines joined by '; ', of every execution that ran to its end. */
  readonly said: Tally
  /** Problems, `kind: text` without the numbers that differ, of those that were cut short too. */
  readonly problems: Tally
  readonly search: SearchResult
}

/** A problem without addresses, ids and call stacks. */
const short = (kind: string, text: string): string =>
  `${kind}: ${text.replace(/; (allocated|freed) by .*/, '').replace(/ < .*/, '')}`
    .replace(/0x[0-9a-f]+/g, 'N')
    .replace(/(?<=[a-z ])#\d+|(?<=page )\d+/g, 'N')

/** Collects what executions came to. `add` is for `SearchOptions.each`. */
export class OutcomeTally {
  private readonly lines = new Map<string, number>()
  private readonly wrong = new Map<string, number>()
  readonly add = (r: RunResult): void => {
    const count = (m: Map<string, number>, k: string): void => void m.set(k, (m.get(k) ?? 0) + 1)
    if (r.verdict !== 'redundant') count(this.lines, r.said.join('; '))
    for (const p of new Set(problemsOf(r).map(p => short(p.kind, p.text)))) count(this.wrong, p)
  }
  result(search: SearchResult): Outcomes {
    const sorted = (m: Map<string, number>): Tally => [...m].sort(([a], [b]) => (a < b ? -1 : 1))
    return { said: sorted(this.lines), problems: sorted(this.wrong), search }
  }
}

/** All outcomes that the search comes by. */
export function outcomes(s: Scenario, o: SearchOptions): Outcomes {
  const tally = new OutcomeTally()
  const x = new Search(s, { ...o, each: tally.add })
  try {
    x.advance(o.maxSeconds === undefined ? undefined : 1000 * o.maxSeconds)
    return tally.result(x.result())
  } finally {
    x.close()
  }
}
