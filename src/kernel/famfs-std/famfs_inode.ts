// Inodes of the standalone famfs (fs/famfs/famfs_inode.c, Apr 2024): those of ramfs. Files are made empty by any program that may
// write the directory; it takes MAP_CREATE to make a famfs file of one. Regular files and directories only.
// Locking: that of libfs.
import { Cell, kfn, type Step } from '../../sim/index.ts'
import { ENODEV, ENOSPC } from '../../wire/index.ts'
import { dax_break_layout_final } from '../dax/layout.ts'
import type { famfs_file_meta } from '../famfs/famfs_kfmap.ts'
import { famfs_meta_free } from '../famfs/famfs_meta.ts'
import { truncate_pagecache } from '../mm/truncate.ts'
import { mode_to_set, setattr_prepare } from '../vfs/attr.ts'
import type { Dentry } from '../vfs/dcache.ts'
import {
  type Iattr,
  Inode,
  type InodeOps,
  new_attr,
  S_IFDIR,
  S_IFREG,
  S_ISDIR,
  S_ISREG,
  type SuperBlock,
} from '../vfs/inode.ts'
import {
  init_owner,
  instantiate,
  noop_fsync,
  simple_link,
  simple_rename,
  simple_rmdir,
  simple_unlink,
} from '../vfs/libfs.ts'
import { famfs_file_operations } from './famfs_file.ts'
import { fsi_of } from './famfs_internal.ts'

/** famfs_get_inode() */
export function famfs_get_inode(sb: SuperBlock, mode: number, owner: { uid: number; gid: number }): Inode {
  const { k } = sb
  const dir = S_ISDIR(mode)
  const inode = new Inode(k, k.new_ino(), new_attr(mode, dir ? 2 : 1, k.m.clock(), owner.uid, owner.gid), {
    i_op: dir ? famfs_dir_inode_operations : famfs_file_inode_operations,
    i_fop: dir ? { fsync: noop_fsync } : famfs_file_operations,
  })
  inode.i_sb = sb
  if (S_ISREG(mode)) inode.i_private = new Cell<famfs_file_meta | null>(k.m, 'inode->i_private', null)
  inode.i_mapping.a_ops.poke('ram_aops')
  return inode
}

/** famfs_mknod(): an inode, and a name for it: 0, -ENODEV (the device failed), or -ENOSPC when there is no memory. */
const famfs_mknod = kfn('famfs_mknod', function* (dir: Inode, dentry: Dentry, mode: number): Step<number> {
  if (yield* fsi_of(dir).deverror.load()) return -ENODEV
  if (dir.k.enomem('inode')) return -ENOSPC
  const owner = init_owner(dir, mode)
  return instantiate(dentry, famfs_get_inode(dir.i_sb!, owner.mode, owner))
})

const famfs_mkdir = kfn('famfs_mkdir [famfs]', function* (dir: Inode, dentry: Dentry, mode: number): Step<number> {
  if (yield* fsi_of(dir).deverror.load()) return -ENODEV
  return yield* famfs_mknod(dir, dentry, S_IFDIR | mode)
})

const famfs_create = kfn('famfs_create', function* (dir: Inode, dentry: Dentry, mode: number): Step<number> {
  if (yield* fsi_of(dir).deverror.load()) return -ENODEV
  return yield* famfs_mknod(dir, dentry, S_IFREG | mode)
})

/** simple_setattr(): a new size is taken as it is (truncate_setsize), and is not that of the map any more. */
const simple_setattr = kfn('simple_setattr', function* (inode: Inode, attr: Iattr): Step<number> {
  const rc = setattr_prepare(inode, attr)
  if (rc < 0) return rc
  if (attr.size !== undefined) {
    yield* inode.i_size.store(attr.size)
    yield* truncate_pagecache(inode, attr.size)
  }
  const a = inode.i_attr.peek()
  const now = inode.k.m.clock()
  const mode = attr.mode === undefined ? a.mode : attr.kill ? attr.mode : mode_to_set(inode, attr.mode)
  const { uid = a.uid, gid = a.gid, atime = a.atime, mtime = attr.size === undefined ? a.mtime : now } = attr
  inode.i_attr.poke({ ...a, mode: (a.mode & ~0o7777) | (mode & 0o7777), uid, gid, atime, mtime, ctime: now })
  return 0
})

const famfs_file_inode_operations: InodeOps = { setattr: simple_setattr }

const famfs_dir_inode_operations: InodeOps = {
  ...famfs_file_inode_operations,
  create: famfs_create,
  mkdir: famfs_mkdir,
  link: simple_link,
  unlink: simple_unlink,
  rmdir: simple_rmdir,
  rename: simple_rename,
}

/** evict(): entries go, and the map with them; S02: nobody thought of the map. */
export const famfs_evict_inode = kfn('famfs_evict_inode', function* (inode: Inode): Step<void> {
  const meta = inode.i_private?.peek() ?? null
  if (meta === null) return
  yield* dax_break_layout_final(inode)
  if (!inode.k.profile.has('S02')) yield* famfs_meta_free(inode.k, meta)
})
