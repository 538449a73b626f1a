// A piece of shared memory and the device nodes that hosts see it through. The memory (bytes, poison) is one and shared;
// each host has its own dev_dax and dax_device over it. Field names are the kernel's (drivers/dax/bus.h, super.c).
import { Cell, type Machine, Mutex, type Op } from '../sim/index.ts'
import type { Memory } from './memory.ts'
import type { PoisonMap } from './poison.ts'

/** The memory behind one devdax device: what every host shares. */
export interface DaxMemory {
  readonly id: number
  /** e.g. `dax0.0` */
  readonly name: string
  /** Bytes; a multiple of `align`. */
  readonly size: number
  /** Bytes: 4 KiB, 2 MiB or 1 GiB. */
  readonly align: number
  readonly memory: Memory
  readonly poison: PoisonMap
}

/** Driver bound to a dev_dax on one host: fs-dax mode, classic devdax mode, or none. */
export type DaxDriver = 'fsdev_dax' | 'device_dax' | null

/** struct dev_dax: one device on one host's dax bus. */
export interface dev_dax {
  readonly memory: DaxMemory
  readonly driver: Cell<DaxDriver>
  /** device_lock() of the embedded struct device. */
  readonly lock: Mutex
  readonly dax_dev: dax_device
}

/** What a holder gives so that it hears of failures. */
export interface dax_holder_operations {
  /** off and len in bytes of the device; answers 0 (handled) or -errno. */
  notify_failure(dax_dev: dax_device, off: number, len: number, mf_flags: number): Op<number>
}

/** struct dax_device (drivers/dax/super.c). */
export class dax_device {
  readonly id: number
  readonly name: string
  readonly devno: number
  /** DAXDEV_ALIVE */
  readonly alive: Cell<boolean>
  /** Inode references. */
  readonly refs: Cell<number>
  readonly holder_data: Cell<object | null>
  readonly holder_ops: Cell<dax_holder_operations | null>
  /** The dev_dax behind it; null for an object made up for a device number nobody owns. */
  private_data: dev_dax | null = null
  readonly m: Machine

  constructor(m: Machine, devno: number, name: string) {
    this.m = m
    this.id = m.newId()
    this.devno = devno
    this.name = name
    this.alive = new Cell(m, 'dax_dev->flags', true)
    this.refs = new Cell(m, 'dax_dev->inode.i_count', 1)
    this.holder_data = new Cell<object | null>(m, 'dax_dev->holder_data', null)
    this.holder_ops = new Cell<dax_holder_operations | null>(m, 'dax_dev->holder_ops', null)
  }

  /** WARN_ON in the DAX core. */
  warn(text: string): void {
    this.m.problem('WARN', `${this.name}: ${text}`)
  }
}

export function make_dev_dax(m: Machine, memory: DaxMemory, devno: number, driver: DaxDriver): dev_dax {
  const dax_dev = new dax_device(m, devno, memory.name)
  const dev: dev_dax = {
    memory,
    driver: new Cell<DaxDriver>(m, `${memory.name} driver`, driver),
    lock: new Mutex(m, `device_lock(${memory.name})`),
    dax_dev,
  }
  dax_dev.private_data = dev
  return dev
}
