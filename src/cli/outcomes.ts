// famsim explore --outcomes: all that executions came to, with how many did.
import type { Outcomes, Tally } from '../explore/index.ts'
import { count, hanging } from '../report/index.ts'

const MOST = 40

const lines = (what: string, t: Tally): string[] => {
  const out = [`${count(t.length, what)}:`]
  for (const [seen, n] of t.slice(0, MOST)) {
    const width = String(n).padStart(7)
    out.push(...hanging(`${width}  ${seen === '' ? '(nothing said)' : seen}`, 78, ' '.repeat(9)))
  }
  if (t.length > MOST) out.push(`  and ${t.length - MOST} more; all: --json`)
  return out
}

/** What `famsim explore --outcomes` prints. */
export function outcomeLines(title: string, how: string, o: Outcomes): string[] {
  const { executions, finished, stats } = o.search
  const end = stats === null ? '' : finished ? ', searched to the end' : ', stopped early'
  return [
    `${count(executions, 'execution')}${end}: ${title}`,
    `  ${how}`,
    ...lines('outcome', o.said),
    ...(o.problems.length === 0 ? ['no problem'] : lines('problem', o.problems)),
  ]
}

export const outcomeJson = (o: Outcomes): object => ({
  executions: o.search.executions,
  finished: o.search.finished,
  outcomes: o.said.map(([said, executions]) => ({ said, executions })),
  problems: o.problems.map(([problem, executions]) => ({ problem, executions })),
})
