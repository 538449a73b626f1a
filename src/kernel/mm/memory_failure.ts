// memory_failure() for pages of a dax device (kernel.md 2.14): the driver tells the holder; without one that hears, the
// generic path finds no mapping of the page. It runs in a kernel thread and takes whatever locks the holder takes.
import { type DaxMemory, dax_holder_notify_failure, PAGE_SIZE } from '../../devdax/index.ts'
import { kfn, roundDown, type Step } from '../../sim/index.ts'
import { EBUSY, ENXIO, EOPNOTSUPP } from '../../wire/index.ts'
import type { Kernel } from '../kernel.ts'
import { POISON } from '../kernel.ts'

/** MF_ACTION_REQUIRED */
const MF_ACTION_REQUIRED = 2

/**
 * The host learns that the page at byte `off` of `memory` is bad. 0: the holder says it is handled (and nobody is
 * signalled); -ENXIO: no such page here, or the device is dead; -EBUSY: nobody maps it; else the holder's errno.
 */
export const memory_failure = kfn(
  'memory_failure',
  function* (k: Kernel, memory: DaxMemory, off: number): Step<number> {
    const page = roundDown(off, PAGE_SIZE)
    const dev = k.bus.devices().find(d => d.memory === memory)
    k.m.emit(POISON, k.name, memory, page, 0, null)
    if (dev === undefined || page >= memory.size) return -ENXIO
    const driver = yield* dev.driver.load()
    if (driver === 'fsdev_dax') {
      const rc = yield* dax_holder_notify_failure(dev.dax_dev, page, PAGE_SIZE, MF_ACTION_REQUIRED)
      if (rc !== -EOPNOTSUPP) return rc
    }
    return -EBUSY
  },
)
