// struct fuse_inode and struct fuse_file.
import { type Alloc, Cell, JList, JMap, WaitQueue } from '../../sim/index.ts'
import type { famfs_file_meta } from '../famfs/famfs_kfmap.ts'
import type { Kernel } from '../kernel.ts'
import { PageCache } from '../mm/filemap.ts'
import type { Inode } from '../vfs/inode.ts'
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

/**
 * What struct fuse_inode has for regular files, apart: only files without a map, and those whose times are set here, come to have it.
 * Kept by the connection, by inode, until the inode goes.
 */
export class fuse_regular {
  readonly pages: PageCache
  /** Open files that pages and times can be written back through. */
  readonly write_files: JList<fuse_file>
  /** The server is to be told of mtime and ctime (I_DIRTY_TIME). */
  readonly times_dirty: Cell<boolean>
  /** Files open for cached I/O; below 0, uncached writes that run side by side. */
  readonly iocachectr: Cell<number>
  readonly cached_files: JMap<number, true>
  readonly direct_io_waitq: WaitQueue
  constructor(inode: Inode) {
    const { m } = inode.k
    this.pages = new PageCache(inode.i_mapping)
    this.write_files = new JList(m.journal)
    this.times_dirty = new Cell(m, 'inode->i_state', false)
    this.iocachectr = new Cell(m, 'fi->iocachectr', 0)
    this.cached_files = new JMap(m.journal)
    this.direct_io_waitq = new WaitQueue(m, 'fi->direct_io_waitq')
  }
}

/** That part of an inode, made at its first use. */
export const regular = (inode: Inode): fuse_regular => {
  const parts = inode.fuse!.fc.regular
  let r = parts.get(inode.id)
  if (r === undefined) {
    r = new fuse_regular(inode)
    parts.set(inode.id, r)
  }
  return r
}
/** The same, if it has one: it costs nothing where no file has. */
export const if_regular = (inode: Inode): fuse_regular | undefined => {
  const parts = inode.fuse!.fc.regular
  return parts.size === 0 ? undefined : parts.get(inode.id)
}
