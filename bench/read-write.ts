// read(2) and write(2) of 2 MiB through the whole model, against a plain copy of the same bytes from or into the same mapping,
// in turn and in one run. A first write under a mark saves what it overwrites, so that the world can be rewound. With CPU
// caches on, bytes go through the lines of the host's cache: a second copy for what has to be fetched.
import { GiB, MiB, O_RDWR, type Step, type Sys, World } from '../src/world/index.ts'
import { type Effort, type Figure, median } from './measure.ts'
import type { Row } from './row.ts'
import type { Sanitizers } from './sanitizers.ts'

const SIZE = MiB(2)
/** Calls before anything is measured: the model's code is compiled by then. */
const WARM = 20_000
/** Measured calls a round. */
const CALLS = 80

type Call = 'read' | 'write' | 'write under a mark'
/** Caches off; on, and what is read is in them; on, and what is read was dropped before. */
type Caches = 'off' | 'on' | 'cold'

/** How fast the call is, in percent of a plain copy. */
function transfer(e: Effort, sanitizers: Sanitizers, call: Call, caches: Caches): Figure {
  const w = new World({ trace: false, fabric: { caches: caches !== 'off' }, ...sanitizers })
  const dev = w.daxdev('dax0.0', { size: GiB(4) })
  const h0 = w.host('h0')
  const fs = h0.famfs('/mnt/famfs', { mkfs: dev })
  fs.creat('/x', SIZE)
  const fmap = fs.fmap('/x')
  if (fmap.kind !== 'simple') throw new Error('a file of one unit has one extent')
  // The file lies in the first window: it starts a few units behind the log.
  const at = fmap.extents[0]!.offset
  const view = dev.memory.backing.window(0).subarray(at, at + SIZE)
  const call_ms: number[] = []
  const copy_ms: number[] = []
  const body = function* (sys: Sys): Step<void> {
    const fd = yield* sys.open('/mnt/famfs/x', O_RDWR)
    const buf = new Uint8Array(SIZE).fill(1)
    const small = buf.subarray(0, 8)
    for (let i = 0; i < (e.rounds > 1 ? WARM : 1); i++)
      yield* call === 'read' ? sys.pread(fd, small, 0) : sys.pwrite(fd, small, 0)
    for (let i = 0; i < e.rounds * CALLS; i++) {
      // A mark of its own for each write: none finds its pages saved already.
      const mark = call === 'write under a mark' ? dev.memory.mark() : 0
      if (caches === 'cold') yield* sys.tool_clflushopt('/dev/dax0.0', fmap.extents[0]!.offset, SIZE)
      if (caches === 'cold') yield* sys.sfence()
      const t0 = performance.now()
      const n = yield* call === 'read' ? sys.pread(fd, buf, 0) : sys.pwrite(fd, buf, 0)
      const t1 = performance.now()
      if (call === 'read') buf.set(view)
      else view.set(buf)
      const t2 = performance.now()
      if (n !== SIZE) throw new Error(`${call} of ${SIZE} bytes: ${n}`)
      if (mark !== 0) dev.memory.release(mark)
      call_ms.push(t1 - t0)
      copy_ms.push(t2 - t1)
    }
  }
  try {
    // In set-up no mark is open.
    w.setup(h0, call, body)
  } finally {
    w.close()
  }
  const copy = median(copy_ms)
  const gib = SIZE / GiB(1) / (copy / 1000)
  return { value: (copy / median(call_ms)) * 100, counts: { 'GiB/s of the plain copy': Math.round(gib) } }
}

const row = (id: string, what: string, target: number, call: Call, caches: Caches): Row => ({
  id,
  what,
  unit: ' %',
  target,
  measure: (e, s) => transfer(e, s, call, caches),
})

export const READ_WRITE: readonly Row[] = [
  row('read', 'read(2) of 2 MiB, of a plain copy', 90, 'read', 'off'),
  row('write', 'write(2), no mark open', 90, 'write', 'off'),
  row('write-mark', 'write(2), a mark open', 45, 'write under a mark', 'off'),
  row('read-cached', 'read(2), CPU caches on, cached', 40, 'read', 'on'),
  row('read-missed', 'read(2), CPU caches on, not cached', 20, 'read', 'cold'),
  row('write-cached', 'write(2), CPU caches on', 30, 'write', 'on'),
]
