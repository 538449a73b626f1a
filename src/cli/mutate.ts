// famsim mutate SCENARIO...: what is load-bearing.
import { relative, resolve } from 'node:path'
import {
  type Finding,
  makeWorld,
  PortfolioChooser,
  type Setting,
  type Subject,
  sites,
  tryWithout,
} from '../explore/index.ts'
import { cut } from '../report/index.ts'
import type { Scenario } from '../world/index.ts'
import { UserError } from './errors.ts'
import { loadScenario, withScenario } from './load.ts'
import { type SettingOptions, settingOf, whole } from './options.ts'
import { Progress } from './runfile.ts'
import { type Change, loadWith } from './with.ts'

interface MutateOptions extends SettingOptions {
  readonly runs?: string
  readonly json?: boolean
}

/** Executions in which sites are collected. */
const SCOUTS = 20
/** Executions for each site, unless said otherwise: at most so many, at least so many, and in between so many steps. */
const MOST = 300
const LEAST = 20
const STEPS = 1_000_000

export async function mutate(files: string[], o: MutateOptions): Promise<void> {
  const setting = settingOf(o, 'free')
  const runs = o.runs === undefined ? undefined : whole('--runs', o.runs, 1)
  for (const file of files) {
    const s = await loadScenario(file)
    const change = await loadWith(o.with)
    change.within(() => mutateOne(file, s, setting, runs, o.json === true, change))
  }
}

function mutateOne(
  file: string,
  s: Scenario,
  setting: Setting,
  asked: number | undefined,
  json: boolean,
  change: Change,
): void {
  const { seed } = setting
  const world = withScenario(resolve(file), () => makeWorld(s, setting, { trace: false }))
  const subject: Subject = { m: world.m, execute: c => world.run(c) }
  const bare = tryWithout(subject, null, new PortfolioChooser(seed), SCOUTS)
  if (bare.verdict !== 'held') {
    world.close()
    throw new UserError(
      `${file}: fails with nothing weakened (${bare.problem?.text ?? bare.verdict}); what is load-bearing shows only where it holds`,
    )
  }
  const runs = asked ?? Math.max(LEAST, Math.min(MOST, Math.round(STEPS / world.m.steps)))
  const all = sites(subject, new PortfolioChooser(seed), SCOUTS)
  if (!json) {
    console.log(`${relative('.', resolve(file))}: ${s.title}`)
    for (const l of change.notes) console.log(l)
    console.log(`${all.length} places met; each weakened alone, up to ${runs} executions`)
  }
  const found: Finding[] = []
  const progress = new Progress()
  for (const [i, site] of all.entries()) {
    progress.tell(() => `place ${i + 1} of ${all.length}: ${site.what} in ${site.fn}`)
    const f = tryWithout(subject, site, new PortfolioChooser(seed), runs)
    found.push(f)
    progress.end()
    if (!json) for (const l of lines(f)) console.log(l)
  }
  world.close()
  const bearing = found.filter(f => f.verdict !== 'held').length
  if (json)
    console.log(JSON.stringify({ scenario: file, title: s.title, runs, findings: found.map(asJson), ...change.json }))
  else
    console.log(`${bearing} of ${found.length} are load-bearing; nothing noticed the other ${found.length - bearing}`)
}

/** The site with its verdict; what noticed, and the decisions that are enough for it. */
function lines(f: Finding): string[] {
  const verdict = f.verdict === 'held' ? 'unnoticed   ' : 'load-bearing'
  const out = [cut(`  ${verdict} ${f.site!.kind.padEnd(8)} ${f.site!.what} in ${f.site!.fn}`, 80)]
  if (f.verdict !== 'held')
    out.push(cut(`${' '.repeat(15)}${f.problem?.kind ?? f.verdict}: ${f.problem?.text ?? ''}`, 80))
  if (f.verdict !== 'held') out.push(cut(`${' '.repeat(15)}${enough(f)}`, 80))
  return out
}

/** How many decisions other than the default it takes, and the first two of them. */
function enough({ deviations, executions }: Finding): string {
  const found = `execution ${executions}`
  if (deviations.length === 0) return `${found}; the default schedule is enough`
  const some = deviations.slice(0, 2).map(d => `${d.at}: ${d.label} instead of ${d.instead}`)
  return `${found}; enough: ${some.join(', ')}${deviations.length > 2 ? `, ${deviations.length - 2} more` : ''}`
}

const asJson = (f: Finding): object => ({
  ...f.site,
  verdict: f.verdict === 'held' ? 'unnoticed' : 'load-bearing',
  executions: f.executions,
  deviations: f.deviations,
  noticed: f.problem === null ? null : { kind: f.problem.kind, text: f.problem.text },
})
