// System calls that take a path.
import type { Op } from '../../sim/index.ts'
import { do_fchownat, do_setattr, vfs_truncate } from '../vfs/attr.ts'
import {
  do_linkat,
  do_mkdirat,
  do_mknodat,
  do_readlinkat,
  do_renameat2,
  do_symlinkat,
  do_unlinkat,
} from '../vfs/create.ts'
import { d_path } from '../vfs/dcache.ts'
import { AT_FDCWD } from '../vfs/file.ts'
import type { StatFs } from '../vfs/inode.ts'
import { do_chdir, do_sys_open } from '../vfs/open.ts'
import { type Stat, vfs_lstat, vfs_stat, vfs_statfs } from '../vfs/stat.ts'
import { do_statx, STATX_BASIC_STATS, type Statx } from '../vfs/statx.ts'
import { vfs_getxattr, vfs_listxattr, vfs_removexattr, vfs_setxattr } from '../vfs/xattr.ts'
import { Caller, syscall } from './entry.ts'

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
const stat = syscall('stat', vfs_stat)
const lstat = syscall('lstat', vfs_lstat)
const statx = syscall('statx', do_statx)
const statfs = syscall('statfs', vfs_statfs)
const getxattr = syscall('getxattr', vfs_getxattr)
const setxattr = syscall('setxattr', vfs_setxattr)
const listxattr = syscall('listxattr', vfs_listxattr)
const removexattr = syscall('removexattr', vfs_removexattr)
const chdir = syscall('chdir', do_chdir)

/** The part of `Sys` that takes paths. */
export class PathCalls extends Caller {
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
  stat(path: string): Op<Stat | number> {
    return stat(this.ts, path)
  }
  /** Of a link itself. */
  lstat(path: string): Op<Stat | number> {
    return lstat(this.ts, path)
  }
  /** `at`: where a relative path starts (AT_FDCWD), or with AT_EMPTY_PATH and no path what is asked about. `mask`: STATX_ bits. */
  statx(at: number, path: string, flags = 0, mask = STATX_BASIC_STATS): Op<Statx | number> {
    return statx(this.ts, at, path, flags, mask)
  }
  statfs(path: string): Op<StatFs | number> {
    return statfs(this.ts, path)
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
}
