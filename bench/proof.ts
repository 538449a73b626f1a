// The install workload proven: every execution of 2, 3 and 4 openers and a fault, beside Spin's proof of the same.
import { installWorld, spawnInstall } from '../scenarios/races/install.ts'
import { Exhaustive, type SearchStats } from '../src/explore/index.ts'
import { Machine, Watch } from '../src/sim/index.ts'
import { mustBeInstalled } from './install.ts'
import { type Effort, type Figure, quickest } from './measure.ts'
import type { Reference, Row } from './row.ts'
import type { Sanitizers } from './sanitizers.ts'
import { SpinModel, spinMissing } from './spin.ts'

/** Give up after so many seconds. */
const LIMIT = 30

/** One whole search; null when it takes too long. */
function prove(openers: number, sanitizers: Sanitizers): SearchStats | null {
  const m = new Machine({ policy: 'free', ...sanitizers })
  m.trace.on = false
  const watch = new Watch()
  m.journal.watch = watch
  const w = installWorld(m)
  const mark = m.journal.mark()
  const search = new Exhaustive(m, watch)
  const end = performance.now() + LIMIT * 1000
  for (let n = 0; search.more(); n++) {
    if (n % 1024 === 1023 && performance.now() > end) return null
    m.dropTasks()
    m.journal.rewind(mark)
    spawnInstall(m, w, openers)
    const verdict = m.run(search)
    if (verdict !== 'redundant') mustBeInstalled(m, w, verdict)
  }
  return search.stats
}

async function proof(e: Effort, openers: number, sanitizers: Sanitizers): Promise<Figure> {
  let stats: SearchStats | null = null
  const { seconds, share } = await quickest(e, 10, () => {
    stats = prove(openers, sanitizers)
  })
  if (stats === null) return { value: null }
  const { complete, pruned, states } = stats as SearchStats
  return { value: seconds, share, counts: { executions: complete + pruned, states } }
}

const spin = (openers: number, reduction: boolean): Reference => ({
  what: reduction ? 'Spin' : 'Spin, no partial order reduction',
  measure: async e => {
    const missing = spinMissing()
    if (missing !== null) return missing
    const model = new SpinModel({ openers, reduction })
    try {
      const all = Array.from({ length: e.rounds }, () => model.verify())
      const best = all.reduce((a, b) => (b.took.seconds < a.took.seconds ? b : a))
      if (best.errors > 0) throw new Error(`Spin finds ${best.errors} errors in the install workload`)
      const { states, transitions } = best
      return {
        value: best.took.seconds,
        share: best.took.share,
        counts: { states, transitions, 'ms to compile': Math.round(model.compileMs) },
      }
    } finally {
      model.close()
    }
  },
})

const row = (openers: number, target: number): Row => ({
  id: `proof-${openers}`,
  what: `install workload, ${openers}+1, proven`,
  unit: ' s',
  target,
  measure: (e, s) => proof(e, openers, s),
  references: [spin(openers, true), spin(openers, false)],
})

export const PROOFS: readonly Row[] = [row(2, 0.05), row(3, 0.5), row(4, 5)]
