// struct inode, super_block and their operation tables, as far as path walk, data and mapping need them.
// Locking: i_rwsem (inode_lock) guards directory changes and size; i_size is read without it, as the kernel does.
import { Cell, down_read, down_write, type Op, RwSemaphore, up_read, up_write } from '../../sim/index.ts'
import { EFAULT, type UserMemory } from '../../wire/index.ts'
import { AddressSpace } from '../dax/address_space.ts'
import type { famfs_file_meta } from '../famfs/famfs_kfmap.ts'
import type { famfs_fs_info } from '../famfs-std/famfs_internal.ts'
import type { fuse_conn } from '../fuse/fuse_i.ts'
import type { fuse_inode } from '../fuse/fuse_inode.ts'
import type { Kernel } from '../kernel.ts'
import type { VmArea } from '../mm/vma.ts'
import type { Dentry } from './dcache.ts'
import type { File } from './file.ts'
import type { pipe_inode_info } from './pipe.ts'
import type { TmpfsNode } from './tmpfs.ts'

export const S_IFMT = 0o170000
export const S_ISUID = 0o4000
export const S_ISGID = 0o2000
export const S_ISVTX = 0o1000
export const S_IXGRP = 0o010
export const S_IFIFO = 0o010000
export const S_IFDIR = 0o040000
export const S_IFBLK = 0o060000
export const S_IFCHR = 0o020000
export const S_IFREG = 0o100000
export const S_IFLNK = 0o120000
export const S_IFSOCK = 0o140000
export const S_ISREG = (mode: number): boolean => (mode & S_IFMT) === S_IFREG
export const S_ISDIR = (mode: number): boolean => (mode & S_IFMT) === S_IFDIR
export const S_ISLNK = (mode: number): boolean => (mode & S_IFMT) === S_IFLNK
export const S_ISBLK = (mode: number): boolean => (mode & S_IFMT) === S_IFBLK
export const S_ISFIFO = (mode: number): boolean => (mode & S_IFMT) === S_IFIFO
export const S_ISCHR = (mode: number): boolean => (mode & S_IFMT) === S_IFCHR

/** i_flags: a directory that was removed; direct access to the memory. */
const S_DEAD = 16
export const S_DAX = 8192
export const IS_DEADDIR = (inode: Inode): boolean => (inode.i_flags.peek() & S_DEAD) !== 0
/** dont_mount() and S_DEAD: nothing is made in it any more. */
export const kill_dir = (inode: Inode): void => inode.i_flags.poke(inode.i_flags.peek() | S_DEAD)
export const IS_DAX = (inode: Inode): boolean => (inode.i_flags.peek() & S_DAX) !== 0

export const MAY_EXEC = 1
export const MAY_WRITE = 2
export const MAY_READ = 4

/** What stat(2) shows besides the size. */
export interface InodeAttr {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly nlink: number
  /** Times, ns. */
  readonly atime: number
  readonly mtime: number
  readonly ctime: number
  /** Units of 512 bytes. */
  readonly blocks: number
}

/** Attributes of a node made at time `now`, ns. */
export const new_attr = (mode: number, nlink: number, now: number, uid = 0, gid = 0): InodeAttr => ({
  mode,
  uid,
  gid,
  nlink,
  atime: now,
  mtime: now,
  ctime: now,
  blocks: 0,
})

/** struct iattr: what chmod, chown, truncate and utimes ask for; what is not given stays. Times in ns. */
export interface Iattr {
  /** Permission bits. */
  readonly mode?: number
  /** ATTR_KILL_SUID, ATTR_KILL_SGID: the bits are what a change of owner leaves, so anybody may have that. */
  readonly kill?: boolean
  readonly uid?: number
  readonly gid?: number
  /** Bytes. */
  readonly size?: number
  readonly atime?: number
  readonly mtime?: number
  /** The file that ftruncate() and its like came through. */
  readonly file?: File
  /** ATTR_OPEN: the size is 0 because the file was opened with O_TRUNC. */
  readonly open?: boolean
}

/** Longest value of an attribute by name, and longest list of names, bytes. */
export const XATTR_SIZE_MAX = 65536
export const XATTR_LIST_MAX = 65536

export interface InodeOps {
  /** Fill `dentry` with the inode of its name: 0, or -errno (-ENOENT: no such name). */
  lookup?(dir: Inode, dentry: Dentry): Op<number>
  /** Where a symbolic link points, when its inode does not say: the path, or -errno. */
  get_link?(inode: Inode): Op<string | number>
  /** May the running task do `mask` here: 0 or -EACCES. */
  permission?(inode: Inode, mask: number): Op<number>
  /** Bring attributes up to date, those of `mask` (STATX_ bits; all unless given) at least: 0 or -errno. `flags`: AT_STATX_ bits. */
  getattr?(inode: Inode, mask?: number, flags?: number): Op<number>
  /** Those below give 0 or -errno. What is not there is -EPERM, as fs/namei.c has it, or -EOPNOTSUPP for attributes by name. */
  setattr?(inode: Inode, attr: Iattr): Op<number>
  /**
   * Make and open a name that is not there. The open file; 0 when it is made and to be opened as usual. `mode` has the umask
   * taken off. A file system without it is asked to `create`.
   */
  atomic_open?(dir: Inode, dentry: Dentry, flags: number, mode: number): Op<File | number>
  /** Make a regular file without a name, the inode of `dentry`, which is in no directory (O_TMPFILE). */
  tmpfile?(dir: Inode, dentry: Dentry, mode: number): Op<number>
  /** Make a regular file under `dentry`, which has no inode yet. `mode` has the umask taken off. */
  create?(dir: Inode, dentry: Dentry, mode: number): Op<number>
  mkdir?(dir: Inode, dentry: Dentry, mode: number): Op<number>
  mknod?(dir: Inode, dentry: Dentry, mode: number, rdev: number): Op<number>
  symlink?(dir: Inode, dentry: Dentry, target: string): Op<number>
  link?(old: Dentry, dir: Inode, dentry: Dentry): Op<number>
  unlink?(dir: Inode, dentry: Dentry): Op<number>
  rmdir?(dir: Inode, dentry: Dentry): Op<number>
  /** `to` has an inode when the new name exists; it is what will be replaced. `flags` are RENAME_ of renameat2(2); none: 0. */
  rename?(from: Dentry, to_dir: Inode, to: Dentry, flags?: number): Op<number>
  /** The value, of `size` bytes at most (XATTR_SIZE_MAX unless given: -ERANGE). With size 0 its length. */
  getxattr?(inode: Inode, name: string, size?: number): Op<Uint8Array | number>
  setxattr?(inode: Inode, name: string, value: Uint8Array, flags: number): Op<number>
  listxattr?(inode: Inode): Op<string[] | number>
  removexattr?(inode: Inode, name: string): Op<number>
}

/** ki_flags of a kiocb: of the open file, or of this one call (RWF_ of preadv2 and pwritev2). */
export const IOCB_DSYNC = 0x2
export const IOCB_SYNC = 0x4
export const IOCB_NOWAIT = 0x8
export const IOCB_APPEND = 0x10
export const IOCB_DIRECT = 0x20000

/** struct kiocb plus the user buffer: one read or write. Returns of iter functions are bytes or -errno. */
export interface Kiocb {
  readonly file: File
  pos: number
  readonly ki_flags: number
  /**
   * The user's buffer; only its first `count` bytes are used. One that is shorter than `count` is one of which no more can be
   * had: the copy ends there, with -EFAULT if nothing was copied (`copyable`).
   */
  readonly buf: Uint8Array
  count: number
}

/** How much of `n` bytes there is room for in the buffer: -EFAULT when there are some and no room. */
export const copyable = (iocb: Kiocb, n: number): number =>
  n <= iocb.buf.length ? n : iocb.buf.length > 0 ? iocb.buf.length : -EFAULT

/** One name of a directory as readdir(3) gives it. */
export interface DirEntry {
  readonly name: string
  readonly ino: number
  readonly type: number
}

export interface FileOps {
  open?(inode: Inode, file: File): Op<number>
  flush?(file: File): Op<number>
  release?(inode: Inode, file: File): Op<number>
  read_iter?(iocb: Kiocb): Op<number>
  write_iter?(iocb: Kiocb): Op<number>
  /** lseek(2): the new position or -errno. Without it a file is all data (generic_file_llseek). */
  llseek?(file: File, off: number, whence: number): Op<number>
  /** Write what is in a pipe, `len` bytes at most: bytes or -errno. Without it by write_iter (iter_file_splice_write). */
  splice_write?(pipe: pipe_inode_info, file: File, pos: number, len: number, nonblock: boolean): Op<number>
  /** Copy between two files of this kind: bytes, or -errno; -EOPNOTSUPP, -EXDEV: not these, or not this server. */
  copy_file_range?(from: File, pos: number, to: File, to_pos: number, len: number): Op<number>
  mmap?(file: File, vma: VmArea): Op<number>
  /** Alignment of the addresses that get_unmapped_area() picks, bytes. */
  readonly map_align?: number
  /** Wait until what was written is safe, with `datasync` only what is needed to read it again: 0 or -errno. */
  fsync?(file: File, datasync?: boolean): Op<number>
  /** flock(2) by the file system itself: LOCK_SH, LOCK_EX or LOCK_UN, with or without LOCK_NB. Without it the kernel keeps it. */
  flock?(file: File, cmd: number): Op<number>
  fallocate?(file: File, mode: number, off: number, len: number): Op<number>
  iterate?(file: File, out: DirEntry[]): Op<number>
  /** ioctl(2): what the caller's pointers in `arg` mean is in `user`. The return value, or -errno; without it -ENOTTY. */
  unlocked_ioctl?(file: File, cmd: number, arg: Uint8Array, user: UserMemory): Op<number>
}

/** What statfs(2) fills in; counts are of blocks of `bsize` bytes. */
export interface StatFs {
  readonly type: number
  readonly bsize: number
  readonly blocks: number
  readonly bfree: number
  /** Free to those who are not root. */
  readonly bavail: number
  readonly files: number
  readonly ffree: number
  readonly namelen: number
  readonly frsize: number
}

/** struct super_block */
export interface SuperBlock {
  readonly k: Kernel
  readonly s_type: string
  readonly s_root: Dentry
  readonly nodev: boolean
  readonly fuse: fuse_conn | null
  /** Of the standalone famfs: its device, and what it knows of it. */
  readonly s_dev?: number
  readonly s_fs_info?: Cell<famfs_fs_info | null>
  /** What /proc/mounts shows: the source, and the options after `rw`. */
  readonly s_id: string
  readonly s_options: string
  /** d_revalidate: 1 still good, 0 look it up again, -errno. */
  revalidate?(dentry: Dentry): Op<number>
  /** The part of d_revalidate that asks nobody: the name's time has not run out. */
  still_valid?(dentry: Dentry): boolean
  statfs?(): Op<StatFs | number>
  /** Open files, working directories and system calls under way on it. */
  readonly mnt_count: Cell<number>
  /** It was unmounted while in use (MNT_DETACH): it has no place any more, and goes with the last use. */
  readonly detached: Cell<boolean>
  /** It is unmounted by force (MNT_FORCE): whoever waits for it is let go. */
  umount_begin?(): Op<void>
  /** Drop every inode, and what is behind the file system; called when nothing is open. */
  kill(): Op<void>
  /** The last reference to this inode went; free what it has. */
  evict_inode?(inode: Inode, forget: boolean): Op<void>
}

/** What leaves of tmpfs have in common. */
export class LeafInodeParts {
  readonly i_rwsem: RwSemaphore
  readonly i_mapping: AddressSpace
  /** A directory's lock is of a class of its own: a lookup that holds it may go on to a file's. */
  constructor(k: Kernel, dir = false) {
    this.i_rwsem = new RwSemaphore(k.m, 'inode->i_rwsem', dir ? 'i_rwsem of a directory' : 'inode->i_rwsem')
    this.i_mapping = new AddressSpace(k)
  }
}

/** struct inode */
export class Inode {
  readonly k: Kernel
  readonly id: number
  readonly name: string
  readonly i_ino: number
  readonly i_attr: Cell<InodeAttr>
  readonly i_size: Cell<number>
  readonly i_flags: Cell<number>
  /** References: dentries, open files, mappings. */
  readonly i_count: Cell<number>
  readonly i_rwsem: RwSemaphore
  readonly i_rdev: number
  readonly i_mapping: AddressSpace
  i_op: InodeOps
  i_fop: FileOps
  /** Target of a symbolic link. */
  i_link: string | null = null
  /** Its file system; null: the host's own tmpfs. */
  i_sb: SuperBlock | null = null
  fuse: fuse_inode | null = null
  /** The map of a file of the standalone famfs; null for anything else. */
  i_private: Cell<famfs_file_meta | null> | null = null
  tmpfs: TmpfsNode | null = null

  /** `leaf`: a file of tmpfs, which is never mapped and whose every change is one step: lock and mapping are its kernel's. */
  constructor(
    k: Kernel,
    ino: number,
    attr: InodeAttr,
    o: { i_op?: InodeOps; i_fop?: FileOps; rdev?: number; leaf?: LeafInodeParts } = {},
  ) {
    const m = k.m
    this.k = k
    this.id = m.newId()
    this.name = `inode ${ino}`
    this.i_ino = ino
    this.i_attr = new Cell(m, 'inode->i_mode', attr)
    this.i_size = new Cell(m, 'inode->i_size', 0)
    this.i_flags = new Cell(m, 'inode->i_flags', 0)
    this.i_count = new Cell(m, 'inode->i_count', 0)
    const parts = o.leaf ?? new LeafInodeParts(k, S_ISDIR(attr.mode))
    this.i_rwsem = parts.i_rwsem
    this.i_rdev = o.rdev ?? 0
    this.i_mapping = parts.i_mapping
    this.i_op = o.i_op ?? {}
    this.i_fop = o.i_fop ?? {}
  }
  get i_mode(): number {
    return this.i_attr.peek().mode
  }
}

/** inode_owner_or_capable() for the running task. */
export const inode_owner_or_capable = (inode: Inode): boolean => {
  const ts = inode.k.current
  return ts.cred.uid === inode.i_attr.peek().uid || ts.capable('CAP_FOWNER')
}

export const inode_lock = (inode: Inode): Op<void> => down_write(inode.i_rwsem)
export const inode_unlock = (inode: Inode): Op<void> => up_write(inode.i_rwsem)
export const inode_lock_shared = (inode: Inode): Op<void> => down_read(inode.i_rwsem)
export const inode_unlock_shared = (inode: Inode): Op<void> => up_read(inode.i_rwsem)

export const iget = (inode: Inode): void => inode.i_count.poke(inode.i_count.peek() + 1)
