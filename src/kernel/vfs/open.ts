// open(2): walk, check, let the file system open it, give a descriptor.
import { DAX_MAJOR, MAJOR } from '../../devdax/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { EACCES, EEXIST, EISDIR, ENOTDIR, ENXIO } from '../../wire/index.ts'
import { dax_file_ops } from '../dax/device.ts'
import type { task_struct } from '../task_struct.ts'
import { File, fd_install, O_ACCMODE, O_CREAT, O_DIRECTORY, O_EXCL, O_RDONLY, O_WRONLY } from './file.ts'
import { type FileOps, MAY_READ, MAY_WRITE, S_ISCHR, S_ISDIR } from './inode.ts'
import { iput } from './iput.ts'
import { inode_permission, kern_path, may_open_dev } from './namei.ts'

/** A descriptor, or -errno of the walk, the permission or the file system. Files are never created here. */
export const do_sys_open = kfn('do_sys_open', function* (ts: task_struct, path: string, flags: number): Step<number> {
  const d = yield* kern_path(ts.k, path, true)
  if (typeof d === 'number') return d
  const inode = d.d_inode.peek()!
  if ((flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0) return -EEXIST
  const acc = flags & O_ACCMODE
  if (S_ISDIR(inode.i_mode) && acc !== O_RDONLY) return -EISDIR
  if (!S_ISDIR(inode.i_mode) && (flags & O_DIRECTORY) !== 0) return -ENOTDIR
  let ops: FileOps | undefined = inode.i_fop
  if (S_ISCHR(inode.i_mode)) {
    if (!may_open_dev(d)) return -EACCES
    // Those of other drivers (/dev/null) open, and nothing more.
    ops = MAJOR(inode.i_rdev) === DAX_MAJOR ? dax_file_ops(inode) : {}
  }
  if (ops === undefined) return -ENXIO
  const mask = (acc === O_WRONLY ? 0 : MAY_READ) | (acc === O_RDONLY ? 0 : MAY_WRITE)
  const may = yield* inode_permission(inode, mask)
  if (may < 0) return may
  const file = new File(d, flags, ops)
  const rc = ops.open ? yield* ops.open(inode, file) : 0
  if (rc < 0) {
    yield* iput(inode)
    return rc
  }
  return fd_install(ts, file)
})
