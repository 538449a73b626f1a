// The log: a 48-byte header and an array of 544-byte entries (userspace.md a.3, a.4). An entry is only ever appended;
// its sequence number is its index. Decoders trust no count, length or terminator, and never throw.

import { divDown } from '../sim/index.ts'
import {
  ENTRY_ADD_DAXDEV,
  ENTRY_CRC_LEN,
  ENTRY_FILE,
  ENTRY_MKDIR,
  ENTRY_SIZE,
  LE,
  LE_DAXDEV,
  LE_FILE,
  LE_MKDIR,
  LH,
  LOG_CRC_LEN,
  LOG_HEADER_SIZE,
  LOG_MAGIC,
  PATH_FIELD,
  PATH_MAX_BYTES,
} from './constants.ts'
import { crc32 } from './crc.ts'
import { decodeFmap, encodeFmap, type LoggedFmap } from './fmap.ts'
import { fitsU64, getU32, getU64, hexU64, isU32InU64, putU32, putU64 } from './ints.ts'
import { getText, putText, textBytes, textLen } from './text.ts'
import { putUuid, uuidText } from './uuid.ts'

/** What a log header says. lastIndex is the highest usable index; nextIndex is also the number of entries. */
export type LogHeader = { magic: number; logLen: number; lastIndex: number; nextSeqnum: number; nextIndex: number }

/** Outcome of a header check; fields as found whenever 48 bytes were there. `code` is the library's. */
export type LogHeaderCheck =
  | { ok: true; header: LogHeader; crc: number; crcComputed: number }
  | { ok: false; code: -1; why: string; header: LogHeader | null; crc: number; crcComputed: number }

export type FileEntry = {
  type: 'file'
  seqnum: number
  path: string
  size: number
  flags: number
  uid: number
  gid: number
  /** Permission bits only. */
  mode: number
  fmap: LoggedFmap
}
export type MkdirEntry = { type: 'mkdir'; seqnum: number; path: string; uid: number; gid: number; mode: number }
export type AddDaxdevEntry = { type: 'add_daxdev'; seqnum: number; size: number; uuid: string; index: number }
/** A type nobody knows, or a known one with a number over 2^53 (`why` says which): 544 bytes kept as they are. */
export type OtherEntry = { type: 'other'; seqnum: number; code: number; raw: Uint8Array; why: string }
export type LogEntry = FileEntry | MkdirEntry | AddDaxdevEntry | OtherEntry

/** How many entries a log of `logLen` bytes holds (a.3). */
export function logCapacity(logLen: number): number {
  return logLen < LOG_HEADER_SIZE ? 0 : divDown(logLen - LOG_HEADER_SIZE, ENTRY_SIZE)
}

/** Byte of entry `index`, from the start of the log. */
export function entryOffset(index: number): number {
  return LOG_HEADER_SIZE + index * ENTRY_SIZE
}

/** Header of an empty log of `logLen` bytes. */
export function freshLogHeader(logLen: number): LogHeader {
  return { magic: LOG_MAGIC, logLen, lastIndex: logCapacity(logLen) - 1, nextSeqnum: 0, nextIndex: 0 }
}

/** The 48 bytes of a header, CRC computed. The two counters are outside the CRC: appending does not touch it. */
export function encodeLogHeader(h: LogHeader): Uint8Array {
  const b = new Uint8Array(LOG_HEADER_SIZE)
  putU64(b, LH.magic, h.magic)
  putU64(b, LH.logLen, h.logLen)
  putU64(b, LH.lastIndex, h.lastIndex)
  putU32(b, LH.crc, crc32(b, 0, LOG_CRC_LEN))
  putU64(b, LH.nextSeqnum, h.nextSeqnum)
  putU64(b, LH.nextIndex, h.nextIndex)
  return b
}

/** Read and check a log header: magic, then CRC (a.3). Never throws. */
export function decodeLogHeader(bytes: Uint8Array): LogHeaderCheck {
  if (bytes.length < LOG_HEADER_SIZE) {
    const why = `log header: only ${bytes.length} bytes, expected ${LOG_HEADER_SIZE}`
    return { ok: false, code: -1, why, header: null, crc: 0, crcComputed: 0 }
  }
  const header: LogHeader = {
    magic: getU64(bytes, LH.magic),
    logLen: getU64(bytes, LH.logLen),
    lastIndex: getU64(bytes, LH.lastIndex),
    nextSeqnum: getU64(bytes, LH.nextSeqnum),
    nextIndex: getU64(bytes, LH.nextIndex),
  }
  const crc = getU32(bytes, LH.crc)
  const crcComputed = crc32(bytes, 0, LOG_CRC_LEN)
  if (header.magic !== LOG_MAGIC) {
    const why = `log header: magic ${hexU64(bytes, LH.magic)} at byte ${LH.magic}, expected 0x${LOG_MAGIC.toString(16)}`
    return { ok: false, code: -1, why, header, crc, crcComputed }
  }
  if (!isU32InU64(bytes, LH.crc, crcComputed)) {
    const why = `log header: crc ${hexU64(bytes, LH.crc)} at byte ${LH.crc}, expected 0x${crcComputed.toString(16)}`
    return { ok: false, code: -1, why, header, crc, crcComputed }
  }
  return { ok: true, header, crc, crcComputed }
}

/** Outcome of an entry check: `errs` counts what is wrong (0 to 2), `why` names it, empty when nothing is. */
export type EntryCheck = { errs: number; crc: number; crcComputed: number; why: string }

/** Check the entry in `bytes` (544 of them) as number `index`: sequence number, then CRC over bytes 0 to 535 (c.6). */
export function checkEntry(bytes: Uint8Array, index: number): EntryCheck {
  if (bytes.length < ENTRY_SIZE) {
    const why = `log entry ${index}: only ${bytes.length} bytes, expected ${ENTRY_SIZE}`
    return { errs: 1, crc: 0, crcComputed: 0, why }
  }
  const crc = getU32(bytes, LE.crc)
  const crcComputed = crc32(bytes, 0, ENTRY_CRC_LEN)
  let errs = 0
  let why = ''
  if (getU64(bytes, LE.seqnum) !== index) {
    errs++
    why = `log entry ${index}: seqnum ${getU64(bytes, LE.seqnum)}, expected ${index}`
  }
  if (!isU32InU64(bytes, LE.crc, crcComputed)) {
    errs++
    const found = `crc ${hexU64(bytes, LE.crc)}, expected 0x${crcComputed.toString(16)}`
    why = why === '' ? `log entry ${index}: ${found}` : `${why}; ${found}`
  }
  return { errs, crc, crcComputed, why }
}

/**
 * Read one entry from 544 bytes; validity is checkEntry's business. A path without NUL ends with its field (80 bytes).
 * Shorter input gives an `other` entry that says so.
 */
export function decodeEntry(bytes: Uint8Array): LogEntry {
  if (bytes.length < ENTRY_SIZE) {
    const why = `only ${bytes.length} bytes, expected ${ENTRY_SIZE}`
    return { type: 'other', seqnum: 0, code: -1, raw: bytes.slice(), why }
  }
  const seqnum = getU64(bytes, LE.seqnum)
  const code = getU32(bytes, LE.type)
  const other = (why: string): OtherEntry => ({ type: 'other', seqnum, code, raw: bytes.slice(0, ENTRY_SIZE), why })
  if (!fitsU64(bytes, LE.seqnum)) return other(`seqnum ${hexU64(bytes, LE.seqnum)} is over 2^53`)
  if (code === ENTRY_FILE) {
    if (!fitsU64(bytes, LE_FILE.size)) return other(`file size ${hexU64(bytes, LE_FILE.size)} is over 2^53`)
    return {
      type: 'file',
      seqnum,
      path: getText(bytes, LE_FILE.path, PATH_FIELD),
      size: getU64(bytes, LE_FILE.size),
      flags: getU32(bytes, LE_FILE.flags),
      uid: getU32(bytes, LE_FILE.uid),
      gid: getU32(bytes, LE_FILE.gid),
      mode: getU32(bytes, LE_FILE.mode),
      fmap: decodeFmap(bytes, LE_FILE.fmap),
    }
  }
  if (code === ENTRY_MKDIR) {
    return {
      type: 'mkdir',
      seqnum,
      path: getText(bytes, LE_MKDIR.path, PATH_FIELD),
      uid: getU32(bytes, LE_MKDIR.uid),
      gid: getU32(bytes, LE_MKDIR.gid),
      mode: getU32(bytes, LE_MKDIR.mode),
    }
  }
  if (code === ENTRY_ADD_DAXDEV) {
    if (!fitsU64(bytes, LE_DAXDEV.size)) return other(`device size ${hexU64(bytes, LE_DAXDEV.size)} is over 2^53`)
    return {
      type: 'add_daxdev',
      seqnum,
      size: getU64(bytes, LE_DAXDEV.size),
      uuid: uuidText(bytes, LE_DAXDEV.uuid),
      index: getU32(bytes, LE_DAXDEV.index),
    }
  }
  return other(`entry type ${code}, expected ${ENTRY_FILE}, ${ENTRY_MKDIR} or ${ENTRY_ADD_DAXDEV}`)
}

/** Whether the path field of these 544 bytes has its NUL; true for entries without a path. */
export function pathTerminated(bytes: Uint8Array): boolean {
  const code = getU32(bytes, LE.type)
  const at = code === ENTRY_FILE ? LE_FILE.path : code === ENTRY_MKDIR ? LE_MKDIR.path : -1
  return at < 0 || textLen(bytes, at, PATH_FIELD) < PATH_FIELD
}

function putPath(b: Uint8Array, at: number, path: string): void {
  const n = textBytes(path)
  if (n > PATH_MAX_BYTES) {
    throw new RangeError(
      `log entry: path of ${n} bytes, at most ${PATH_MAX_BYTES}; cut it before logging it: "${path}"`,
    )
  }
  putText(b, at, PATH_FIELD, path)
}

/** The 544 bytes of an entry, CRC computed, every unused byte zero; an `other` entry comes out as it came in. */
export function encodeEntry(e: LogEntry): Uint8Array {
  if (e.type === 'other') {
    if (e.raw.length !== ENTRY_SIZE)
      throw new RangeError(`log entry: ${e.raw.length} raw bytes, expected ${ENTRY_SIZE}`)
    return e.raw.slice()
  }
  const b = new Uint8Array(ENTRY_SIZE)
  putU64(b, LE.seqnum, e.seqnum)
  if (e.type === 'file') {
    putU32(b, LE.type, ENTRY_FILE)
    putU64(b, LE_FILE.size, e.size)
    putU32(b, LE_FILE.flags, e.flags)
    putU32(b, LE_FILE.uid, e.uid)
    putU32(b, LE_FILE.gid, e.gid)
    putU32(b, LE_FILE.mode, e.mode)
    putPath(b, LE_FILE.path, e.path)
    encodeFmap(b, LE_FILE.fmap, e.fmap)
  } else if (e.type === 'mkdir') {
    putU32(b, LE.type, ENTRY_MKDIR)
    putU32(b, LE_MKDIR.uid, e.uid)
    putU32(b, LE_MKDIR.gid, e.gid)
    putU32(b, LE_MKDIR.mode, e.mode)
    putPath(b, LE_MKDIR.path, e.path)
  } else {
    putU32(b, LE.type, ENTRY_ADD_DAXDEV)
    putU64(b, LE_DAXDEV.size, e.size)
    putUuid(b, LE_DAXDEV.uuid, e.uuid)
    putU32(b, LE_DAXDEV.index, e.index)
  }
  putU32(b, LE.crc, crc32(b, 0, ENTRY_CRC_LEN))
  return b
}
