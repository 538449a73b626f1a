// What people look at.
export { count, cut, nameColumn, timeColumn } from './columns.ts'
export { hanging, LEGEND, Narrative, wrap } from './narrative.ts'
export { problemLines, summaryLines } from './summary.ts'
export { shortLine, TRACE_HEAD, traceLine } from './trace-text.ts'
