// famsim slice RUNFILE: only the events that led to the failure.
import { type Slice, slice as sliceFile } from '../explore/index.ts'
import { problemLines, shortLine } from '../report/index.ts'
import type { TraceEvent } from '../sim/index.ts'
import { withScenario } from './load.ts'
import { type BackingOptions, lenderOf } from './options.ts'
import { listed, loadRun, noLonger, Progress } from './runfile.ts'
import { withFor } from './with.ts'

interface SliceOptions extends BackingOptions {
  readonly with?: string
  readonly json?: boolean
}

export async function slice(file: string, o: SliceOptions): Promise<void> {
  const backing = lenderOf(o)
  const { run, scenario, path } = await loadRun(file)
  const change = await withFor(file, run, 'slice', o.with)
  const progress = new Progress()
  const r = withScenario(path, () =>
    change.within(() =>
      sliceFile(scenario, { ...run, backing }, { progress: n => progress.tell(() => `${n} executions`) }),
    ),
  )
  progress.end()
  if (!r.fails) throw noLonger(file, run, change.words)
  if (o.json) console.log(JSON.stringify({ ...change.json, ...r, kept: r.kept.map(asJson) }))
  else for (const l of [...change.notes, ...lines(r)]) console.log(l)
}

function lines(r: Slice): string[] {
  const out = problemLines(r.found!).map(l => l.slice(2))
  out.push(...listed('does not matter (left out, the rest fails in the same way): ', leftOut(r)))
  const idle = r.tasks.filter(t => t.kept === 0).map(t => t.label)
  out.push(...listed('has no part in it: ', idle))
  out.push(`kept ${r.kept.length} of ${r.events} events`)
  for (const e of r.kept) out.push(shortLine(e))
  for (const t of r.tasks) out.push(...listed(`${t.label}: ${t.kept} of ${t.steps} steps, in `, t.path))
  return out
}

const leftOut = (r: Slice): string[] => [...r.without.apps, ...r.without.faults]

const asJson = (e: TraceEvent): object => ({
  seq: e.seq,
  now: e.now,
  task: e.task?.label ?? null,
  fn: e.fn?.name ?? null,
  what: e.subject === '' ? e.kind.name : `${e.subject} ${e.kind.name}`,
  obj: e.obj?.name ?? null,
  a: e.a,
  b: e.b,
})
