// The whole path: two applications open one file that nobody opened before on a mount that has fetched no device yet, read
// from it and close it; every message is encoded and decoded.
import { ENXIO, GiB, MiB, scenario } from '../src/world/index.ts'

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
