// A file system is mounted anew while the server of the old mount is still there (R19, inferred; that a second mount of a held device
// is dead was measured). umount returns, and the device is held until the old server has closed /dev/fuse. Who opens a file of the
// new mount before that finds the device busy, and V10 never tries again: EIO for as long as the new mount lives (B43). Later trees
// tell who pushes (EBUSY), and remember it as well.
import { pushDaxdev, RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { MiB, resultText, scenario } from '../../src/world/index.ts'

export default scenario('a mount comes while the server of the last one lingers (R19)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  const pull = h0.k.profile.t.daxdev === 'pull'
  const server = (daxdevs: string[]) => RawServer.of(h0.k.profile, { x: simpleMap([[0, 0, MiB(2)]]) }, daxdevs)
  scripted(h0, '/old', server(['/dev/dax0.0']), { threads: 1 })
  const fresh = scripted(h0, '/new', server(pull ? ['/dev/dax0.0'] : []), { threads: 1 })
  world.setup(h0, 'cat', function* (sys) {
    yield* sys.close(yield* sys.open('/old/x'))
  })

  h0.app('remount', function* (sys) {
    world.say(`umount: ${resultText(yield* sys.umount('/old'))}`)
    if (!pull)
      for (const what of ['push', 'and again'])
        world.say(`${what}: ${resultText(yield* pushDaxdev(sys, fresh.dev, '/dev/dax0.0', 0))}`)
    for (let i = 0; i < 2; i++) {
      const fd = yield* sys.open('/new/x')
      world.say(`read: ${resultText(yield* sys.pread(fd, 8, 0))}`)
      yield* sys.close(fd)
    }
  })
})
