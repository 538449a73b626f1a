// fs/fuse/dir.c and readdir.c: names, permissions, attributes, directories, statfs.
import { kfn, type Step } from '../../sim/index.ts'
import {
  EIO,
  ENOENT,
  ENOMEM,
  ENOSYS,
  FUSE_GETATTR_FH,
  FUSE_SUPER_MAGIC,
  fuse_attr_out,
  fuse_entry_out,
  fuse_open_out,
  fuse_statfs_out,
  unpackDirents,
  viewOf,
} from '../../wire/index.ts'
import type { Dentry } from '../vfs/dcache.ts'
import type { File } from '../vfs/file.ts'
import { type DirEntry, type FileOps, type Inode, type InodeOps, iget, type StatFs } from '../vfs/inode.ts'
import { generic_permission } from '../vfs/namei.ts'
import { fuse_queue_forget, fuse_simple_background, fuse_simple_request } from './dev.ts'
import type { fuse_args, fuse_mount } from './fuse_i.ts'
import { fuse_change_attributes, fuse_iget, time_to_ns } from './iget.ts'

const READDIR_BUF = 4096

/** LOOKUP of one name; fills `dentry` when there is such a name. 0 or -errno. */
const fuse_lookup_name = kfn('fuse_lookup_name', function* (fm: fuse_mount, dir: Inode, dentry: Dentry): Step<number> {
  const args: fuse_args = { op: fm.fc.k.opcodes.op.LOOKUP, nodeid: dir.fuse!.nodeid, names: [dentry.d_name] }
  const rc = yield* fuse_simple_request(fm, args)
  if (rc < 0) return rc
  const e = fuse_entry_out.read(viewOf(args.out!), args.out!.byteOffset)
  if (e.nodeid === 0) return -ENOENT
  const inode = fuse_iget(fm, e.nodeid, e.attr)
  fuse_change_attributes(inode, e.attr, time_to_ns(fm.fc.k, e.attr_valid, e.attr_valid_nsec))
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
  return yield* fuse_lookup_name(dir.fuse!.fm, dir, dentry)
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

/** fuse_do_getattr(): 0 or -errno. */
const fuse_do_getattr = kfn('fuse_do_getattr', function* (inode: Inode, file: File | null): Step<number> {
  const fi = inode.fuse!
  const arg = file?.fuse ? { getattr_flags: FUSE_GETATTR_FH, fh: file.fuse.fh } : {}
  const args: fuse_args = { op: inode.k.opcodes.op.GETATTR, nodeid: fi.nodeid, arg }
  const rc = yield* fuse_simple_request(fi.fm, args)
  if (rc < 0) return rc
  const a = fuse_attr_out.read(viewOf(args.out!), args.out!.byteOffset)
  fuse_change_attributes(inode, a.attr, time_to_ns(inode.k, a.attr_valid, a.attr_valid_nsec))
  return 0
})

/** fuse_update_attributes(): ask the server when what we know has run out. 0 or -errno. */
export const fuse_update_attributes = kfn('fuse_update_attributes', function* (inode: Inode): Step<number> {
  if (inode.k.m.clock() < inode.fuse!.i_time.peek()) return 0
  return yield* fuse_do_getattr(inode, null)
})

const fuse_permission = kfn('fuse_permission', function* (inode: Inode, mask: number): Step<number> {
  if (!inode.fuse!.fc.default_permissions) return 0
  const rc = yield* fuse_update_attributes(inode)
  return rc < 0 ? rc : generic_permission(inode, mask)
})

const fuse_dir_open = kfn('fuse_dir_open', function* (inode: Inode, file: File): Step<number> {
  const fi = inode.fuse!
  const { fc, fm } = fi
  const alloc = yield* fc.k.kzalloc('fuse_file', 120)
  if (alloc === null) return -ENOMEM
  const args: fuse_args = { op: fc.k.opcodes.op.OPENDIR, nodeid: fi.nodeid, arg: { flags: file.f_flags } }
  const rc = fc.no_opendir.peek() ? -ENOSYS : yield* fuse_simple_request(fm, args)
  if (rc < 0 && rc !== -ENOSYS) {
    yield* fc.k.kfree(alloc)
    return rc
  }
  if (rc === -ENOSYS) {
    fc.no_opendir.poke(true)
    file.fuse = { fh: 0, open_flags: 0, alloc }
    return 0
  }
  const o = fuse_open_out.read(viewOf(args.out!), args.out!.byteOffset)
  file.fuse = { fh: o.fh, open_flags: o.open_flags, alloc }
  return 0
})

const fuse_dir_release = kfn('fuse_dir_release', function* (inode: Inode, file: File): Step<number> {
  const fi = inode.fuse!
  const ff = file.fuse!
  if (!fi.fc.no_opendir.peek())
    yield* fuse_simple_background(fi.fm, {
      op: fi.fc.k.opcodes.op.RELEASEDIR,
      nodeid: fi.nodeid,
      arg: { fh: ff.fh, flags: file.f_flags },
      nocreds: true,
      end: fuse_release_end,
    })
  yield* fi.fc.k.kfree(ff.alloc)
  return 0
})

const fuse_release_end = kfn('fuse_release_end', function* (): Step<void> {})

/** fuse_readdir(): READDIR until the server has no more. 0 or -errno. */
const fuse_readdir = kfn('fuse_readdir', function* (file: File, out: DirEntry[]): Step<number> {
  const inode = file.f_inode
  const fi = inode.fuse!
  let offset = 0
  for (;;) {
    const args: fuse_args = {
      op: inode.k.opcodes.op.READDIR,
      nodeid: fi.nodeid,
      arg: { fh: file.fuse!.fh, offset, size: READDIR_BUF, flags: file.f_flags },
      room: READDIR_BUF,
    }
    const rc = yield* fuse_simple_request(fi.fm, args)
    if (rc <= 0) return rc
    const list = unpackDirents(args.out!)
    if (!Array.isArray(list) || list.length === 0) return -EIO
    for (const e of list) {
      out.push({ name: e.name, ino: e.ino, type: e.type })
      offset = e.off
    }
  }
})

/** fuse_statfs() */
export const fuse_statfs = kfn('fuse_statfs', function* (fm: fuse_mount): Step<StatFs | number> {
  const args: fuse_args = { op: fm.fc.k.opcodes.op.STATFS, nodeid: 1 }
  const rc = yield* fuse_simple_request(fm, args)
  if (rc < 0) return rc
  const { st } = fuse_statfs_out.read(viewOf(args.out!), args.out!.byteOffset)
  return { type: FUSE_SUPER_MAGIC, ...st }
})

export const fuse_dir_inode_operations: InodeOps = {
  lookup: fuse_lookup,
  permission: fuse_permission,
  getattr: fuse_update_attributes,
}

export const fuse_dir_operations: FileOps = {
  open: fuse_dir_open,
  release: fuse_dir_release,
  iterate: fuse_readdir,
}

export { fuse_permission, fuse_release_end }
