// famsim explore --inevitable RUNFILE: from which decision of a failing run on its failure could no longer be avoided.
import { type Alternative, type Inevitable, inevitable as searchInevitable } from '../explore/index.ts'
import { hanging, wrap } from '../report/index.ts'
import { withScenario } from './load.ts'
import { type BackingOptions, lenderOf, whole } from './options.ts'
import { loadRun, noLonger, Progress } from './runfile.ts'
import { withFor } from './with.ts'

interface InevitableOptions extends BackingOptions {
  readonly runs?: string
  readonly with?: string
  readonly json?: boolean
}

export async function inevitable(file: string, o: InevitableOptions): Promise<void> {
  const tries = o.runs === undefined ? undefined : whole('--runs', o.runs, 1)
  const backing = lenderOf(o)
  const { run, scenario, path } = await loadRun(file)
  const change = await withFor(file, run, 'explore --inevitable', o.with)
  const progress = new Progress()
  const r = withScenario(path, () =>
    change.within(() =>
      searchInevitable(scenario, { ...run, backing }, { tries, progress: n => progress.tell(() => `${n} executions`) }),
    ),
  )
  progress.end()
  if (!r.fails) throw noLonger(file, run, change.words)
  if (o.json) console.log(JSON.stringify({ scenario: run.scenario, problem: run.problem, ...change.json, ...r }))
  else {
    console.log(`${run.problem.kind}: ${run.problem.text}`)
    for (const l of [...change.notes, ...lines(r)]) console.log(l)
  }
}

/** Columns of a full bar. */
const BAR = 40

function lines(r: Inevitable): string[] {
  const out = [`decisions followed, and of ${r.ladder[0]!.tries} continuations the share that avoids it:`]
  for (const { at, tries, avoided } of r.ladder) {
    // Whatever is not none shows.
    const n = avoided === 0 ? 0 : Math.max(1, Math.round((BAR * avoided) / tries))
    const mark = at === r.last?.at ? '  < the last way out' : ''
    out.push(`${String(at).padStart(8)} |${'#'.repeat(n).padEnd(BAR, '.')}| ${share(avoided / tries)}${mark}`)
  }
  const say = (text: string): void => {
    out.push(...hanging(text, 78))
  }
  const after = r.proved ? 'proved: every continuation was searched' : 'not proved: no way out was found'
  if (r.last === null) say(`it could not be avoided from the start on (${after}; ${r.executions} executions)`)
  else {
    const { at, kind, taken, others } = r.last
    say(`no way back from decision ${at} of ${r.decisions} (${kind}):`)
    for (const l of wrap(`taken: ${side(taken)}`, 74)) out.push(`    ${l}`)
    for (const x of others) for (const l of wrap(`not taken: ${side(x)}`, 74)) out.push(`    ${l}`)
    say(`behind it ${after} (${r.executions} executions)`)
  }
  return out
}

const share = (x: number): string => `${Math.round(100 * x)} %`.padStart(5)

const side = (a: Alternative): string =>
  a.op === null ? a.label : `${a.label}${a.fn === null ? '' : ` in ${a.fn}`}, about to ${a.op}`
