// In-kernel map of a file and device table of a connection (fs/fuse/famfs_kfmap.h; kernel.md 1.4). Sizes in bytes.
import type { dax_device } from '../../devdax/index.ts'
import { type Alloc, type Cell, type Guard, GuardedCell } from '../../sim/index.ts'
import type { Kernel } from '../kernel.ts'

export const SIMPLE_DAX_EXTENT = 0
export const INTERLEAVED_EXTENT = 1

export interface famfs_meta_simple_ext {
  readonly dev_index: number
  readonly ext_offset: number
  readonly ext_len: number
}

export interface famfs_meta_interleaved_ext {
  readonly fie_nstrips: number
  readonly fie_chunk_size: number
  readonly fie_nbytes: number
  readonly ie_strips: readonly famfs_meta_simple_ext[]
}

/** Everything but `error` is immutable once the inode points here. */
export interface famfs_file_meta {
  readonly id: number
  readonly name: string
  /** Plain bool, only ever set; EIO for every access from then on. */
  readonly error: Cell<boolean>
  readonly file_type: number
  readonly file_size: number
  readonly fm_extent_type: number
  /** Device indices named by the map, ascending, as far as the 64-bit map of them can say. */
  readonly dev_bitmap: readonly number[]
  /** Every extent but the last has 2^ext_shift bytes; 0: look through the list. */
  readonly ext_shift: number
  readonly se: readonly famfs_meta_simple_ext[]
  readonly ie: readonly famfs_meta_interleaved_ext[]
  readonly allocs: readonly Alloc[]
}

/** Bytes of a device that failed. */
export interface BadRange {
  readonly off: number
  readonly len: number
}

/** One slot of the device table. Written under famfs_devlist_sem, read without it too. */
export class famfs_daxdev {
  /** Populated; set last, after a wmb. */
  readonly valid: Cell<boolean>
  /** Poison, or the driver went: notify_failure() came. */
  readonly error: Cell<boolean>
  /** We could not become its holder. */
  readonly dax_err: Cell<boolean>
  readonly devno: Cell<number>
  readonly devp: Cell<dax_device | null>
  readonly dd_name: Cell<Alloc | null>
  /** What of it failed, where only that counts (without L03). */
  readonly bad: Cell<readonly BadRange[]>
  readonly k: Kernel
  /** Ids a slot takes. */
  static readonly IDS = 7

  constructor(k: Kernel, sem: Guard, id: number, table: Alloc) {
    const { m } = k
    this.k = k
    this.valid = new GuardedCell(m, 'dd->valid', false, sem, id)
    this.error = new GuardedCell(m, 'dd->error', false, sem, id + 1)
    this.dax_err = new GuardedCell(m, 'dd->dax_err', false, sem, id + 2)
    this.devno = new GuardedCell(m, 'dd->devno', 0, sem, id + 3)
    this.devp = new GuardedCell<dax_device | null>(m, 'dd->devp', null, sem, id + 4)
    this.dd_name = new GuardedCell<Alloc | null>(m, 'dd->name', null, sem, id + 5)
    this.bad = new GuardedCell<readonly BadRange[]>(m, 'dd->bad', [], sem, id + 6)
    table.owns(this.valid, this.error, this.dax_err, this.devno, this.devp, this.dd_name, this.bad)
  }
}

/** The table. Its slots are zeroes until somebody touches them: most never are, so they are made then. */
export class famfs_dax_devlist {
  readonly id: number
  readonly name = 'dax_devlist'
  readonly nslots: number
  /** The list's head and its slots. */
  readonly allocs: readonly [Alloc, Alloc]
  private readonly k: Kernel
  private readonly sem: Guard
  private readonly ids: number
  private readonly slots: (famfs_daxdev | undefined)[]

  constructor(k: Kernel, sem: Guard, nslots: number, allocs: readonly [Alloc, Alloc]) {
    this.k = k
    this.sem = sem
    this.id = allocs[0].id
    this.nslots = nslots
    this.allocs = allocs
    this.ids = k.m.newIds(nslots * famfs_daxdev.IDS)
    this.slots = new Array(nslots)
  }
  /** &devlist[index]; the caller has checked the index. */
  slot(index: number): famfs_daxdev {
    let dd = this.slots[index]
    if (dd === undefined) {
      dd = new famfs_daxdev(this.k, this.sem, this.ids + index * famfs_daxdev.IDS, this.allocs[1])
      this.slots[index] = dd
    }
    return dd
  }
}
