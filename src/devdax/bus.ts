// The dax bus of one host (drivers/dax/bus.c): its devices, their numbers and paths, binding and unbinding drivers.
// Locking: device_lock of the dev_dax across a whole probe and a whole removal; so whatever a removal waits for waits under it.
import type { KernelProfile } from '../profile/index.ts'
import {
  type Alloc,
  assert,
  defaultChooser,
  type Heap,
  JMap,
  kfn,
  type Machine,
  mutex_lock,
  mutex_unlock,
  type Op,
  Srcu,
  type Step,
  UsageError,
} from '../sim/index.ts'
import { EBUSY, ENODEV, errnoName } from '../wire/index.ts'
import { type DaxDriver, type DaxMemory, type DriverName, dax_device, dev_dax } from './device.ts'
import { devres_release_all } from './devres.ts'
import { daxDriver } from './drivers/table.ts'
import type { StructPages } from './folio.ts'
import { dev_pagemap } from './pgmap.ts'
import type { DaxRange } from './range.ts'

/** Major number the simulated kernels give to devdax character devices. */
export const DAX_MAJOR = 252

/** Kernel-internal dev_t. */
export const MKDEV = (major: number, minor: number): number => major * 1048576 + minor
export const MAJOR = (dev: number): number => (dev / 1048576) | 0
export const MINOR = (dev: number): number => dev % 1048576

/** Memory hotplug of the host's mm, as kmem reaches it. */
export interface MemoryHotplug {
  /** The blocks of a range appear, offline: 0 or -errno. */
  add_memory_driver_managed(dev: dev_dax, range: DaxRange): Op<number>
  /** They go: 0, or -EBUSY while one is online. */
  remove_memory(dev: dev_dax, range: DaxRange): Op<number>
}

export class DaxBus {
  readonly m: Machine
  /** Of the host. */
  readonly name: string
  readonly profile: KernelProfile
  readonly heap: Heap
  /** Where the struct pages of its devices lie. */
  readonly struct_pages: StructPages
  /** Readers are inside a dax_device; kill_dax() waits for them. */
  readonly dax_srcu: Srcu
  hotplug: MemoryHotplug | null = null
  /** Take what processes map of a device's folios out of their page tables, as the host's mm does it. */
  unmap_folios: ((dev: dev_dax) => void) | null = null
  /** Names given to new_id, by `driver name`: the driver takes these devices too. */
  readonly dynids: JMap<string, true>
  private readonly devs: dev_dax[] = []
  /** dax_device objects by number: those of the bus, and those made up by dax_dev_get. */
  private readonly byDevno: JMap<number, dax_device>

  constructor(m: Machine, name: string, profile: KernelProfile, heap: Heap, struct_pages: StructPages = 'mem') {
    this.m = m
    this.name = name
    this.profile = profile
    this.heap = heap
    this.struct_pages = struct_pages
    this.dax_srcu = new Srcu(m, 'dax_srcu')
    this.dynids = new JMap(m.journal)
    this.byDevno = new JMap(m.journal)
  }

  /**
   * A memory appears on this host's bus and `driver` is bound to it. Set-up only: runs the machine.
   * Throws UsageError when the driver does not take it.
   */
  attach(memory: DaxMemory, driver: DaxDriver): dev_dax {
    const dev = new dev_dax(this, memory, MKDEV(DAX_MAJOR, this.devs.length))
    if (memory.region === 'static') dev.pgmap.poke(new dev_pagemap(this.m))
    this.devs.push(dev)
    this.byDevno.set(dev.dax_dev.devno, dev.dax_dev)
    if (driver === null) return dev
    this.dynids.set(idOf(driver, dev), true)
    const t = this.m.spawn(`${this.name}/udev`, boot(dev, driver))
    this.m.run(defaultChooser)
    this.m.buryTasks()
    const rc = t.value as number
    if (rc !== 0) throw new UsageError(`daxdev ${memory.name}: ${driver} does not take it: ${errnoName(-rc)}`)
    return dev
  }

  devices(): readonly dev_dax[] {
    return this.devs
  }

  byName(name: string): dev_dax | undefined {
    return this.devs.find(d => d.memory.name === name)
  }

  /** The device behind a device number; undefined for numbers of others. */
  byNumber(devno: number): dev_dax | undefined {
    return this.devs.find(d => d.dax_dev.devno === devno)
  }

  /** Allocations that bound drivers hold: no leaks. */
  held(): Set<Alloc> {
    const out = new Set<Alloc>()
    for (const d of this.devs) for (const r of d.devres.items) if (r.alloc !== undefined) out.add(r.alloc)
    return out
  }

  /**
   * dax_dev_get(): find the dax_device of a number, or make one up, marked alive, with nothing behind it
   * (kernel.md 2.6 d, 2.7; defect B40 is this making up). Takes a reference.
   */
  dax_dev_get(devno: number): dax_device {
    let d = this.byDevno.get(devno)
    if (d === undefined) {
      d = new dax_device(this, devno, `phantom ${MAJOR(devno)}:${MINOR(devno)}`, null)
      this.byDevno.set(devno, d)
      return d
    }
    d.refs.poke(d.refs.peek() + 1)
    return d
  }

  /** dax_dev_find(): the living dax_device of a number, or null: nothing is made up. Takes a reference. */
  dax_dev_find(devno: number): dax_device | null {
    const d = this.byDevno.get(devno)
    if (d === undefined || !d.alive.peek()) return null
    d.refs.poke(d.refs.peek() + 1)
    return d
  }
}

function* boot(dev: dev_dax, driver: DriverName): Step<number> {
  return yield* device_driver_attach(dev, driver)
}

const idOf = (driver: DriverName, dev: dev_dax): string => `${driver} ${dev.memory.name}`

/** dax_bus_match(): does this driver take this device? fsdev_dax and kmem only those they were told of. */
const dax_bus_match = (dev: dev_dax, driver: DriverName): boolean => {
  if (driver === 'fsdev_dax' && dev.bus.profile.dax.fs_driver !== 'fsdev_dax') return false
  return daxDriver(driver).match_always || dev.bus.dynids.has(idOf(driver, dev))
}

/** really_probe(): under device_lock. */
const really_probe = kfn('really_probe', function* (dev: dev_dax, driver: DriverName): Step<number> {
  assert(dev.devres.length === 0, 'a device without a driver has nothing to undo')
  dev.life.send('PROBE')
  yield* dev.driver.store(driver)
  const rc = yield* daxDriver(driver).probe(dev)
  if (rc !== 0) {
    yield* devres_release_all(dev)
    yield* dev.driver.store(null)
  }
  dev.life.send(rc === 0 ? 'PROBED' : 'FAILED')
  return rc
})

/** Writing a device's name to a driver's `bind`: 0, -ENODEV (it does not match), -EBUSY (bound), or what its probe says. */
export const device_driver_attach = kfn(
  'device_driver_attach',
  function* (dev: dev_dax, driver: DriverName): Step<number> {
    if (!dax_bus_match(dev, driver)) return -ENODEV
    yield* mutex_lock(dev.lock)
    const rc = (yield* dev.driver.load()) === null ? yield* really_probe(dev, driver) : -EBUSY
    yield* mutex_unlock(dev.lock)
    return rc
  },
)

/**
 * Writing a device's name to a driver's `unbind`: 0, or -ENODEV when another is bound. On the level with B25 -EBUSY while a
 * file system holds it; on all others removal wins and the holder hears of it.
 */
export const device_driver_detach = kfn(
  'device_driver_detach',
  function* (dev: dev_dax, driver: DriverName): Step<number> {
    yield* mutex_lock(dev.lock)
    const rc = yield* release_driver(dev, driver)
    yield* mutex_unlock(dev.lock)
    return rc
  },
)
const release_driver = kfn('__device_release_driver', function* (dev: dev_dax, driver: DriverName): Step<number> {
  if ((yield* dev.driver.load()) !== driver) return -ENODEV
  if (dev.bus.profile.has('B25') && (yield* dev.dax_dev.holder_data.load()) !== null) return -EBUSY
  dev.life.send('REMOVE')
  const { remove } = daxDriver(driver)
  if (remove) yield* remove(dev)
  yield* devres_release_all(dev)
  yield* dev.driver.store(null)
  dev.life.send('REMOVED')
  return 0
})

/** Writing a device's name to a driver's `new_id`: it takes that device from now on, at once if nothing is bound to it. */
export const dax_new_id = kfn('new_id_store', function* (dev: dev_dax, driver: DriverName): Step<number> {
  if (driver === 'fsdev_dax' && dev.bus.profile.dax.fs_driver !== 'fsdev_dax') return -ENODEV
  dev.bus.dynids.set(idOf(driver, dev), true)
  if ((yield* dev.driver.load()) === null) yield* device_driver_attach(dev, driver)
  return 0
})

/** Writing to `remove_id`: it does not take it again; what is bound stays bound. */
export const dax_remove_id = kfn('remove_id_store', function* (dev: dev_dax, driver: DriverName): Step<number> {
  dev.bus.dynids.delete(idOf(driver, dev))
  return 0
})
