// A page goes bad while its file system is unmounted (R8, inferred). The notice has found the holder; meanwhile the last reference
// to the connection goes. V10 takes the device table away with no lock, so the notice finds none and oopses (B42), or goes on in
// memory that was freed; without B42 the connection may still be gone (L14).
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { memory_failure } from '../../src/kernel/index.ts'
import { MiB, resultText, scenario } from '../../src/world/index.ts'

export default scenario('a notice of bad memory meets an unmount (R8)', ({ world }) => {
  const dev = world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  scripted(h0, '/mnt', RawServer.of(h0.k.profile, { x: simpleMap([[0, 0, MiB(2)]]) }, ['/dev/dax0.0']), { threads: 1 })
  world.setup(h0, 'cat', function* (sys) {
    const fd = yield* sys.open('/mnt/x')
    yield* sys.pread(fd, 8, 0)
    yield* sys.close(fd)
  })

  h0.app('notifier', function* (sys) {
    world.say(`memory_failure: ${resultText(yield* memory_failure(sys.ts.k, dev, 0, 0))}`)
  })
  h0.app('umount', function* (sys) {
    world.say(`umount: ${resultText(yield* sys.umount('/mnt'))}`)
  })
})
