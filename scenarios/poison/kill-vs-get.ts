// The driver goes while a holder comes (R26). fs_dax_get() has seen the device alive; kill_dax() finds no holder to tell; the claim
// then succeeds on a dead device (L18). Accesses fail, and when a driver is bound again the device is alive with its old holder,
// who never heard that it was gone.
import {
  type dax_device,
  dax_direct_access,
  dax_read_lock,
  dax_read_unlock,
  device_driver_attach,
  device_driver_detach,
  fs_dax_get,
  fs_put_dax,
} from '../../src/devdax/index.ts'
import { memory_failure } from '../../src/kernel/index.ts'
import { kfn, type Step } from '../../src/sim/index.ts'
import { after, delay, GiB, MiB, ms, resultText, scenario } from '../../src/world/index.ts'

/** Translate a page of the device, as a read of a file system does: pages, or -errno. */
function* access(d: dax_device): Step<number> {
  const id = yield* dax_read_lock(d)
  const at = yield* dax_direct_access(d, 0, 1)
  yield* dax_read_unlock(d, id)
  return typeof at === 'number' ? at : at.nr
}

export default scenario('a driver is unbound while a holder claims the device (R26)', ({ world }) => {
  const dev = world.daxdev('dax0.0', { size: GiB(4) })
  const h0 = world.host('h0')
  const gap = world.fault(after('enter dax_claim_holder'), delay(ms(100)))
  const killed = world.gate('killed')
  const tried = world.gate('tried')
  const bound = world.gate('bound')
  const heard: string[] = []
  const hear = kfn('notify_failure', function* (_d: dax_device, off: number): Step<number> {
    heard.push(off === 0 ? 'that it goes' : 'of the page')
    return 0
  })

  h0.app('file system', function* (sys) {
    heard.length = 0
    const d = sys.ts.k.bus.byName(dev.name)!.dax_dev
    const rc = yield* fs_dax_get(d, sys, { notify_failure: hear })
    yield* killed.wait()
    world.say(`fs_dax_get: ${resultText(rc)}; access to the dead device: ${resultText(yield* access(d))}`)
    yield* tried.open()
    yield* bound.wait()
    world.say(`access after a driver is bound again: ${resultText(yield* access(d))}`)
    if (rc === 0) yield* fs_put_dax(d, sys)
  })
  h0.app('admin', function* (sys) {
    yield* gap.wait()
    const d = sys.ts.k.bus.byName(dev.name)!
    const { fs_driver } = sys.ts.k.profile.dax
    world.say(`unbind: ${resultText(yield* device_driver_detach(d, fs_driver))}`)
    yield* killed.open()
    yield* tried.wait()
    const holder = (yield* d.dax_dev.holder_data.load()) === null ? 'no holder' : 'a holder'
    world.say(`dead, with ${holder}; bind: ${resultText(yield* device_driver_attach(d, fs_driver))}`)
    const rc = yield* memory_failure(sys.ts.k, dev, MiB(10), 0)
    world.say(`memory_failure: ${resultText(rc)}; the holder heard ${heard.join(', ') || 'nothing'}`)
    yield* bound.open()
  })
})
