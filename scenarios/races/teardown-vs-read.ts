// The device table is read with no barrier and read again (R30). That is safe as long as nobody takes it away under an open file: umount
// finds the file busy, or, when it is lazy, the mount goes with its last user. A search of all executions finds nothing else.
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { MNT_DETACH } from '../../src/kernel/index.ts'
import { MiB, resultText, scenario } from '../../src/world/index.ts'

export default scenario('a file is read while its file system is unmounted (R30)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  scripted(h0, '/mnt', RawServer.of(h0.k.profile, { x: simpleMap([[0, 0, MiB(2)]]) }, ['/dev/dax0.0']), { threads: 1 })
  world.setup(h0, 'cat', function* (sys) {
    yield* sys.close(yield* sys.open('/mnt/x'))
  })
  const opened = world.gate('opened')

  h0.app('reader', function* (sys) {
    const fd = yield* sys.open('/mnt/x')
    yield* opened.open()
    world.say(`read: ${resultText(yield* sys.pread(fd, 8, 0))}`)
    yield* sys.close(fd)
  })
  h0.app('umount', function* (sys) {
    yield* opened.wait()
    const rc = yield* sys.umount('/mnt')
    world.say(`umount: ${resultText(rc)}`)
    if (rc < 0) world.say(`lazily: ${resultText(yield* sys.umount('/mnt', MNT_DETACH))}`)
  })
})
