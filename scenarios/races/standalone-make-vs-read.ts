// A file of a standalone famfs is given its map while it is read (as R4, inferred). Who reads takes no lock. Between the map and the size
// it gets ENXIO and marks the file as bad, for good; between the size and S_DAX it gets ENXIO once.
import { map_create, standalone } from '../../src/conform/index.ts'
import { O_CREAT } from '../../src/kernel/index.ts'
import { MiB, O_RDWR, resultText, scenario } from '../../src/world/index.ts'

const TWO = MiB(2)

export default scenario('a file is given its map while it is read (standalone)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0', { kernel: 'std' })
  standalone(h0, '/mnt', '/dev/dax0.0', {})
  world.setup(h0, 'touch', function* (sys) {
    yield* sys.close(yield* sys.open('/mnt/x', O_CREAT | O_RDWR, 0o644))
  })
  const made = world.gate('made')

  h0.app('maker', function* (sys) {
    const fd = yield* sys.open('/mnt/x', O_RDWR)
    const extents = [{ dev: 0, offset: TWO, len: TWO }]
    world.say(`map: ${resultText(yield* map_create(sys, fd, { fileSize: TWO, kind: 'simple', extents }))}`)
    yield* made.open()
    yield* sys.close(fd)
  })
  h0.app('reader', function* (sys) {
    const fd = yield* sys.open('/mnt/x')
    const early = yield* sys.pread(fd, 8, 0)
    yield* made.wait()
    world.say(`read: ${resultText(early)}, then: ${resultText(yield* sys.pread(fd, 8, 0))}`)
    yield* sys.close(fd)
  })
})
