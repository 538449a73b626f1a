// The DAX core's holder protocol and address translation (drivers/dax/super.c; kernel.md 2.7).
// holder_data is claimed by cmpxchg; holder_ops is a plain store after it, so a notifier in between finds no ops.

import { kfn, min, mutex_lock, mutex_unlock, type Step } from '../sim/index.ts'
import { EBUSY, EFAULT, EINVAL, ENODEV, ENXIO, EOPNOTSUPP, ERANGE } from '../wire/index.ts'
import type { DaxMemory, dax_device, dax_holder_operations } from './device.ts'

export const PAGE_SIZE = 4096

/** put_dax(): drop a reference. */
export const put_dax = kfn('put_dax', function* (d: dax_device): Step<void> {
  yield* d.refs.rmw(refs => refs - 1)
})

/**
 * fs_dax_get(): become the holder of a device in fs-dax mode. 0, -ENODEV (gone, or no driver), -EOPNOTSUPP (other
 * driver), -EBUSY (held by another). kernel.md 2.7.
 */
export const fs_dax_get = kfn(
  'fs_dax_get',
  function* (d: dax_device | null, holder: object, ops: dax_holder_operations): Step<number> {
    if (d === null || !(yield* d.alive.READ_ONCE())) return -ENODEV
    d.refs.poke(d.refs.peek() + 1) // igrab
    const dev = d.private_data
    if (dev === null) {
      yield* put_dax(d)
      return -ENODEV
    }
    yield* mutex_lock(dev.lock)
    const driver = yield* dev.driver.load()
    yield* mutex_unlock(dev.lock)
    if (driver !== 'fsdev_dax') {
      yield* put_dax(d)
      return driver === null ? -ENODEV : -EOPNOTSUPP
    }
    if ((yield* d.holder_data.cmpxchg(null, holder)) !== null) {
      yield* put_dax(d)
      return -EBUSY
    }
    yield* d.holder_ops.store(ops)
    return 0
  },
)

/** fs_put_dax(): stop being the holder. Ops go first, so that a new holder's are never wiped (kernel.md 2.7). */
export const fs_put_dax = kfn('fs_put_dax', function* (d: dax_device, holder: object): Step<void> {
  yield* d.holder_ops.WRITE_ONCE(null)
  const prev = yield* d.holder_data.cmpxchg(holder, null)
  if (prev !== null && prev !== holder) d.warn('put by one who does not hold it')
  yield* put_dax(d)
})

/** dax_holder(): a plain load, with no lock and no reference. */
export const dax_holder = kfn('dax_holder', function* (d: dax_device): Step<object | null> {
  return yield* d.holder_data.load()
})

/** dax_holder_notify_failure(): tell the holder. -ENXIO when dead, -EOPNOTSUPP with no ops, else the holder's answer. */
export const dax_holder_notify_failure = kfn(
  'dax_holder_notify_failure',
  function* (d: dax_device, off: number, len: number, mf_flags: number): Step<number> {
    if (!(yield* d.alive.READ_ONCE())) return -ENXIO
    const ops = yield* d.holder_ops.READ_ONCE()
    if (ops === null) return -EOPNOTSUPP
    return yield* ops.notify_failure(d, off, len, mf_flags)
  },
)

/** Where a device page lies, and how many pages follow it there. */
export interface DirectAccess {
  readonly memory: DaxMemory
  /** Bytes from the start of the memory. */
  readonly off: number
  /** Pages; at most what was asked. */
  readonly nr: number
}

/**
 * dax_direct_access(): translate `nr_pages` pages from page `pgoff`. Clipped at the device's end; -ENXIO when dead,
 * -EFAULT when the first page or the whole range is not in the device (kernel.md 2.7, 2.15; oracle badfmap.straddle_end).
 */
export const dax_direct_access = kfn(
  'dax_direct_access',
  function* (d: dax_device | null, pgoff: number, nr_pages: number): Step<DirectAccess | number> {
    if (d === null) return -EOPNOTSUPP
    if (!(yield* d.alive.READ_ONCE())) return -ENXIO
    const dev = d.private_data
    if (dev === null) return -EOPNOTSUPP
    if (nr_pages < 0) return -EINVAL
    const off = pgoff * PAGE_SIZE
    const size = dev.memory.size
    // One range: the driver wants [pgoff, pgoff + nr) inside it, else there is no physical address.
    // A page number that reads as negative is a huge one.
    if (pgoff < 0 || off + nr_pages * PAGE_SIZE > size) return -EFAULT
    const nr = min(nr_pages, (size - off) / PAGE_SIZE)
    return nr === 0 ? -ERANGE : { memory: dev.memory, off, nr }
  },
)
