// famsim replay RUNFILE: make the run of a file again, or say where it is no longer the same.
import { type Replay, type RunFile, replay as replayRun } from '../explore/index.ts'
import { DEFAULT_KERNEL, kernelProfile } from '../profile/index.ts'
import { LEGEND, Narrative, summaryLines } from '../report/index.ts'
import { opcodeTable } from '../wire/index.ts'
import { withScenario } from './load.ts'
import { orderText, settingText } from './options.ts'
import { leftOutLines, loadRun, typed } from './runfile.ts'
import { withFor } from './with.ts'

export async function replay(file: string, o: { json?: boolean; with?: string }): Promise<void> {
  const { run, scenario, path } = await loadRun(file)
  const change = await withFor(file, run, 'replay', o.with)
  const kernel = run.kernel ?? DEFAULT_KERNEL
  const table = opcodeTable(kernelProfile(kernel, run.switches).t.opcodes)
  const lines: string[] = []
  const story = new Narrative(l => lines.push(l), table, { width: process.stdout.columns ?? 80 })
  const r = withScenario(path, () => change.within(() => replayRun(scenario, run, o.json ? undefined : story.sink)))
  story.end()
  if (o.json) console.log(JSON.stringify({ ...jsonResult(run, r), ...change.json }))
  else if (r.difference !== null) {
    console.log(`does not reproduce any more: ${r.difference}`)
    for (const l of change.notes) console.log(`  ${l}`)
    console.log(`  with the default from there on the run came to: ${outcome(r)}`)
    console.log(`search again: famsim explore ${typed(path)} ${settingText(run)}${change.words}`)
  } else {
    console.log(`famsim: ${scenario.title}`)
    console.log(`kernel ${kernel}, seed ${run.seed}, ${r.decisions} choices of ${file}${orderText(run)}`)
    for (const l of leftOutLines(run.without)) console.log(l)
    for (const l of change.notes) console.log(l)
    console.log(LEGEND)
    for (const l of lines) console.log(l)
    console.log('')
    for (const l of summaryLines(scenario.title, kernel, r.result)) console.log(l)
    console.log('reproduced: every decision and every digest as recorded')
  }
  process.exitCode = 1
}

const outcome = (r: Replay): string => (r.problem === null ? 'held' : `${r.problem.kind}: ${r.problem.text}`)

const jsonResult = (run: RunFile, r: Replay): object => ({
  scenario: run.scenario,
  title: run.title,
  reproduces: r.difference === null,
  difference: r.difference,
  ...(r.divergence === null ? {} : { decision: r.divergence.at }),
  verdict: r.result.verdict,
  seed: run.seed,
  decisions: r.decisions,
  steps: r.result.steps,
  digest: r.result.digest,
  problem: r.problem,
  problems: r.result.problems,
})
