// The drivers a device can be bound to, as data: names, who takes what by itself, and what daxctl calls the mode.
import type { Op } from '../../sim/index.ts'
import type { DriverName, dev_dax } from '../device.ts'
import { dev_dax_probe } from './device_dax.ts'
import { fsdev_dax_probe } from './fsdev_dax.ts'
import { dev_dax_kmem_probe, dev_dax_kmem_remove } from './kmem.ts'
import { pmem_attach_disk } from './pmem.ts'

/** struct dax_device_driver */
export interface dax_device_driver {
  readonly name: DriverName
  /** Mode as `daxctl list` prints it; null: daxctl does not see such a device. */
  readonly mode: 'devdax' | 'famfs' | 'system-ram' | null
  /** Bus it is of. */
  readonly bus: 'dax' | 'nd'
  /** Takes a device without being told its name by new_id. */
  readonly match_always: boolean
  /** 0 or -errno; what it did before that is undone by devres. */
  probe(dev: dev_dax): Op<number>
  /** Before devres. */
  remove?(dev: dev_dax): Op<void>
}

export const DAX_DRIVERS: readonly dax_device_driver[] = [
  { name: 'device_dax', mode: 'devdax', bus: 'dax', match_always: true, probe: dev_dax_probe },
  { name: 'fsdev_dax', mode: 'famfs', bus: 'dax', match_always: false, probe: fsdev_dax_probe },
  {
    name: 'kmem',
    mode: 'system-ram',
    bus: 'dax',
    match_always: false,
    probe: dev_dax_kmem_probe,
    remove: dev_dax_kmem_remove,
  },
  { name: 'pmem', mode: null, bus: 'nd', match_always: true, probe: pmem_attach_disk },
]

export const daxDriver = (name: DriverName): dax_device_driver => DAX_DRIVERS.find(d => d.name === name)!
