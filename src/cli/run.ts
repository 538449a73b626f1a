// famsim run FILE
import { resolve } from 'node:path'
import { firstDifference, keeper, RandomChooser, worldOptions } from '../explore/index.ts'
import { kernelOpcodes } from '../kernel/index.ts'
import { DEFAULT_KERNEL, kernelProfile } from '../profile/index.ts'
import { LEGEND, Narrative, summaryLines, wrap } from '../report/index.ts'
import type { TraceEvent } from '../sim/index.ts'
import { type RunResult, runScenario, type Scenario } from '../world/index.ts'
import { ADVICE, differenceText } from './difference.ts'
import { loadScenario, withScenario } from './load.ts'
import { lenderLines, orderText, type SettingOptions, settingOf, settingText } from './options.ts'
import { typed } from './runfile.ts'
import { TraceFile } from './trace-file.ts'
import { loadWith } from './with.ts'

interface RunOptions extends SettingOptions {
  readonly twice?: boolean
  readonly json?: boolean
  readonly trace?: string
  readonly quiet?: boolean
}

export async function run(file: string, o: RunOptions): Promise<void> {
  const setting = settingOf(o, 'timed')
  const kernel = setting.kernel ?? DEFAULT_KERNEL
  const profile = kernelProfile(kernel, setting.switches, setting.dax ?? undefined)
  const s = await loadScenario(file)
  const change = await loadWith(o.with)
  const width = process.stdout.columns ?? 80
  const story = !o.json && !o.quiet
  const table = kernelOpcodes(profile)
  // The head comes with the first event: input that is refused prints nothing but its one line.
  const head = [
    `famsim: ${s.title}`,
    `kernel ${kernel}, seed ${setting.seed}, memory ${o.backing}${orderText(setting)}`,
    ...change.notes,
    LEGEND,
  ]
  const say = (l: string): void => {
    for (const h of head.splice(0)) console.log(h)
    console.log(l)
  }
  const narrative = story ? new Narrative(say, table, { width }) : null
  const traceFile = o.trace === undefined ? null : new TraceFile(o.trace)
  const sinks: ((e: TraceEvent) => void)[] = []
  if (narrative) sinks.push(narrative.sink)
  if (traceFile) sinks.push(e => traceFile.add(e))
  const events: [TraceEvent[], TraceEvent[]] = [[], []]
  if (o.twice) sinks.push(keeper(events[0]))
  const once = (sink?: (e: TraceEvent) => void) =>
    withScenario(resolve(file), () =>
      change.within(() => runScenario(s, new RandomChooser(setting.seed), { ...worldOptions(setting), sink })),
    )
  traceFile?.open()
  const first = once(
    sinks.length === 0
      ? undefined
      : e => {
          for (const f of sinks) f(e)
        },
  )
  narrative?.end()
  traceFile?.close()
  const second = o.twice ? once(keeper(events[1])) : null
  const equal = second === null || second.digest === first.digest
  const where = equal ? null : differenceText(firstDifference(...events))
  const ok = first.verdict === 'held' && equal
  if (o.json)
    console.log(JSON.stringify({ ...jsonResult(file, s, kernel, setting.model, first, second, where), ...change.json }))
  else {
    if (story) console.log('')
    for (const l of summaryLines(s.title, kernel, first)) console.log(l)
    if (!story) for (const l of change.notes) console.log(`  ${l}`)
    for (const l of lenderLines(setting.backing)) console.log(l)
    if (second !== null)
      console.log(equal ? `  twice: ${second.digest}, equal both times` : `  twice: ${second.digest}, NOT equal`)
    if (where !== null) for (const l of wrap(`not deterministic: ${where}; ${ADVICE}`, 76)) console.log(`    ${l}`)
    if (!ok) console.log(`reproduce: famsim run ${typed(file)} ${settingText(setting)}${change.words}`)
  }
  process.exitCode = ok ? 0 : 1
}

function jsonResult(
  file: string,
  s: Scenario,
  kernel: string,
  model: string,
  r: RunResult,
  second: RunResult | null,
  difference: string | null,
): object {
  return {
    scenario: file,
    title: s.title,
    verdict: r.verdict,
    kernel,
    seed: r.seed,
    model,
    steps: r.steps,
    digest: r.digest,
    ...(second === null
      ? {}
      : { digest2: second.digest, equal: difference === null, ...(difference === null ? {} : { difference }) }),
    interleaving: r.interleaving,
    messages: r.messages,
    faults: r.faults,
    now_ns: r.now_ns,
    problems: r.problems,
    never_fired: r.neverFired,
  }
}
