// Every event of a run as text, one line each, for --trace: seq, virtual time (ns), task, function, what, object, values.
import type { TraceEvent } from '../sim/index.ts'
import { nameColumn } from './columns.ts'

/** Head of the columns. */
export const TRACE_HEAD = '#   seq      time_ns task             function                         event'

export function traceLine(e: TraceEvent): string {
  const seq = String(e.seq).padStart(7)
  const now = String(e.now).padStart(12)
  const task = nameColumn(e.task?.label ?? '-', 16)
  const fn = nameColumn(e.fn?.name ?? '-', 32)
  const what = e.subject === '' ? e.kind.name : `${e.subject} ${e.kind.name}`
  const obj = e.obj === null ? '' : ` ${e.obj.name}#${e.obj.id}`
  return `${seq} ${now} ${task} ${fn} ${what}${obj} ${e.a} ${e.b}`
}
