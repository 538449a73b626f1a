// Events as text, one line each: for --trace all there is (seq, virtual time in ns, task, function, what, object, values),
// for a slice what fits in 80 columns.
import type { TraceEvent } from '../sim/index.ts'
import { cut, nameColumn } from './columns.ts'

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

/** The same for people: seq, task, function, what, the value given and `->` the value got (0 is not shown). */
export function shortLine(e: TraceEvent): string {
  const what = e.subject === '' ? e.kind.name : `${e.subject} ${e.kind.name}`
  const obj = e.obj === null ? '' : ` ${e.obj.name}`
  const values = `${e.a === 0 ? '' : ` ${e.a}`}${e.b === 0 ? '' : ` -> ${e.b}`}`
  return cut(
    `${String(e.seq).padStart(6)} ${nameColumn(e.task?.label ?? '-', 13)} ${nameColumn(e.fn?.name ?? '-', 20)} ${what}${obj}${values}`,
    80,
  )
}
