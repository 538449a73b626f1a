// The system calls an application of a host can make. Each answers what the real one leaves in the return register: a
// number, negative for -errno; some give an object instead of filling a struct. Loads and stores are here too: they are
// how an application touches what it mapped.
import { type DaxMemory, type dev_dax, POISON_LINE } from '../devdax/index.ts'
import {
  clear_poison,
  fabric_clflush,
  fabric_clflushopt,
  fabric_clwb,
  fabric_read,
  fabric_sfence,
  fabric_write,
} from '../fabric/index.ts'
import { ACCESS_NONE, Killed, kfn, Op, OpKind, type Step, sleep } from '../sim/index.ts'
import { EACCES, EINVAL, EIO, ENXIO } from '../wire/index.ts'
import { sysfs_kf_seq_show, sysfs_kf_write, sysfs_readdir } from './dax/sysfs.ts'
import type { FuseDev } from './fuse/conn.ts'
import { fuse_dev_ioctl } from './fuse/dev.ts'
import { SYSCALL } from './kernel.ts'
import { do_madvise } from './mm/madvise.ts'
import { user_lines, user_load, user_store } from './mm/memory.ts'
import { do_mmap, do_munmap } from './mm/mmap.ts'
import { do_kill, exit_to_user_mode, proc_list } from './signal.ts'
import type { McePolicy, SigInfo, task_struct } from './task_struct.ts'
import { do_fchownat, do_setattr, vfs_ftruncate, vfs_truncate } from './vfs/attr.ts'
import {
  do_linkat,
  do_mkdirat,
  do_mknodat,
  do_readlinkat,
  do_renameat2,
  do_symlinkat,
  do_unlinkat,
} from './vfs/create.ts'
import { d_path } from './vfs/dcache.ts'
import { AT_FDCWD, close_fd } from './vfs/file.ts'
import { do_flock } from './vfs/flock.ts'
import type { DirEntry, StatFs } from './vfs/inode.ts'
import { drop_caches } from './vfs/iput.ts'
import { do_mount_fuse, do_umount, type MountData, proc_mounts } from './vfs/mount.ts'
import { do_chdir, do_sys_open } from './vfs/open.ts'
import { vfs_fallocate, vfs_fsync, vfs_llseek, vfs_rw } from './vfs/read_write.ts'
import { iterate_dir, type Stat, vfs_fstat, vfs_lstat, vfs_stat, vfs_statfs } from './vfs/stat.ts'
import { vfs_getxattr, vfs_listxattr, vfs_removexattr, vfs_setxattr } from './vfs/xattr.ts'

const ENTER = new OpKind('syscall', ACCESS_NONE, 100, true, () => undefined)

/** A system call: entry, body, the fatal-signal check on the way out. */
const syscall = <A extends any[], T>(name: string, body: (ts: task_struct, ...a: A) => Op<T>) =>
  kfn(`sys_${name}`, function* (ts: task_struct, ...a: A): Step<T> {
    yield* new Op<void>(ENTER, null)
    const r = yield* body(ts, ...a)
    const { m } = ts.k
    if (m.trace.on || m.hooks.live) m.emit(SYSCALL, name, null, typeof r === 'number' ? r : 0, 0, null)
    exit_to_user_mode(ts)
    return r
  })

const openat = syscall('openat', do_sys_open)
const mkdirat = syscall('mkdirat', do_mkdirat)
const mknodat = syscall('mknodat', do_mknodat)
const symlinkat = syscall('symlinkat', do_symlinkat)
const linkat = syscall('linkat', do_linkat)
const unlinkat = syscall('unlinkat', do_unlinkat)
const renameat2 = syscall('renameat2', do_renameat2)
const readlinkat = syscall('readlinkat', do_readlinkat)
const setattr = syscall('setattr', do_setattr)
const fchownat = syscall('fchownat', do_fchownat)
const truncate = syscall('truncate', vfs_truncate)
const ftruncate = syscall('ftruncate', vfs_ftruncate)
const fallocate = syscall('fallocate', vfs_fallocate)
const fsync = syscall('fsync', vfs_fsync)
const flock = syscall('flock', do_flock)
const getxattr = syscall('getxattr', vfs_getxattr)
const setxattr = syscall('setxattr', vfs_setxattr)
const listxattr = syscall('listxattr', vfs_listxattr)
const removexattr = syscall('removexattr', vfs_removexattr)
const chdir = syscall('chdir', do_chdir)
const kill = syscall('kill', do_kill)
const close = syscall('close', close_fd)
const read = syscall('read', (ts: task_struct, fd: number, b: Uint8Array) => vfs_rw(ts, fd, b, null, false))
const write = syscall('write', (ts: task_struct, fd: number, b: Uint8Array) => vfs_rw(ts, fd, b, null, true))
const pread = syscall('pread64', (ts: task_struct, fd: number, b: Uint8Array, o: number) => vfs_rw(ts, fd, b, o, false))
const pwrite = syscall('pwrite64', (ts: task_struct, fd: number, b: Uint8Array, o: number) =>
  vfs_rw(ts, fd, b, o, true),
)
const lseek = syscall('lseek', vfs_llseek)
const stat = syscall('stat', vfs_stat)
const lstat = syscall('lstat', vfs_lstat)
const fstat = syscall('fstat', vfs_fstat)
const statfs = syscall('statfs', vfs_statfs)
const getdents = syscall('getdents64', iterate_dir)
const mmap = syscall('mmap', do_mmap)
const munmap = syscall('munmap', do_munmap)
const madvise = syscall('madvise', do_madvise)
const mount = syscall('mount', do_mount_fuse)
const umount = syscall('umount2', do_umount)
const ioctl = syscall('ioctl', (_ts: task_struct, dev: FuseDev, cmd: number, arg: Uint8Array) =>
  fuse_dev_ioctl(dev.fc, cmd, arg),
)

const sysfs_write = syscall('sysfs_write', sysfs_kf_write)
const sysfs_read = syscall('sysfs_read', sysfs_kf_seq_show)
const sysfs_list = syscall('sysfs_getdents', sysfs_readdir)

/** A buffer of this length nobody looks at, or the caller's own. */
const asBuf = (b: Uint8Array | number): Uint8Array => (typeof b === 'number' ? new Uint8Array(b) : b)

/** What an application's generator gets as `sys`. `yield*` everything. */
export class Sys {
  readonly ts: task_struct
  constructor(ts: task_struct) {
    this.ts = ts
  }
  /** `mode`: permission bits of a file that O_CREAT makes, before the umask. */
  open(path: string, flags = 0, mode = 0o666): Op<number> {
    return openat(this.ts, AT_FDCWD, path, flags, mode)
  }
  /** A relative path starts at the directory that `dirfd` is open on. */
  openat(dirfd: number, path: string, flags = 0, mode = 0o666): Op<number> {
    return openat(this.ts, dirfd, path, flags, mode)
  }
  mkdir(path: string, mode = 0o777): Op<number> {
    return mkdirat(this.ts, path, mode)
  }
  /** A node; `mode` has its type. */
  mknod(path: string, mode: number, rdev = 0): Op<number> {
    return mknodat(this.ts, path, mode, rdev)
  }
  symlink(target: string, path: string): Op<number> {
    return symlinkat(this.ts, target, path)
  }
  link(from: string, path: string): Op<number> {
    return linkat(this.ts, from, path)
  }
  unlink(path: string): Op<number> {
    return unlinkat(this.ts, path, false)
  }
  rmdir(path: string): Op<number> {
    return unlinkat(this.ts, path, true)
  }
  /** `flags`: RENAME_NOREPLACE or RENAME_EXCHANGE. */
  rename(from: string, to: string, flags = 0): Op<number> {
    return renameat2(this.ts, from, to, flags)
  }
  /** Where a link points, or -errno. */
  readlink(path: string): Op<string | number> {
    return readlinkat(this.ts, path)
  }
  chmod(path: string, mode: number): Op<number> {
    return setattr(this.ts, path, { mode })
  }
  /** An id that is not given stays. */
  chown(path: string, uid?: number, gid?: number): Op<number> {
    return fchownat(this.ts, path, uid, gid)
  }
  /** Times in ns; one that is not given stays. */
  utimes(path: string, atime?: number, mtime?: number): Op<number> {
    return setattr(this.ts, path, { atime, mtime })
  }
  truncate(path: string, size: number): Op<number> {
    return truncate(this.ts, path, size)
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
  /** The value, or -errno. */
  getxattr(path: string, name: string): Op<Uint8Array | number> {
    return getxattr(this.ts, path, name)
  }
  setxattr(path: string, name: string, value: Uint8Array, flags = 0): Op<number> {
    return setxattr(this.ts, path, name, value, flags)
  }
  listxattr(path: string): Op<string[] | number> {
    return listxattr(this.ts, path)
  }
  removexattr(path: string, name: string): Op<number> {
    return removexattr(this.ts, path, name)
  }
  chdir(path: string): Op<number> {
    return chdir(this.ts, path)
  }
  /** The working directory. */
  getcwd(): string {
    const d = this.ts.cwd.peek()
    return d === null ? '/' : d_path(d)
  }
  /** Set the bits that new files do not get; the old ones. */
  umask(mask: number): number {
    const old = this.ts.umask.peek()
    this.ts.umask.poke(mask & 0o777)
    return old
  }
  getpid(): number {
    return this.ts.pid
  }
  /** Send a signal to every thread of a process: 0, -ESRCH, -EPERM. */
  kill(pid: number, name: string): Op<number> {
    return kill(this.ts, pid, name)
  }
  /** Processes that have not ended, as ps(1) reads them from /proc, oldest first. */
  proc_list(): { readonly pid: number; readonly comm: string }[] {
    return proc_list(this.ts.k)
  }
  /** The text of /proc/mounts. */
  proc_mounts(): string {
    return proc_mounts(this.ts.k)
  }
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
  lseek(fd: number, off: number, whence: number): Op<number> {
    return lseek(this.ts, fd, off, whence)
  }
  stat(path: string): Op<Stat | number> {
    return stat(this.ts, path)
  }
  /** Of a link itself. */
  lstat(path: string): Op<Stat | number> {
    return lstat(this.ts, path)
  }
  fstat(fd: number): Op<Stat | number> {
    return fstat(this.ts, fd)
  }
  statfs(path: string): Op<StatFs | number> {
    return statfs(this.ts, path)
  }
  /** Names of an open directory. */
  getdents(fd: number): Op<DirEntry[] | number> {
    return getdents(this.ts, fd)
  }
  /** The address, or -errno. `addr` 0: the kernel picks. */
  mmap(addr: number, len: number, prot: number, flags: number, fd: number, off = 0): Op<number> {
    return mmap(this.ts, addr, len, prot, flags, fd, off)
  }
  munmap(addr: number, len: number): Op<number> {
    return munmap(this.ts, addr, len)
  }
  /** MADV_HWPOISON is the only advice there is. */
  madvise(addr: number, len: number, advice: number): Op<number> {
    return madvise(this.ts, addr, len, advice)
  }
  /** prctl(PR_MCE_KILL): when to be signalled for a bad page that this process maps and did not touch. */
  mce_kill(policy: McePolicy): void {
    this.ts.mce_kill = policy
  }
  mount(dev: FuseDev, path: string, data: MountData = {}): Op<number> {
    return mount(this.ts, dev, path, data)
  }
  /** `flags`: MNT_DETACH. */
  umount(path: string, flags = 0): Op<number> {
    return umount(this.ts, path, flags)
  }
  /** ioctl on an open /dev/fuse. */
  ioctl(dev: FuseDev, cmd: number, arg: Uint8Array): Op<number> {
    return ioctl(this.ts, dev, cmd, arg)
  }
  /** Load from a mapped address into `buf`. SIGSEGV or SIGBUS unwind as a `Killed`; catch it to handle the signal. */
  load(addr: number, buf: Uint8Array): Op<void> {
    return user_load(this.ts, addr, buf)
  }
  store(addr: number, buf: Uint8Array): Op<void> {
    return user_store(this.ts, addr, buf)
  }
  /** Like load, but a signal comes back as its siginfo, as a handler would see it. Null: nothing happened. */
  load_or_signal(addr: number, buf: Uint8Array): Op<SigInfo | null> {
    return this.or_signal(user_load(this.ts, addr, buf))
  }
  store_or_signal(addr: number, buf: Uint8Array): Op<SigInfo | null> {
    return this.or_signal(user_store(this.ts, addr, buf))
  }
  /** Any access to mapped memory, with a handler for the signal it may raise: its siginfo, or null. */
  or_signal(access: Op<void>): Op<SigInfo | null> {
    return handled(access)
  }
  /**
   * CLWB for every line of a range: dirty ones are written back, and stay. Complete at the next `sfence`. Like all cache
   * instructions it faults as a load does.
   */
  clwb(addr: number, len: number): Op<void> {
    return user_lines(this.ts, addr, len, fabric_clwb)
  }
  /** CLFLUSHOPT: dirty lines are written back, and all are dropped. Complete at the next `sfence`. */
  clflushopt(addr: number, len: number): Op<void> {
    return user_lines(this.ts, addr, len, fabric_clflushopt)
  }
  /** CLFLUSH: the same, complete when it returns. */
  clflush(addr: number, len: number): Op<void> {
    return user_lines(this.ts, addr, len, fabric_clflush)
  }
  /** SFENCE: what this process asked for with `clwb` and `clflushopt` is complete. */
  sfence(): Op<void> {
    return fabric_sfence()
  }
  /** The application computes for this long, ns. */
  sleep(ns: number): Op<void> {
    return sleep(ns)
  }
  /** clock_gettime(CLOCK_MONOTONIC): virtual time, ns. */
  clock(): number {
    return this.ts.k.m.clock()
  }
  /** Requests this process has sent to FUSE servers so far. */
  upcalls(): number {
    return this.ts.upcalls.peek()
  }
  /** Page faults this process has taken so far (minor and major). */
  faults(): number {
    return this.ts.mm!.min_flt.peek() + this.ts.mm!.maj_flt.peek()
  }
  /** echo 2 > /proc/sys/vm/drop_caches. Gives how many names went. */
  drop_caches(): Op<number> {
    return drop_caches(this.ts.k)
  }
  /** What a file below /sys says, without its newline; or -errno. */
  sysfs_read(path: string): Op<string | number> {
    return sysfs_read(this.ts, path)
  }
  /** Write a line to a file below /sys: bytes taken, or -errno. */
  sysfs_write(path: string, text: string): Op<number> {
    return sysfs_write(this.ts, path, text)
  }
  /** Names in a directory below /sys, or -errno. */
  sysfs_list(path: string): Op<string[] | number> {
    return sysfs_list(this.ts, path)
  }
  /** Hold a page of a device that is system RAM, as a driver or an I/O does: 0, or -ENXIO when no block of it is online. */
  pin_system_ram(device: string): Op<number> {
    return pin_user_pages(this.ts, device, true)
  }
  /** Let such a page go: 0, or -ENXIO when none is held. */
  unpin_system_ram(device: string): Op<number> {
    return pin_user_pages(this.ts, device, false)
  }
  /** A device tool reads the bare device (mkfs, daxctl). Bytes, or -errno of finding it. */
  tool_read(device: string, off: number, buf: Uint8Array): Op<number> {
    return tool(this.ts, device, off, buf, false)
  }
  /**
   * A device tool clears the poison of a range (cxl clear-poison, ndctl clear-errors): what was lost reads as zeros. 0, -EACCES,
   * -ENXIO (no such device), -EINVAL (not whole lines, or outside).
   */
  clear_poison(device: string, off: number, len: number): Op<number> {
    return tool_clear(this.ts, device, off, len)
  }
  tool_write(device: string, off: number, buf: Uint8Array): Op<number> {
    return tool(this.ts, device, off, buf, true)
  }
  /** CLWB and CLFLUSHOPT by a device tool; `len` bytes, or -errno of finding the device. */
  tool_clwb(device: string, off: number, len: number): Op<number> {
    return tool_lines(this.ts, device, off, len, fabric_clwb)
  }
  tool_clflushopt(device: string, off: number, len: number): Op<number> {
    return tool_lines(this.ts, device, off, len, fabric_clflushopt)
  }
}

/** What device tools do to a list of bad lines: a command to the device for each. Hosts that were told of them stay told. */
const tool_clear = kfn(
  'cxl clear-poison',
  function* (ts: task_struct, device: string, off: number, len: number): Step<number> {
    const dev = toolDevice(ts, device)
    if (dev === undefined) return -ENXIO
    if (!ts.capable('CAP_SYS_ADMIN')) return -EACCES
    if (off % POISON_LINE !== 0 || len % POISON_LINE !== 0 || off < 0 || len <= 0 || off + len > dev.memory.size)
      return -EINVAL
    yield* clear_poison(dev.memory, off, len)
    return 0
  },
)

const handled = kfn('signal handler', function* (access: Op<void>): Step<SigInfo | null> {
  try {
    yield* access
    return null
  } catch (e) {
    if (e instanceof Killed && e.info !== null) return e.info as SigInfo
    throw e
  }
})

/** The device that a tool names, with or without /dev/. */
const toolDevice = (ts: task_struct, device: string): dev_dax | undefined =>
  ts.k.bus.byName(device.replace(/^\/dev\//, ''))

/** The memory of such a device, if the range lies in it. */
const toolMemory = (ts: task_struct, device: string, off: number, len: number): DaxMemory | null => {
  const dev = toolDevice(ts, device)
  return dev === undefined || off + len > dev.memory.size ? null : dev.memory
}

const tool = kfn(
  'device tool',
  function* (ts: task_struct, device: string, off: number, buf: Uint8Array, write: boolean): Step<number> {
    const mem = toolMemory(ts, device, off, buf.length)
    if (mem === null) return -ENXIO
    const n = yield* write ? fabric_write(mem, off, buf, 'tool') : fabric_read(mem, off, buf, 'tool')
    return n < buf.length ? -EIO : n
  },
)

const tool_lines = kfn(
  'device tool cache lines',
  function* (ts: task_struct, device: string, off: number, len: number, instruction: typeof fabric_clwb): Step<number> {
    const mem = toolMemory(ts, device, off, len)
    return mem === null ? -ENXIO : yield* instruction(mem, off, len, 'tool')
  },
)

const pin_user_pages = kfn('pin_user_pages', function* (ts: task_struct, device: string, pin: boolean): Step<number> {
  const dev = toolDevice(ts, device)
  if (dev === undefined) return -ENXIO
  return (pin ? ts.k.hotplug.pin(dev) : ts.k.hotplug.unpin(dev)) ? 0 : -ENXIO
})
