// System calls on an open file.
import type { Op } from '../../sim/index.ts'
import type { UserMemory } from '../../wire/index.ts'
import type { FuseDev } from '../fuse/conn.ts'
import { fuse_dev_ioctl } from '../fuse/dev.ts'
import type { task_struct } from '../task_struct.ts'
import { vfs_ftruncate } from '../vfs/attr.ts'
import { do_dup, do_dup2, do_fcntl } from '../vfs/fcntl.ts'
import { close_fd } from '../vfs/file.ts'
import { do_flock } from '../vfs/flock.ts'
import type { DirEntry } from '../vfs/inode.ts'
import { vfs_ioctl } from '../vfs/ioctl.ts'
import { do_readv_writev, type UserBuffer, type UserRange } from '../vfs/iov.ts'
import { vfs_llseek } from '../vfs/llseek.ts'
import { do_pipe2 } from '../vfs/pipe.ts'
import { vfs_fallocate, vfs_fsync, vfs_rw, vfs_sync_file_range } from '../vfs/read_write.ts'
import { do_sendfile, do_splice, do_vmsplice, vfs_copy_file_range } from '../vfs/splice.ts'
import { iterate_dir, type Stat, vfs_fstat } from '../vfs/stat.ts'
import { syscall } from './entry.ts'
import { PathCalls } from './path.ts'

const close = syscall('close', close_fd)
const read = syscall('read', (ts: task_struct, fd: number, b: Uint8Array) => vfs_rw(ts, fd, b, null, false))
const write = syscall('write', (ts: task_struct, fd: number, b: Uint8Array) => vfs_rw(ts, fd, b, null, true))
const pread = syscall('pread64', (ts: task_struct, fd: number, b: Uint8Array, o: number) => vfs_rw(ts, fd, b, o, false))
const pwrite = syscall('pwrite64', (ts: task_struct, fd: number, b: Uint8Array, o: number) =>
  vfs_rw(ts, fd, b, o, true),
)
const lseek = syscall('lseek', vfs_llseek)
const ftruncate = syscall('ftruncate', vfs_ftruncate)
const fallocate = syscall('fallocate', vfs_fallocate)
const fsync = syscall('fsync', (ts: task_struct, fd: number) => vfs_fsync(ts, fd, false))
const fdatasync = syscall('fdatasync', (ts: task_struct, fd: number) => vfs_fsync(ts, fd, true))
const sync_file_range = syscall('sync_file_range', vfs_sync_file_range)
const vectored = (name: string, write: boolean) =>
  syscall(name, (ts: task_struct, fd: number, iov: readonly UserBuffer[], pos: number | null, rwf: number) =>
    do_readv_writev(ts, fd, iov, pos, write, rwf),
  )
const readv = vectored('readv', false)
const writev = vectored('writev', true)
const preadv2 = vectored('preadv2', false)
const pwritev2 = vectored('pwritev2', true)
// Of one buffer that is named by its address.
const read_user = vectored('read', false)
const write_user = vectored('write', true)
const pread_user = vectored('pread64', false)
const pwrite_user = vectored('pwrite64', true)
const pipe2 = syscall('pipe2', do_pipe2)
const splice = syscall('splice', do_splice)
const sendfile = syscall('sendfile', do_sendfile)
const vmsplice = syscall('vmsplice', do_vmsplice)
const copy_file_range = syscall('copy_file_range', vfs_copy_file_range)
const dup = syscall('dup', (ts: task_struct, fd: number) => do_dup(ts, fd))
const dup2 = syscall('dup2', do_dup2)
const fcntl = syscall('fcntl', do_fcntl)
const flock = syscall('flock', do_flock)
const fstat = syscall('fstat', vfs_fstat)
const getdents = syscall('getdents64', iterate_dir)
const ioctl = syscall(
  'ioctl',
  (ts: task_struct, fd: FuseDev | number, cmd: number, arg: Uint8Array, user: UserMemory) =>
    typeof fd === 'number' ? vfs_ioctl(ts, fd, cmd, arg, user) : fuse_dev_ioctl(fd.fc, cmd, arg),
)

const NO_MEMORY: UserMemory = new Map()

/** A buffer to fill or to write; a number of bytes that nobody will look at; or memory of the process by its address. */
type Buffer = Uint8Array | number | UserRange
const mapped = (b: Buffer): b is UserRange => typeof b === 'object' && 'addr' in b
/** A buffer of this length nobody looks at, or the caller's own. */
const asBuf = (b: Exclude<Buffer, UserRange>): Uint8Array => (typeof b === 'number' ? new Uint8Array(b) : b)

/** The part of `Sys` that takes descriptors. */
export class IoCalls extends PathCalls {
  close(fd: number): Op<number> {
    return close(this.ts, fd)
  }
  /** Bytes read or -errno. */
  read(fd: number, buf: Buffer): Op<number> {
    return mapped(buf) ? read_user(this.ts, fd, [buf], null, 0) : read(this.ts, fd, asBuf(buf))
  }
  write(fd: number, buf: Buffer): Op<number> {
    return mapped(buf) ? write_user(this.ts, fd, [buf], null, 0) : write(this.ts, fd, asBuf(buf))
  }
  pread(fd: number, buf: Buffer, off: number): Op<number> {
    return mapped(buf) ? pread_user(this.ts, fd, [buf], off, 0) : pread(this.ts, fd, asBuf(buf), off)
  }
  pwrite(fd: number, buf: Buffer, off: number): Op<number> {
    return mapped(buf) ? pwrite_user(this.ts, fd, [buf], off, 0) : pwrite(this.ts, fd, asBuf(buf), off)
  }
  /** Several buffers in one read or write: bytes, or -errno. */
  readv(fd: number, iov: readonly UserBuffer[]): Op<number> {
    return readv(this.ts, fd, iov, null, 0)
  }
  writev(fd: number, iov: readonly UserBuffer[]): Op<number> {
    return writev(this.ts, fd, iov, null, 0)
  }
  /** The same at `off`, or with null at the file position. `flags`: RWF_ bits. */
  preadv2(fd: number, iov: readonly UserBuffer[], off: number | null, flags = 0): Op<number> {
    return preadv2(this.ts, fd, iov, off, flags)
  }
  pwritev2(fd: number, iov: readonly UserBuffer[], off: number | null, flags = 0): Op<number> {
    return pwritev2(this.ts, fd, iov, off, flags)
  }
  /** A pipe: the descriptors to read from and to write to, or -errno. `flags`: O_NONBLOCK. */
  pipe(flags = 0): Op<[number, number] | number> {
    return pipe2(this.ts, flags)
  }
  /** Between a pipe and something else; an offset of null is the file position. Bytes, or -errno. */
  splice(from: number, off_in: number | null, to: number, off_out: number | null, len: number, flags = 0): Op<number> {
    return splice(this.ts, from, off_in, to, off_out, len, flags)
  }
  sendfile(to: number, from: number, off: number | null, count: number): Op<number> {
    return sendfile(this.ts, to, from, off, count)
  }
  /** Memory into the writing end of a pipe, or from its reading end into memory. */
  vmsplice(fd: number, iov: readonly UserBuffer[], flags = 0): Op<number> {
    return vmsplice(this.ts, fd, iov, flags)
  }
  copy_file_range(
    from: number,
    off_in: number | null,
    to: number,
    off_out: number | null,
    len: number,
    flags = 0,
  ): Op<number> {
    return copy_file_range(this.ts, from, off_in, to, off_out, len, flags)
  }
  /** A further descriptor of an open file, or -EBADF. */
  dup(fd: number): Op<number> {
    return dup(this.ts, fd)
  }
  /** The same under the number `to`. */
  dup2(fd: number, to: number): Op<number> {
    return dup2(this.ts, fd, to)
  }
  /** F_GETFL, F_SETFL (`arg`: O_APPEND, O_DIRECT, O_NOATIME, O_NONBLOCK), F_DUPFD (`arg`: the lowest number). */
  fcntl(fd: number, cmd: number, arg = 0): Op<number> {
    return fcntl(this.ts, fd, cmd, arg)
  }
  /** The new position: of `off` by SEEK_SET, CUR, END; the next data or hole from `off` on by SEEK_DATA, SEEK_HOLE. */
  lseek(fd: number, off: number, whence: number): Op<number> {
    return lseek(this.ts, fd, off, whence)
  }
  ftruncate(fd: number, size: number): Op<number> {
    return ftruncate(this.ts, fd, size)
  }
  fallocate(fd: number, mode: number, off: number, len: number): Op<number> {
    return fallocate(this.ts, fd, mode, off, len)
  }
  fsync(fd: number): Op<number> {
    return fsync(this.ts, fd)
  }
  fdatasync(fd: number): Op<number> {
    return fdatasync(this.ts, fd)
  }
  /** `flags`: SYNC_FILE_RANGE_ bits. */
  sync_file_range(fd: number, off: number, len: number, flags: number): Op<number> {
    return sync_file_range(this.ts, fd, off, len, flags)
  }
  /** LOCK_SH, LOCK_EX or LOCK_UN, with LOCK_NB not to wait. */
  flock(fd: number, cmd: number): Op<number> {
    return flock(this.ts, fd, cmd)
  }
  fstat(fd: number): Op<Stat | number> {
    return fstat(this.ts, fd)
  }
  /** Names of an open directory. */
  getdents(fd: number): Op<DirEntry[] | number> {
    return getdents(this.ts, fd)
  }
  /** ioctl on an open /dev/fuse, or a descriptor. `user`: what pointers in `arg` point to, by address. */
  ioctl(fd: FuseDev | number, cmd: number, arg: Uint8Array, user: UserMemory = NO_MEMORY): Op<number> {
    return ioctl(this.ts, fd, cmd, arg, user)
  }
}
