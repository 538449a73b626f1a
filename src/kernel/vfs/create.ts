// Making, removing and moving names (fs/namei.c). The directory's i_rwsem is held for writing from the look at the name to the
// end; a rename across directories takes both, the one of the lower id first.
import { down_write, down_write_nested, kfn, type Op, type Step, up_write } from '../../sim/index.ts'
import { EBUSY, EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, EPERM, EXDEV } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import { Dentry } from './dcache.ts'
import { type Inode, MAY_EXEC, MAY_WRITE, S_IFDIR, S_IFMT, S_ISDIR, S_ISLNK } from './inode.ts'
import { filename_parentat, inode_permission, kern_path, lookup_one } from './namei.ts'

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
  if (name === '.' || name === '..') return -EEXIST
  const there = yield* lookup_one(ts.k, dir, name)
  if (typeof there !== 'number') return -EEXIST
  if (there !== -ENOENT) return there
  if (!is_dir && path.endsWith('/')) return -ENOENT
  return d_alloc(dir, name, is_dir)
})

/** may_create() and the operation, with the directory locked. */
const create_in = kfn('may_create', function* (d: Dentry, make: (dir: Inode) => Op<number> | null): Step<number> {
  const dir = d.d_parent!.d_inode.peek()!
  const may = yield* inode_permission(dir, MAY_WRITE | MAY_EXEC)
  if (may < 0) return may
  yield* down_write(dir.i_rwsem)
  const op = d.d_parent!.children.has(d.d_name) ? -EEXIST : make(dir)
  const rc = op === null ? -EPERM : typeof op === 'number' ? op : yield* op
  yield* up_write(dir.i_rwsem)
  return rc
})

/** mkdir(2) */
export const do_mkdirat = kfn('do_mkdirat', function* (ts: task_struct, path: string, mode: number): Step<number> {
  const d = yield* filename_create(ts, path, true)
  if (typeof d === 'number') return d
  return yield* create_in(d, dir => dir.i_op.mkdir?.(dir, d, mode & 0o7777 & ~ts.umask.peek()) ?? null)
})

/** mknod(2): a node, or a regular file when `mode` has no type. */
export const do_mknodat = kfn(
  'do_mknodat',
  function* (ts: task_struct, path: string, mode: number, rdev: number): Step<number> {
    const type = mode & S_IFMT
    if (type === S_IFDIR) return -EPERM
    const d = yield* filename_create(ts, path, false)
    if (typeof d === 'number') return d
    const bits = type | (mode & 0o7777 & ~ts.umask.peek())
    return yield* create_in(d, dir => dir.i_op.mknod?.(dir, d, bits, rdev) ?? null)
  },
)

/** symlink(2) */
export const do_symlinkat = kfn('do_symlinkat', function* (ts: task_struct, to: string, path: string): Step<number> {
  if (to === '') return -ENOENT
  const d = yield* filename_create(ts, path, false)
  if (typeof d === 'number') return d
  return yield* create_in(d, dir => dir.i_op.symlink?.(dir, d, to) ?? null)
})

/** link(2): not across file systems, not of a directory. */
export const do_linkat = kfn('do_linkat', function* (ts: task_struct, from: string, path: string): Step<number> {
  const old = yield* kern_path(ts.k, from, false)
  if (typeof old === 'number') return old
  const d = yield* filename_create(ts, path, false)
  if (typeof d === 'number') return d
  if (old.d_sb !== d.d_sb) return -EXDEV
  if (S_ISDIR(old.d_inode.peek()!.i_mode)) return -EPERM
  return yield* create_in(d, dir => dir.i_op.link?.(old, dir, d) ?? null)
})

/** The name that is to go: it is there, and its directory may be written. */
const filename_delete = kfn('filename_lookup', function* (ts: task_struct, path: string): Step<Dentry | number> {
  const at = yield* filename_parentat(ts.k, path)
  if (typeof at === 'number') return at
  if (at.name === '..') return -ENOTEMPTY
  if (at.name === '.') return -EINVAL
  return yield* lookup_one(ts.k, at.dir, at.name)
})

const may_delete = kfn('may_delete', function* (d: Dentry): Step<number> {
  if (d.mounted.peek() !== null) return -EBUSY
  return yield* inode_permission(d.d_parent!.d_inode.peek()!, MAY_WRITE | MAY_EXEC)
})

/** unlink(2), and rmdir(2). */
export const do_unlinkat = kfn('do_unlinkat', function* (ts: task_struct, path: string, rmdir: boolean): Step<number> {
  const d = yield* filename_delete(ts, path)
  if (typeof d === 'number') return d
  const inode = d.d_inode.peek()!
  if (rmdir !== S_ISDIR(inode.i_mode)) return rmdir ? -ENOTDIR : -EISDIR
  if (!rmdir && path.endsWith('/')) return -ENOTDIR
  const may = yield* may_delete(d)
  if (may < 0) return may
  const dir = d.d_parent!.d_inode.peek()!
  const act = rmdir ? dir.i_op.rmdir : dir.i_op.unlink
  if (!act) return -EPERM
  yield* down_write(dir.i_rwsem)
  const rc = d.d_parent!.children.get(d.d_name) === d ? yield* act(dir, d) : -ENOENT
  yield* up_write(dir.i_rwsem)
  return rc
})

/** rename(2) */
export const do_renameat2 = kfn('do_renameat2', function* (ts: task_struct, from: string, to: string): Step<number> {
  const d = yield* filename_delete(ts, from)
  if (typeof d === 'number') return d === -ENOTEMPTY || d === -EINVAL ? -EBUSY : d
  const at = yield* filename_parentat(ts.k, to)
  if (typeof at === 'number') return at
  if (at.name === '.' || at.name === '..') return -EBUSY
  if (d.d_sb !== at.dir.d_sb) return -EXDEV
  const there = yield* lookup_one(ts.k, at.dir, at.name)
  if (typeof there === 'number' && there !== -ENOENT) return there
  for (let up: Dentry | null = at.dir; up !== null; up = up.is_root ? null : up.d_parent) if (up === d) return -EINVAL
  if (there === d) return 0
  const is_dir = S_ISDIR(d.d_inode.peek()!.i_mode)
  if (typeof there !== 'number') {
    const dest_dir = S_ISDIR(there.d_inode.peek()!.i_mode)
    if (is_dir !== dest_dir) return is_dir ? -ENOTDIR : -EISDIR
    if (there.mounted.peek() !== null) return -EBUSY
  }
  const target = typeof there === 'number' ? d_alloc(at.dir, at.name, is_dir) : there
  for (const x of [d, target]) {
    const may = yield* may_delete(x)
    if (may < 0) return may
  }
  const dir = d.d_parent!.d_inode.peek()!
  const to_dir = at.dir.d_inode.peek()!
  if (!dir.i_op.rename) return -EPERM
  const [first, second] = dir.id <= to_dir.id ? [dir, to_dir] : [to_dir, dir]
  yield* down_write(first.i_rwsem)
  if (second !== first) yield* down_write_nested(second.i_rwsem, 1)
  const rc = yield* dir.i_op.rename(d, to_dir, target)
  if (second !== first) yield* up_write(second.i_rwsem)
  yield* up_write(first.i_rwsem)
  return rc
})

/** readlink(2): where a link points, or -EINVAL. */
export const do_readlinkat = kfn('do_readlinkat', function* (ts: task_struct, path: string): Step<string | number> {
  const d = yield* kern_path(ts.k, path, false)
  if (typeof d === 'number') return d
  const inode = d.d_inode.peek()!
  if (!S_ISLNK(inode.i_mode)) return -EINVAL
  return inode.i_link ?? (inode.i_op.get_link ? yield* inode.i_op.get_link(inode) : -EINVAL)
})
