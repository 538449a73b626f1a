// System calls on an open file.
import type { Op } from '../../sim/index.ts'
import type { FuseDev } from '../fuse/conn.ts'
import { fuse_dev_ioctl } from '../fuse/dev.ts'
import type { task_struct } from '../task_struct.ts'
import { vfs_ftruncate } from '../vfs/attr.ts'
import { close_fd } from '../vfs/file.ts'
import { do_flock } from '../vfs/flock.ts'
import type { DirEntry } from '../vfs/inode.ts'
import { vfs_llseek } from '../vfs/llseek.ts'
import { vfs_fallocate, vfs_fsync, vfs_rw } from '../vfs/read_write.ts'
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
const fsync = syscall('fsync', vfs_fsync)
const flock = syscall('flock', do_flock)
const fstat = syscall('fstat', vfs_fstat)
const getdents = syscall('getdents64', iterate_dir)
const ioctl = syscall('ioctl', (_ts: task_struct, dev: FuseDev, cmd: number, arg: Uint8Array) =>
  fuse_dev_ioctl(dev.fc, cmd, arg),
)

/** A buffer of this length nobody looks at, or the caller's own. */
const asBuf = (b: Uint8Array | number): Uint8Array => (typeof b === 'number' ? new Uint8Array(b) : b)

/** The part of `Sys` that takes descriptors. */
export class IoCalls extends PathCalls {
  close(fd: number): Op<number> {
    return close(this.ts, fd)
  }
  /** `buf`: a buffer to fill, or a number of bytes nobody will look at. Bytes read or -errno. */
  read(fd: number, buf: Uint8Array | number): Op<number> {
    return read(this.ts, fd, asBuf(buf))
  }
  write(fd: number, buf: Uint8Array): Op<number> {
    return write(this.ts, fd, buf)
  }
  pread(fd: number, buf: Uint8Array | number, off: number): Op<number> {
    return pread(this.ts, fd, asBuf(buf), off)
  }
  pwrite(fd: number, buf: Uint8Array, off: number): Op<number> {
    return pwrite(this.ts, fd, buf, off)
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
  /** ioctl on an open /dev/fuse. */
  ioctl(dev: FuseDev, cmd: number, arg: Uint8Array): Op<number> {
    return ioctl(this.ts, dev, cmd, arg)
  }
}
