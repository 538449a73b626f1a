// A whole device looked at: described as one plain object. Reads through the caller's function only.
// The object's shape and key order are those of the reference dumps, so JSON texts can be compared.

import { ENTRY_SIZE, FM, LE, LE_FILE, LH, LOG_HEADER_SIZE, LOG_OFFSET, SB, SB_SIZE } from './constants.ts'
import type { Extent } from './fmap.ts'
import { getU32, hexU64 } from './ints.ts'
import {
  checkEntry,
  decodeEntry,
  decodeLogHeader,
  type EntryCheck,
  entryOffset,
  type LogEntry,
  type LogHeaderCheck,
  logCapacity,
} from './log.ts'
import { claimEntry, countTaken, openAccount, type SpaceAccount, takenRuns, unitMapCrc } from './space.ts'
import { decodeSuperblock, type SuperblockCheck } from './superblock.ts'

/** Bytes [off, off+len) of the device; fewer when the device ends there. */
export type ReadBytes = (off: number, len: number) => Uint8Array

export type ExtentDump = { dev: number; offset: string; len: string }
export type EntryDump = {
  i: number
  valid_errs: number
  seqnum: number
  type: number
  crc: string
  crc_computed: string
  path?: string
  size?: number
  flags?: number
  uid?: number
  gid?: number
  mode?: string
  ext_type?: number
  nextents?: number
  extents?: ExtentDump[]
  nstrips?: number
  chunk_size?: string
  strips?: ExtentDump[]
  /** ADD_DAXDEV entries. */
  uuid?: string
  index?: number
  /** What could not be followed. */
  why?: string
}

/** A device in words and numbers. Parts that cannot be read for want of a good superblock or header are null. */
export type ImageDump = {
  check_super_rc: number
  superblock: {
    magic: string
    version: number
    log_offset: number
    log_len: number
    alloc_unit: number
    omf_major: number
    omf_minor: number
    fs_uuid: string
    dev_uuid: string
    system_uuid: string
    crc: string
    crc_computed: string
    sb_flags: number
    daxdev_size: number
    daxdev_uuid: string
    daxdev_name: string
  } | null
  log_header_rc: number
  log: {
    magic: string
    log_len: number
    last_index: number
    crc: string
    crc_computed: string
    next_seqnum: number
    next_index: number
  } | null
  entries: EntryDump[] | null
  bitmap: {
    nbits: number
    collisions: number
    fsize_total: number
    alloc_sum: number
    bits_set: number
    crc32_of_bitmap: string
    runs: [number, number][]
  } | null
  stats: { n_entries: number; bad_entries: number; f_logged: number; d_logged: number } | null
}

/** What of it fsck needs. */
export type UsageDump = Pick<ImageDump, 'superblock' | 'log' | 'bitmap' | 'stats'>

export function hex(v: number): string {
  return `0x${v.toString(16)}`
}

function dumpExtents(list: readonly Extent[]): ExtentDump[] {
  return list.map(e => ({ dev: e.dev, offset: hex(e.offset), len: hex(e.len) }))
}

function dumpEntry(i: number, bytes: Uint8Array, check: EntryCheck, e: LogEntry): EntryDump {
  const type = bytes.length < ENTRY_SIZE ? -1 : getU32(bytes, LE.type)
  const head = {
    i,
    valid_errs: check.errs,
    seqnum: e.seqnum,
    type,
    crc: hex(check.crc),
    crc_computed: hex(check.crcComputed),
  }
  if (e.type === 'other') return { ...head, why: e.why }
  if (e.type === 'add_daxdev') return { ...head, size: e.size, uuid: e.uuid, index: e.index }
  const mode = `0${e.mode.toString(8)}`
  if (e.type === 'mkdir') return { ...head, path: e.path, uid: e.uid, gid: e.gid, mode }
  const owner = { path: e.path, size: e.size, flags: e.flags, uid: e.uid, gid: e.gid, mode }
  const count = { ext_type: getU32(bytes, LE_FILE.fmap + FM.extType), nextents: getU32(bytes, LE_FILE.fmap + FM.count) }
  const { fmap } = e
  if (fmap.kind === 'bad') return { ...head, ...owner, ...count, why: fmap.why }
  if (fmap.kind === 'simple') return { ...head, ...owner, ...count, extents: dumpExtents(fmap.extents) }
  const strips = dumpExtents(fmap.strips)
  return { ...head, ...owner, ...count, nstrips: strips.length, chunk_size: hex(fmap.chunkSize), strips }
}

function dumpSuperblock(bytes: Uint8Array, check: SuperblockCheck): ImageDump['superblock'] {
  const { sb } = check
  if (!sb) return null
  return {
    magic: hexU64(bytes, SB.magic),
    version: sb.version,
    log_offset: sb.logOffset,
    log_len: sb.logLen,
    alloc_unit: sb.allocUnit,
    omf_major: sb.omfMajor,
    omf_minor: sb.omfMinor,
    fs_uuid: sb.fsUuid,
    dev_uuid: sb.devUuid,
    system_uuid: sb.systemUuid,
    crc: hexU64(bytes, SB.crc),
    crc_computed: hex(check.crcComputed),
    sb_flags: sb.sbFlags,
    daxdev_size: sb.daxdevSize,
    daxdev_uuid: sb.daxdevUuid,
    daxdev_name: sb.daxdevName,
  }
}

function dumpLogHeader(bytes: Uint8Array, check: LogHeaderCheck): ImageDump['log'] {
  const { header } = check
  if (!header) return null
  return {
    magic: hexU64(bytes, LH.magic),
    log_len: header.logLen,
    last_index: header.lastIndex,
    crc: hexU64(bytes, LH.crc),
    crc_computed: hex(check.crcComputed),
    next_seqnum: header.nextSeqnum,
    next_index: header.nextIndex,
  }
}

/**
 * Superblock and log header as their bytes tell, and what an account of the entries says, `bad` of which did not check;
 * bitmap and stats are null unless both are good.
 */
export function describeUsage(sbBytes: Uint8Array, lhBytes: Uint8Array, acc: SpaceAccount, bad: number): UsageDump {
  const sb = decodeSuperblock(sbBytes)
  const lh = decodeLogHeader(lhBytes)
  const usage: UsageDump = {
    superblock: dumpSuperblock(sbBytes, sb),
    log: dumpLogHeader(lhBytes, lh),
    bitmap: null,
    stats: null,
  }
  if (!sb.ok || !lh.ok) return usage
  usage.bitmap = {
    nbits: acc.map.nbits,
    collisions: acc.collisions,
    fsize_total: acc.fsizeTotal,
    alloc_sum: acc.allocSum,
    bits_set: countTaken(acc.map),
    crc32_of_bitmap: hex(unitMapCrc(acc.map)),
    runs: takenRuns(acc.map),
  }
  usage.stats = {
    n_entries: lh.header.nextIndex,
    bad_entries: bad,
    f_logged: acc.filesLogged,
    d_logged: acc.dirsLogged,
  }
  return usage
}

/** Entries that are there to be read: no more than next_index, the header's length, the superblock's or the device hold. */
export function readableEntries(nextIndex: number, headerLen: number, sbLen: number, deviceSize: number): number {
  let len = headerLen < sbLen ? headerLen : sbLen
  if (deviceSize - LOG_OFFSET < len) len = deviceSize - LOG_OFFSET
  const capacity = logCapacity(len)
  return nextIndex < capacity ? nextIndex : capacity
}

type EntryLook = (i: number, bytes: Uint8Array, check: EntryCheck, e: LogEntry) => void

/** Read, check and decode entries 0 to n-1, one after the other. */
export function eachEntry(read: ReadBytes, n: number, look: EntryLook): void {
  for (let i = 0; i < n; i++) {
    const bytes = read(LOG_OFFSET + entryOffset(i), ENTRY_SIZE)
    look(i, bytes, checkEntry(bytes, i), decodeEntry(bytes))
  }
}

/**
 * Describe the device (userspace.md a, c.6). `deviceSize` in bytes bounds every read and the bitmap. Whatever the bytes
 * say, it does not throw.
 */
export function describeImage(read: ReadBytes, deviceSize: number): ImageDump {
  const sbBytes = read(0, SB_SIZE)
  const sb = decodeSuperblock(sbBytes)
  const lhBytes = read(LOG_OFFSET, LOG_HEADER_SIZE)
  const lh = decodeLogHeader(lhBytes)
  const dump: ImageDump = {
    check_super_rc: sb.ok ? 0 : sb.code,
    superblock: dumpSuperblock(sbBytes, sb),
    log_header_rc: lh.ok ? 0 : lh.code,
    log: dumpLogHeader(lhBytes, lh),
    entries: null,
    bitmap: null,
    stats: null,
  }
  if (!sb.ok || !lh.ok) return dump
  const { nextIndex, logLen } = lh.header
  const acc = openAccount(deviceSize, sb.sb.allocUnit, sb.sb.logLen)
  const entries: EntryDump[] = []
  let bad = 0
  eachEntry(read, readableEntries(nextIndex, logLen, sb.sb.logLen, deviceSize), (i, bytes, check, e) => {
    entries.push(dumpEntry(i, bytes, check, e))
    if (check.errs > 0) bad++
    else claimEntry(acc, e)
  })
  dump.entries = entries
  const { bitmap, stats } = describeUsage(sbBytes, lhBytes, acc, bad)
  dump.bitmap = bitmap
  dump.stats = stats
  return dump
}
