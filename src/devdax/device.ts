// A piece of shared memory and the device nodes that hosts see it through. The memory (bytes, poison) is one and shared;
// each host has its own dev_dax and dax_device over it. Field names are the kernel's (drivers/dax/bus.h, super.c).
import { Cell, JList, JMap, Lifecycle, type Machine, Mutex, type Op } from '../sim/index.ts'
import type { DaxBus } from './bus.ts'
import type { Devres } from './devres.ts'
import { Folios, StructPageMemory } from './folio.ts'
import type { Memory } from './memory.ts'
import { type BindEvent, type BindState, bindingLife } from './modes.ts'
import type { dev_pagemap } from './pgmap.ts'
import { PoisonMap } from './poison.ts'
import { checkGeometry, type DaxRange } from './range.ts'

/** Where a memory comes from: carved out of a region by the dax bus, or an nvdimm namespace that brings its own pgmap. */
export type RegionKind = 'dynamic' | 'static'

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
  /** Hosts whose accesses to it time out, with how long that takes, ns. */
  readonly timeouts: JMap<string, number>
  /** Physical ranges in device order; their lengths add up to the size. */
  readonly ranges: readonly DaxRange[]
  readonly region: RegionKind
  /** Bytes between the start of a static pgmap and the data: negative on a malformed device (B36). */
  readonly data_offset: number
  /** Struct pages that lie in the device itself; made for the first host that has them there. */
  struct_pages: StructPageMemory | null
}

/** What a DaxMemory can be told when it is made. */
export interface MemoryOptions {
  /** Bytes; 2 MiB unless told otherwise. */
  readonly align?: number
  /** One range at BASE unless told otherwise. */
  readonly ranges?: readonly DaxRange[]
  readonly region?: RegionKind
  /** Bytes; 0 unless told otherwise. */
  readonly data_offset?: number
}

/** Physical address of the first device unless told otherwise: 64 GiB, and 16 TiB further for each device. */
export const physBase = (nth: number): number => 0x1000000000 + nth * 2 ** 44

/** Make a memory over bytes. Throws UsageError for a geometry that cannot be. */
export function make_memory(m: Machine, name: string, memory: Memory, o: MemoryOptions = {}): DaxMemory {
  const { align = 0x200000, region = 'dynamic', data_offset = 0 } = o
  const ranges = o.ranges ?? [{ start: physBase(0), len: memory.size }]
  checkGeometry(`daxdev ${name}`, memory.size, align, ranges)
  const id = m.newId()
  const poison = new PoisonMap(m.journal, id)
  const timeouts = new JMap<string, number>(m.journal)
  const struct_pages = null
  return { id, name, size: memory.size, align, memory, poison, timeouts, ranges, region, data_offset, struct_pages }
}

/** Driver bound to a dev_dax on one host. */
export type DriverName = 'device_dax' | 'fsdev_dax' | 'kmem' | 'pmem'
export type DaxDriver = DriverName | null

/** struct dev_dax: one device on one host's dax bus. */
export class dev_dax {
  readonly id: number
  readonly bus: DaxBus
  readonly memory: DaxMemory
  /** dev->driver: set before its probe, cleared when that fails and after its removal. */
  readonly driver: Cell<DaxDriver>
  /** How far the driver has come. */
  readonly life: Lifecycle<BindState, BindEvent>
  /** device_lock() of the embedded struct device. */
  readonly lock: Mutex
  readonly dax_dev: dax_device
  /** dev_dax->pgmap: a static region's own, else what the bound driver made. */
  readonly pgmap: Cell<dev_pagemap | null>
  /** The pgmap whose struct pages are there: what get_dev_pagemap() finds, whoever publishes it. */
  readonly memremapped: Cell<dev_pagemap | null>
  readonly folios: Folios
  /** What the bound driver has to undo, newest last. */
  readonly devres: JList<Devres>
  /** Who holds the physical ranges in the resource tree (/proc/iomem); null: nobody. */
  readonly reserved: Cell<string | null>
  /** The character device takes open(2). */
  readonly cdev: Cell<boolean>
  /** Alignment of mappings and size, bytes; the memory's own until somebody writes the attribute. */
  readonly alignment: Cell<number>
  /** Σ range lengths as the driver saw them at probe, bytes. */
  cached_size = 0
  /** The mapping of the device node's inode, and how its user mappings go; the kernel sets both. */
  i_mapping: object | null = null
  unmap_mapping_range: (() => void) | null = null

  constructor(bus: DaxBus, memory: DaxMemory, devno: number) {
    const { m } = bus
    this.id = m.newId()
    this.bus = bus
    this.memory = memory
    this.driver = new Cell<DaxDriver>(m, `${memory.name} driver`, null)
    this.life = new Lifecycle(m, bindingLife)
    this.lock = new Mutex(m, `device_lock(${memory.name})`)
    this.pgmap = new Cell<dev_pagemap | null>(m, 'dev_dax->pgmap', null)
    this.memremapped = new Cell<dev_pagemap | null>(m, `${memory.name} pgmap_array`, null)
    if (bus.struct_pages === 'dev') memory.struct_pages ??= new StructPageMemory(m)
    this.folios = new Folios(m, bus.struct_pages === 'dev' ? memory.struct_pages! : undefined)
    this.devres = new JList(m.journal)
    this.reserved = new Cell<string | null>(m, `${memory.name} iomem`, null)
    this.cdev = new Cell(m, `${memory.name} cdev`, false)
    this.alignment = new Cell(m, `${memory.name} align`, memory.align)
    this.dax_dev = new dax_device(bus, devno, memory.name, this)
  }
  get align(): number {
    return this.alignment.peek()
  }
  get ranges(): readonly DaxRange[] {
    return this.memory.ranges
  }
}

/** What a holder gives so that it hears of failures. */
export interface dax_holder_operations {
  /** off and len in bytes of the device; answers 0 (handled) or -errno. */
  notify_failure(dax_dev: dax_device, off: number, len: number, mf_flags: number): Op<number>
}

/** Where a device page lies, and how many pages follow it there. */
export interface DirectAccess {
  readonly dev: dev_dax
  readonly memory: DaxMemory
  /** Bytes from the start of the memory, as the page frame number says: what a page table gets. */
  readonly off: number
  /** The same as the kernel address says: what a copy uses. */
  readonly kaddr: number
  /** Pages; at most what was asked. */
  readonly nr: number
}

/** struct dax_operations: what the driver below a dax_device can do. */
export interface dax_operations {
  /** Translate; -errno when there is no such range. */
  direct_access(dev: dev_dax, pgoff: number, nr_pages: number): DirectAccess | number
}

/** struct dax_device (drivers/dax/super.c). */
export class dax_device {
  readonly id: number
  readonly name: string
  readonly devno: number
  readonly bus: DaxBus
  /** DAXDEV_ALIVE */
  readonly alive: Cell<boolean>
  /** Inode references. */
  readonly refs: Cell<number>
  readonly holder_data: Cell<object | null>
  readonly holder_ops: Cell<dax_holder_operations | null>
  readonly ops: Cell<dax_operations | null>
  /** The dev_dax behind it; null for an object made up for a device number nobody owns. */
  readonly private_data: dev_dax | null
  readonly m: Machine

  constructor(bus: DaxBus, devno: number, name: string, dev: dev_dax | null) {
    const { m } = bus
    this.m = m
    this.bus = bus
    this.id = m.newId()
    this.devno = devno
    this.name = name
    this.private_data = dev
    this.alive = new Cell(m, 'dax_dev->flags', dev === null)
    this.refs = new Cell(m, 'dax_dev->inode.i_count', 1)
    this.holder_data = new Cell<object | null>(m, 'dax_dev->holder_data', null)
    this.holder_ops = new Cell<dax_holder_operations | null>(m, 'dax_dev->holder_ops', null)
    this.ops = new Cell<dax_operations | null>(m, 'dax_dev->ops', null)
  }

  /** WARN_ON in the DAX core. */
  warn(text: string): void {
    this.m.problem('WARN', `${this.name}: ${text}`)
  }
}
