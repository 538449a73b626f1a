// fs/fuse/dir.c: names that are made, go and move. The VFS holds the directory's i_rwsem for writing and knows that a name to be
// made is not there; what comes back is in the directory's cache.
import { kfn, type Step } from '../../sim/index.ts'
import {
  EINTR,
  EINVAL,
  EIO,
  ENOENT,
  ENOMEM,
  ENOSYS,
  EPERM,
  fuse_create_out,
  fuse_entry_out,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
  type Values,
  viewOf,
} from '../../wire/index.ts'
import { fuse_lookup_fmap } from '../famfs/famfs_fmap.ts'
import type { Dentry } from '../vfs/dcache.ts'
import { File, fput } from '../vfs/file.ts'
import { type Inode, iget, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, S_ISDIR } from '../vfs/inode.ts'
import { iput, shrink_dcache } from '../vfs/iput.ts'
import { fuse_invalidate_attr, STATX_CTIME } from './attr.ts'
import type { fuse_args, fuse_mount } from './fuse_i.ts'
import { fuse_change_attributes, fuse_iget, new_encode_dev, time_to_ns, valid_entry } from './iget.ts'
import { fuse_finish_open } from './iomode.ts'
import { fuse_optional_request, fuse_queue_forget, fuse_simple_request } from './request.ts'

/** fuse_invalidate_entry(): the name is asked for afresh. */
export const fuse_invalidate_entry = kfn('fuse_invalidate_entry', function* (d: Dentry): Step<void> {
  const dir = d.d_parent!
  if (dir.children.get(d.d_name) !== d) return
  yield* shrink_dcache(d)
  dir.children.delete(d.d_name)
  if (!d.d_is_negative) yield* iput(d.d_inode.peek()!)
})

/** What a server says of a name becomes its inode, and the name is in its directory. False: no memory for one. */
const d_instantiate = kfn(
  'd_instantiate',
  function* (fm: fuse_mount, dentry: Dentry, e: Values<typeof fuse_entry_out>): Step<boolean> {
    const { k } = fm.fc
    const inode = fuse_iget(fm, e.nodeid, e.generation, e.attr)
    if (inode === null) return false
    iget(inode)
    yield* fuse_change_attributes(inode, e.attr, time_to_ns(k, e.attr_valid, e.attr_valid_nsec))
    dentry.d_inode.poke(inode)
    dentry.d_time.poke(time_to_ns(k, e.entry_valid, e.entry_valid_nsec))
    dentry.d_parent!.children.set(dentry.d_name, dentry)
    // fuse_dir_changed()
    fuse_invalidate_attr(dentry.d_parent!.d_inode.peek()!)
    return true
  },
)

/** create_new_entry(): a request that makes a name of this type. 0 or -errno; -EIO when what comes back cannot be that. */
const create_new_entry = kfn(
  'create_new_entry',
  function* (fm: fuse_mount, args: fuse_args, dentry: Dentry, type: number, optional = false): Step<number> {
    if (fm.fc.k.enomem('fuse_forget_link')) return -ENOMEM
    const rc = yield* optional ? fuse_optional_request(fm, args, -EPERM) : fuse_simple_request(fm, args)
    if (rc < 0) return rc
    const e = fuse_entry_out.read(viewOf(args.out!), args.out!.byteOffset)
    if (!valid_entry(e, type)) return -EIO
    if (yield* d_instantiate(fm, dentry, e)) return 0
    yield* fuse_queue_forget(fm.fc, e.nodeid, 1)
    return -ENOMEM
  },
)

/** fuse_mknod(): 0 or -errno. */
export const fuse_mknod = kfn(
  'fuse_mknod',
  function* (dir: Inode, dentry: Dentry, mode: number, rdev: number): Step<number> {
    const { fm, nodeid } = dir.fuse!
    const { k } = dir
    const arg = { mode, rdev: new_encode_dev(rdev), umask: k.current.umask.peek() }
    const args: fuse_args = { op: k.opcodes.op.MKNOD, nodeid, arg, names: [dentry.d_name] }
    return yield* create_new_entry(fm, args, dentry, mode & S_IFMT)
  },
)

/** fuse_mkdir() */
export const fuse_mkdir = kfn('fuse_mkdir', function* (dir: Inode, dentry: Dentry, mode: number): Step<number> {
  const { fm, nodeid } = dir.fuse!
  const arg = { mode, umask: dir.k.current.umask.peek() }
  const args: fuse_args = { op: dir.k.opcodes.op.MKDIR, nodeid, arg, names: [dentry.d_name] }
  return yield* create_new_entry(fm, args, dentry, S_IFDIR)
})

/** fuse_symlink() */
export const fuse_symlink = kfn('fuse_symlink', function* (dir: Inode, dentry: Dentry, target: string): Step<number> {
  const { fm, nodeid } = dir.fuse!
  const args: fuse_args = { op: dir.k.opcodes.op.SYMLINK, nodeid, names: [dentry.d_name, target] }
  return yield* create_new_entry(fm, args, dentry, S_IFLNK)
})

/** fuse_link(): a server without LINK is a file system without hard links: EPERM, as link(2) has it for those. */
export const fuse_link = kfn('fuse_link', function* (old: Dentry, dir: Inode, dentry: Dentry): Step<number> {
  const inode = old.d_inode.peek()!
  const { fm } = dir.fuse!
  const arg = { oldnodeid: inode.fuse!.nodeid }
  const args: fuse_args = { op: dir.k.opcodes.op.LINK, nodeid: dir.fuse!.nodeid, arg, names: [dentry.d_name] }
  const rc = yield* create_new_entry(fm, args, dentry, inode.i_mode & S_IFMT, true)
  if (rc === -EINTR) fuse_invalidate_attr(inode)
  return rc
})

/** fuse_create_open(): CREATE makes the file and opens it; with L12 no map is fetched for it here. The open file, or -errno. */
const fuse_create_open = kfn(
  'fuse_create_open',
  function* (dir: Inode, dentry: Dentry, flags: number, mode: number): Step<File | number> {
    const { fc, fm, nodeid } = dir.fuse!
    const { k } = fc
    if (k.enomem('fuse_forget_link')) return -ENOMEM
    const alloc = yield* k.kzalloc('fuse_file', 120)
    if (alloc === null) return -ENOMEM
    const arg = { flags, mode, umask: k.current.umask.peek() }
    const args: fuse_args = { op: k.opcodes.op.CREATE, nodeid, arg, names: [dentry.d_name] }
    const rc = yield* fuse_optional_request(fm, args, -ENOSYS)
    const out = rc < 0 ? null : fuse_create_out.read(viewOf(args.out!), args.out!.byteOffset)
    if (out === null || !valid_entry(out.entry, S_IFREG)) {
      yield* k.kfree(alloc)
      return out === null ? rc : -EIO
    }
    if (!(yield* d_instantiate(fm, dentry, out.entry))) {
      // fuse_sync_release() without an inode
      const node = out.entry.nodeid
      const release = { fh: out.open.fh, flags, release_flags: 0, lock_owner: 0 }
      yield* fuse_simple_request(fm, {
        op: k.opcodes.op.RELEASE,
        nodeid: node,
        arg: release,
        nocreds: true,
        force: true,
      })
      yield* k.kfree(alloc)
      yield* fuse_queue_forget(fc, node, 1)
      return -ENOMEM
    }
    const inode = dentry.d_inode.peek()!
    const file = new File(dentry, flags, inode.i_fop)
    file.fuse = { fh: out.open.fh, open_flags: out.open.open_flags, alloc }
    // One that the server has no map for yet is a file like any other.
    if (!k.profile.has('L12')) yield* fuse_lookup_fmap(fm, inode)
    // One that cannot be opened like this is given back as any open file is.
    const err = yield* fuse_finish_open(inode, file)
    if (err === 0) return file
    yield* fput(file)
    return err
  },
)

/** fuse_atomic_open(): the open file, 0 when MKNOD made it and it is to be opened, or -errno. */
export const fuse_atomic_open = kfn(
  'fuse_atomic_open',
  function* (dir: Inode, dentry: Dentry, flags: number, mode: number): Step<File | number> {
    const file = yield* fuse_create_open(dir, dentry, flags, S_IFREG | mode)
    return file === -ENOSYS ? yield* fuse_mknod(dir, dentry, S_IFREG | mode, 0) : file
  },
)

/** fuse_entry_unlinked(): one name less for what it named; its attributes are asked for again. */
export const fuse_entry_unlinked = (d: Dentry): void => {
  const inode = d.d_inode.peek()!
  const a = inode.i_attr.peek()
  inode.i_attr.poke({ ...a, nlink: S_ISDIR(a.mode) || a.nlink === 0 ? 0 : a.nlink - 1 })
  d.d_time.poke(0)
  fuse_invalidate_attr(inode, STATX_CTIME)
}

/** UNLINK or RMDIR of a name, and it goes. */
const remove_name = (kind: 'UNLINK' | 'RMDIR') =>
  kfn(`fuse_${kind.toLowerCase()}`, function* (dir: Inode, dentry: Dentry): Step<number> {
    const { fm, nodeid } = dir.fuse!
    const rc = yield* fuse_simple_request(fm, { op: dir.k.opcodes.op[kind], nodeid, names: [dentry.d_name] })
    if (rc === 0) {
      fuse_invalidate_attr(dir)
      fuse_entry_unlinked(dentry)
    }
    // Interrupted: who knows whether it happened.
    if (rc === 0 || rc === -EINTR || rc === -ENOENT) yield* fuse_invalidate_entry(dentry)
    return rc
  })

/** fuse_unlink(), fuse_rmdir(): 0 or -errno. */
export const fuse_unlink = remove_name('UNLINK')
export const fuse_rmdir = remove_name('RMDIR')

/** d_move() or d_exchange(): the names as the server has them now. */
const move_names = kfn('d_move', function* (from: Dentry, to: Dentry, exchange: boolean): Step<void> {
  const [at, to_at] = [from.place.peek(), to.place.peek()]
  if (to.d_inode.peek() !== null && !exchange) {
    fuse_entry_unlinked(to)
    yield* fuse_invalidate_entry(to)
  }
  at.parent!.children.delete(at.name)
  from.place.poke(to_at)
  to_at.parent!.children.set(to_at.name, from)
  if (!exchange) return
  to.place.poke(at)
  at.parent!.children.set(at.name, to)
})

/** fuse_rename2(): RENAME; with flags RENAME2, and a server without it takes none: -EINVAL. */
export const fuse_rename2 = kfn(
  'fuse_rename2',
  function* (from: Dentry, to_dir: Inode, to: Dentry, flags = 0): Step<number> {
    if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) !== 0) return -EINVAL
    const dir = from.d_parent!.d_inode.peek()!
    const { fm, nodeid } = dir.fuse!
    const { RENAME, RENAME2 } = dir.k.opcodes.op
    const newdir = to_dir.fuse!.nodeid
    const names = [from.d_name, to.d_name]
    const rc = yield* flags === 0
      ? fuse_simple_request(fm, { op: RENAME, nodeid, arg: { newdir }, names })
      : fuse_optional_request(fm, { op: RENAME2, nodeid, arg: { newdir, flags }, names }, -EINVAL)
    if (rc === 0) {
      fuse_invalidate_attr(from.d_inode.peek()!, STATX_CTIME)
      for (const d of [dir, to_dir]) fuse_invalidate_attr(d)
      yield* move_names(from, to, (flags & RENAME_EXCHANGE) !== 0)
    } else if (rc === -EINTR || rc === -ENOENT) {
      yield* fuse_invalidate_entry(from)
      if (to.d_inode.peek() !== null) yield* fuse_invalidate_entry(to)
    }
    return rc
  },
)
