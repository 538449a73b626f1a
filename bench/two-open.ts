// The whole path: two applications open one file that nobody opened before on a mount that has fetched no device yet, read
// from it and close it; every message is encoded and decoded.
import { RandomChooser } from '../src/explore/index.ts'
import { buildWorld, ENXIO, GiB, MiB, scenario } from '../src/world/index.ts'
import { type Effort, type Figure, ratePerSecond } from './measure.ts'
import type { Row } from './row.ts'
import { mustHold, type Sanitizers } from './sanitizers.ts'

export const twoOpen = scenario('two openers through the whole path', ({ world }) => {
  const dev = world.daxdev('dax0.0', { size: GiB(4) })
  const h0 = world.host('h0')
  const fs = h0.famfs('/mnt/famfs', { mkfs: dev })
  fs.creat('/x', MiB(2))
  h0.remount(fs)
  for (const name of ['a', 'b'])
    h0.app(name, function* (sys) {
      const fd = yield* sys.open('/mnt/famfs/x')
      const n = yield* sys.pread(fd, 64, 0)
      // The second opener may meet the inode before its S_DAX flag (R4): a real race of the kernel, not of the model.
      world.expect('read', n === 64 || n === -ENXIO, true)
      yield* sys.close(fd)
    })
})

const EXECUTIONS = 100

async function runs(e: Effort, sanitizers: Sanitizers): Promise<Figure> {
  const w = buildWorld(twoOpen, { policy: 'free', trace: false, ...sanitizers })
  const chooser = new RandomChooser(1)
  let steps = 0
  let runs = 0
  const rate = await ratePerSecond(e, () => {
    for (let i = 0; i < EXECUTIONS; i++) {
      const r = w.run(chooser)
      mustHold('two openers', r.verdict, r.problems)
      steps += w.m.steps
    }
    runs += EXECUTIONS
    return EXECUTIONS
  })
  w.close()
  return { ...rate, counts: { 'steps a run': Math.round(steps / runs) } }
}

export const TWO_OPEN: Row = {
  id: 'two-open',
  what: 'two openers, whole path, runs',
  unit: '/s',
  target: 15e3,
  measure: runs,
}
