// One program faults a single page, another 2 MiB around it (R23). kernel.md reads as if the large fault fell back to a page for as
// long as the small entry is there. Measured, it succeeds (oracle fault.pmd_after_pte), so that is what the model does; a small
// fault on a large entry is taken as it is in the source: it gets its page, and the large entry stays.
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { KiB, MAP_SHARED, MiB, O_RDWR, PROT_READ, scenario } from '../../src/world/index.ts'

export default scenario('a fault of a page meets one of 2 MiB (R23)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  scripted(h0, '/mnt', RawServer.of(h0.k.profile, { x: simpleMap([[0, 0, MiB(2)]]) }, ['/dev/dax0.0']), { threads: 1 })
  world.setup(h0, 'cat', function* (sys) {
    yield* sys.close(yield* sys.open('/mnt/x'))
  })
  for (const [name, len] of [
    ['small', KiB(64)],
    ['large', MiB(2)],
  ] as const)
    h0.app(name, function* (sys) {
      const fd = yield* sys.open('/mnt/x', O_RDWR)
      const at = yield* sys.mmap(0, len, PROT_READ, MAP_SHARED, fd)
      yield* sys.load(at + KiB(20), new Uint8Array(8))
      const { ptes, pmds } = sys.ts.mm!
      world.say(`a load: ${ptes.size} pages, ${pmds.size} of 2 MiB`)
      yield* sys.munmap(at, len)
      yield* sys.close(fd)
    })
})
