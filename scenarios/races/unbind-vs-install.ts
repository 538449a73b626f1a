// Two locks in two orders (R9, L15, inferred). Who fills a slot of the device table holds famfs_devlist_sem and takes the device's
// lock; who unbinds its driver holds that lock and, through the notice of removal, wants the semaphore. The two deadlock when a
// device that is held is installed a second time, at another index: a server that names one path twice does that.
import { pushDaxdev, RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { MiB, resultText, scenario } from '../../src/world/index.ts'

export default scenario('a driver is unbound while its device is installed again (R9)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  const s = RawServer.of(h0.k.profile, { x: simpleMap([[0, 0, MiB(2)]]), y: simpleMap([[1, MiB(2), MiB(2)]]) }, [
    '/dev/dax0.0',
  ])
  const mt = scripted(h0, '/mnt', s, { threads: 1 })
  s.daxdevs.push('/dev/dax0.0')
  world.setup(h0, 'cat', function* (sys) {
    const fd = yield* sys.open('/mnt/x')
    yield* sys.close(fd)
  })

  h0.app('installer', function* (sys) {
    if (sys.ts.k.profile.t.daxdev === 'push') {
      world.say(`push: ${resultText(yield* pushDaxdev(sys, mt.dev, '/dev/dax0.0', 1))}`)
      return
    }
    const fd = yield* sys.open('/mnt/y')
    world.say(`open: ${fd < 0 ? resultText(fd) : 'ok'}`)
    if (fd >= 0) yield* sys.close(fd)
  })
  h0.app('admin', function* (sys) {
    const rc = yield* sys.sysfs_write('/sys/bus/dax/drivers/fsdev_dax/unbind', 'dax0.0')
    world.say(`unbind: ${rc > 0 ? 'done' : resultText(rc)}`)
  })
})
