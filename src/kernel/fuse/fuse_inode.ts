// struct fuse_inode and struct fuse_file.
import { type Alloc, Cell } from '../../sim/index.ts'
import type { famfs_file_meta } from '../famfs/famfs_kfmap.ts'
import type { Kernel } from '../kernel.ts'
import type { fuse_conn, fuse_mount } from './fuse_i.ts'

export class fuse_inode {
  readonly fc: fuse_conn
  readonly fm: fuse_mount
  readonly nodeid: number
  /** Which of the files that had or will have this nodeid. */
  readonly i_generation: number
  /** FUSE_I_BAD: the server gave the nodeid to another file; what comes through this inode fails with EIO. */
  readonly bad: Cell<boolean>
  /** Lookups the server has counted for us. */
  readonly nlookup: Cell<number>
  /** Virtual time until which the attributes hold, ns. */
  readonly i_time: Cell<number>
  /** Attributes that do not hold although their time has not run out: STATX_ bits. */
  readonly inval_mask: Cell<number>
  /** NULL, or the map: then this is a famfs file. */
  readonly famfs_meta: Cell<famfs_file_meta | null>

  constructor(k: Kernel, fm: fuse_mount, nodeid: number, generation = 0) {
    this.fc = fm.fc
    this.fm = fm
    this.nodeid = nodeid
    this.i_generation = generation
    this.bad = new Cell(k.m, 'fi->state', false)
    this.nlookup = new Cell(k.m, 'fi->nlookup', 0)
    this.i_time = new Cell(k.m, 'fi->i_time', 0)
    this.inval_mask = new Cell(k.m, 'fi->inval_mask', 0)
    this.famfs_meta = new Cell<famfs_file_meta | null>(k.m, 'fi->famfs_meta', null)
  }
}

export interface fuse_file {
  /** Server's handle; 64 bits, -1 is all ones. */
  readonly fh: number
  readonly open_flags: number
  readonly alloc: Alloc
}
