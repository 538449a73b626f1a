// The DAX core (drivers/dax/super.c; kernel.md 2.7): holders, life of a dax_device, address translation.
// Locking: dax_read_lock (SRCU, one for each host) around anything that must not outlive the device; kill_dax waits for it.
// holder_data is claimed by cmpxchg; holder_ops is a plain store after it, so a notifier in between finds no ops.

import {
  kfn,
  mutex_lock,
  mutex_unlock,
  Oops,
  type Step,
  srcu_read_lock,
  srcu_read_unlock,
  synchronize_srcu,
} from '../sim/index.ts'
import { EBUSY, EINVAL, ENODEV, ENXIO, EOPNOTSUPP, EPERM, ERANGE } from '../wire/index.ts'
import type { DirectAccess, dax_device, dax_holder_operations, dax_operations, dev_dax } from './device.ts'

export const PAGE_SIZE = 4096

/** mf_flags of a notification (include/linux/mm.h). */
export const MF_ACTION_REQUIRED = 2
export const MF_MEM_PRE_REMOVE = 128

/** Length that stands for "all of it": U64_MAX, cut to what a number holds exactly. */
export const WHOLE_DEVICE = Number.MAX_SAFE_INTEGER

export const dax_read_lock = (d: dax_device) => srcu_read_lock(d.bus.dax_srcu)
export const dax_read_unlock = (d: dax_device, id: number) => srcu_read_unlock(d.bus.dax_srcu, id)

/** put_dax(): drop a reference. */
export const put_dax = kfn('put_dax', function* (d: dax_device): Step<void> {
  yield* d.refs.rmw(refs => refs - 1)
})

/** dax_alive() and igrab() under dax_read_lock: may this device be used? Takes a reference if so. */
const dax_grab = kfn('dax_grab', function* (d: dax_device): Step<boolean> {
  const id = yield* dax_read_lock(d)
  const alive = yield* d.alive.READ_ONCE()
  if (alive) d.refs.poke(d.refs.peek() + 1) // igrab
  yield* dax_read_unlock(d, id)
  return alive
})

/** Is a driver bound that a file system can use: 0, -ENODEV (none), -EOPNOTSUPP (another). */
const check_driver = kfn('dax_check_driver', function* (dev: dev_dax): Step<number> {
  const { profile } = dev.bus
  const locked = !profile.has('B20')
  if (locked) yield* mutex_lock(dev.lock)
  const driver = yield* dev.driver.load()
  if (locked) yield* mutex_unlock(dev.lock)
  if (driver === null) return -ENODEV
  return driver === profile.dax.fs_driver ? 0 : -EOPNOTSUPP
})

/** holder_ops is set or cleared, a moment before or after holder_data is: in between lies R6, and with B38 R24. */
const dax_store_holder_ops = kfn(
  'dax_store_holder_ops',
  function* (d: dax_device, ops: dax_holder_operations | null, how: 'plain' | 'once'): Step<void> {
    yield* how === 'once' ? d.holder_ops.WRITE_ONCE(ops) : d.holder_ops.store(ops)
  },
)

/** Claim the device: 0 or -EBUSY. */
const claim = kfn(
  'dax_claim_holder',
  function* (d: dax_device, holder: object, ops: dax_holder_operations): Step<number> {
    if ((yield* d.holder_data.cmpxchg(null, holder)) !== null) return -EBUSY
    yield* dax_store_holder_ops(d, ops, 'plain')
    if (d.bus.profile.has('L18') || (yield* d.alive.READ_ONCE())) return 0
    // Killed between the first look and the claim (R26): nobody will tell this holder.
    yield* d.holder_ops.WRITE_ONCE(null)
    yield* d.holder_data.cmpxchg(holder, null)
    return -ENODEV
  },
)

/**
 * fs_dax_get(): become the holder of a device a file system can use. 0, -ENODEV (gone, or no driver), -EOPNOTSUPP (other
 * driver), -EBUSY (held by another); with B03 -EPERM whatever the reason, and the reference is kept.
 */
export const fs_dax_get = kfn(
  'fs_dax_get',
  function* (d: dax_device | null, holder: object, ops: dax_holder_operations): Step<number> {
    if (d === null || !(yield* dax_grab(d))) return -ENODEV
    let rc = d.private_data === null ? -ENODEV : yield* check_driver(d.private_data)
    if (rc === 0) rc = yield* claim(d, holder, ops)
    if (rc === 0) return 0
    if (d.bus.profile.has('B03')) return -EPERM
    yield* put_dax(d)
    return rc
  },
)

/**
 * fs_dax_get_by_bdev(): the dax_device of a block device (pmem), held by the caller; null when it is dead, held, or its
 * driver is another. What the standalone famfs uses on /dev/pmem.
 */
export const fs_dax_get_by_bdev = kfn(
  'fs_dax_get_by_bdev',
  function* (dev: dev_dax, holder: object, ops: dax_holder_operations): Step<dax_device | null> {
    const d = dev.dax_dev
    if ((yield* dev.driver.load()) !== 'pmem' || !(yield* dax_grab(d))) return null
    if ((yield* claim(d, holder, ops)) === 0) return d
    yield* put_dax(d)
    return null
  },
)

/** fs_put_dax(): stop being the holder. Ops go first, so that a new holder's are never wiped; with B38 they go last. */
export const fs_put_dax = kfn('fs_put_dax', function* (d: dax_device, holder: object): Step<void> {
  const { profile } = d.bus
  const last = profile.has('B38')
  if (!last) yield* dax_store_holder_ops(d, null, 'once')
  const prev = yield* d.holder_data.cmpxchg(holder, null)
  // Null is fine: kill_dax was here first.
  if (prev !== holder && (prev !== null || profile.has('B39'))) d.warn('put by one who does not hold it')
  if (last && prev === holder) yield* dax_store_holder_ops(d, null, 'plain')
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
    const id = yield* dax_read_lock(d)
    const rc = yield* notify(d, off, len, mf_flags)
    yield* dax_read_unlock(d, id)
    return rc
  },
)
const notify = kfn('notify_failure', function* (d: dax_device, off: number, len: number, flags: number): Step<number> {
  if (!(yield* d.alive.READ_ONCE())) return -ENXIO
  let ops = yield* d.holder_ops.READ_ONCE()
  if (ops === null) return -EOPNOTSUPP
  if (d.bus.profile.has('B37')) {
    ops = yield* d.holder_ops.load()
    if (ops === null) throw new Oops('NULL pointer dereference: holder_ops->notify_failure (B37)')
  }
  return yield* ops.notify_failure(d, off, len, flags)
})

/** run_dax(): the device can be used. */
export const run_dax = kfn('run_dax', function* (d: dax_device): Step<void> {
  yield* d.alive.store(true)
})

/** kill_dax(): tell the holder that the device goes, mark it dead, wait for whoever is inside, forget the holder. */
export const kill_dax = kfn('kill_dax', function* (d: dax_device): Step<void> {
  if ((yield* d.holder_data.load()) !== null) yield* dax_holder_notify_failure(d, 0, WHOLE_DEVICE, MF_MEM_PRE_REMOVE)
  yield* d.alive.store(false)
  yield* synchronize_srcu(d.bus.dax_srcu)
  yield* d.holder_ops.store(null)
  yield* d.holder_data.store(null)
})

/** dax_set_ops(): give the device its operations: 0, or -EBUSY when it has some. Null takes them away. */
export const dax_set_ops = kfn('dax_set_ops', function* (d: dax_device, ops: dax_operations | null): Step<number> {
  if (ops === null) {
    yield* d.ops.store(null)
    return 0
  }
  return (yield* d.ops.cmpxchg(null, ops)) === null ? 0 : -EBUSY
})

/**
 * dax_direct_access(): translate `nr_pages` pages from page `pgoff`. Under dax_read_lock. -ENXIO when dead, -EOPNOTSUPP
 * with nothing behind it, -EINVAL for a negative count, -ERANGE when the driver has nothing there, else its own errno
 * (oracle badfmap.straddle_end). What the driver gives is cut to what was asked.
 */
export const dax_direct_access = kfn(
  'dax_direct_access',
  function* (d: dax_device | null, pgoff: number, nr_pages: number): Step<DirectAccess | number> {
    if (d === null) return -EOPNOTSUPP
    if (!(yield* d.alive.READ_ONCE())) return -ENXIO
    const ops = yield* d.ops.load()
    const dev = d.private_data
    if (ops === null || dev === null) return -EOPNOTSUPP
    if (nr_pages < 0) return -EINVAL
    const at = ops.direct_access(dev, pgoff, nr_pages)
    if (typeof at === 'number') return at
    if (at.nr === 0) return -ERANGE
    return at.nr <= nr_pages ? at : { ...at, nr: nr_pages }
  },
)
