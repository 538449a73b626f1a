// stat(2), statfs(2), readdir(3).
import { kfn, type Step } from '../../sim/index.ts'
import { ENOENT, ENOSYS, ENOTDIR } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import { fdget, fdget_raw } from './file.ts'
import { type DirEntry, type Inode, type InodeAttr, IS_DEADDIR, S_ISDIR, type StatFs } from './inode.ts'
import { kern_path } from './namei.ts'
import { shmem_statfs } from './tmpfs.ts'

/** What stat(2) fills in. Sizes in bytes, times in ns, blocks of 512 bytes. */
export interface Stat extends InodeAttr {
  readonly ino: number
  readonly size: number
  readonly blksize: number
  /** Of a device node. */
  readonly rdev: number
}

/** vfs_getattr(): what is known of a file, asked for anew where that has run out; or -errno. */
export const vfs_getattr = kfn('vfs_getattr', function* (inode: Inode, mask?: number, flags?: number): Step<
  Stat | number
> {
  const rc = inode.i_op.getattr ? yield* inode.i_op.getattr(inode, mask, flags) : 0
  if (rc < 0) return rc
  // Field by field: a spread costs ten times as much, and every look-up of the daemon comes here.
  const { mode, uid, gid, nlink, atime, mtime, ctime, blocks } = inode.i_attr.peek()
  const size = yield* inode.i_size.load()
  const { i_ino: ino, i_rdev: rdev } = inode
  return { mode, uid, gid, nlink, atime, mtime, ctime, blocks, ino, size, blksize: 4096, rdev }
})

export const vfs_stat = kfn('vfs_stat', function* (ts: task_struct, path: string): Step<Stat | number> {
  const d = yield* kern_path(ts.k, path, true)
  return typeof d === 'number' ? d : yield* vfs_getattr(d.d_inode.peek()!)
})

/** lstat(2): of a link itself. */
export const vfs_lstat = kfn('vfs_lstat', function* (ts: task_struct, path: string): Step<Stat | number> {
  const d = yield* kern_path(ts.k, path, false)
  return typeof d === 'number' ? d : yield* vfs_getattr(d.d_inode.peek()!)
})

export const vfs_fstat = kfn('vfs_fstat', function* (ts: task_struct, fd: number): Step<Stat | number> {
  const f = fdget_raw(ts, fd)
  return typeof f === 'number' ? f : yield* vfs_getattr(f.f_inode)
})

export const vfs_statfs = kfn('vfs_statfs', function* (ts: task_struct, path: string): Step<StatFs | number> {
  const d = yield* kern_path(ts.k, path, true)
  if (typeof d === 'number') return d
  if (d.d_sb === null) return shmem_statfs()
  return d.d_sb.statfs ? yield* d.d_sb.statfs() : -ENOSYS
})

/** Every name of an open directory, or -errno. */
export const iterate_dir = kfn('iterate_dir', function* (ts: task_struct, fd: number): Step<DirEntry[] | number> {
  const f = fdget(ts, fd)
  if (typeof f === 'number') return f
  const inode = f.f_inode
  if (!S_ISDIR(inode.i_mode)) return -ENOTDIR
  if (IS_DEADDIR(inode)) return -ENOENT
  if (f.f_op.iterate) {
    const rc = inode.i_op.getattr ? yield* inode.i_op.getattr(inode) : 0
    if (rc < 0) return rc
    const out: DirEntry[] = []
    const n = yield* f.f_op.iterate(f, out)
    return n < 0 ? n : out
  }
  return f.f_dentry.children.values().map(d => {
    const i = d.d_inode.peek()!
    return { name: d.d_name, ino: i.i_ino, type: (i.i_mode >> 12) & 15 }
  })
})
