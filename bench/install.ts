// The install workload (scenarios/races/install.ts), two openers and a fault: complete executions a second, schedules random.
import { INSTALLED, type InstallWorld, installWorld, spawnInstall } from '../scenarios/races/install.ts'
import { RandomChooser } from '../src/explore/index.ts'
import { Machine } from '../src/sim/index.ts'
import { fastCheckInstall } from './fast-check.ts'
import { type Effort, type Figure, ratePerSecond } from './measure.ts'
import type { Row } from './row.ts'
import { mustHold, type Sanitizers } from './sanitizers.ts'

const EXECUTIONS = 1000
const CONDITIONS = Object.entries(INSTALLED)

/** An execution has ended well: nothing was found, and all is installed. */
export function mustBeInstalled(m: Machine, w: InstallWorld, verdict: string): void {
  mustHold('the install workload', verdict, m.problems)
  for (const [what, holds] of CONDITIONS) if (!holds(w)) throw new Error(`the install workload: not true: ${what}`)
}

function runs(e: Effort, sanitizers: Sanitizers): Promise<Figure> {
  const m = new Machine({ policy: 'free', ...sanitizers })
  m.trace.on = false
  const w = installWorld(m)
  const mark = m.journal.mark()
  const chooser = new RandomChooser(1)
  return ratePerSecond(e, () => {
    for (let i = 0; i < EXECUTIONS; i++) {
      m.journal.rewind(mark)
      m.dropTasks()
      spawnInstall(m, w, 2)
      mustBeInstalled(m, w, m.run(chooser))
    }
    return EXECUTIONS
  })
}

export const INSTALL: Row = {
  id: 'install',
  what: 'install workload, 2+1, runs',
  unit: '/s',
  target: 300e3,
  measure: runs,
  references: [{ what: "fast-check's scheduler", measure: fastCheckInstall }],
}
