// A page goes bad while the first file of a mount is opened: the free form of R6 and R7. The notice finds no holder, a holder without
// operations (R6), or one whose slot is being filled (R7); or it comes before, or after.
import { pushDaxdev, RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { memory_failure } from '../../src/kernel/index.ts'
import { MiB, resultText, scenario } from '../../src/world/index.ts'

export default scenario('a notice of bad memory meets the first open of a mount (R6, R7)', ({ world }) => {
  const dev = world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  const pull = h0.k.profile.t.daxdev === 'pull'
  const s = RawServer.of(h0.k.profile, { x: simpleMap([[0, 0, MiB(2)]]) }, pull ? ['/dev/dax0.0'] : [])
  const mt = scripted(h0, '/mnt', s, { threads: 1 })
  const told = world.gate('told')

  h0.app('opener', function* (sys) {
    if (!pull) yield* pushDaxdev(sys, mt.dev, '/dev/dax0.0', 0)
    const fd = yield* sys.open('/mnt/x')
    yield* told.wait()
    world.say(`open: ${fd < 0 ? resultText(fd) : 'ok'}, read: ${resultText(yield* sys.pread(fd, 8, 0))}`)
    yield* sys.close(fd)
  })
  h0.app('notifier', function* (sys) {
    world.say(`memory_failure: ${resultText(yield* memory_failure(sys.ts.k, dev, 0, 0))}`)
    yield* told.open()
  })
})
