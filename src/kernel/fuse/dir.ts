// fs/fuse/dir.c: finding names, following links, statfs; and the tables of operations on inodes.
import { kfn, type Step } from '../../sim/index.ts'
import {
  EINTR,
  EIO,
  ENOENT,
  ENOMEM,
  FUSE_ROOT_ID,
  FUSE_SUPER_MAGIC,
  fuse_entry_out,
  fuse_statfs_out,
  getText,
  type Values,
  viewOf,
} from '../../wire/index.ts'
import { fuse_lookup_fmap } from '../famfs/famfs_fmap.ts'
import type { Dentry } from '../vfs/dcache.ts'
import { type Inode, type InodeOps, iget, S_IFREG, type StatFs } from '../vfs/inode.ts'
import { iput } from '../vfs/iput.ts'
import { fuse_getattr, fuse_permission, fuse_setattr } from './attr.ts'
import type { fuse_args, fuse_mount } from './fuse_i.ts'
import {
  fuse_change_attributes,
  fuse_iget,
  fuse_invalid_attr,
  fuse_is_bad,
  fuse_stale_inode,
  time_is_up,
  time_to_ns,
} from './iget.ts'
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

type Entry = Values<typeof fuse_entry_out>

/** What a LOOKUP of a name says of it, or -errno. A name that is missing for some time has nodeid 0. */
const fuse_lookup_entry = kfn('fuse_lookup_init', function* (dir: Inode, name: string): Step<Entry | number> {
  if (dir.k.enomem('fuse_forget_link')) return -ENOMEM
  const args: fuse_args = { op: dir.k.opcodes.op.LOOKUP, nodeid: dir.fuse!.nodeid, names: [name] }
  const rc = yield* fuse_simple_request(dir.fuse!.fm, args)
  return rc < 0 ? rc : fuse_entry_out.read(viewOf(args.out!), args.out!.byteOffset)
})

/** fuse_change_entry_timeout() */
const fuse_change_entry_timeout = (d: Dentry, e: Entry): void => {
  d.d_time.poke(time_to_ns(d.d_sb!.k, e.entry_valid, e.entry_valid_nsec))
}

/** fuse_lookup_name(): LOOKUP of one name, and the inode of what it is, with a reference; or -errno. */
const fuse_lookup_name = kfn('fuse_lookup_name', function* (dir: Inode, dentry: Dentry): Step<Inode | number> {
  const { epoch } = dir.fuse!.fc
  const then = epoch.peek()
  const e = yield* fuse_lookup_entry(dir, dentry.d_name)
  if (typeof e === 'number') return e
  if (e.nodeid === 0) {
    // It is missing, and will be for a while.
    if (epoch.peek() === then) fuse_change_entry_timeout(dentry, e)
    return -ENOENT
  }
  if (fuse_invalid_attr(e.attr)) return -EIO
  const { fm } = dir.fuse!
  const inode = fuse_iget(fm, e.nodeid, e.generation, e.attr)
  if (inode === null) {
    yield* fuse_queue_forget(fm.fc, e.nodeid, 1)
    return -ENOMEM
  }
  iget(inode)
  yield* fuse_change_attributes(inode, e.attr, time_to_ns(dir.k, e.attr_valid, e.attr_valid_nsec))
  fuse_change_entry_timeout(dentry, e)
  if (epoch.peek() !== then) dentry.d_time.poke(0)
  return inode
})

/** fuse_lookup(): fills `dentry` when there is such a name. 0 or -errno; -EIO for one that is to be the root. */
const fuse_lookup = kfn('fuse_lookup', function* (dir: Inode, dentry: Dentry): Step<number> {
  if (fuse_is_bad(dir)) return -EIO
  const inode = yield* fuse_lookup_name(dir, dentry)
  if (typeof inode === 'number') return inode
  const { fm, nodeid } = inode.fuse!
  if (nodeid === FUSE_ROOT_ID) {
    yield* iput(inode)
    return -EIO
  }
  dentry.d_inode.poke(inode)
  if (dir.k.profile.has('B11')) yield* fuse_lookup_fmap(fm, inode)
  return 0
})

/** The name holds without asking: the root, or its time has not run out. */
export const fuse_dentry_valid = (d: Dentry): boolean =>
  d.d_parent === null || d.d_sb?.s_root === d || !time_is_up(d.d_sb!.k, d.d_time.peek())

/**
 * fuse_dentry_revalidate(): 1 while the name's time holds or the server names the same file, 0 otherwise; -EINTR and -ENOMEM are
 * no answer.
 */
export const fuse_revalidate = kfn('fuse_dentry_revalidate', function* (fm: fuse_mount, d: Dentry): Step<number> {
  if (fuse_dentry_valid(d)) return 1
  const inode = d.d_inode.peek()
  if (inode === null) return 0 // a missing name is looked up afresh
  const e = yield* fuse_lookup_entry(d.d_parent!.d_inode.peek()!, d.d_name)
  if (typeof e === 'number') return e === -EINTR || e === -ENOMEM ? e : 0
  if (e.nodeid === 0) return 0
  const fi = inode.fuse!
  if (e.nodeid !== fi.nodeid) {
    // Another file under the same name: this look-up is given back, the name is looked up afresh.
    yield* fuse_queue_forget(fm.fc, e.nodeid, 1)
    return 0
  }
  fi.nlookup.poke(fi.nlookup.peek() + 1)
  if (fuse_invalid_attr(e.attr) || fuse_stale_inode(inode, e.generation, e.attr)) return 0
  yield* fuse_change_attributes(inode, e.attr, time_to_ns(fm.fc.k, e.attr_valid, e.attr_valid_nsec))
  fuse_change_entry_timeout(d, e)
  return 1
})

/** fuse_get_link(): READLINK, each time a link is followed. The path, or -errno; -EIO for one with a NUL in it. */
const fuse_get_link = kfn('fuse_get_link', function* (inode: Inode): Step<string | number> {
  const { fm, nodeid } = inode.fuse!
  if (fuse_is_bad(inode)) return -EIO
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
  getattr: fuse_getattr,
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
