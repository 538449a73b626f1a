// Poison right after fs_dax_get(), while the device table is still being filled (R7): the notifier finds the operations and then
// waits for the semaphore until the slot is valid. The holder learns of it; memory_failure() is late by what the installer took.
import { memory_failure } from '../../src/kernel/index.ts'
import { after, delay, GiB, MiB, ms, resultText, scenario } from '../../src/world/index.ts'

export default scenario('poison while a device is installed (R7)', ({ world }) => {
  const dev = world.daxdev('dax0.0', { size: GiB(4) })
  const h0 = world.host('h0')
  const fs = h0.famfs('/mnt', { mkfs: dev })
  fs.creat('/x', MiB(2))
  h0.remount(fs)
  const gap = world.fault(after('leave fs_dax_get'), delay(ms(1)))
  const told = world.gate('told')

  h0.app('opener', function* (sys) {
    const fd = yield* sys.open('/mnt/x')
    yield* told.wait()
    const n = yield* sys.pread(fd, 8, 0)
    world.say(`read: ${resultText(n)}`)
  })
  h0.app('notifier', function* (sys) {
    yield* gap.wait()
    const from = world.m.clock()
    const rc = yield* memory_failure(sys.ts.k, dev, MiB(10), 0)
    const late = world.m.clock() - from >= ms(0.9)
    world.say(`memory_failure: ${resultText(rc)}${late ? ', after it waited for the installer' : ''}`)
    yield* told.open()
  })
})
