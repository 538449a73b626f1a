// fs/fuse/dir.c: finding names, following links, statfs; and the tables of operations on inodes.
import { kfn, type Step } from '../../sim/index.ts'
import { EIO, ENOENT, FUSE_SUPER_MAGIC, fuse_entry_out, fuse_statfs_out, getText, viewOf } from '../../wire/index.ts'
import { fuse_lookup_fmap } from '../famfs/famfs_fmap.ts'
import type { Dentry } from '../vfs/dcache.ts'
import { type Inode, type InodeOps, iget, S_IFREG, type StatFs } from '../vfs/inode.ts'
import { fuse_permission, fuse_setattr, fuse_update_attributes } from './attr.ts'
import type { fuse_args, fuse_mount } from './fuse_i.ts'
import { fuse_change_attributes, fuse_iget, time_to_ns } from './iget.ts'
import {
  fuse_atomic_open,
  fuse_link,
  fuse_mkdir,
  fuse_mknod,
  fuse_rename2,
  fuse_rmdir,
  fuse_symlink,
  fuse_unlink,
} from './namespace.ts'
import { fuse_queue_forget, fuse_simple_request } from './request.ts'
import { fuse_getxattr, fuse_listxattr, fuse_removexattr, fuse_setxattr } from './xattr.ts'

/** LOOKUP of one name; fills `dentry` when there is such a name. 0 or -errno. */
const fuse_lookup_name = kfn('fuse_lookup_name', function* (fm: fuse_mount, dir: Inode, dentry: Dentry): Step<number> {
  const args: fuse_args = { op: fm.fc.k.opcodes.op.LOOKUP, nodeid: dir.fuse!.nodeid, names: [dentry.d_name] }
  const rc = yield* fuse_simple_request(fm, args)
  if (rc < 0) return rc
  const e = fuse_entry_out.read(viewOf(args.out!), args.out!.byteOffset)
  if (e.nodeid === 0) return -ENOENT
  const inode = fuse_iget(fm, e.nodeid, e.attr)
  yield* fuse_change_attributes(inode, e.attr, time_to_ns(fm.fc.k, e.attr_valid, e.attr_valid_nsec))
  dentry.d_time.poke(time_to_ns(fm.fc.k, e.entry_valid, e.entry_valid_nsec))
  if (dentry.d_inode.peek() !== inode) {
    if (dentry.d_inode.peek() !== null) {
      // Another file under the same name: this look-up is given back, the name is looked up afresh.
      const fi = inode.fuse!
      fi.nlookup.poke(fi.nlookup.peek() - 1)
      if (fi.nlookup.peek() === 0) fm.fc.inodes.delete(e.nodeid)
      yield* fuse_queue_forget(fm.fc, e.nodeid, 1)
      return -ENOENT
    }
    dentry.d_inode.poke(inode)
    iget(inode)
  }
  return 0
})

const fuse_lookup = kfn('fuse_lookup', function* (dir: Inode, dentry: Dentry): Step<number> {
  const { fm } = dir.fuse!
  const rc = yield* fuse_lookup_name(fm, dir, dentry)
  if (rc === 0 && fm.fc.k.profile.has('B11')) yield* fuse_lookup_fmap(fm, dentry.d_inode.peek()!)
  return rc
})

/** The name holds without asking: the root, or its time has not run out. */
export const fuse_dentry_valid = (d: Dentry): boolean =>
  d.d_parent === null || d.d_sb?.s_root === d || d.d_inode.peek()!.k.m.clock() < d.d_time.peek()

/** d_revalidate: 1 while the name's time holds or the server names the same node, 0 otherwise. */
export const fuse_revalidate = kfn('fuse_dentry_revalidate', function* (fm: fuse_mount, d: Dentry): Step<number> {
  if (fuse_dentry_valid(d)) return 1
  const rc = yield* fuse_lookup_name(fm, d.d_parent!.d_inode.peek()!, d)
  return rc === 0 ? 1 : 0
})

/** fuse_get_link(): READLINK, each time a link is followed. The path, or -errno; -EIO for one with a NUL in it. */
const fuse_get_link = kfn('fuse_get_link', function* (inode: Inode): Step<string | number> {
  const { fm, nodeid } = inode.fuse!
  const args: fuse_args = { op: inode.k.opcodes.op.READLINK, nodeid }
  const rc = yield* fuse_simple_request(fm, args)
  if (rc < 0) return rc
  return args.out!.includes(0) ? -EIO : getText(args.out!, 0, rc)
})

/** fuse_statfs() */
export const fuse_statfs = kfn('fuse_statfs', function* (fm: fuse_mount): Step<StatFs | number> {
  const args: fuse_args = { op: fm.fc.k.opcodes.op.STATFS, nodeid: 1 }
  const rc = yield* fuse_simple_request(fm, args)
  if (rc < 0) return rc
  const { st } = fuse_statfs_out.read(viewOf(args.out!), args.out!.byteOffset)
  return { type: FUSE_SUPER_MAGIC, ...st }
})

const common: InodeOps = {
  permission: fuse_permission,
  getattr: fuse_update_attributes,
  setattr: fuse_setattr,
  getxattr: fuse_getxattr,
  setxattr: fuse_setxattr,
  listxattr: fuse_listxattr,
  removexattr: fuse_removexattr,
}

export const fuse_file_inode_operations: InodeOps = common
export const fuse_symlink_inode_operations: InodeOps = { ...common, get_link: fuse_get_link }
export const fuse_dir_inode_operations: InodeOps = {
  ...common,
  lookup: fuse_lookup,
  atomic_open: fuse_atomic_open,
  create: (dir, d, mode) => fuse_mknod(dir, d, S_IFREG | mode, 0),
  mknod: fuse_mknod,
  mkdir: fuse_mkdir,
  symlink: fuse_symlink,
  link: fuse_link,
  unlink: fuse_unlink,
  rmdir: fuse_rmdir,
  rename: fuse_rename2,
}
