// The dax bus of one host: its devices, their numbers and their paths.
import { JMap, type Machine } from '../sim/index.ts'
import { type DaxDriver, type DaxMemory, dax_device, type dev_dax, make_dev_dax } from './device.ts'

/** Major number the simulated kernels give to devdax character devices. */
export const DAX_MAJOR = 252

/** Kernel-internal dev_t. */
export const MKDEV = (major: number, minor: number): number => major * 1048576 + minor
export const MAJOR = (dev: number): number => (dev / 1048576) | 0
export const MINOR = (dev: number): number => dev % 1048576

export class DaxBus {
  private readonly m: Machine
  private readonly devs: dev_dax[] = []
  /** dax_device objects by number: those of the bus, and those made up by dax_dev_get. */
  private readonly byDevno: JMap<number, dax_device>
  constructor(m: Machine) {
    this.m = m
    this.byDevno = new JMap(m.journal)
  }

  /** A memory appears on this host's bus, bound to `driver`. Set-up only. */
  attach(memory: DaxMemory, driver: DaxDriver): dev_dax {
    const dev = make_dev_dax(this.m, memory, MKDEV(DAX_MAJOR, this.devs.length), driver)
    this.devs.push(dev)
    this.byDevno.set(dev.dax_dev.devno, dev.dax_dev)
    return dev
  }

  devices(): readonly dev_dax[] {
    return this.devs
  }

  byName(name: string): dev_dax | undefined {
    return this.devs.find(d => d.memory.name === name)
  }

  /**
   * dax_dev_get(): find the dax_device of a number, or make one up, marked alive, with nothing behind it
   * (kernel.md 2.6 d, 2.7; defect B40 is this making up). Takes a reference.
   */
  dax_dev_get(devno: number): dax_device {
    let d = this.byDevno.get(devno)
    if (d === undefined) {
      d = new dax_device(this.m, devno, `phantom ${MAJOR(devno)}:${MINOR(devno)}`)
      this.byDevno.set(devno, d)
      return d
    }
    d.refs.poke(d.refs.peek() + 1)
    return d
  }
}
