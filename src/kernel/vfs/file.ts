// struct file and the descriptor table.
import { Cell, kfn, Refcount, type Step } from '../../sim/index.ts'
import { EBADF, ENOTDIR } from '../../wire/index.ts'
import type { fuse_file } from '../fuse/fuse_inode.ts'
import type { task_struct } from '../task_struct.ts'
import type { Dentry } from './dcache.ts'
import { type FileOps, type Inode, S_ISDIR } from './inode.ts'
import { path_get, path_put } from './path.ts'
import type { pipe_inode_info } from './pipe.ts'

export const O_RDONLY = 0
export const O_WRONLY = 1
export const O_RDWR = 2
export const O_ACCMODE = 3
export const O_CREAT = 0o100
export const O_EXCL = 0o200
export const O_NOCTTY = 0o400
export const O_TRUNC = 0o1000
export const O_APPEND = 0o2000
export const O_NONBLOCK = 0o4000
export const O_DSYNC = 0o10000
export const O_DIRECT = 0o40000
export const O_DIRECTORY = 0o200000
export const O_NOFOLLOW = 0o400000
export const O_NOATIME = 0o1000000
export const O_CLOEXEC = 0o2000000
export const O_SYNC = 0o4010000
export const O_PATH = 0o10000000
export const O_TMPFILE = 0o20200000

/** f_mode: what may be done with an open file, beside reading and writing. Settled when it is opened. */
export const FMODE_LSEEK = 0x4
export const FMODE_PREAD = 0x8
export const FMODE_PWRITE = 0x10
/** A position means nothing to it. */
export const FMODE_STREAM = 0x200000
/** O_DIRECT may be asked for. */
export const FMODE_CAN_ODIRECT = 0x400000
/** RWF_NOWAIT may be asked for. */
export const FMODE_NOWAIT = 0x8000000

/** Operations of flock(2). */
export const LOCK_SH = 1
export const LOCK_EX = 2
export const LOCK_NB = 4
export const LOCK_UN = 8

export class File {
  readonly f_dentry: Dentry
  readonly f_inode: Inode
  /** Its inode's operations, or those of the driver behind a device node when it was opened. */
  readonly f_op: FileOps
  /** Status flags; fcntl(F_SETFL) changes some. */
  private readonly flags: Cell<number>
  f_mode = FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE
  readonly f_pos: Cell<number>
  readonly f_count: Refcount
  fuse: fuse_file | null = null
  /** It is an end of a pipe. */
  pipe: pipe_inode_info | null = null

  constructor(dentry: Dentry, flags: number, f_op: FileOps) {
    const inode = dentry.d_inode.peek()!
    this.f_dentry = dentry
    this.f_inode = inode
    this.f_op = f_op
    this.flags = new Cell(inode.k.m, 'file->f_flags', flags)
    this.f_pos = new Cell(inode.k.m, 'file->f_pos', 0)
    this.f_count = new Refcount(inode.k.m, 'file->f_count')
    path_get(dentry)
  }
  get f_flags(): number {
    return this.flags.peek()
  }
  set f_flags(flags: number) {
    this.flags.poke(flags)
  }
  get readable(): boolean {
    return (this.f_flags & O_ACCMODE) !== O_WRONLY
  }
  get writable(): boolean {
    return (this.f_flags & O_ACCMODE) !== O_RDONLY
  }
}

export const get_file = (f: File): void => f.f_count.inc()

/** fput(): drop a reference; the last one releases the file. */
export const fput = kfn('fput', function* (f: File): Step<void> {
  if (!f.f_count.dec_and_test()) return
  f.f_inode.k.flocks.drop(f)
  if (f.f_op.release) yield* f.f_op.release(f.f_inode, f)
  yield* path_put(f.f_dentry)
})

/** nonseekable_open(), stream_open(): no positions; for a stream not even one of its own. */
export const nonseekable_open = (f: File, stream = false): void => {
  f.f_mode &= ~(FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE)
  if (stream) f.f_mode |= FMODE_STREAM
}

/** Put a file under the lowest free descriptor, of those from `fd` on. */
export function fd_install(ts: task_struct, f: File, fd = 3): number {
  while (ts.files.has(fd)) fd++
  ts.files.set(fd, f)
  return fd
}

/** fdget(): the file of a descriptor, or -EBADF, also for one that only names it (O_PATH). */
export function fdget(ts: task_struct, fd: number): File | number {
  const f = ts.files.get(fd)
  return f === undefined || (f.f_flags & O_PATH) !== 0 ? -EBADF : f
}
/** fdget_raw(): O_PATH or not. */
export const fdget_raw = (ts: task_struct, fd: number): File | number => ts.files.get(fd) ?? -EBADF

/** The directory that the *at() calls start from: of a descriptor, or the working directory (AT_FDCWD); -EBADF, -ENOTDIR. */
export const AT_FDCWD = -100
export const dirfd = (ts: task_struct, fd: number): Dentry | undefined | number => {
  if (fd === AT_FDCWD) return undefined
  const f = fdget_raw(ts, fd)
  if (typeof f === 'number') return f
  return S_ISDIR(f.f_inode.i_mode) ? f.f_dentry : -ENOTDIR
}

/** filp_close(): flush, drop the descriptor's reference. The descriptor is gone whatever flush says. */
export const close_fd = kfn('filp_close', function* (ts: task_struct, fd: number): Step<number> {
  const f = ts.files.get(fd)
  if (f === undefined) return -EBADF
  ts.files.delete(fd)
  const rc = f.f_op.flush ? yield* f.f_op.flush(f) : 0
  yield* fput(f)
  return rc
})
