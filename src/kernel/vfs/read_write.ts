// read(2) and write(2) and their positioned forms (fs/read_write.c). Their vectored forms are in iov.ts.
import { kfn, type Op, type Step } from '../../sim/index.ts'
import { EBADF, EINVAL, EISDIR, EOPNOTSUPP, ESPIPE } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import {
  type File,
  FMODE_PREAD,
  FMODE_PWRITE,
  FMODE_STREAM,
  fdget,
  O_APPEND,
  O_DIRECT,
  O_DSYNC,
  O_SYNC,
} from './file.ts'
import {
  IOCB_APPEND,
  IOCB_DIRECT,
  IOCB_DSYNC,
  IOCB_SYNC,
  type Kiocb,
  S_ISBLK,
  S_ISDIR,
  S_ISLNK,
  S_ISREG,
} from './inode.ts'

/** iocb_flags() */
export const iocb_flags = (f: File): number => {
  const flags = f.f_flags
  if ((flags & (O_APPEND | O_DIRECT | O_SYNC)) === 0) return 0
  return (
    ((flags & O_APPEND) !== 0 ? IOCB_APPEND : 0) |
    ((flags & O_DIRECT) !== 0 ? IOCB_DIRECT : 0) |
    ((flags & O_DSYNC) !== 0 ? IOCB_DSYNC : 0) |
    ((flags & O_SYNC) === O_SYNC ? IOCB_SYNC : 0)
  )
}

/** The operation that this access to an open file is, or why there is none. `pos`: it names a position. */
export const rw_iter = (f: File, pos: boolean, write: boolean): ((iocb: Kiocb) => Op<number>) | number => {
  if (pos && (f.f_mode & (write ? FMODE_PWRITE : FMODE_PREAD)) === 0) return -ESPIPE
  if (write ? !f.writable : !f.readable) return -EBADF
  if (S_ISDIR(f.f_inode.i_mode)) return -EISDIR
  return (write ? f.f_op.write_iter : f.f_op.read_iter) ?? -EINVAL
}

/** Bytes, or -EBADF, -EISDIR, -EINVAL, -ESPIPE, or the file system's errno. `pos` null: at and moving the file position. */
export const vfs_rw = kfn(
  'vfs_rw',
  function* (ts: task_struct, fd: number, buf: Uint8Array, pos: number | null, write: boolean): Step<number> {
    if (pos !== null && pos < 0) return -EINVAL
    const f = fdget(ts, fd)
    if (typeof f === 'number') return f
    const iter = rw_iter(f, pos !== null, write)
    if (typeof iter === 'number') return iter
    const own = pos === null && (f.f_mode & FMODE_STREAM) === 0
    const at = own ? yield* f.f_pos.load() : (pos ?? 0)
    const iocb: Kiocb = { file: f, pos: at, ki_flags: iocb_flags(f), buf, count: buf.length }
    const n = yield* iter(iocb)
    if (n > 0 && own) yield* f.f_pos.store(iocb.pos + n)
    return n
  },
)

/** generic_write_checks(): what appends goes to the end, also what names a position. For the file systems' write_iter. */
export const generic_write_checks = kfn('generic_write_checks', function* (iocb: Kiocb): Step<void> {
  if ((iocb.ki_flags & IOCB_APPEND) !== 0) iocb.pos = yield* iocb.file.f_inode.i_size.load()
})

/** generic_write_sync(): a write that is to be safe when it returns (O_SYNC, O_DSYNC, RWF_): its bytes `n`, or -errno. */
export const generic_write_sync = kfn('generic_write_sync', function* (iocb: Kiocb, n: number): Step<number> {
  const { file, ki_flags } = iocb
  if ((ki_flags & IOCB_DSYNC) === 0 || n <= 0 || !file.f_op.fsync) return n
  const rc = yield* file.f_op.fsync(file, (ki_flags & IOCB_SYNC) === 0)
  return rc < 0 ? rc : n
})

/** fsync(2), fdatasync(2): 0, -EBADF, -EINVAL (no such operation), or the file system's errno. */
export const vfs_fsync = kfn('vfs_fsync', function* (ts: task_struct, fd: number, datasync: boolean): Step<number> {
  const f = fdget(ts, fd)
  if (typeof f === 'number') return f
  return f.f_op.fsync ? yield* f.f_op.fsync(f, datasync) : -EINVAL
})

const SYNC_FILE_RANGE_WAIT_BEFORE = 1
const SYNC_FILE_RANGE_WRITE = 2
const SYNC_FILE_RANGE_WAIT_AFTER = 4
const SYNC_FLAGS = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER

/** sync_file_range(2): pages of the page cache only, so that nothing is to be done for memory that is mapped as it is. */
export const vfs_sync_file_range = kfn(
  'sync_file_range',
  function* (ts: task_struct, fd: number, off: number, len: number, flags: number): Step<number> {
    const f = fdget(ts, fd)
    if (typeof f === 'number') return f
    if ((flags & ~SYNC_FLAGS) !== 0 || off < 0 || len < 0) return -EINVAL
    const mode = f.f_inode.i_mode
    return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode) || S_ISBLK(mode) ? 0 : -ESPIPE
  },
)

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
