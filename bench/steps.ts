// Kernel-like steps for long: three tasks over cells and a semaphore, with function calls in between, any task at any point.
import { RandomChooser } from '../src/explore/index.ts'
import { Cell, down_read, kfn, Machine, RwSemaphore, type Step, up_read } from '../src/sim/index.ts'
import { fastCheckSteps } from './fast-check.ts'
import { type Effort, type Figure, ratePerSecond } from './measure.ts'
import { plainSteps } from './plain.ts'
import type { Row } from './row.ts'
import { mustHold, type Sanitizers } from './sanitizers.ts'

/** Calls of a task in one execution; 5 steps a call. */
const CALLS = 2000

const touch = kfn('touch', function* (sem: RwSemaphore, a: Cell<number>, b: Cell<number>): Step<number> {
  yield* down_read(sem)
  const v = yield* a.READ_ONCE()
  yield* b.WRITE_ONCE(v + 1)
  yield* up_read(sem)
  return v
})

function spawnSteps(m: Machine): void {
  const sem = new RwSemaphore(m, 'sem')
  const cells = [0, 1, 2].map(i => new Cell(m, `cell${i}`, 0))
  for (let t = 0; t < 3; t++) {
    const a = cells[t]!
    const b = cells[(t + 1) % 3]!
    m.spawn(
      `task${t}`,
      (function* (): Step<void> {
        for (let i = 0; i < CALLS; i++) {
          yield* touch(sem, a, b)
          yield* a.READ_ONCE()
        }
      })(),
    )
  }
}

function steps(e: Effort, sanitizers: Sanitizers, trace: boolean): Promise<Figure> {
  const m = new Machine({ policy: 'free', ...sanitizers })
  m.trace.on = trace
  const mark = m.journal.mark()
  const chooser = new RandomChooser(1)
  return ratePerSecond(e, () => {
    m.journal.rewind(mark)
    m.dropTasks()
    spawnSteps(m)
    mustHold('the steps workload', m.run(chooser), m.problems)
    return m.steps
  })
}

export const STEPS: readonly Row[] = [
  {
    id: 'steps',
    what: 'kernel steps, trace off',
    unit: '/s',
    target: 5e6,
    measure: (e, s) => steps(e, s, false),
    references: [
      { what: 'plain-JS generators, round robin', measure: plainSteps },
      { what: "fast-check's scheduler", measure: fastCheckSteps },
    ],
  },
  {
    id: 'steps-ring',
    what: 'kernel steps, trace ring on',
    unit: '/s',
    target: 2e6,
    measure: (e, s) => steps(e, s, true),
  },
]
