// Two programs write one range at once (R21, L06, measured). No lock keeps one write(2) whole: who reads later may find the beginning
// of one and the end of the other. Here the parts are the extents of the file; on a real machine any two bytes may part.
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { KiB, MiB, O_RDWR, resultText, scenario } from '../../src/world/index.ts'

export default scenario('two programs write the same range (R21)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  const map = simpleMap([
    [0, 0, MiB(2)],
    [0, MiB(4), MiB(2)],
  ])
  scripted(h0, '/mnt', RawServer.of(h0.k.profile, { x: map }, ['/dev/dax0.0']), { threads: 1 })
  world.setup(h0, 'cat', function* (sys) {
    yield* sys.close(yield* sys.open('/mnt/x'))
  })
  const written = [world.gate('a has written'), world.gate('b has written')]
  const at = MiB(2) - KiB(4)

  for (const [i, name] of ['a', 'b'].entries())
    h0.app(name, function* (sys) {
      const fd = yield* sys.open('/mnt/x', O_RDWR)
      const n = yield* sys.pwrite(fd, new Uint8Array(KiB(8)).fill(i + 1), at)
      yield* written[i]!.open()
      for (const g of written) yield* g.wait()
      const got = new Uint8Array(KiB(8))
      yield* sys.pread(fd, got, at)
      const whose = (byte: number): string => 'ab'[byte - 1]!
      world.say(`wrote ${resultText(n)}, finds ${whose(got[0]!)} then ${whose(got[KiB(8) - 1]!)}`)
      yield* sys.close(fd)
    })
})
