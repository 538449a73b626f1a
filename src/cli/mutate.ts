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
import { type Change, loadWith } from './with.ts'

interface MutateOptions extends SettingOptions {
  readonly runs: string
  readonly json?: boolean
}

/** Executions in which sites are collected. */
const SCOUTS = 20

export async function mutate(files: string[], o: MutateOptions): Promise<void> {
  const setting = settingOf(o, 'free')
  const runs = whole('--runs', o.runs, 1)
  for (const file of files) {
    const s = await loadScenario(file)
    const change = await loadWith(o.with)
    change.within(() => mutateOne(file, s, setting, runs, o.json === true, change))
  }
}

function mutateOne(file: string, s: Scenario, setting: Setting, runs: number, json: boolean, change: Change): void {
  const { seed } = setting
  const world = withScenario(resolve(file), () => makeWorld(s, setting, { trace: false }))
  const subject: Subject = { m: world.m, execute: c => world.run(c) }
  const bare = tryWithout(subject, null, new Array(SCOUTS).fill(new PortfolioChooser(seed)))
  if (bare.verdict !== 'held') {
    world.close()
    throw new UserError(
      `${file}: fails with nothing weakened (${bare.problem?.text ?? bare.verdict}); what is load-bearing shows only where it holds`,
    )
  }
  const scout = new PortfolioChooser(seed)
  const all = sites(subject, new Array(SCOUTS).fill(scout))
  if (!json) {
    console.log(`${relative('.', resolve(file))}: ${s.title}`)
    for (const l of change.notes) console.log(l)
    console.log(`${all.length} places met; each weakened alone, up to ${runs} executions`)
  }
  const found: Finding[] = []
  for (const site of all) {
    const chooser = new PortfolioChooser(seed)
    const f = tryWithout(subject, site, new Array(runs).fill(chooser))
    found.push(f)
    if (!json) for (const l of lines(f)) console.log(l)
  }
  world.close()
  const bearing = found.filter(f => f.verdict !== 'held').length
  if (json)
    console.log(JSON.stringify({ scenario: file, title: s.title, runs, findings: found.map(asJson), ...change.json }))
  else
    console.log(`${bearing} of ${found.length} are load-bearing; nothing noticed the other ${found.length - bearing}`)
}

/** Two lines at most: the site with its verdict, and what noticed. */
function lines(f: Finding): string[] {
  const verdict = f.verdict === 'held' ? 'unnoticed   ' : 'load-bearing'
  const out = [cut(`  ${verdict} ${f.site!.kind.padEnd(8)} ${f.site!.what} in ${f.site!.fn}`, 80)]
  if (f.verdict !== 'held')
    out.push(cut(`${' '.repeat(15)}${f.executions}: ${f.problem?.kind ?? f.verdict}: ${f.problem?.text ?? ''}`, 80))
  return out
}

const asJson = (f: Finding): object => ({
  ...f.site,
  verdict: f.verdict === 'held' ? 'unnoticed' : 'load-bearing',
  executions: f.executions,
  noticed: f.problem === null ? null : { kind: f.problem.kind, text: f.problem.text },
})
