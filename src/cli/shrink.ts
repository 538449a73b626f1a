// famsim shrink RUNFILE: the same failure with as few choices as possible.
import { basename } from 'node:path'
import { type Size, scenarioName, shrink as shrinkRun } from '../explore/index.ts'
import { count } from '../report/index.ts'
import { repository, withScenario } from './load.ts'
import { type BackingOptions, lenderOf } from './options.ts'
import { leftOutLines, listed, loadRun, noLonger, Progress, typed, writeRun } from './runfile.ts'
import { withFor } from './with.ts'

interface ShrinkCommand extends BackingOptions {
  readonly out?: string
  readonly json?: boolean
  readonly with?: string
}

export async function shrink(file: string, o: ShrinkCommand): Promise<void> {
  const backing = lenderOf(o)
  const { run, scenario, path } = await loadRun(file)
  const change = await withFor(file, run, 'shrink', o.with)
  const out = o.out ?? file.replace(/(\.run)?\.json$/, '').concat('.min.run.json')
  const progress = new Progress()
  const r = withScenario(path, () =>
    change.within(() =>
      shrinkRun(
        scenario,
        { ...run, backing },
        {
          progress: (n, left) => progress.tell(() => `${n} executions, ${left} deviations left`),
        },
      ),
    ),
  )
  progress.end()
  if (r.file === null)
    throw noLonger(file, run, change.words, r.found === null ? 'holds' : `gives ${r.found.kind}: ${r.found.text}`)
  const scenarioText = scenarioName(path, out, repository)
  writeRun(out, {
    ...r.file,
    scenario: scenarioText,
    ...change.record(out),
    command: `famsim replay ${basename(out)}${change.words}`,
  })
  const { before, after, executions, minimal } = r
  if (o.json) {
    const { deviations, apps, faults, without } = r
    const { problem } = r.file
    const all = {
      ...change.json,
      before,
      after,
      executions,
      minimal,
      without,
      apps,
      faults,
      deviations,
      problem,
      file: out,
    }
    console.log(JSON.stringify(all))
    return
  }
  console.log(`${r.file.problem.kind}: ${r.file.problem.text}`)
  for (const l of change.notes) console.log(l)
  console.log(`before: ${sizeText(before)}`)
  console.log(`after:  ${sizeText(after)}`)
  for (const l of [...leftOutLines(r.without), ...listed('remains: ', [...r.apps, ...r.faults])]) console.log(l)
  for (const d of r.deviations) console.log(`  decision ${d.at} (${d.kind}): ${d.label} instead of ${d.instead}`)
  console.log(
    minimal
      ? `${executions} executions; without any one of these it does not fail like this`
      : `${executions} executions; the time was up, shrink the new file once more`,
  )
  console.log(`written: ${out}`)
  console.log(`reproduce: famsim replay ${typed(out)}${change.words}`)
}

const sizeText = (s: Size): string =>
  [
    `${s.choices} choices, ${s.deviations} not the default, ${count(s.preemptions, 'preemption')}`,
    `        ${count(s.apps, 'application')}, ${count(s.faults, 'fault')}`,
  ].join('\n')
