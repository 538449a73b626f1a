// read(2) of 2 MiB through the whole model against a plain copy of the same bytes from the same mapping, in one run.
import { GiB, MiB, O_RDONLY, scenario } from '../src/world/index.ts'

const SIZE = MiB(2)

/** The scenario, and what it measures: ns for `rounds` reads and for as many plain copies, interleaved. */
export function readBench(rounds: number) {
  const out = { readNs: 0, copyNs: 0 }
  const s = scenario('read 2 MiB', ({ world }) => {
    const dev = world.daxdev('dax0.0', { size: GiB(4) })
    const h0 = world.host('h0')
    const fs = h0.famfs('/mnt/famfs', { mkfs: dev })
    fs.creat('/x', SIZE)
    const fmap = fs.fmap('/x')
    const off = fmap.kind === 'simple' ? fmap.extents[0]!.offset : 0
    h0.app('reader', function* (sys) {
      const fd = yield* sys.open('/mnt/famfs/x', O_RDONLY)
      const buf = new Uint8Array(SIZE)
      const view = dev.memory.slice(off, SIZE)
      // The model's own code is compiled by the time it is measured.
      for (let i = 0; i < 20_000; i++) yield* sys.pread(fd, 8, 0)
      for (let i = 0; i < rounds; i++) {
        const t0 = performance.now()
        yield* sys.pread(fd, buf, 0)
        const t1 = performance.now()
        buf.set(view)
        const t2 = performance.now()
        out.readNs += (t1 - t0) * 1e6
        out.copyNs += (t2 - t1) * 1e6
      }
    })
  })
  return { s, out }
}
