// What each reduction of the exhaustive search saves: the install workload proven with and without, same verdict, same ends.
import { installWorld, spawnInstall } from '../scenarios/races/install.ts'
import { Exhaustive, type ExhaustiveOptions, estimate } from '../src/explore/index.ts'
import { type Chooser, Machine, Watch } from '../src/sim/index.ts'

/** One proof, or how far it came. */
interface Row {
  readonly openers: number
  readonly reduction: string
  /** Executions, those that were cut short among them. */
  readonly executions: number
  readonly complete: number
  readonly states: number
  /** Different final states, and verdicts, by name. */
  readonly ends: readonly string[]
  readonly seconds: number
  /** False: stopped at the limit, so `executions` is a lower bound. */
  readonly whole: boolean
}

export interface Reductions {
  readonly rows: readonly Row[]
  /** Power of ten of the executions without reduction, as estimated, by number of openers. */
  readonly estimates: Readonly<Record<string, number>>
}

const MODES: readonly (readonly [string, ExhaustiveOptions])[] = [
  ['none', { sleep: false, cache: false }],
  ['sleep sets', { cache: false }],
  ['states seen', { sleep: false }],
  ['both', {}],
]
/** Most executions of one proof: the bare trees are beyond any patience. */
const LIMIT = 300_000

function install(openers: number, watch: Watch | null) {
  const m = new Machine({ policy: 'free' })
  m.trace.on = false
  m.journal.watch = watch
  const w = installWorld(m)
  const mark = m.journal.mark()
  const run = (c: Chooser): string => {
    m.dropTasks()
    m.journal.rewind(mark)
    spawnInstall(m, w, openers)
    return m.run(c)
  }
  const end = (): string => [w.winners, w.meta, w.devno, w.devp, w.valid].map(c => c.v).join(' ')
  return { m, run, end }
}

function prove(openers: number, reduction: string, o: ExhaustiveOptions): Row {
  const watch = new Watch()
  const { m, run, end } = install(openers, watch)
  const ex = new Exhaustive(m, watch, o)
  const ends = new Set<string>()
  const started = performance.now()
  let executions = 0
  for (; ex.more() && executions < LIMIT; executions++) {
    const v = run(ex)
    if (v !== 'redundant') ends.add(`${v} ${end()}`)
  }
  const { complete, states } = ex.stats
  const seconds = (performance.now() - started) / 1000
  return { openers, reduction, executions, complete, states, ends: [...ends].sort(), seconds, whole: !ex.more() }
}

/** @param openers numbers of openers, each with one fault */
export function reductions(openers: readonly number[] = [1, 2, 3]): Reductions {
  const rows: Row[] = []
  const estimates: Record<string, number> = {}
  for (const n of openers) {
    const { m, run } = install(n, null)
    estimates[n] = estimate(
      c => {
        run(c)
        return m.steps
      },
      {},
      2000,
    ).log10
    const own = MODES.map(([name, o]) => prove(n, name, o))
    const proven = own.filter(r => r.whole).map(r => r.ends.join())
    if (new Set(proven).size !== 1)
      throw new Error(`${n}+1: the reductions come to different ends: ${proven.join(' / ')}`)
    rows.push(...own)
  }
  return { rows, estimates }
}

export function reductionText(r: Reductions): string {
  const n = (v: number): string => v.toLocaleString('en-US').padStart(12)
  const out = ['install workload proven  executions      complete        states   ends  seconds']
  for (const x of r.rows) {
    const name = `${x.openers}+1  ${x.reduction}`.padEnd(22)
    const made = `${x.whole ? ' ' : '>'}${n(x.executions)}`
    const ends = String(x.ends.length).padStart(5)
    const seconds = x.seconds.toFixed(2).padStart(8)
    out.push(`${name}${made}  ${n(x.complete)}  ${n(x.states)}  ${ends} ${seconds}`)
  }
  for (const [k, v] of Object.entries(r.estimates))
    out.push(`${k}+1 without reduction: about 10^${v} executions (estimated)`)
  return out.join('\n')
}
