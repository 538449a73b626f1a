// Two openers of one file nobody opened before (R1, measured). Both find no map, both ask, and the server's answers differ: whoever
// publishes first decides for both, and the other map is dropped, even if it is the newer one.
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { Cell } from '../../src/sim/index.ts'
import { ENOSYS } from '../../src/wire/index.ts'
import { ENXIO, MiB, resultText, scenario } from '../../src/world/index.ts'

export default scenario('two openers of one file (R1)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  const maps = [0, 2].map(at => simpleMap([[0, MiB(at), MiB(2)]]))
  for (const [i] of maps.entries())
    world.setup(h0, 'dd', function* (sys) {
      yield* sys.tool_write('/dev/dax0.0', MiB(2 * i), Uint8Array.of(i + 1))
    })
  const s = RawServer.of(h0.k.profile, { x: maps[0]!, other: simpleMap([[0, MiB(4), MiB(2)]]) }, ['/dev/dax0.0'])
  const asked = new Cell(world.m, 'maps asked for', 0)
  s.script = req => {
    if (req.op.name !== 'GET_FMAP' || req.nodeid !== 100) return undefined
    asked.poke(asked.peek() + 1)
    return { body: s.fmapBody(maps[asked.peek() - 1]!) }
  }
  // No OPEN and no FLUSH once it has said so, and the device is there: what is raced for is the map.
  Object.assign(s.errnos, { OPEN: ENOSYS, FLUSH: ENOSYS })
  scripted(h0, '/mnt', s, { threads: 1 })
  world.setup(h0, 'cat', function* (sys) {
    yield* sys.close(yield* sys.open('/mnt/other'))
  })

  for (const name of ['a', 'b'])
    h0.app(name, function* (sys) {
      const fd = yield* sys.open('/mnt/x')
      const byte = new Uint8Array(1)
      const n = yield* sys.pread(fd, byte, 0)
      // ENXIO is another race, R4.
      world.say(n === -ENXIO ? 'finds it half published' : `read ${resultText(n)}, of map ${byte[0]}`)
      yield* sys.close(fd)
    })
  world.sometimes('R1: both asked', w => w.count('GET_FMAP') === 2)
})
