// Every execution of a small program under the exhaustive search, and what came of them: shared by the tests of the search.
import { Exhaustive, type ExhaustiveOptions, type SearchStats } from '../../src/explore/index.ts'
import {
  ACCESS_NONE,
  Machine,
  type MachineOptions,
  Op,
  OpKind,
  SLEEPING,
  type Step,
  Watch,
} from '../../src/sim/index.ts'

/** Bodies by label, made afresh for each execution, and what the shared state is at the end. */
export interface Program {
  readonly tasks: Record<string, () => Step<any>>
  /**
   * Tasks that sleep until `rouse` is called for them; nothing is ordered by that. A task alone is never asked about, so where
   * two pasts are to meet, somebody else must be roused by the very step after which they might.
   */
  readonly asleep?: Record<string, () => Step<any>>
  final(): unknown
}

export interface Walked {
  /** `verdict: shared state | what each task returned | problems`, sorted. */
  readonly finals: string[]
  /** The whole tree was walked. */
  readonly whole: boolean
  readonly stats: SearchStats
}

const ROUSED = new OpKind('roused', ACCESS_NONE, 0, true, () => undefined)
export const rouse = (m: Machine, label: string): void => m.retry(m.tasks.find(t => t.label === label)!)

export const BARE: ExhaustiveOptions = { sleep: false, cache: false }

export function walk(
  make: (m: Machine) => Program,
  o: ExhaustiveOptions = {},
  machine: MachineOptions = {},
  limit = 60_000,
): Walked {
  const m = new Machine({ policy: 'free', ...machine })
  m.trace.on = false
  const watch = new Watch()
  m.journal.watch = watch
  const p = make(m)
  const mark = m.journal.mark()
  const ex = new Exhaustive(m, watch, o)
  const finals = new Set<string>()
  for (let n = 0; ex.more() && n < limit; n++) {
    m.dropTasks()
    m.journal.rewind(mark)
    for (const [label, body] of Object.entries(p.tasks)) m.spawn(label, body())
    for (const [label, body] of Object.entries(p.asleep ?? {})) {
      const t = m.spawn(label, body(), { service: true })
      t.state = SLEEPING
      t.pending = new Op(ROUSED, null)
    }
    const made = [...m.tasks]
    const v = m.run(ex)
    if (v === 'redundant') continue
    const came = v === 'held' ? made.map(t => t.value ?? '-').join(' ') : ''
    const wrong = [...new Set(m.problems.map(x => x.kind))].sort().join(' ')
    finals.add(`${v}: ${JSON.stringify(p.final())} | ${came} | ${wrong}`)
  }
  return { finals: [...finals].sort(), whole: !ex.more(), stats: ex.stats }
}
