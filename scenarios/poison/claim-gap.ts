// Poison in the middle of fs_dax_get() (R6): the holder has claimed the device and its operations are not stored yet. The notifier
// finds none, the generic path finds no mapping, and the new holder never learns of the page.
import { memory_failure } from '../../src/kernel/index.ts'
import { after, delay, GiB, MiB, ms, resultText, scenario } from '../../src/world/index.ts'

export default scenario('poison between the claim of a holder and its operations (R6)', ({ world }) => {
  const dev = world.daxdev('dax0.0', { size: GiB(4) })
  const h0 = world.host('h0')
  const fs = h0.famfs('/mnt', { mkfs: dev })
  fs.creat('/x', MiB(2))
  h0.remount(fs)
  const gap = world.fault(after('enter dax_store_holder_ops'), delay(ms(1)))
  const opened = world.gate('opened')
  const told = world.gate('told')

  h0.app('opener', function* (sys) {
    const fd = yield* sys.open('/mnt/x')
    yield* opened.open()
    yield* told.wait()
    const n = yield* sys.pread(fd, 8, 0)
    world.say(`read: ${resultText(n)}`)
  })
  h0.app('notifier', function* (sys) {
    yield* gap.wait()
    const rc = yield* memory_failure(sys.ts.k, dev, MiB(10), 0)
    world.say(`memory_failure: ${resultText(rc)}`)
    yield* opened.wait()
    yield* told.open()
  })
})
