// Which strategy finds which bug: the install workload (scenarios/races/install.ts) with one seeded bug each and three
// openers, alone or beside four tasks of 100 steps that have nothing to do with it. Hit rates depend on seed and code
// only; the times are those of this machine. `npm run bench -- --bugs` prints the table.
import {
  INSTALL_BUGS,
  type InstallBug,
  type InstallWorld,
  installWorld,
  spawnInstall,
} from '../scenarios/races/install.ts'
import { STRATEGIES, type StrategyRow } from '../src/explore/index.ts'
import { type Chooser, Machine, type Step, step } from '../src/sim/index.ts'

const OPENERS = 3
const NOISE_TASKS = 4
const NOISE_STEPS = 100

function* noise(): Step<void> {
  for (let i = 0; i < NOISE_STEPS; i++) yield* step()
}

/** One bug, made ready: run() is one execution from the start, true if it met the bug. */
export class BugBench {
  readonly m = new Machine({ policy: 'free' })
  private readonly w: InstallWorld
  private readonly mark
  private readonly bug: InstallBug
  private readonly noisy: boolean
  constructor(bug: InstallBug, noisy: boolean) {
    this.bug = bug
    this.noisy = noisy
    this.m.trace.on = false
    this.w = installWorld(this.m)
    this.mark = this.m.journal.mark()
  }
  run(chooser: Chooser): boolean {
    const { m, w } = this
    m.journal.rewind(this.mark)
    m.dropTasks()
    spawnInstall(m, w, OPENERS, this.bug)
    if (this.noisy) for (let i = 0; i < NOISE_TASKS; i++) m.spawn(`noise${i}`, noise())
    return m.run(chooser) === 'failed'
  }
}

/** Executions of `n` that met the bug, as a share. */
export function hitRate(bench: BugBench, chooser: Chooser, n: number): number {
  let hits = 0
  for (let i = 0; i < n; i++) if (bench.run(chooser)) hits++
  return hits / n
}

export interface BugRow {
  readonly strategy: string
  readonly bug: InstallBug
  readonly noise: boolean
  /** Share of executions that met the bug. */
  readonly rate: number
  /**
   * Executions up to and with the first hit, median of the restarts; null when most restarts had none within the limit.
   */
  readonly first: number | null
  /** The same in milliseconds. */
  readonly firstMs: number | null
}

const median = (xs: number[]): number => xs.sort((a, b) => a - b)[xs.length >> 1]!

/** Measure every strategy on every bug: `n` executions for the rate, `restarts` fresh starts for the first hit. */
export function bugTable(n = 5000, restarts = 20): BugRow[] {
  const out: BugRow[] = []
  for (const bug of INSTALL_BUGS)
    for (const noise of [false, true]) for (const s of STRATEGIES) out.push(bugRow(s, bug, noise, n, restarts))
  return out
}

function bugRow(s: StrategyRow, bug: InstallBug, noise: boolean, n: number, restarts: number): BugRow {
  const bench = new BugBench(bug, noise)
  const rate = hitRate(bench, s.make(1), n)
  const first: number[] = []
  const firstMs: number[] = []
  for (let r = 0; r < restarts; r++) {
    const chooser = s.make(1000 + r)
    const t0 = performance.now()
    let i = 1
    while (i <= n && !bench.run(chooser)) i++
    first.push(i)
    firstMs.push(performance.now() - t0)
  }
  const f = median(first)
  return { strategy: s.name, bug, noise, rate, first: f > n ? null : f, firstMs: f > n ? null : median(firstMs) }
}

/** The table as text: a line for each strategy; share of hits, executions and ms to the first one. */
export function bugText(rows: readonly BugRow[]): string {
  const cases = INSTALL_BUGS.flatMap(bug => [false, true].map(noise => ({ bug, noise })))
  const width = 24
  const lines = [
    `${'strategy'.padEnd(10)}${cases.map(c => `${c.bug}${c.noise ? ', noise' : ''}`.padStart(width)).join('')}`,
    `${''.padEnd(10)}${cases.map(() => 'hits   1st at      ms'.padStart(width)).join('')}`,
  ]
  for (const s of new Set(rows.map(r => r.strategy))) {
    const cells = cases.map(c => {
      const r = rows.find(x => x.strategy === s && x.bug === c.bug && x.noise === c.noise)
      if (!r) return ''.padStart(width)
      const first = r.first === null ? '-' : `${r.first}`
      const ms = r.firstMs === null ? '-' : r.firstMs.toFixed(2)
      return `${(r.rate * 100).toFixed(2)} %${first.padStart(7)}${ms.padStart(8)}`.padStart(width)
    })
    lines.push(`${s.padEnd(10)}${cells.join('')}`)
  }
  return lines.join('\n')
}
