// Two programs give one file of a standalone famfs its map (R1 without a server, inferred): who publishes first decides for both, and the
// other is told EEXIST. It may read before the first has told the size: then the file is bad for good.
import { map_create, standalone } from '../../src/conform/index.ts'
import { O_CREAT } from '../../src/kernel/index.ts'
import { MiB, O_RDWR, resultText, scenario } from '../../src/world/index.ts'

const TWO = MiB(2)

export default scenario('two programs give one file its map (standalone)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0', { kernel: 'std' })
  for (const i of [1, 2])
    world.setup(h0, 'dd', function* (sys) {
      yield* sys.tool_write('/dev/dax0.0', i * TWO, Uint8Array.of(i))
    })
  standalone(h0, '/mnt', '/dev/dax0.0', {})
  world.setup(h0, 'touch', function* (sys) {
    yield* sys.close(yield* sys.open('/mnt/x', O_CREAT | O_RDWR, 0o644))
  })

  for (const [name, i] of [
    ['a', 1],
    ['b', 2],
  ] as const)
    h0.app(name, function* (sys) {
      const fd = yield* sys.open('/mnt/x', O_RDWR)
      const extents = [{ dev: 0, offset: i * TWO, len: TWO }]
      const rc = yield* map_create(sys, fd, { fileSize: TWO, kind: 'simple', extents })
      const byte = new Uint8Array(1)
      const n = yield* sys.pread(fd, byte, 0)
      world.say(`map ${i}: ${resultText(rc)}, read: ${resultText(n)}, of map ${byte[0]}`)
      yield* sys.close(fd)
    })
})
