// In-kernel map of a file and device table of a connection (fs/fuse/famfs_kfmap.h; kernel.md 1.4). Sizes in bytes.
import type { dax_device } from '../../devdax/index.ts'
import type { Cell } from '../../sim/index.ts'
import type { Alloc } from '../kernel.ts'

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
  readonly se: readonly famfs_meta_simple_ext[]
  readonly ie: readonly famfs_meta_interleaved_ext[]
  readonly allocs: readonly Alloc[]
}

/** One slot of the device table. */
export interface famfs_daxdev {
  /** Populated; set last, after a wmb. */
  readonly valid: Cell<boolean>
  /** Poison, or the driver went: notify_failure() came. */
  readonly error: Cell<boolean>
  /** We could not become its holder. */
  readonly dax_err: Cell<boolean>
  readonly devno: Cell<number>
  readonly devp: Cell<dax_device | null>
  readonly dd_name: Cell<Alloc | null>
}

export interface famfs_dax_devlist {
  readonly id: number
  readonly name: string
  readonly nslots: number
  readonly devlist: readonly famfs_daxdev[]
  readonly allocs: readonly Alloc[]
}
