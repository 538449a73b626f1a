// Where two runs of the same choices part, in words.
import type { Difference } from '../explore/index.ts'
import { traceLine } from '../report/index.ts'
import type { TraceEvent } from '../sim/index.ts'

const eventText = (e: TraceEvent | null): string =>
  e === null
    ? 'the end'
    : `'${traceLine(e)
        .trim()
        .replace(/^\d+ +/, '')
        .replace(/ +/g, ' ')}'`

/** Null: the traces do not show it. */
export const differenceText = (d: Difference | null): string =>
  d === null
    ? 'the traces do not show where'
    : `first difference at event ${d.event}: ${eventText(d.first)} against ${eventText(d.second)}`

/** What a user can do about it. */
export const ADVICE = 'let nothing outlive an execution (variables of the file, the clock, Math.random)'
