// Numbers of the protocol: versions, magics, flag bits, famfs map constants (kernel.md 1.1, 1.2, 1.6, 1.7).
// One table per set of flags, {name, bit}; masks with the kernel's own names beside it. What differs between famfs
// versions (the DAX_FMAP bit, opcodes) is an argument here and a fact of the profile elsewhere.

/** One flag: the name without its prefix, and the bit number (0..63). */
export interface Flag {
  readonly name: string
  readonly bit: number
}

const table = (names: string, first = 0): readonly Flag[] => {
  return names.split(' ').map((name, i) => ({ name, bit: first + i }))
}

/** Protocol version in INIT, and the node id of the root. */
export const FUSE_KERNEL_VERSION = 7
export const FUSE_KERNEL_MINOR_VERSION = 45
export const FUSE_ROOT_ID = 1

/** Smallest buffer read(2) on the device accepts, bytes (kernel.md 1.8). */
export const FUSE_MIN_READ_BUFFER = 8192
/** Header sizes, bytes. */
export const FUSE_IN_HEADER_SIZE = 40
export const FUSE_OUT_HEADER_SIZE = 16
/** Longest name that a notification may carry, bytes. */
export const FUSE_NAME_MAX = 1024

/** Requests take every second `unique`; bit 0 set is the INTERRUPT of the request one below. Bit 63: a RESEND copy. */
export const FUSE_REQ_ID_STEP = 2
export const FUSE_INT_REQ_BIT = 1
/** Bit 63 of unique as it stands in the high 32-bit word. */
export const FUSE_UNIQUE_RESEND_HI = 0x80000000

/** Super block and statfs magics. */
export const FAMFS_SUPER_MAGIC = 0x87b282ff
export const FAMFS_V1_STATFS_MAGIC = 0x87b282fe
export const FAMFS_STATFS_MAGIC = 0x87b282fd
export const FUSE_SUPER_MAGIC = 0x65735546

/** The famfs map message (kernel.md 1.1). */
export const FAMFS_FMAP_VERSION = 1
/** Named by V3..V10 but never used there: the real cap is the 4096-byte buffer. Bytes. */
export const FAMFS_FMAP_MAX = 32768
/** Room for a device name in fuse_daxdev_out, bytes; no NUL is forced. */
export const DAXDEV_NAME_MAX = 256

/**
 * ioctl on /dev/fuse: _IOW(229, n, struct fuse_backing_map). Its number was not found; 4 is the next that is free
 * (inferred; kernel.md 1.3).
 */
export const FUSE_DEV_IOC_DAXDEV_OPEN = 0x4010e504

/** Extent types of a map. */
export const FUSE_FAMFS_EXT_SIMPLE = 0
export const FUSE_FAMFS_EXT_INTERLEAVE = 1

/** File types of a map: stored by the kernel, never acted on. */
export const FUSE_FAMFS_FILE_REG = 0
export const FUSE_FAMFS_FILE_SUPERBLOCK = 1
export const FUSE_FAMFS_FILE_LOG = 2

/** Directory entry types, the S_IFMT bits of a mode shifted right by 12. */
export const DT_UNKNOWN = 0
export const DT_FIFO = 1
export const DT_CHR = 2
export const DT_DIR = 4
export const DT_BLK = 6
export const DT_REG = 8
export const DT_LNK = 10
export const DT_SOCK = 12

/** INIT flags by name -> bit of the 64-bit set; 32 and up travel in flags2. Bit 31 is reserved, 43 is in initFlags(). */
export const INIT_BIT = {
  ASYNC_READ: 0,
  POSIX_LOCKS: 1,
  FILE_OPS: 2,
  ATOMIC_O_TRUNC: 3,
  EXPORT_SUPPORT: 4,
  BIG_WRITES: 5,
  DONT_MASK: 6,
  SPLICE_WRITE: 7,
  SPLICE_MOVE: 8,
  SPLICE_READ: 9,
  FLOCK_LOCKS: 10,
  HAS_IOCTL_DIR: 11,
  AUTO_INVAL_DATA: 12,
  DO_READDIRPLUS: 13,
  READDIRPLUS_AUTO: 14,
  ASYNC_DIO: 15,
  WRITEBACK_CACHE: 16,
  NO_OPEN_SUPPORT: 17,
  PARALLEL_DIROPS: 18,
  HANDLE_KILLPRIV: 19,
  POSIX_ACL: 20,
  ABORT_ERROR: 21,
  MAX_PAGES: 22,
  CACHE_SYMLINKS: 23,
  NO_OPENDIR_SUPPORT: 24,
  EXPLICIT_INVAL_DATA: 25,
  MAP_ALIGNMENT: 26,
  SUBMOUNTS: 27,
  HANDLE_KILLPRIV_V2: 28,
  SETXATTR_EXT: 29,
  INIT_EXT: 30,
  SECURITY_CTX: 32,
  HAS_INODE_DAX: 33,
  CREATE_SUPP_GROUP: 34,
  HAS_EXPIRE_ONLY: 35,
  DIRECT_IO_ALLOW_MMAP: 36,
  PASSTHROUGH: 37,
  NO_EXPORT_SUPPORT: 38,
  HAS_RESEND: 39,
  ALLOW_IDMAP: 40,
  OVER_IO_URING: 41,
  REQUEST_TIMEOUT: 42,
} as const

/** Name of an INIT flag that every version has. */
export type InitFlagName = keyof typeof INIT_BIT

/** Where FUSE_DAX_FMAP sits: 43 in V3..V10, 42 in RFC and V2 (kernel.md 1.2). */
export const FUSE_DAX_FMAP_BIT = 43
export const FUSE_DAX_FMAP_BIT_OLD = 42

/**
 * The table of INIT flags of one version: DAX_FMAP takes `daxFmapBit` from whatever was there; null is mainline 7.3,
 * where bit 43 means something else and famfs has none.
 */
export function initFlags(daxFmapBit: number | null = FUSE_DAX_FMAP_BIT): readonly Flag[] {
  const flags = Object.entries(INIT_BIT).map(([name, bit]): Flag => ({ name, bit }))
  const extra = daxFmapBit === null ? { name: 'HAS_IO_URING_BUFPOOL', bit: 43 } : { name: 'DAX_FMAP', bit: daxFmapBit }
  return [...flags.filter(flag => flag.bit !== extra.bit), extra].sort((a, b) => a.bit - b.bit)
}

/** The default table: DAX_FMAP at 43. */
export const INIT_FLAGS: readonly Flag[] = initFlags()

/** The 64 INIT flags as the two words on the wire. */
export interface InitFlags {
  flags: number
  flags2: number
}

/** Is this bit (0..63) set? Takes the words as they are: see initFlagsInForce() for the INIT_EXT rule. */
export function hasInitFlag(words: Readonly<InitFlags>, bit: number): boolean {
  return bit < 32 ? ((words.flags >>> bit) & 1) === 1 : ((words.flags2 >>> (bit - 32)) & 1) === 1
}

/** The two words with these bits set. */
export function initFlagWords(bits: Iterable<number>): InitFlags {
  const words = { flags: 0, flags2: 0 }
  for (const bit of bits) {
    if (bit < 32) words.flags = (words.flags | (1 << bit)) >>> 0
    else words.flags2 = (words.flags2 | (1 << (bit - 32))) >>> 0
  }
  return words
}

/** flags2 counts only when INIT_EXT is set in flags, in a request and in a reply (kernel.md 1.8). */
export function initFlagsInForce(words: Readonly<InitFlags>): InitFlags {
  const extended = hasInitFlag(words, INIT_BIT.INIT_EXT)
  return { flags: words.flags >>> 0, flags2: extended ? words.flags2 >>> 0 : 0 }
}

/** One number out of the two words. Exact while flags2 < 2^21, which holds for every flag there is. */
export function joinInitFlags(words: Readonly<InitFlags>): number {
  return (words.flags2 >>> 0) * 4294967296 + (words.flags >>> 0)
}

/** The two words of one number. */
export function splitInitFlags(all: number): InitFlags {
  const flags = all >>> 0
  return { flags, flags2: ((all - flags) / 4294967296) >>> 0 }
}

/** Names of the set bits, low bit first; a bit the table does not know shows as `bit31`. */
export function flagNames(flags: readonly Flag[], lo: number, hi = 0): string[] {
  const names: string[] = []
  for (let bit = 0; bit < 64; bit++) {
    if ((((bit < 32 ? lo : hi) >>> (bit & 31)) & 1) === 0) continue
    names.push(flags.find(flag => flag.bit === bit)?.name ?? `bit${bit}`)
  }
  return names
}

/** Flags of the OPEN, OPENDIR and CREATE replies. */
export const FOPEN_DIRECT_IO = 1 << 0
export const FOPEN_KEEP_CACHE = 1 << 1
export const FOPEN_NONSEEKABLE = 1 << 2
export const FOPEN_CACHE_DIR = 1 << 3
export const FOPEN_STREAM = 1 << 4
export const FOPEN_NOFLUSH = 1 << 5
export const FOPEN_PARALLEL_DIRECT_WRITES = 1 << 6
export const FOPEN_PASSTHROUGH = 1 << 7
export const FOPEN_FLAGS = table(
  'DIRECT_IO KEEP_CACHE NONSEEKABLE CACHE_DIR STREAM NOFLUSH PARALLEL_DIRECT_WRITES PASSTHROUGH',
)

/** `valid` of SETATTR. */
export const FATTR_MODE = 1 << 0
export const FATTR_UID = 1 << 1
export const FATTR_GID = 1 << 2
export const FATTR_SIZE = 1 << 3
export const FATTR_ATIME = 1 << 4
export const FATTR_MTIME = 1 << 5
export const FATTR_FH = 1 << 6
export const FATTR_ATIME_NOW = 1 << 7
export const FATTR_MTIME_NOW = 1 << 8
export const FATTR_LOCKOWNER = 1 << 9
export const FATTR_CTIME = 1 << 10
export const FATTR_KILL_SUIDGID = 1 << 11
export const FATTR_FLAGS = table('MODE UID GID SIZE ATIME MTIME FH ATIME_NOW MTIME_NOW LOCKOWNER CTIME KILL_SUIDGID')

/** `getattr_flags`: fh is valid. */
export const FUSE_GETATTR_FH = 1 << 0
export const GETATTR_FLAGS = table('FH')

/** `flags` of fuse_attr. */
export const FUSE_ATTR_SUBMOUNT = 1 << 0
export const FUSE_ATTR_DAX = 1 << 1
export const ATTR_FLAGS = table('SUBMOUNT DAX')

/** `open_flags` of OPEN and CREATE requests. */
export const FUSE_OPEN_KILL_SUIDGID = 1 << 0
export const OPEN_IN_FLAGS = table('KILL_SUIDGID')

/** `release_flags` of RELEASE. */
export const FUSE_RELEASE_FLUSH = 1 << 0
export const FUSE_RELEASE_FLOCK_UNLOCK = 1 << 1
export const RELEASE_FLAGS = table('FLUSH FLOCK_UNLOCK')

/** `fsync_flags` of FSYNC. */
export const FUSE_FSYNC_FDATASYNC = 1 << 0
export const FSYNC_FLAGS = table('FDATASYNC')

/** `write_flags` of WRITE. */
export const FUSE_WRITE_CACHE = 1 << 0
export const FUSE_WRITE_LOCKOWNER = 1 << 1
export const FUSE_WRITE_KILL_SUIDGID = 1 << 2
export const WRITE_FLAGS = table('CACHE LOCKOWNER KILL_SUIDGID')

/** `flags` of RENAME2. */
export const RENAME_NOREPLACE = 1 << 0
export const RENAME_EXCHANGE = 1 << 1
export const RENAME_WHITEOUT = 1 << 2
export const RENAME_FLAGS = table('NOREPLACE EXCHANGE WHITEOUT')

/** `lk_flags` of the lock requests: flock(2), not a byte range. */
export const FUSE_LK_FLOCK = 1 << 0
export const LK_FLAGS = table('FLOCK')

/** Codes of notifications: they ride in the error field of a reply whose unique is 0. */
export const FUSE_NOTIFY_POLL = 1
export const FUSE_NOTIFY_INVAL_INODE = 2
export const FUSE_NOTIFY_INVAL_ENTRY = 3
export const FUSE_NOTIFY_STORE = 4
export const FUSE_NOTIFY_RETRIEVE = 5
export const FUSE_NOTIFY_DELETE = 6
export const FUSE_NOTIFY_RESEND = 7
export const FUSE_NOTIFY_INC_EPOCH = 8
export const FUSE_NOTIFY_PRUNE = 9
