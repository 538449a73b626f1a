// Every execution of a small program under the exhaustive search, and what came of them: shared by the tests of the search.
import { Exhaustive, type ExhaustiveOptions, type SearchStats } from '../../src/explore/index.ts'
import { Machine, type MachineOptions, type Step, Watch } from '../../src/sim/index.ts'

/** Bodies by label, made afresh for each execution, and what the shared state is at the end. */
export interface Program {
  readonly tasks: Record<string, () => Step<any>>
  final(): unknown
}

export interface Walked {
  /** `verdict: shared state | what each task returned | problems`, sorted. */
  readonly finals: string[]
  /** The whole tree was walked. */
  readonly whole: boolean
  readonly stats: SearchStats
}

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
    const made = [...m.tasks]
    const v = m.run(ex)
    if (v === 'redundant') continue
    const came = v === 'held' ? made.map(t => t.value ?? '-').join(' ') : ''
    const wrong = [...new Set(m.problems.map(x => x.kind))].sort().join(' ')
    finals.add(`${v}: ${JSON.stringify(p.final())} | ${came} | ${wrong}`)
  }
  return { finals: [...finals].sort(), whole: !ex.more(), stats: ex.stats }
}
