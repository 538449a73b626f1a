// How a run ended, in a few lines for people.
import { actionText } from '../faults/index.ts'
import type { Problem } from '../sim/index.ts'
import type { RunResult } from '../world/index.ts'
import { timeColumn } from './columns.ts'
import { hanging, wrap } from './narrative.ts'

const counts = (m: Record<string, number>): string => {
  const all = Object.entries(m)
  return all.length === 0 ? 'none' : all.map(([k, n]) => `${k} ${n}`).join(', ')
}

/** A problem with the task and functions it came from. */
export function problemLines(p: Problem): string[] {
  const where = `in ${p.task}${p.backtrace.length > 0 ? `: ${p.backtrace.slice(0, 8).join(' < ')}` : ''}`
  const ordering = (p.ordering ?? []).flatMap(l => hanging(l, 74, '    '))
  const what = hanging(`${p.kind}: ${p.text}`, 76, '  ')
  return [...what, ...wrap(where, 74).map(l => `    ${l}`), ...ordering]
}

/** Lines: verdict, problems with their backtraces, and the figures of the run. */
export function summaryLines(title: string, kernel: string, r: RunResult): string[] {
  const out = [`${r.verdict === 'held' ? 'HELD' : 'FAILED'}: ${title}`]
  for (const p of r.problems) out.push(...problemLines(p))
  for (const f of r.neverFired) {
    const on = f.trigger.on === 'time' ? `at ${f.trigger.ns} ns` : `after '${f.trigger.label}' #${f.trigger.nth}`
    for (const l of wrap(`note: a fault never fired: ${actionText(f.action)}, ${on}`, 76)) out.push(`  ${l}`)
  }
  out.push(`  kernel ${kernel}, seed ${r.seed}, ${r.steps} steps, virtual time ${timeColumn(r.now_ns).trim()} us`)
  out.push(`  digest ${r.digest}`)
  out.push(...hanging(`messages: ${counts(r.messages)}`, 76, '  '))
  out.push(`  faults: ${counts(r.faults)}`)
  return out
}
