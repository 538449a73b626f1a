// famsim explore FILE: look for an execution that fails; write it down as a run file.
import { basename, resolve } from 'node:path'
import type { Command } from 'commander'
import type { Lender } from '../devdax/index.ts'
import {
  collisionOdds,
  type Estimate,
  type ExhaustiveOptions,
  type Failure,
  makeRunFile,
  OutcomeTally,
  parseCheckpoint,
  printCheckpoint,
  Search,
  type Searched,
  type SearchOptions,
  type SearchResult,
  type SearchState,
  type Setting,
  STRATEGIES,
  scenarioName,
} from '../explore/index.ts'
import { count, hanging, problemLines } from '../report/index.ts'
import type { MarkCount } from '../sim/index.ts'
import type { Scenario } from '../world/index.ts'
import { ADVICE, differenceText } from './difference.ts'
import { UserError } from './errors.ts'
import { inevitable } from './inevitable.ts'
import { loadScenario, readText, repository, withScenario } from './load.ts'
import { lenderLines, type SettingOptions, settingOf, settingText, whole } from './options.ts'
import { outcomeJson, outcomeLines } from './outcomes.ts'
import { Progress, typed, writeRun, writeText } from './runfile.ts'
import { type Change, loadWith } from './with.ts'
import { MAX_WORKERS, searchWith, type Within } from './workers.ts'

interface ExploreOptions extends SettingOptions {
  readonly strategy: string
  readonly runs?: string
  readonly preemptions?: string
  readonly focus?: string
  readonly workers?: string
  readonly checkpoint?: string
  readonly resume?: string
  readonly out?: string
  readonly json?: boolean
  readonly inevitable?: boolean
  readonly outcomes?: boolean
}

/** Options that go with --inevitable. */
const INEVITABLE = ['inevitable', 'runs', 'with', 'json', 'backing', 'allowRealDevice', 'overwrite', 'force']

export async function explore(file: string, o: ExploreOptions, command: Command): Promise<void> {
  if (o.inevitable) {
    for (const option of Object.keys(o))
      if (!INEVITABLE.includes(option) && command.getOptionValueSource(option) === 'cli')
        throw new UserError(
          `--${option}: not with --inevitable; the run file says it (of the others only --runs, --with, --backing, --json)`,
        )
    await inevitable(file, o)
    return
  }
  const setting = settingOf(o, 'free')
  const names = [...STRATEGIES.map(r => r.name), 'exhaustive']
  if (!names.includes(o.strategy))
    throw new UserError(`--strategy '${o.strategy}': expected one of ${names.join(', ')}`)
  const runs = o.runs === undefined ? undefined : whole('--runs', o.runs, 1)
  const exhaustive = exhaustiveOptions(o)
  const workers = workersOf(o, setting.backing)
  const s = await loadScenario(file)
  const change = await loadWith(o.with)
  const within: Within = body => withScenario(resolve(file), () => change.within(body))
  const searched = (at: string): Searched => ({
    ...setting,
    ...change.record(at),
    scenario: scenarioName(file, at, repository),
    title: s.title,
    bound: exhaustive,
  })
  const tally = o.outcomes ? new OutcomeTally() : null
  const from = o.resume === undefined ? undefined : parseCheckpoint(readText(o.resume), o.resume, searched(o.resume))
  const options: SearchOptions = {
    ...setting,
    strategy: o.strategy,
    runs,
    exhaustive,
    from,
    estimate: o.strategy === 'exhaustive' && tally === null,
    each: tally?.add,
  }
  const progress = new Progress()
  const keep = (state: SearchState): void => {
    if (o.checkpoint !== undefined)
      writeText('--checkpoint', o.checkpoint, printCheckpoint(searched(o.checkpoint), state))
  }
  const r =
    workers === null
      ? await searchHere(within, s, options, progress, o.checkpoint === undefined ? null : keep)
      : await searchWith(
          workers,
          { file, with: o.with, backing: o.backing, options: { ...options, backing: undefined } },
          within,
          s,
          (done, of) => progress.tell(() => `${done} of ${of} parts`),
          e => progress.head(e === null ? null : sizeText(e)),
        )
  progress.end()
  const how = `--strategy ${o.strategy} ${settingText(setting)}${change.words}`
  if (tally !== null) {
    const all = tally.result(r)
    if (o.json) console.log(JSON.stringify({ scenario: file, title: s.title, ...outcomeJson(all), ...change.json }))
    else for (const l of outcomeLines(s.title, `${how}${boundText(o)}`, all)) console.log(l)
    process.exitCode = all.problems.length === 0 ? 0 : 1
    return
  }
  const f = r.failure
  if (f !== null && !f.reproduces) throw new UserError(`${file}: ${strayed(f)}`)
  let out: string | null = null
  if (f !== null) {
    out = o.out ?? `${basename(file).replace(/\.[cm]?ts$/, '')}.run.json`
    const head = {
      ...setting,
      scenario: scenarioName(file, out, repository),
      title: s.title,
      command: `famsim replay ${basename(out)}${change.words}`,
      ...change.record(out),
    }
    writeRun(out, makeRunFile(head, f.run))
  }
  if (o.json) console.log(JSON.stringify({ ...jsonResult(file, s.title, o.strategy, setting, r, out), ...change.json }))
  else {
    for (const l of f === null ? heldLines(s.title, how, r, change) : failedLines(s.title, how, f, out!, change))
      console.log(l)
    for (const l of lenderLines(setting.backing)) console.log(l)
    if (f === null && !r.finished && o.checkpoint !== undefined)
      console.log(`go on: famsim explore ${typed(file)} ${how}${boundText(o)} --resume ${typed(o.checkpoint)}`)
  }
  process.exitCode = f === null ? 0 : 1
}

/** Milliseconds of search between two looks at the terminal, and between two checkpoints. */
const SLICE = 200
const KEEP = 10_000

/** Search in this thread. With `keep`, where it is is kept now and then, and at Ctrl-C, which then ends it. */
async function searchHere(
  within: Within,
  s: Scenario,
  o: SearchOptions,
  progress: Progress,
  keep: ((state: SearchState) => void) | null,
): Promise<SearchResult> {
  const x = within(() => new Search(s, o))
  let stop = false
  const onStop = (): void => {
    stop = true
  }
  if (keep !== null) process.once('SIGINT', onStop)
  try {
    progress.head(x.estimate === null ? null : sizeText(x.estimate))
    // The first one at once: that the file cannot be written should not show after an hour.
    for (let kept = -KEEP; !stop && within(() => x.advance(SLICE)); ) {
      progress.tell(() => x.told())
      if (keep !== null && performance.now() - kept > KEEP) {
        keep(x.state())
        kept = performance.now()
      }
      // Signals come in between.
      await new Promise(done => setImmediate(done))
    }
    if (keep !== null) keep(x.state())
    return within(() => x.result())
  } finally {
    process.off('SIGINT', onStop)
    x.close()
  }
}

/** How many workers; null: none, the search is whole. */
function workersOf(o: ExploreOptions, backing: Lender): number | null {
  for (const [name, v] of [
    ['--checkpoint', o.checkpoint],
    ['--resume', o.resume],
  ] as const) {
    if (v !== undefined && o.strategy !== 'exhaustive') throw new UserError(`${name}: needs --strategy exhaustive`)
    if (v !== undefined && o.workers !== undefined)
      throw new UserError(`${name}: a search with --workers has no one place to go on from; leave one of them out`)
  }
  if (o.outcomes && (o.workers ?? o.checkpoint ?? o.resume ?? o.out) !== undefined)
    throw new UserError('--outcomes: not with --workers, --checkpoint, --resume or --out; it is one search to its end')
  if (o.workers === undefined) return null
  if (o.runs !== undefined && o.strategy === 'exhaustive')
    throw new UserError('--runs: an exhaustive search with --workers is made to its end; leave one of them out')
  if (backing.named)
    throw new UserError(`--backing ${o.backing}: one file or device cannot serve several threads; leave --workers out`)
  const n = whole('--workers', o.workers, 1)
  if (n > MAX_WORKERS) throw new UserError(`--workers '${n}': expected at most ${MAX_WORKERS} on this machine`)
  return n
}

const sizeText = (e: Estimate): string =>
  `about 10^${e.log10} executions without reduction (${e.probes} probes, spread 10^${e.spread})`

function exhaustiveOptions(o: ExploreOptions): ExhaustiveOptions {
  for (const [name, v] of [
    ['--preemptions', o.preemptions],
    ['--focus', o.focus],
  ] as const)
    if (v !== undefined && o.strategy !== 'exhaustive') throw new UserError(`${name}: needs --strategy exhaustive`)
  const focus = o.focus?.split(',').map(f => f.trim())
  if (focus?.includes('')) throw new UserError(`--focus '${o.focus}': expected names of functions, with commas`)
  return {
    ...(o.preemptions === undefined ? {} : { preemptions: whole('--preemptions', o.preemptions, 0) }),
    ...(focus === undefined ? {} : { focus }),
  }
}

/** The bound of an exhaustive search, as typed. */
const boundText = (o: ExploreOptions): string =>
  `${o.preemptions === undefined ? '' : ` --preemptions ${o.preemptions}`}${o.focus === undefined ? '' : ` --focus ${o.focus}`}`

const percent = (x: number): string => (x === 0 ? '0' : x > 0.0995 ? (100 * x).toFixed(0) : (100 * x).toPrecision(2))

function heldLines(title: string, how: string, r: SearchResult, change: Change): string[] {
  const distinct = `${r.capped ? 'over ' : ''}${count(r.distinct, 'distinct interleaving')}`
  const unseen = r.unseen === null ? 'unseen: unknown, stopped early' : `unseen about ${percent(r.unseen)} %`
  const out = [`held: ${count(r.executions, 'execution')}, ${distinct}, ${unseen}`, `  ${title}`, `  ${how}`]
  for (const l of change.notes) out.push(`  ${l}`)
  if (r.stats !== null) {
    const { pruned, states, depth } = r.stats
    const end = r.finished ? 'searched to the end' : 'stopped early'
    out.push(`  ${end}: ${pruned} more executions cut short, ${states} states, ${count(depth, 'choice')} deep`)
    out.push(`  two states taken for one, by chance: ${collisionOdds(states).toExponential(0)}`)
    if (r.estimate !== null) out.push(`  ${sizeText(r.estimate)}`)
  }
  for (const l of r.story?.split('\n') ?? []) out.push(...hanging(l, 76, '  '))
  out.push(...markLines(r.marks))
  for (const name of r.unreached) out.push(`  note: no execution reached: sometimes: ${name}`)
  return out
}

/** Most functions whose marks are listed. */
const MARKED_FNS = 6

/** How many marks of the functions that were entered were reached, and which were not. */
function markLines(marks: readonly MarkCount[]): string[] {
  const met = marks.filter(m => m.entered)
  if (met.length === 0) return []
  const never = new Map<string, string[]>()
  for (const m of met) if (m.hits === 0) never.set(m.fn, [...(never.get(m.fn) ?? []), m.mark])
  const reached = met.filter(m => m.hits > 0).length
  const out = [`  marks: ${reached} of ${met.length} reached${never.size === 0 ? '' : '; not:'}`]
  for (const [fn, names] of [...never].slice(0, MARKED_FNS))
    out.push(...hanging(`${fn}: ${names.join(', ')}`, 72, '    '))
  if (never.size > MARKED_FNS) out.push(`    and in ${never.size - MARKED_FNS} more functions; all: --json`)
  return out
}

function failedLines(title: string, how: string, f: Failure, out: string, change: Change): string[] {
  const { problem: p, run } = f
  const size = `${count(run.choices.length, 'choice')}, ${run.deviations.length} of them not the default`
  return [
    `FAILED: ${title}`,
    ...problemLines(p),
    `  execution ${f.execution}, ${how}`,
    ...change.notes.map(l => `  ${l}`),
    `  ${size}, ${count(run.preemptions, 'preemption')}`,
    `written: ${out}`,
    `reproduce: famsim replay ${typed(out)}${change.words}`,
    `make it smaller: famsim shrink ${typed(out)}${change.words}`,
  ]
}

/** Why a failure that does not come again is a mistake of the scenario. */
function strayed(f: Failure): string {
  const first = `execution ${f.execution} failed (${f.problem.kind}: ${f.problem.text}), the same choices`
  const p = f.run.problem
  const then = p === null ? 'then held' : `then gave ${p.kind}: ${p.text}`
  return `the scenario is not deterministic: ${first} ${then}; ${differenceText(f.difference)}; ${ADVICE}`
}

function jsonResult(
  file: string,
  title: string,
  strategy: string,
  setting: Setting,
  r: SearchResult,
  out: string | null,
): object {
  const f = r.failure
  return {
    scenario: file,
    title,
    strategy,
    seed: setting.seed,
    model: setting.model,
    verdict: f === null ? 'held' : f.run.result.verdict,
    executions: r.executions,
    distinct: r.distinct,
    capped: r.capped,
    unseen: r.unseen,
    finished: r.finished,
    unreached: r.unreached,
    marks: r.marks,
    ...(r.stats === null ? {} : { stats: r.stats, collision: collisionOdds(r.stats.states) }),
    ...(r.estimate === null ? {} : { estimate: r.estimate }),
    ...(f === null
      ? {}
      : {
          problem: f.problem,
          choices: f.run.choices.length,
          deviations: f.run.deviations.length,
          preemptions: f.run.preemptions,
          file: out,
        }),
  }
}
