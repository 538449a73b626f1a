// famsim replay RUNFILE: make the run of a file again, or say where it is no longer the same.
import { basename } from 'node:path'
import {
  confirm,
  makeRunFile,
  type Replay,
  type RunFile,
  replay as replayRun,
  STRATEGIES,
  scenarioName,
  strategyRow,
} from '../explore/index.ts'
import { kernelOpcodes } from '../kernel/index.ts'
import { DEFAULT_KERNEL, kernelProfile } from '../profile/index.ts'
import { LEGEND, Narrative, summaryLines, wrap } from '../report/index.ts'
import type { Chooser } from '../sim/index.ts'
import type { Scenario } from '../world/index.ts'
import { UserError } from './errors.ts'
import { repository, withScenario } from './load.ts'
import { type BackingOptions, lenderLines, lenderOf, orderText, settingText, whole } from './options.ts'
import { leftOutLines, loadRun, typed, writeRun } from './runfile.ts'
import { type Change, withFor } from './with.ts'

interface ReplayCommand extends BackingOptions {
  readonly on?: string
  readonly out?: string
  readonly with?: string
  readonly json?: boolean
}

export async function replay(file: string, o: ReplayCommand): Promise<void> {
  if (o.out !== undefined && o.on === undefined) throw new UserError('--out: needs --on')
  const backing = lenderOf(o)
  const { run, scenario, path } = await loadRun(file)
  const on = o.on === undefined ? undefined : parseOn(o.on, run.seed)
  const change = await withFor(file, run, 'replay', o.with)
  const kernel = run.kernel ?? DEFAULT_KERNEL
  const table = kernelOpcodes(kernelProfile(kernel, run.switches))
  const lines: string[] = []
  const story = new Narrative(l => lines.push(l), table, { width: process.stdout.columns ?? 80 })
  const sink = o.json ? undefined : story.sink
  const r = withScenario(path, () => change.within(() => replayRun(scenario, { ...run, backing }, { sink, on })))
  story.end()
  const out = r.difference === null ? null : writeOther(o.out, run, path, scenario, r, change)
  if (o.json)
    console.log(JSON.stringify({ ...jsonResult(run, r), ...change.json, ...(out === null ? {} : { file: out }) }))
  else if (r.difference !== null) {
    const say = (text: string) => {
      for (const l of wrap(text, 76)) console.log(`  ${l}`)
    }
    console.log('does not reproduce any more:')
    say(r.difference)
    for (const l of change.notes) say(l)
    say(`with ${o.on ?? 'the default'} from there on the run came to: ${outcome(r)}`)
    if (out !== null) {
      console.log(`written: ${out}`)
      console.log(`reproduce: famsim replay ${typed(out)}${change.words}`)
    }
    if (o.on === undefined)
      console.log(`go on from there: famsim replay ${typed(file)} --on urw:${run.seed}${change.words}`)
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
    for (const l of lenderLines(backing)) console.log(l)
    console.log('reproduced: every decision and every digest as recorded')
  }
  process.exitCode = 1
}

/** A strategy by name, or by name and seed. */
function parseOn(on: string, seed: number): Chooser {
  const [name, own, more] = on.split(':')
  if (!STRATEGIES.some(r => r.name === name) || more !== undefined)
    throw new UserError(
      `--on '${on}': expected NAME or NAME:SEED with one of ${STRATEGIES.map(r => r.name).join(', ')}`,
    )
  return strategyRow(name!).make(own === undefined ? seed : whole('--on', own, 0))
}

/** The run that came of it as a file of its own, if it failed and somebody wants it. */
function writeOther(
  out: string | undefined,
  run: RunFile,
  path: string,
  s: Scenario,
  r: Replay,
  change: Change,
): string | null {
  if (out === undefined || r.problem === null) return null
  const { problem } = r
  const made = withScenario(path, () => change.within(() => confirm(s, run, r.choices, problem)))
  if (!made.same)
    throw new UserError(
      `--out ${out}: the new run does not come twice the same; search again: famsim explore ${typed(path)}`,
    )
  const scenario = scenarioName(path, out, repository)
  const head = { ...run, scenario, command: `famsim replay ${basename(out)}${change.words}`, ...change.record(out) }
  writeRun(out, makeRunFile(head, made.run))
  return out
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
