// A mount whose device is in devdax mode when its first file is opened (R20, measured). The kernel cannot become the holder and never
// tries again: the device is brought into famfs mode, and files opened after that are EIO as well, until the file system is mounted
// anew (B43). A server that pushes devices is told, EOPNOTSUPP; it can try again, and is told EIO.
import { pushDaxdev, RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { daxctl, MiB, resultText, scenario } from '../../src/world/index.ts'

export default scenario('a device is in devdax mode when its first file is opened (R20)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16), mode: 'devdax' })
  const h0 = world.host('h0')
  const pull = h0.k.profile.t.daxdev === 'pull'
  const file = (at: number): Uint8Array => simpleMap([[0, MiB(at), MiB(2)]])
  const s = RawServer.of(h0.k.profile, { x: file(0), y: file(2) }, pull ? ['/dev/dax0.0'] : [])
  const { dev } = scripted(h0, '/mnt', s)

  h0.app('user', function* (sys) {
    const push = function* () {
      if (!pull) world.say(`push: ${resultText(yield* pushDaxdev(sys, dev, '/dev/dax0.0', 0))}`)
    }
    yield* push()
    const x = yield* sys.open('/mnt/x')
    world.say(`read: ${resultText(yield* sys.pread(x, 8, 0))}`)
    const end = yield* daxctl(sys, ['reconfigure-device', '-m', 'famfs', 'dax0.0'])
    world.say(`daxctl: exit ${end.rc}`)
    yield* push()
    const y = yield* sys.open('/mnt/y')
    world.say(`read of another file: ${resultText(yield* sys.pread(y, 8, 0))}`)
  })
})
