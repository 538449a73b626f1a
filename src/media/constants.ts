// Numbers of the on-media format: magics, sizes, limits, and where each field lies (userspace.md a.1 to a.4).
// Every offset and size is in bytes, relative to the struct it belongs to. All integers are little-endian.

export const MiB = 0x100000
export const GiB = 0x40000000

/** First eight bytes of a superblock (a.1). */
export const SB_MAGIC = 0x87b282ff
/** The only format version this code accepts; anything else is "another library's" (a.2, a.6). */
export const SB_VERSION = 48
export const OMF_MAJOR = 2
export const OMF_MINOR = 2
/** Bytes of the superblock struct; the area reserved for it is SB_AREA. */
export const SB_SIZE = 200
export const SB_AREA = 0x200000
/** The superblock's CRC covers the bytes before this one; size and name of the device come after it, uncovered. */
export const SB_CRC_LEN = 96

/** The log always starts here (a.1). */
export const LOG_OFFSET = 0x200000
export const LOG_LEN_MIN = 0x800000
export const LOG_LEN_DEFAULT = 0x800000
export const LOG_MAGIC = 0xbadcafef00d
export const LOG_HEADER_SIZE = 48
/** The log header's CRC covers the bytes before this one; both counters come after it, uncovered. */
export const LOG_CRC_LEN = 24

export const ENTRY_SIZE = 544
/** An entry's CRC covers the bytes before this one: everything else in the entry, padding included. */
export const ENTRY_CRC_LEN = 536

/** Allocation unit mkfs writes, and the unit file lengths are rounded up to (a.5). */
export const AU_SIZE = 0x200000
/** The other unit a superblock may carry; never written by mkfs (a.1). */
export const AU_SMALL = 0x1000
/** mkfs refuses a smaller device (b.3). */
export const DEVICE_SIZE_MIN = 0x100000000

export const MAX_EXTENTS = 16
export const MAX_STRIPS = 16
export const MAX_INTERLEAVED = 1
export const MAX_BUCKETS = 64
/** Devices of a file system, the first among them: no kernel's table holds more. */
export const MAX_DAXDEVS = 64
/** relpath field of an entry, and the longest path in it that still has its NUL. */
export const PATH_FIELD = 80
export const PATH_MAX_BYTES = 79
export const NAME_FIELD = 64

/** famfs_log_entry_type (a.4). DELETE is reserved; INVALID marks the end of the list. */
export const ENTRY_FILE = 0
export const ENTRY_MKDIR = 1
export const ENTRY_DELETE = 2
export const ENTRY_ADD_DAXDEV = 3
export const ENTRY_INVALID = 4

export const EXT_SIMPLE = 0
export const EXT_INTERLEAVE = 1

/** File flags: every host may read; every host may read and write. Files are always logged with the second (a.4). */
export const FILE_ALL_HOSTS_RO = 1
export const FILE_ALL_HOSTS_RW = 2

/** sb_flags: the device with the log; a further one. Defined, and written by no mkfs yet (a.2). */
export const SB_FLAG_PRIMARY = 1
export const SB_FLAG_SECONDARY = 2

/** Superblock fields (a.2). */
export const SB = {
  magic: 0,
  version: 8,
  logOffset: 16,
  logLen: 24,
  allocUnit: 32,
  omfMajor: 40,
  omfMinor: 44,
  fsUuid: 48,
  devUuid: 64,
  systemUuid: 80,
  crc: 96,
  sbFlags: 104,
  daxdevSize: 112,
  daxdevUuid: 120,
  daxdevName: 136,
} as const

/** Log header fields (a.3). */
export const LH = { magic: 0, logLen: 8, lastIndex: 16, crc: 24, nextSeqnum: 32, nextIndex: 40 } as const

/** Log entry fields, from the start of the entry (a.4): the common part, then one block per payload type. */
export const LE = { seqnum: 0, type: 8, payload: 16, crc: 536 } as const
export const LE_FILE = { size: 16, flags: 24, uid: 28, gid: 32, mode: 36, path: 40, fmap: 120 } as const
export const LE_MKDIR = { uid: 16, gid: 20, mode: 24, path: 28 } as const
export const LE_DAXDEV = { size: 16, uuid: 24, index: 40 } as const

/** fmap fields, from the start of the fmap: both kinds share `count` and start their list at the same byte (a.4). */
export const FMAP_SIZE = 416
export const FM = { extType: 0, count: 8, extents: 16, nstrips: 16, chunkSize: 24, strips: 32 } as const
/** A simple extent, and a strip. */
export const EXTENT_SIZE = 24
export const SE = { dev: 0, offset: 8, len: 16 } as const
