// A file gets shorter between a read's look at the size and its look at the map (R14, inferred). V10 warns of the size that is not
// the map's; the read is EIO, and the file is bad for good. Who reads later finds ENXIO first.
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { KiB, MiB, ms, O_RDWR, resultText, scenario } from '../../src/world/index.ts'

export default scenario('a file is truncated while it is read (R14)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  const s = RawServer.of(h0.k.profile, { x: simpleMap([[0, 0, MiB(2)]]) }, ['/dev/dax0.0'])
  s.truncates = true
  scripted(h0, '/mnt', s, { threads: 1 })
  world.setup(h0, 'cat', function* (sys) {
    yield* sys.close(yield* sys.open('/mnt/x'))
  })

  h0.app('reader', function* (sys) {
    const fd = yield* sys.open('/mnt/x', O_RDWR)
    world.say(`read: ${resultText(yield* sys.pread(fd, 8, 0))}`)
  })
  h0.app(
    'truncate',
    function* (sys) {
      world.say(`truncate: ${resultText(yield* sys.truncate('/mnt/x', KiB(4)))}`)
    },
    { at: ms(1) },
  )
})
