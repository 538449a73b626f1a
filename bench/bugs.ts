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

/** How many of `n` executions met the bug. */
export function hits(bench: BugBench, chooser: Chooser, n: number): number {
  let hits = 0
  for (let i = 0; i < n; i++) if (bench.run(chooser)) hits++
  return hits
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
  const rate = hits(bench, s.make(1), n) / n
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

/** The table as text, a block for each bug: share of hits, executions and ms to the first one. */
export function bugText(rows: readonly BugRow[]): string {
  const cell = (r: BugRow | undefined): string => {
    if (r === undefined) return ''.padStart(28)
    const first = r.first === null ? '-' : `${r.first}`
    const ms = r.firstMs === null ? '-' : r.firstMs.toFixed(2)
    return `${(r.rate * 100).toFixed(2).padStart(10)} %${first.padStart(8)}${ms.padStart(8)}`
  }
  const columns = `${'hits'.padStart(12)}${'first'.padStart(8)}${'ms'.padStart(8)}`
  const lines: string[] = []
  for (const bug of INSTALL_BUGS) {
    const of = rows.filter(r => r.bug === bug)
    lines.push(
      `${bug.padEnd(14)}${'alone'.padStart(26)}${`beside ${NOISE_TASKS} tasks of ${NOISE_STEPS} steps`.padStart(32)}`,
      `${''.padEnd(12)}${columns}    ${columns}`,
    )
    for (const s of new Set(of.map(r => r.strategy))) {
      const [alone, beside] = [false, true].map(noise => cell(of.find(r => r.strategy === s && r.noise === noise)))
      lines.push(`  ${s.padEnd(10)}${alone}    ${beside}`.trimEnd())
    }
    lines.push('')
  }
  return lines.join('\n')
}
