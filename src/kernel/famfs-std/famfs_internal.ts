// What a mount of the standalone famfs knows, and the state of its module (fs/famfs/famfs_internal.h; kernel.md 1.5, 2.16).
// Locking: none of this has a lock. `deverror` is a plain bool that is only ever set.
import type { dax_device } from '../../devdax/index.ts'
import { type Alloc, Cell, type Machine } from '../../sim/index.ts'
import type { Kernel } from '../kernel.ts'
import type { Inode } from '../vfs/inode.ts'

export const FAMFS_DEFAULT_MODE = 0o755

/** struct famfs_fs_info */
export class famfs_fs_info {
  readonly id: number
  readonly name = 'famfs_fs_info'
  /** Of the root directory. */
  readonly mode: number
  readonly dax_devp: Cell<dax_device | null>
  /** The device told us of a failure: nothing of the mount can be used any more. */
  readonly deverror: Cell<boolean>
  readonly alloc: Alloc

  constructor(k: Kernel, mode: number, alloc: Alloc) {
    this.id = alloc.id
    this.mode = mode
    this.dax_devp = new Cell<dax_device | null>(k.m, 'fsi->dax_devp', null)
    this.deverror = new Cell(k.m, 'fsi->deverror', false)
    this.alloc = alloc
    alloc.owns(this.dax_devp, this.deverror)
  }
}

/** What the mount of an inode knows. It is there as long as something of the mount is in use. */
export const fsi_of = (inode: Inode): famfs_fs_info => inode.i_sb!.s_fs_info!.peek()!

/** Sizes of faults that are counted: one page, 2 MiB, 1 GiB. */
export const FAULT_TYPES = ['pte', 'pmd', 'pud'] as const
export type FaultType = (typeof FAULT_TYPES)[number]

/** The famfs module: loaded or not, and its fault counters, which all mounts share (/sys/fs/famfs). */
export class famfs_module {
  readonly loaded: Cell<boolean>
  /** As it was written: above 0 faults are counted. */
  readonly fault_count_enable: Cell<number>
  readonly ffc: Readonly<Record<FaultType, Cell<number>>>

  constructor(m: Machine) {
    this.loaded = new Cell(m, 'famfs loaded', true)
    this.fault_count_enable = new Cell(m, 'fault_count_enable', 0)
    const counter = (t: FaultType): Cell<number> => new Cell(m, `ffc.${t}`, 0)
    this.ffc = { pte: counter('pte'), pmd: counter('pmd'), pud: counter('pud') }
  }
}
