// Which strategy finds which bug: the install workload (install.ts) with one seeded bug each, three openers and one
// more task, alone or beside four tasks of 100 steps that have nothing to do with it. Hit rates depend on seed and code
// only; the times are those of this machine. `npm run bench -- --bugs` prints the table.
import { STRATEGIES, type StrategyRow } from '../src/explore/index.ts'
import {
  Cell,
  type Chooser,
  down_read,
  down_write,
  kfn,
  Machine,
  RwSemaphore,
  type Step,
  step,
  up_read,
  up_write,
} from '../src/sim/index.ts'

/**
 * A seeded bug: `two winners` installs with load and store instead of cmpxchg; `early valid` sets `valid` before the
 * slot.
 */
export type Bug = 'two winners' | 'early valid'
export const BUGS: readonly Bug[] = ['two winners', 'early valid']

/** The shared state; `winners` counts who believes to have installed. */
interface BugWorld {
  readonly m: Machine
  readonly meta: Cell<number>
  readonly sem: RwSemaphore
  readonly devno: Cell<number>
  readonly devp: Cell<number>
  readonly valid: Cell<number>
  readonly winners: Cell<number>
}

const OPENERS = 3
const LOOKS = 3
const NOISE_TASKS = 4
const NOISE_STEPS = 100

function bugWorld(m: Machine): BugWorld {
  return {
    m,
    meta: new Cell(m, 'meta', 0),
    sem: new RwSemaphore(m, 'sem'),
    devno: new Cell(m, 'slot.devno', 0),
    devp: new Cell(m, 'slot.devp', 0),
    valid: new Cell(m, 'slot.valid', 0),
    winners: new Cell(m, 'winners', 0),
  }
}

function won(w: BugWorld): void {
  w.winners.poke(w.winners.peek() + 1)
  if (w.winners.peek() > 1) w.m.problem('two winners', `${w.winners.peek()} openers installed`)
}

const opener = kfn('opener', function* (w: BugWorld, me: number, bug: Bug): Step<number> {
  if ((yield* w.meta.load()) === 0) {
    yield* step() // allocate
    if (bug === 'two winners') {
      yield* w.meta.store(me)
      won(w)
    } else if ((yield* w.meta.cmpxchg(0, me)) === 0) won(w)
    else yield* step() // loser frees
  }
  yield* down_read(w.sem)
  const valid = yield* w.valid.load()
  yield* up_read(w.sem)
  if (valid === 0) {
    yield* down_write(w.sem)
    if ((yield* w.valid.load()) === 0) {
      if (bug === 'early valid') yield* w.valid.store(1)
      yield* w.devno.store(7)
      yield* w.devp.store(9)
      if (bug !== 'early valid') yield* w.valid.store(1)
    }
    yield* up_write(w.sem)
  }
  return yield* w.meta.load()
})

/** The slot, if it is valid, must be whole. False: not valid yet. */
const look = kfn('look', function* (w: BugWorld): Step<boolean> {
  if ((yield* w.valid.load()) === 0) return false
  const no = yield* w.devno.load()
  const p = yield* w.devp.load()
  if (no !== 7 || p !== 9) w.m.problem('torn slot', `devno ${no}, devp ${p}`)
  return true
})

const fault = kfn('fault', function* (w: BugWorld): Step<void> {
  yield* down_read(w.sem)
  yield* look(w)
  yield* up_read(w.sem)
})

/** The fault without the lock; it is tried again while there is no slot. */
const reader = kfn('reader', function* (w: BugWorld): Step<void> {
  for (let i = 0; i < LOOKS; i++) if (yield* look(w)) return
})

function* body(call: ReturnType<typeof opener> | ReturnType<typeof fault>): Step<any> {
  return (yield* call as any) as any
}

function* noise(): Step<void> {
  for (let i = 0; i < NOISE_STEPS; i++) yield* step()
}

/** One bug, made ready: run() is one execution from the start, true if it met the bug. */
export class BugBench {
  readonly m = new Machine({ policy: 'free' })
  private readonly w: BugWorld
  private readonly mark
  private readonly bug: Bug
  private readonly noisy: boolean
  constructor(bug: Bug, noisy: boolean) {
    this.bug = bug
    this.noisy = noisy
    this.m.trace.on = false
    this.w = bugWorld(this.m)
    this.mark = this.m.journal.mark()
  }
  run(chooser: Chooser): boolean {
    const { m, w } = this
    m.journal.rewind(this.mark)
    m.dropTasks()
    for (let i = 0; i < OPENERS; i++) m.spawn(`opener${i}`, body(opener(w, i + 1, this.bug)))
    if (this.bug === 'early valid') m.spawn('reader', body(reader(w)))
    else m.spawn('fault', body(fault(w)))
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
  readonly bug: Bug
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
  for (const bug of BUGS)
    for (const noise of [false, true]) for (const s of STRATEGIES) out.push(bugRow(s, bug, noise, n, restarts))
  return out
}

function bugRow(s: StrategyRow, bug: Bug, noise: boolean, n: number, restarts: number): BugRow {
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
  const cases = BUGS.flatMap(bug => [false, true].map(noise => ({ bug, noise })))
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
