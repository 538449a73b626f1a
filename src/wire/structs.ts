// Every struct of the FUSE channel at level 7.45 with the famfs messages, spelled as in the kernel's UAPI header.
// Offsets and sizes in bytes, little-endian. Facts: kernel.md 1.1 (famfs), 1.7 (classic). Reserved space is `pad`.
// Layouts that 1.7 does not list (locks, bmap, ioctl, poll, cuse, mappings) follow the public UAPI header.

import {
  ATTR_FLAGS,
  DAXDEV_NAME_MAX,
  FATTR_FLAGS,
  FOPEN_FLAGS,
  FSYNC_FLAGS,
  GETATTR_FLAGS,
  LK_FLAGS,
  OPEN_IN_FLAGS,
  RELEASE_FLAGS,
  RENAME_FLAGS,
  WRITE_FLAGS,
} from './constants.ts'
import { cstr, nested, pad, s32, s64, struct, u8, u16, u32, u64 } from './struct.ts'

// Headers

/** Before every request. total_extlen counts units of 8 bytes at the end of the message. */
export const fuse_in_header = struct('fuse_in_header', 40, {
  len: u32(0),
  opcode: u32(4),
  unique: u64(8),
  nodeid: u64(16),
  uid: u32(24),
  gid: u32(28),
  pid: u32(32),
  total_extlen: u16(36),
  padding: pad(38, 2),
})

/** Before every reply. error is 0 or -1..-511; with unique 0 it is a notification code. */
export const fuse_out_header = struct('fuse_out_header', 16, { len: u32(0), error: s32(4), unique: u64(8) })

// INIT

export const fuse_init_in = struct('fuse_init_in', 64, {
  major: u32(0),
  minor: u32(4),
  max_readahead: u32(8, 'hex'),
  flags: u32(12, 'hex'),
  flags2: u32(16, 'hex'),
  unused: pad(20, 44),
})

export const fuse_init_out = struct('fuse_init_out', 64, {
  major: u32(0),
  minor: u32(4),
  max_readahead: u32(8, 'hex'),
  flags: u32(12, 'hex'),
  max_background: u16(16),
  congestion_threshold: u16(18),
  max_write: u32(20, 'hex'),
  time_gran: u32(24),
  max_pages: u16(28),
  map_alignment: u16(30),
  flags2: u32(32, 'hex'),
  max_stack_depth: u32(36),
  request_timeout: u16(40),
  unused: pad(42, 22),
})

export const cuse_init_in = struct('cuse_init_in', 16, {
  major: u32(0),
  minor: u32(4),
  unused: pad(8, 4),
  flags: u32(12, 'hex'),
})

export const cuse_init_out = struct('cuse_init_out', 72, {
  major: u32(0),
  minor: u32(4),
  unused: pad(8, 4),
  flags: u32(12, 'hex'),
  max_read: u32(16),
  max_write: u32(20),
  dev_major: u32(24),
  dev_minor: u32(28),
  spare: pad(32, 40),
})

// Attributes and entries

export const fuse_attr = struct('fuse_attr', 88, {
  ino: u64(0),
  size: u64(8),
  blocks: u64(16),
  atime: u64(24),
  mtime: u64(32),
  ctime: u64(40),
  atimensec: u32(48),
  mtimensec: u32(52),
  ctimensec: u32(56),
  mode: u32(60, 'oct'),
  nlink: u32(64),
  uid: u32(68),
  gid: u32(72),
  rdev: u32(76, 'hex'),
  blksize: u32(80),
  flags: u32(84, ATTR_FLAGS),
})

/** nodeid 0 with error 0 is a negative entry, cached for entry_valid seconds. */
export const fuse_entry_out = struct('fuse_entry_out', 128, {
  nodeid: u64(0),
  generation: u64(8),
  entry_valid: u64(16),
  attr_valid: u64(24),
  entry_valid_nsec: u32(32),
  attr_valid_nsec: u32(36),
  attr: nested(40, fuse_attr),
})

export const fuse_getattr_in = struct('fuse_getattr_in', 16, {
  getattr_flags: u32(0, GETATTR_FLAGS),
  dummy: pad(4, 4),
  fh: u64(8),
})

export const fuse_attr_out = struct('fuse_attr_out', 104, {
  attr_valid: u64(0),
  attr_valid_nsec: u32(8),
  dummy: pad(12, 4),
  attr: nested(16, fuse_attr),
})

export const fuse_setattr_in = struct('fuse_setattr_in', 88, {
  valid: u32(0, FATTR_FLAGS),
  padding: pad(4, 4),
  fh: u64(8),
  size: u64(16),
  lock_owner: u64(24, 'hex'),
  atime: u64(32),
  mtime: u64(40),
  ctime: u64(48),
  atimensec: u32(56),
  mtimensec: u32(60),
  ctimensec: u32(64),
  mode: u32(68, 'oct'),
  unused4: pad(72, 4),
  uid: u32(76),
  gid: u32(80),
  unused5: pad(84, 4),
})

// Opening, creating, naming

export const fuse_open_in = struct('fuse_open_in', 8, { flags: u32(0, 'hex'), open_flags: u32(4, OPEN_IN_FLAGS) })

export const fuse_open_out = struct('fuse_open_out', 16, {
  fh: u64(0),
  open_flags: u32(8, FOPEN_FLAGS),
  backing_id: s32(12),
})

export const fuse_create_in = struct('fuse_create_in', 16, {
  flags: u32(0, 'hex'),
  mode: u32(4, 'oct'),
  umask: u32(8, 'oct'),
  open_flags: u32(12, OPEN_IN_FLAGS),
})

/** The two structs of a CREATE or TMPFILE reply in one; the kernel has no name for the pair. */
export const fuse_create_out = struct('fuse_create_out', 144, {
  entry: nested(0, fuse_entry_out),
  open: nested(128, fuse_open_out),
})

export const fuse_mknod_in = struct('fuse_mknod_in', 16, {
  mode: u32(0, 'oct'),
  rdev: u32(4, 'hex'),
  umask: u32(8, 'oct'),
  padding: pad(12, 4),
})

export const fuse_mkdir_in = struct('fuse_mkdir_in', 8, { mode: u32(0, 'oct'), umask: u32(4, 'oct') })

export const fuse_rename_in = struct('fuse_rename_in', 8, { newdir: u64(0) })

export const fuse_rename2_in = struct('fuse_rename2_in', 16, {
  newdir: u64(0),
  flags: u32(8, RENAME_FLAGS),
  padding: pad(12, 4),
})

export const fuse_link_in = struct('fuse_link_in', 8, { oldnodeid: u64(0) })

// Open files

export const fuse_release_in = struct('fuse_release_in', 24, {
  fh: u64(0),
  flags: u32(8, 'hex'),
  release_flags: u32(12, RELEASE_FLAGS),
  lock_owner: u64(16, 'hex'),
})

export const fuse_flush_in = struct('fuse_flush_in', 24, {
  fh: u64(0),
  unused: pad(8, 4),
  padding: pad(12, 4),
  lock_owner: u64(16, 'hex'),
})

export const fuse_fsync_in = struct('fuse_fsync_in', 16, {
  fh: u64(0),
  fsync_flags: u32(8, FSYNC_FLAGS),
  padding: pad(12, 4),
})

export const fuse_read_in = struct('fuse_read_in', 40, {
  fh: u64(0),
  offset: u64(8),
  size: u32(16),
  read_flags: u32(20, 'hex'),
  lock_owner: u64(24, 'hex'),
  flags: u32(32, 'hex'),
  padding: pad(36, 4),
})

export const fuse_write_in = struct('fuse_write_in', 40, {
  fh: u64(0),
  offset: u64(8),
  size: u32(16),
  write_flags: u32(20, WRITE_FLAGS),
  lock_owner: u64(24, 'hex'),
  flags: u32(32, 'hex'),
  padding: pad(36, 4),
})

export const fuse_write_out = struct('fuse_write_out', 8, { size: u32(0), padding: pad(4, 4) })

export const fuse_lseek_in = struct('fuse_lseek_in', 24, {
  fh: u64(0),
  offset: u64(8),
  whence: u32(16),
  padding: pad(20, 4),
})

export const fuse_lseek_out = struct('fuse_lseek_out', 8, { offset: u64(0) })

export const fuse_fallocate_in = struct('fuse_fallocate_in', 32, {
  fh: u64(0),
  offset: u64(8),
  length: u64(16),
  mode: u32(24, 'hex'),
  padding: pad(28, 4),
})

export const fuse_copy_file_range_in = struct('fuse_copy_file_range_in', 56, {
  fh_in: u64(0),
  off_in: u64(8),
  nodeid_out: u64(16),
  fh_out: u64(24),
  off_out: u64(32),
  len: u64(40),
  flags: u64(48, 'hex'),
})

/** Reply of COPY_FILE_RANGE_64; the older opcode answers with fuse_write_out. */
export const fuse_copy_file_range_out = struct('fuse_copy_file_range_out', 8, { bytes_copied: u64(0) })

export const fuse_file_lock = struct('fuse_file_lock', 24, { start: u64(0), end: u64(8), type: u32(16), pid: u32(20) })

export const fuse_lk_in = struct('fuse_lk_in', 48, {
  fh: u64(0),
  owner: u64(8, 'hex'),
  lk: nested(16, fuse_file_lock),
  lk_flags: u32(40, LK_FLAGS),
  padding: pad(44, 4),
})

export const fuse_lk_out = struct('fuse_lk_out', 24, { lk: nested(0, fuse_file_lock) })

export const fuse_bmap_in = struct('fuse_bmap_in', 16, { block: u64(0), blocksize: u32(8), padding: pad(12, 4) })
export const fuse_bmap_out = struct('fuse_bmap_out', 8, { block: u64(0) })

export const fuse_ioctl_in = struct('fuse_ioctl_in', 32, {
  fh: u64(0),
  flags: u32(8, 'hex'),
  cmd: u32(12, 'hex'),
  arg: u64(16, 'hex'),
  in_size: u32(24),
  out_size: u32(28),
})

export const fuse_ioctl_iovec = struct('fuse_ioctl_iovec', 16, { base: u64(0, 'hex'), len: u64(8) })

export const fuse_ioctl_out = struct('fuse_ioctl_out', 16, {
  result: s32(0),
  flags: u32(4, 'hex'),
  in_iovs: u32(8),
  out_iovs: u32(12),
})

export const fuse_poll_in = struct('fuse_poll_in', 24, {
  fh: u64(0),
  kh: u64(8),
  flags: u32(16, 'hex'),
  events: u32(20, 'hex'),
})

export const fuse_poll_out = struct('fuse_poll_out', 8, { revents: u32(0, 'hex'), padding: pad(4, 4) })

// The rest of the classic requests

export const fuse_kstatfs = struct('fuse_kstatfs', 80, {
  blocks: u64(0),
  bfree: u64(8),
  bavail: u64(16),
  files: u64(24),
  ffree: u64(32),
  bsize: u32(40),
  namelen: u32(44),
  frsize: u32(48),
  padding: pad(52, 4),
  spare: pad(56, 24),
})

export const fuse_statfs_out = struct('fuse_statfs_out', 80, { st: nested(0, fuse_kstatfs) })

export const fuse_access_in = struct('fuse_access_in', 8, { mask: u32(0, 'hex'), padding: pad(4, 4) })

/** size 0 asks only how big the value is. Also LISTXATTR, and GET_FMAP in the newest famfs trees. */
export const fuse_getxattr_in = struct('fuse_getxattr_in', 8, { size: u32(0), padding: pad(4, 4) })
export const fuse_getxattr_out = struct('fuse_getxattr_out', 8, { size: u32(0), padding: pad(4, 4) })

export const fuse_setxattr_in = struct('fuse_setxattr_in', 16, {
  size: u32(0),
  flags: u32(4, 'hex'),
  setxattr_flags: u32(8, 'hex'),
  padding: pad(12, 4),
})

/** What SETXATTR carries when SETXATTR_EXT was not negotiated: the first half. */
export const fuse_setxattr_in_compat = struct('fuse_setxattr_in_compat', 8, { size: u32(0), flags: u32(4, 'hex') })

export const fuse_forget_in = struct('fuse_forget_in', 8, { nlookup: u64(0) })
export const fuse_forget_one = struct('fuse_forget_one', 16, { nodeid: u64(0), nlookup: u64(8) })
export const fuse_batch_forget_in = struct('fuse_batch_forget_in', 8, { count: u32(0), dummy: pad(4, 4) })

/** unique of the request to interrupt. */
export const fuse_interrupt_in = struct('fuse_interrupt_in', 8, { unique: u64(0) })

export const fuse_syncfs_in = struct('fuse_syncfs_in', 8, { padding: pad(0, 8) })

export const fuse_setupmapping_in = struct('fuse_setupmapping_in', 40, {
  fh: u64(0),
  foffset: u64(8),
  len: u64(16),
  flags: u64(24, 'hex'),
  moffset: u64(32),
})

export const fuse_removemapping_in = struct('fuse_removemapping_in', 4, { count: u32(0) })
export const fuse_removemapping_one = struct('fuse_removemapping_one', 16, { moffset: u64(0), len: u64(8) })

export const fuse_sx_time = struct('fuse_sx_time', 16, { tv_sec: s64(0), tv_nsec: u32(8), reserved: pad(12, 4) })

export const fuse_statx = struct('fuse_statx', 256, {
  mask: u32(0, 'hex'),
  blksize: u32(4),
  attributes: u64(8, 'hex'),
  nlink: u32(16),
  uid: u32(20),
  gid: u32(24),
  mode: u16(28, 'oct'),
  spare0: pad(30, 2),
  ino: u64(32),
  size: u64(40),
  blocks: u64(48),
  attributes_mask: u64(56, 'hex'),
  atime: nested(64, fuse_sx_time),
  btime: nested(80, fuse_sx_time),
  ctime: nested(96, fuse_sx_time),
  mtime: nested(112, fuse_sx_time),
  rdev_major: u32(128),
  rdev_minor: u32(132),
  dev_major: u32(136),
  dev_minor: u32(140),
  spare2: pad(144, 112),
})

export const fuse_statx_in = struct('fuse_statx_in', 24, {
  getattr_flags: u32(0, GETATTR_FLAGS),
  reserved: pad(4, 4),
  fh: u64(8),
  sx_flags: u32(16, 'hex'),
  sx_mask: u32(20, 'hex'),
})

export const fuse_statx_out = struct('fuse_statx_out', 288, {
  attr_valid: u64(0),
  attr_valid_nsec: u32(8),
  flags: u32(12, 'hex'),
  spare: pad(16, 16),
  stat: nested(32, fuse_statx),
})

// Directory records: the name follows, the record is padded to 8 bytes

export const fuse_dirent = struct('fuse_dirent', 24, { ino: u64(0), off: u64(8), namelen: u32(16), type: u32(20) })

export const fuse_direntplus = struct('fuse_direntplus', 152, {
  entry_out: nested(0, fuse_entry_out),
  dirent: nested(128, fuse_dirent),
})

// Extensions at the end of a request

export const fuse_secctx = struct('fuse_secctx', 8, { size: u32(0), padding: pad(4, 4) })
export const fuse_secctx_header = struct('fuse_secctx_header', 8, { size: u32(0), nr_secctx: u32(4) })
export const fuse_ext_header = struct('fuse_ext_header', 8, { size: u32(0), type: u32(4) })

// Notifications

export const fuse_notify_poll_wakeup_out = struct('fuse_notify_poll_wakeup_out', 8, { kh: u64(0) })

/** off below 0 refreshes attributes only; len 0 or below runs to the end of the file. */
export const fuse_notify_inval_inode_out = struct('fuse_notify_inval_inode_out', 24, {
  ino: u64(0),
  off: s64(8),
  len: s64(16),
})

export const fuse_notify_inval_entry_out = struct('fuse_notify_inval_entry_out', 16, {
  parent: u64(0),
  namelen: u32(8),
  flags: u32(12, 'hex'),
})

export const fuse_notify_delete_out = struct('fuse_notify_delete_out', 24, {
  parent: u64(0),
  child: u64(8),
  namelen: u32(16),
  padding: pad(20, 4),
})

export const fuse_notify_store_out = struct('fuse_notify_store_out', 24, {
  nodeid: u64(0),
  offset: u64(8),
  size: u32(16),
  padding: pad(20, 4),
})

export const fuse_notify_retrieve_out = struct('fuse_notify_retrieve_out', 32, {
  notify_unique: u64(0),
  nodeid: u64(8),
  offset: u64(16),
  size: u32(24),
  padding: pad(28, 4),
})

/** Body of NOTIFY_REPLY, the kernel's answer to RETRIEVE; the data follows. Same size as fuse_write_in on purpose. */
export const fuse_notify_retrieve_in = struct('fuse_notify_retrieve_in', 40, {
  dummy1: pad(0, 8),
  offset: u64(8),
  size: u32(16),
  dummy2: pad(20, 4),
  dummy3: pad(24, 8),
  dummy4: pad(32, 8),
})

export const fuse_notify_prune_out = struct('fuse_notify_prune_out', 16, {
  count: u32(0),
  padding: pad(4, 4),
  spare: pad(8, 8),
})

// famfs (kernel.md 1.1)

/** fmap_size is the whole message in NEWa/NEWb and reserved (0) before. */
export const fuse_famfs_fmap_header = struct('fuse_famfs_fmap_header', 32, {
  file_type: u8(0),
  reserved: pad(1, 1),
  fmap_version: u16(2),
  ext_type: u32(4),
  nextents: u32(8),
  fmap_size: u32(12),
  file_size: u64(16),
  reserved1: pad(24, 8),
})

export const fuse_famfs_simple_ext = struct('fuse_famfs_simple_ext', 24, {
  se_devindex: u32(0),
  reserved: pad(4, 4),
  se_offset: u64(8, 'hex'),
  se_len: u64(16, 'hex'),
})

/** One interleaved group; ie_nstrips simple extents follow. */
export const fuse_famfs_iext = struct('fuse_famfs_iext', 24, {
  ie_nstrips: u32(0),
  ie_chunk_size: u32(4, 'hex'),
  ie_nbytes: u64(8),
  reserved: pad(16, 8),
})

/** Request body of GET_FMAP in V2 only: the kernel's buffer size. */
export const fuse_get_fmap_in = struct('fuse_get_fmap_in', 8, { size: u32(0), padding: pad(4, 4) })

/** In the header, not on the wire: the index rides in nodeid and GET_DAXDEV has no body. */
export const fuse_get_daxdev_in = struct('fuse_get_daxdev_in', 4, { daxdev_num: u32(0) })

/** The kernel never looks at index, and uses name as a C string without forcing a NUL. */
export const fuse_daxdev_out = struct('fuse_daxdev_out', 280, {
  index: u16(0),
  reserved: pad(2, 2),
  reserved2: pad(4, 4),
  reserved3: pad(8, 8),
  reserved4: pad(16, 8),
  name: cstr(24, DAXDEV_NAME_MAX),
})

/** What FUSE_DEV_IOC_DAXDEV_OPEN is told; the last field is padding in FUSE_DEV_IOC_BACKING_OPEN. */
export const fuse_backing_map = struct('fuse_backing_map', 16, { fd: s32(0), flags: u32(4), daxdev_index: u64(8) })
