// One host's kernel: vfs, mm, dax, fuse, famfs.
export { dax_bind_node } from './dax/device.ts'
export { IOMAP_WRITE, type iomap, new_iomap } from './dax/iomap.ts'
export { sysfs_paths, sysfs_show } from './dax/sysfs.ts'
export {
  FAULT,
  FUSE_READ_BY_SERVER,
  FUSE_REPLIED,
  FUSE_SENT,
  POISON,
  PUSHED,
  RECOVERY,
  SIGNAL,
  SYSCALL,
  UNMAP,
} from './events.ts'
export type { ProcessEnd, ProcessOptions } from './exit.ts'
export { famfs_iomap_ops } from './famfs/famfs_iomap.ts'
export { famfs_fuse_meta_alloc, famfs_meta_free } from './famfs/famfs_meta.ts'
export { fuse_abort_conn, fuse_conn_abort_write } from './fuse/abort.ts'
export { FuseDev, fuse_dev_release } from './fuse/conn.ts'
export { fuse_dev_do_read, fuse_dev_do_write } from './fuse/dev.ts'
export { fuse_dev_open } from './fuse/inode.ts'
export { type ConnEvent, type ConnState, connectionLife } from './fuse/life.ts'
export { Kernel, kernelOpcodes } from './kernel.ts'
export { MARKS } from './marks.ts'
export { MEM_MAJOR, NULL_MINOR, ZERO_MINOR } from './mem.ts'
export {
  FOLL_LONGTERM,
  FOLL_WRITE,
  type Pinned,
  pin_user_pages,
  read_pinned,
  unpin_user_pages,
} from './mm/gup.ts'
export { kill_me_maybe } from './mm/machine_check.ts'
export {
  MADV_COLD,
  MADV_COLLAPSE,
  MADV_DODUMP,
  MADV_DOFORK,
  MADV_DONTDUMP,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_DONTNEED_LOCKED,
  MADV_FREE,
  MADV_HUGEPAGE,
  MADV_HWPOISON,
  MADV_KEEPONFORK,
  MADV_NOHUGEPAGE,
  MADV_NORMAL,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_RANDOM,
  MADV_REMOVE,
  MADV_SEQUENTIAL,
  MADV_WILLNEED,
  MADV_WIPEONFORK,
} from './mm/madvise.ts'
export { memory_failure } from './mm/memory_failure.ts'
export { PROT_EXEC, PROT_NONE, PROT_READ, PROT_WRITE } from './mm/mm_struct.ts'
export {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_LOCKED,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_SYNC,
} from './mm/mmap.ts'
export { MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } from './mm/mremap.ts'
export { MS_ASYNC, MS_INVALIDATE, MS_SYNC } from './mm/msync.ts'
export type { Rss } from './mm/rss.ts'
export {
  type Daemon,
  restart_daemons,
  spawn_process,
  spawn_thread,
  start_daemon,
} from './process.ts'
export { asked_to_end, FATAL_SIGNALS } from './signal.ts'
export { Sys } from './syscalls.ts'
export { ALL_CAPS, type Capability, type Cred, ROOT_CRED, type SigInfo, task_struct } from './task_struct.ts'
export { F_DUPFD, F_GETFL, F_SETFL } from './vfs/fcntl.ts'
export {
  AT_FDCWD,
  type File,
  fdget,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  O_APPEND,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_DSYNC,
  O_EXCL,
  O_NOATIME,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_SYNC,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
} from './vfs/file.ts'
export {
  type DirEntry,
  type Inode,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  S_ISCHR,
  S_ISDIR,
  S_ISLNK,
  S_ISREG,
  type StatFs,
} from './vfs/inode.ts'
export {
  RWF_APPEND,
  RWF_DSYNC,
  RWF_HIPRI,
  RWF_NOAPPEND,
  RWF_NOWAIT,
  RWF_SYNC,
  type UserBuffer,
  type UserRange,
} from './vfs/iov.ts'
export { SEEK_CUR, SEEK_DATA, SEEK_END, SEEK_HOLE, SEEK_SET } from './vfs/llseek.ts'
export { MNT_DETACH, MNT_FORCE, UMOUNT_NOFOLLOW } from './vfs/mount.ts'
export { SPLICE_F_NONBLOCK } from './vfs/splice.ts'
export type { Stat } from './vfs/stat.ts'
export {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  STATX_ATTR_DAX,
  STATX_ATTR_MOUNT_ROOT,
  STATX_BASIC_STATS,
  type Statx,
} from './vfs/statx.ts'
export { kern_read, tmpfs_create, tmpfs_mkdir, tmpfs_mknod, tmpfs_symlink } from './vfs/tmpfs.ts'
