// A new holder comes while the old one goes (R24). Where fs_put_dax() clears the owner first and the operations last (B38), it
// wipes those of the new holder, who is deaf to poison from then on. With the other order the new one is refused meanwhile.
import { type dax_device, fs_dax_get, fs_put_dax } from '../../src/devdax/index.ts'
import { memory_failure } from '../../src/kernel/index.ts'
import { kfn, type Step } from '../../src/sim/index.ts'
import { after, delay, GiB, MiB, ms, resultText, scenario } from '../../src/world/index.ts'

export default scenario('a device is given back and taken at once (R24)', ({ world }) => {
  const dev = world.daxdev('dax0.0', { size: GiB(4) })
  const h0 = world.host('h0')
  h0.famfs('/mnt', { mkfs: dev })
  const gap = world.fault(after('enter dax_store_holder_ops'), delay(ms(1)))
  const put = world.fault(after('leave fs_put_dax'), delay(1))
  const heard: number[] = []
  const hear = kfn('other_notify_failure', function* (_d: dax_device, off: number): Step<number> {
    heard.push(off)
    return 0
  })

  h0.app('umount', function* (sys) {
    yield* sys.umount('/mnt')
  })
  h0.app('other file system', function* (sys) {
    heard.length = 0
    yield* gap.wait()
    const d = sys.ts.k.bus.byName(dev.name)!.dax_dev
    const rc = yield* fs_dax_get(d, sys, { notify_failure: hear })
    world.say(`the next holder: fs_dax_get: ${resultText(rc)}`)
    yield* put.wait()
    const mf = yield* memory_failure(sys.ts.k, dev, MiB(10), 0)
    world.say(`memory_failure: ${resultText(mf)}; it ${heard.length > 0 ? 'was told' : 'was not told'}`)
    if (rc === 0) yield* fs_put_dax(d, sys)
  })
})
