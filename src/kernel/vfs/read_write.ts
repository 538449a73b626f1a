// read(2) and write(2) and their positioned forms.
import { kfn, type Step } from '../../sim/index.ts'
import { EBADF, EINVAL, EISDIR, EOPNOTSUPP } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import { type File, fdget, O_APPEND } from './file.ts'
import { type Kiocb, S_ISDIR } from './inode.ts'

/** Bytes, or -EBADF, -EISDIR, -EINVAL, or the file system's errno. `pos` null: at and moving the file position. */
export const vfs_rw = kfn(
  'vfs_rw',
  function* (ts: task_struct, fd: number, buf: Uint8Array, pos: number | null, write: boolean): Step<number> {
    if (pos !== null && pos < 0) return -EINVAL
    const f = fdget(ts, fd)
    if (typeof f === 'number') return f
    if (write ? !f.writable : !f.readable) return -EBADF
    if (S_ISDIR(f.f_inode.i_mode)) return -EISDIR
    const iter = write ? f.f_op.write_iter : f.f_op.read_iter
    if (iter === undefined) return -EINVAL
    const at = write && appends(f) ? yield* f.f_inode.i_size.load() : (pos ?? (yield* f.f_pos.load()))
    const iocb: Kiocb = { file: f, pos: at, buf, count: buf.length }
    const n = yield* iter(iocb)
    if (n > 0 && pos === null) yield* f.f_pos.store(at + n)
    return n
  },
)

/** O_APPEND: every write goes to the end, also one that names a position. On famfs only on a kernel without L06. */
const appends = (f: File): boolean =>
  (f.f_flags & O_APPEND) !== 0 && !(f.f_inode.fuse !== null && f.f_inode.k.profile.has('L06'))

/** fsync(2): 0, -EBADF, -EINVAL (no such operation), or the file system's errno. */
export const vfs_fsync = kfn('vfs_fsync', function* (ts: task_struct, fd: number): Step<number> {
  const f = fdget(ts, fd)
  if (typeof f === 'number') return f
  return f.f_op.fsync ? yield* f.f_op.fsync(f) : -EINVAL
})

/** fallocate(2) */
export const vfs_fallocate = kfn(
  'vfs_fallocate',
  function* (ts: task_struct, fd: number, mode: number, off: number, len: number): Step<number> {
    const f = fdget(ts, fd)
    if (typeof f === 'number') return f
    if (off < 0 || len <= 0) return -EINVAL
    if (!f.writable) return -EBADF
    if (S_ISDIR(f.f_inode.i_mode)) return -EISDIR
    return f.f_op.fallocate ? yield* f.f_op.fallocate(f, mode, off, len) : -EOPNOTSUPP
  },
)
