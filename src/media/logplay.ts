// Walking a log in order, the way log play does: stop at the first entry that does not check, pass over entries nobody
// may materialise (userspace.md d). What is then done with an entry (shadow files, directories) is the caller's.

import { ENTRY_FILE, ENTRY_MKDIR, ENTRY_SIZE, EXTENT_SIZE, FM, LE, LE_FILE, LE_MKDIR, SE } from './constants.ts'
import { getU32, getU64 } from './ints.ts'
import { checkEntry, decodeEntry, decodeLogHeader, entryOffset, type LogEntry, logCapacity } from './log.ts'

/** An entry of the walk. With `skip` set it is not to be played; `errors` is what it adds to the error count. */
export type PlayedEntry = { index: number; entry: LogEntry; skip: string | null; errors: number }
/** The walk ended before the log did: at entry `stop`, because `why`. A bad header stops at 0. */
export type PlayStop = { stop: number; why: string }

/** Offsets of this many extents lie inside an entry (the 17th's ends where the CRC begins): none further is looked at. */
const OFFSETS_IN_ENTRY = 17

/**
 * Why the 544 bytes of a valid entry must not be played, and how many errors that makes; null when they may.
 * A file with an empty or absolute path; or one whose first `count` extent offsets hold a zero, each zero one error.
 * That test looks at the same bytes for every map type, so for an interleaved file it reads the chunk size. A
 * directory with an empty or absolute path is passed over too (inferred: only the file rule was seen at work).
 */
export function skipReason(bytes: Uint8Array): { why: string; errors: number } | null {
  const type = getU32(bytes, LE.type)
  if (type !== ENTRY_FILE && type !== ENTRY_MKDIR) return null
  const first = bytes[type === ENTRY_FILE ? LE_FILE.path : LE_MKDIR.path]
  if (first === 0) return { why: 'path is empty', errors: 1 }
  if (first === 0x2f) return { why: 'path is not relative', errors: 1 }
  if (type === ENTRY_MKDIR) return null
  const count = getU32(bytes, LE_FILE.fmap + FM.count)
  const n = count < OFFSETS_IN_ENTRY ? count : OFFSETS_IN_ENTRY
  let zeros = 0
  for (let j = 0; j < n; j++) {
    if (getU64(bytes, LE_FILE.fmap + FM.extents + j * EXTENT_SIZE + SE.offset) === 0) zeros++
  }
  return zeros === 0 ? null : { why: `${zeros} of ${count} extents with offset 0`, errors: zeros }
}

/**
 * Play the bytes of a log (header first): every entry below next_index in order, then nothing; or, at the first entry
 * that does not check or is not there, a stop. Never reads past `log`, whatever the header claims.
 */
export function* playLog(log: Uint8Array): Generator<PlayedEntry | PlayStop, void, void> {
  const head = decodeLogHeader(log)
  if (!head.ok) {
    yield { stop: 0, why: head.why }
    return
  }
  const { nextIndex, logLen } = head.header
  const capacity = logCapacity(logLen < log.length ? logLen : log.length)
  for (let index = 0; index < nextIndex; index++) {
    if (index >= capacity) {
      yield { stop: index, why: `log header: next_index ${nextIndex}, but the log holds ${capacity} entries` }
      return
    }
    const at = entryOffset(index)
    const bytes = log.subarray(at, at + ENTRY_SIZE)
    const check = checkEntry(bytes, index)
    if (check.errs > 0) {
      yield { stop: index, why: check.why }
      return
    }
    const skip = skipReason(bytes)
    yield { index, entry: decodeEntry(bytes), skip: skip ? skip.why : null, errors: skip ? skip.errors : 0 }
  }
}
