// A file is opened while its file system is unmounted. Whoever is first wins: the unmount is EBUSY, or the open finds no such file, or
// its request ends with the connection.
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { MiB, resultText, scenario } from '../../src/world/index.ts'

export default scenario('a file is opened while its file system is unmounted', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  scripted(h0, '/mnt', RawServer.of(h0.k.profile, { x: simpleMap([[0, 0, MiB(2)]]) }, ['/dev/dax0.0']), { threads: 1 })

  h0.app('opener', function* (sys) {
    const fd = yield* sys.open('/mnt/x')
    if (fd < 0) return world.say(`open: ${resultText(fd)}`)
    world.say(`open: ok, read: ${resultText(yield* sys.pread(fd, 8, 0))}`)
    yield* sys.close(fd)
  })
  h0.app('umount', function* (sys) {
    world.say(`umount: ${resultText(yield* sys.umount('/mnt'))}`)
  })
})
