// A whole device looked at: described as one plain object, and checked. Reads through the caller's function only.
// The object's shape and key order are those of the reference dumps, so JSON texts can be compared.

import { roundUp } from '../sim/index.ts'
import {
  AU_SIZE,
  ENTRY_SIZE,
  FM,
  LE,
  LE_FILE,
  LH,
  LOG_HEADER_SIZE,
  LOG_OFFSET,
  PATH_FIELD,
  SB,
  SB_AREA,
  SB_SIZE,
} from './constants.ts'
import type { Extent } from './fmap.ts'
import { getU32, hexU64 } from './ints.ts'
import {
  checkEntry,
  decodeEntry,
  decodeLogHeader,
  type EntryCheck,
  entryOffset,
  type FileEntry,
  type LogEntry,
  type LogHeaderCheck,
  logCapacity,
  pathTerminated,
} from './log.ts'
import { skipReason } from './logplay.ts'
import { isSecondary, secondaryWhy } from './secondary.ts'
import {
  accountOf,
  claimEntry,
  claimRange,
  countTaken,
  openAccount,
  opensAccount,
  type SpaceAccount,
  takenRuns,
  unitMapCrc,
} from './space.ts'
import { decodeSuperblock, type Superblock, type SuperblockCheck } from './superblock.ts'

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

function hex(v: number): string {
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
function readableEntries(nextIndex: number, headerLen: number, sbLen: number, deviceSize: number): number {
  let len = headerLen < sbLen ? headerLen : sbLen
  if (deviceSize - LOG_OFFSET < len) len = deviceSize - LOG_OFFSET
  const capacity = logCapacity(len)
  return nextIndex < capacity ? nextIndex : capacity
}

type EntryLook = (i: number, bytes: Uint8Array, check: EntryCheck, e: LogEntry) => void

/** Read, check and decode entries 0 to n-1, one after the other. */
function eachEntry(read: ReadBytes, n: number, look: EntryLook): void {
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

/** Problems of one extent or strip, each prefixed with `where`; also enters it into the account of its device. */
function extentProblems(out: string[], where: string, x: Extent, all: SpaceAccount, firstSize: number): void {
  const acc = accountOf(all, x.dev)
  const { allocUnit, nbits } = acc.map
  const deviceSize = acc === all ? firstSize : nbits * allocUnit
  if (x.offset % allocUnit !== 0) {
    out.push(`${where}: offset ${hex(x.offset)}, expected a multiple of ${hex(allocUnit)}`)
  }
  if (x.offset + x.len > deviceSize) {
    out.push(`${where}: ends at ${hex(x.offset + x.len)}, expected at most the device size ${hex(deviceSize)}`)
  }
  const clashes = claimRange(acc, x.offset, x.len)
  if (clashes > 0) {
    out.push(`${where}: ${clashes} units from ${hex(x.offset)} on are already taken, expected them free`)
  }
}

function fileProblems(out: string[], name: string, e: FileEntry, acc: SpaceAccount, deviceSize: number): void {
  const { fmap } = e
  if (fmap.kind === 'bad') {
    out.push(`${name}: map: ${fmap.why}`)
    return
  }
  if (fmap.kind === 'simple') {
    let sum = 0
    fmap.extents.forEach((x, j) => {
      sum += x.len
      extentProblems(out, `${name} extent ${j}`, x, acc, deviceSize)
    })
    const want = roundUp(e.size, AU_SIZE)
    if (sum !== want) out.push(`${name}: extents hold ${sum} bytes, expected ${want} for a size of ${e.size}`)
    return
  }
  const { chunkSize, strips } = fmap
  strips.forEach((x, j) => {
    extentProblems(out, `${name} strip ${j}`, x, acc, deviceSize)
  })
  if (strips.length === 0) {
    out.push(`${name}: no strips, expected 1 to 16`)
    return
  }
  if (chunkSize === 0 || chunkSize % acc.map.allocUnit !== 0) {
    out.push(`${name}: chunk size ${hex(chunkSize)}, expected a multiple of ${hex(acc.map.allocUnit)}`)
    return
  }
  const want = roundUp(roundUp(e.size, acc.map.allocUnit), strips.length * chunkSize) / strips.length
  strips.forEach((x, j) => {
    if (x.len !== want) out.push(`${name} strip ${j}: length ${hex(x.len)}, expected ${hex(want)}`)
  })
}

function headerProblems(out: string[], sb: Superblock, lh: LogHeaderCheck & { ok: true }, deviceSize: number): void {
  const h = lh.header
  if (sb.logOffset !== LOG_OFFSET) out.push(`superblock: log_offset ${sb.logOffset}, expected ${LOG_OFFSET}`)
  if (SB_AREA + sb.logLen > deviceSize) {
    out.push(`superblock: log_len ${sb.logLen} ends past the device, expected at most ${deviceSize - SB_AREA}`)
  }
  if (sb.daxdevSize !== deviceSize) out.push(`superblock: device size ${sb.daxdevSize}, expected ${deviceSize}`)
  if (h.logLen !== sb.logLen) out.push(`log header: log_len ${h.logLen}, expected ${sb.logLen} as in the superblock`)
  const last = logCapacity(h.logLen) - 1
  if (h.lastIndex !== last) out.push(`log header: last_index ${h.lastIndex}, expected ${last} for log_len ${h.logLen}`)
  if (h.nextIndex > last + 1) out.push(`log header: next_index ${h.nextIndex}, expected at most ${last + 1}`)
  if (h.nextSeqnum !== h.nextIndex) {
    out.push(`log header: next_seqnum ${h.nextSeqnum}, expected ${h.nextIndex} as next_index`)
  }
}

/**
 * Everything wrong with the device, one line each: thing, place, expected. Empty means a sound image. Far stricter
 * than the tools themselves, which check little beyond the CRCs (userspace.md i.1, Q16 and Q17).
 */
export function validateImage(read: ReadBytes, deviceSize: number): string[] {
  const out: string[] = []
  const sb = decodeSuperblock(read(0, SB_SIZE))
  const lh = decodeLogHeader(read(LOG_OFFSET, LOG_HEADER_SIZE))
  if (sb.ok && isSecondary(sb.sb)) return [secondaryWhy(sb.sb)]
  if (!sb.ok) out.push(sb.why)
  if (!lh.ok) out.push(lh.why)
  if (!sb.ok || !lh.ok) return out
  headerProblems(out, sb.sb, lh, deviceSize)
  const acc = openAccount(deviceSize, sb.sb.allocUnit, sb.sb.logLen)
  const kinds = new Map<string, 'file' | 'mkdir'>()
  const n = readableEntries(lh.header.nextIndex, lh.header.logLen, sb.sb.logLen, deviceSize)
  eachEntry(read, n, (i, bytes, check, e) => {
    if (check.errs > 0) {
      out.push(check.why)
      return
    }
    const name = `log entry ${i}`
    if (!pathTerminated(bytes)) out.push(`${name}: path without a NUL in its ${PATH_FIELD} bytes, expected one`)
    const skip = skipReason(bytes)
    if (skip) out.push(`${name}: ${skip.why}, so log play passes over it; expected a relative path and real offsets`)
    if (e.type === 'other') out.push(`${name}: ${e.why}`)
    if (e.type === 'add_daxdev') {
      const next = acc.further.length + 1
      if (!opensAccount(acc, e))
        out.push(
          `${name}: adds device ${e.index} of ${e.size} bytes, expected device ${next}, the next, of a size to map`,
        )
      claimEntry(acc, e)
    }
    if (e.type !== 'file' && e.type !== 'mkdir') return
    const before = kinds.get(e.path)
    if (before !== undefined && (before === 'file' || e.type === 'file')) {
      out.push(`${name}: path ${JSON.stringify(e.path)} was logged before, expected a new one`)
    }
    kinds.set(e.path, e.type)
    const slash = e.path.lastIndexOf('/')
    const parent = slash < 0 ? '' : e.path.slice(0, slash)
    if (e.path.split('/').includes('..')) {
      out.push(`${name}: path ${JSON.stringify(e.path)} climbs out with "..", expected none`)
    } else if (parent !== '' && kinds.get(parent) !== 'mkdir') {
      out.push(`${name}: directory ${JSON.stringify(parent)} was not logged before it, expected it to be`)
    }
    if (e.type === 'file') fileProblems(out, name, e, acc, deviceSize)
  })
  return out
}
