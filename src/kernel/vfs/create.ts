// Making, removing and moving names (fs/namei.c). The directory's i_rwsem is held for writing from the look at the name to the
// end; a rename across directories takes both, the one of the lower id first.
import { down_write, down_write_nested, kfn, type Op, type Step, up_write } from '../../sim/index.ts'
import {
  EBUSY,
  EEXIST,
  EINVAL,
  EISDIR,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EXDEV,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
} from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import { Dentry, d_has } from './dcache.ts'
import {
  type Inode,
  IS_DEADDIR,
  kill_dir,
  MAY_EXEC,
  MAY_READ,
  MAY_WRITE,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  S_ISBLK,
  S_ISCHR,
  S_ISDIR,
  S_ISGID,
  S_ISLNK,
  S_ISREG,
  S_ISUID,
  S_ISVTX,
  S_IXGRP,
} from './inode.ts'
import { filename_parentat, getname, inode_permission, kern_path, lookup_one } from './namei.ts'

/** A last name that is none: LAST_DOT, LAST_DOTDOT, LAST_ROOT. */
export const is_special = (name: string): boolean => name === '.' || name === '..' || name === '/'

/** A dentry for a name that is not there yet: what a directory's operation is to fill. */
export const d_alloc = (dir: Dentry, name: string, is_dir: boolean): Dentry => {
  const inode = dir.d_inode.peek()!
  const leaf = inode.tmpfs !== null && !is_dir ? inode.k.leaf_dentry : null
  return new Dentry(inode.k, name, dir, null, leaf)
}

/** The name that is to be made: its directory may be written, and it is not there. Else -errno. */
const filename_create = kfn('filename_create', function* (ts: task_struct, path: string, is_dir: boolean): Step<
  Dentry | number
> {
  const at = yield* filename_parentat(ts.k, path)
  if (typeof at === 'number') return at
  const { dir, name } = at
  if (is_special(name)) return -EEXIST
  const there = yield* lookup_one(ts.k, dir, name, true)
  if (typeof there !== 'number') return -EEXIST
  if (there !== -ENOENT) return there
  if (!is_dir && path.endsWith('/')) return -ENOENT
  return d_alloc(dir, name, is_dir)
})

/** may_create(): may a name be made in this directory: 0 or -errno. */
export const may_create = kfn('may_create', function* (dir: Inode): Step<number> {
  return IS_DEADDIR(dir) ? -ENOENT : yield* inode_permission(dir, MAY_WRITE | MAY_EXEC)
})

/** may_create() and the operation, with the directory locked. */
const create_in = kfn('vfs_create', function* (d: Dentry, make: (dir: Inode) => Op<number> | null): Step<number> {
  const dir = d.d_parent!.d_inode.peek()!
  const may = yield* may_create(dir)
  if (may < 0) return may
  yield* down_write(dir.i_rwsem)
  const op = d_has(d.d_parent!, d.d_name) ? -EEXIST : make(dir)
  const rc = op === null ? -EPERM : typeof op === 'number' ? op : yield* op
  yield* up_write(dir.i_rwsem)
  return rc
})

/** mkdir(2) */
export const do_mkdirat = kfn('do_mkdirat', function* (ts: task_struct, path: string, mode: number): Step<number> {
  const d = yield* filename_create(ts, path, true)
  if (typeof d === 'number') return d
  return yield* create_in(d, dir => dir.i_op.mkdir?.(dir, d, mode & (0o777 | S_ISVTX) & ~ts.umask.peek()) ?? null)
})

const NODE_TYPES = [S_IFREG, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK]

/** mknod(2): a node, or a regular file when `mode` has no type. */
export const do_mknodat = kfn(
  'do_mknodat',
  function* (ts: task_struct, path: string, mode: number, rdev: number): Step<number> {
    const type = mode & S_IFMT
    if (type === S_IFDIR) return -EPERM
    if (type !== 0 && !NODE_TYPES.includes(type)) return -EINVAL
    const d = yield* filename_create(ts, path, false)
    if (typeof d === 'number') return d
    const bits = (type || S_IFREG) | (mode & 0o7777 & ~ts.umask.peek())
    const device = (S_ISCHR(mode) || S_ISBLK(mode)) && !ts.capable('CAP_MKNOD')
    return yield* create_in(d, dir => (device ? null : (dir.i_op.mknod?.(dir, d, bits, rdev) ?? null)))
  },
)

/** symlink(2) */
export const do_symlinkat = kfn('do_symlinkat', function* (ts: task_struct, to: string, path: string): Step<number> {
  const bad = getname(ts.k, to)
  if (bad < 0) return bad
  const d = yield* filename_create(ts, path, false)
  if (typeof d === 'number') return d
  return yield* create_in(d, dir => dir.i_op.symlink?.(dir, d, to) ?? null)
})

/**
 * may_linkat(), with protected_hardlinks on as everywhere: a name for somebody else's file takes one that may be read and
 * written, and no set-id program. 0 or -EPERM.
 */
const may_linkat = kfn('may_linkat', function* (inode: Inode): Step<number> {
  const { uid, mode } = inode.i_attr.peek()
  const ts = inode.k.current
  if (ts.cred.uid === uid || ts.capable('CAP_FOWNER')) return 0
  const set_id = (mode & S_ISUID) !== 0 || (mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP)
  if (!S_ISREG(mode) || set_id) return -EPERM
  return (yield* inode_permission(inode, MAY_READ | MAY_WRITE)) === 0 ? 0 : -EPERM
})

/** link(2): not across file systems, not of a directory. */
export const do_linkat = kfn('do_linkat', function* (ts: task_struct, from: string, path: string): Step<number> {
  const old = yield* kern_path(ts.k, from, false)
  if (typeof old === 'number') return old
  const d = yield* filename_create(ts, path, false)
  if (typeof d === 'number') return d
  if (old.d_sb !== d.d_sb) return -EXDEV
  const linkable = yield* may_linkat(old.d_inode.peek()!)
  if (linkable < 0) return linkable
  if (S_ISDIR(old.d_inode.peek()!.i_mode)) return -EPERM
  return yield* create_in(d, dir => dir.i_op.link?.(old, dir, d) ?? null)
})

/** check_sticky(): in a directory like /tmp only who owns it, or what is in it, removes a name. */
const check_sticky = (dir: Inode, inode: Inode): boolean => {
  const { uid } = dir.k.current.cred
  const { mode, uid: owner } = dir.i_attr.peek()
  if ((mode & S_ISVTX) === 0 || inode.i_attr.peek().uid === uid || owner === uid) return false
  return !dir.k.current.capable('CAP_FOWNER')
}

/** may_delete(): may this name go, of a directory or of anything else: 0 or -errno. */
const may_delete = kfn('may_delete', function* (d: Dentry, is_dir: boolean): Step<number> {
  const dir = d.d_parent!.d_inode.peek()!
  const inode = d.d_inode.peek()!
  const may = yield* inode_permission(dir, MAY_WRITE | MAY_EXEC)
  if (may < 0) return may
  if (check_sticky(dir, inode)) return -EPERM
  if (is_dir !== S_ISDIR(inode.i_mode)) return is_dir ? -ENOTDIR : -EISDIR
  return IS_DEADDIR(dir) ? -ENOENT : 0
})

/** unlink(2), and rmdir(2). */
export const do_unlinkat = kfn('do_unlinkat', function* (ts: task_struct, path: string, rmdir: boolean): Step<number> {
  const at = yield* filename_parentat(ts.k, path)
  if (typeof at === 'number') return at
  if (is_special(at.name)) {
    if (!rmdir) return -EISDIR
    return at.name === '..' ? -ENOTEMPTY : at.name === '.' ? -EINVAL : -EBUSY
  }
  const d = yield* lookup_one(ts.k, at.dir, at.name)
  if (typeof d === 'number') return d
  if (!rmdir && path.endsWith('/')) return S_ISDIR(d.d_inode.peek()!.i_mode) ? -EISDIR : -ENOTDIR
  const may = yield* may_delete(d, rmdir)
  if (may < 0) return may
  const dir = at.dir.d_inode.peek()!
  const act = rmdir ? dir.i_op.rmdir : dir.i_op.unlink
  if (!act) return -EPERM
  yield* down_write(dir.i_rwsem)
  const there = at.dir.children.get(d.d_name) === d
  const rc = !there ? -ENOENT : d.mounted.peek() !== null ? -EBUSY : yield* act(dir, d)
  if (rmdir && rc === 0) kill_dir(d.d_inode.peek()!)
  yield* up_write(dir.i_rwsem)
  return rc
})

/** Is `d` this directory, or one above it? */
const is_above = (d: Dentry, below: Dentry): boolean => {
  for (let up: Dentry | null = below; up !== null; up = up.is_root ? null : up.d_parent) if (up === d) return true
  return false
}

/** rename(2), renameat2(2) */
export const do_renameat2 = kfn(
  'do_renameat2',
  function* (ts: task_struct, from: string, to: string, flags: number): Step<number> {
    const exchange = (flags & RENAME_EXCHANGE) !== 0
    if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) !== 0 || flags === (RENAME_NOREPLACE | RENAME_EXCHANGE))
      return -EINVAL
    const at = yield* filename_parentat(ts.k, from)
    if (typeof at === 'number') return at
    const to_at = yield* filename_parentat(ts.k, to)
    if (typeof to_at === 'number') return to_at
    if (at.dir.d_sb !== to_at.dir.d_sb) return -EXDEV
    if (is_special(at.name) || is_special(to_at.name)) return -EBUSY
    const d = yield* lookup_one(ts.k, at.dir, at.name)
    if (typeof d === 'number') return d
    const there = yield* lookup_one(ts.k, to_at.dir, to_at.name, true)
    if (typeof there === 'number' && there !== -ENOENT) return there
    const source = d.d_inode.peek()!
    const is_dir = S_ISDIR(source.i_mode)
    if (!is_dir && (from.endsWith('/') || to.endsWith('/'))) return -ENOTDIR
    if (is_above(d, to_at.dir)) return -EINVAL
    const target = typeof there === 'number' ? d_alloc(to_at.dir, to_at.name, is_dir) : there
    if (is_above(target, at.dir)) return exchange ? -EINVAL : -ENOTEMPTY
    const replaced = target.d_inode.peek()
    if (replaced !== null && (flags & RENAME_NOREPLACE) !== 0) return -EEXIST
    if (replaced === null && exchange) return -ENOENT
    if (replaced === source) return 0
    const dir = at.dir.d_inode.peek()!
    const to_dir = to_at.dir.d_inode.peek()!
    let may = yield* may_delete(d, is_dir)
    if (may === 0)
      may = yield* replaced === null
        ? may_create(to_dir)
        : may_delete(target, exchange ? S_ISDIR(replaced.i_mode) : is_dir)
    // Its `..` changes.
    if (may === 0 && is_dir && dir !== to_dir) may = yield* inode_permission(source, MAY_WRITE)
    if (may < 0) return may
    if (!dir.i_op.rename) return -EPERM
    const [first, second] = dir.id <= to_dir.id ? [dir, to_dir] : [to_dir, dir]
    yield* down_write(first.i_rwsem)
    if (second !== first) yield* down_write_nested(second.i_rwsem, 1)
    const busy = d.mounted.peek() !== null || target.mounted.peek() !== null
    const rc = busy ? -EBUSY : yield* dir.i_op.rename(d, to_dir, target, flags)
    if (rc === 0 && replaced !== null && is_dir && !exchange) kill_dir(replaced)
    if (second !== first) yield* up_write(second.i_rwsem)
    yield* up_write(first.i_rwsem)
    return rc
  },
)

/** readlink(2): where a link points, or -EINVAL. */
export const do_readlinkat = kfn('do_readlinkat', function* (ts: task_struct, path: string): Step<string | number> {
  const d = yield* kern_path(ts.k, path, false)
  if (typeof d === 'number') return d
  const inode = d.d_inode.peek()!
  if (!S_ISLNK(inode.i_mode)) return -EINVAL
  return inode.i_link ?? (inode.i_op.get_link ? yield* inode.i_op.get_link(inode) : -EINVAL)
})
