// What one locked-log session knows about space: the bitmap built from the log when the session opens, and where the
// next contiguous search starts (userspace.md c.6, c.7). Built once a session; sessions share nothing.
// State: owned by the holder of the log lock; nothing here locks.

import {
  checkEntry,
  claimEntry,
  decodeEntry,
  ENTRY_SIZE,
  entryOffset,
  logCapacity,
  openAccount,
  type SpaceAccount,
  type Superblock,
  type UnitMap,
} from '../../media/index.ts'

/** Space as the allocators see it: `curPos` is the byte a contiguous search starts from. */
export type AllocSession = { map: UnitMap; curPos: number }

/** Known defects of the reference allocator, off unless named (userspace.md i.1). */
export type AllocDefects = {
  /** An unlimited search measures what is left from the wrong end, so a file may run past the device. */
  Q5?: boolean
  /** A failed strided allocation that tried over 16 buckets gives back strips that do not exist: abort. */
  Q6?: boolean
  /** Strip counts of 0 and over 16 go unchecked: division by zero, heap overrun. */
  Q7?: boolean
  /** A file too small to interleave sends the contiguous search back to the start of the device. */
  Q39?: boolean
}

/** What a log's entries make of a device, with the counts fsck prints. */
export type LogUsage = {
  account: SpaceAccount
  /** Entries in use, bad ones among them. */
  entries: number
  bad: number
  /** One line for each bad entry or one that could not be followed. */
  notes: string[]
  /** Does a device that an entry adds have a map of its own? */
  several: boolean
}

/** A session over a map, searching from the start. */
export function openSession(map: UnitMap): AllocSession {
  return { map, curPos: 0 }
}

/** An account with only superblock and log taken; feed it with useEntry. */
export function openUsage(sb: Superblock, several = true): LogUsage {
  return { account: openAccount(sb.daxdevSize, sb.allocUnit, sb.logLen), entries: 0, bad: 0, notes: [], several }
}

/**
 * Enter the 544 bytes of entry `index`. An entry that does not check returns how many checks failed and enters nothing:
 * the caller invalidates it, reads it again and calls again, with `last` set on the final try, which counts it as bad
 * and goes on (c.6). Returns 0 when it was entered.
 */
export function useEntry(u: LogUsage, bytes: Uint8Array, index: number, last: boolean): number {
  const check = checkEntry(bytes, index)
  if (check.errs > 0) {
    if (last) {
      u.entries++
      u.bad++
      u.notes.push(check.why)
    }
    return check.errs
  }
  const e = decodeEntry(bytes)
  if (e.type === 'other') u.notes.push(`log entry ${index}: ${e.why}`)
  if (e.type === 'file' && e.fmap.kind === 'bad') u.notes.push(`log entry ${index}: map: ${e.fmap.why}`)
  if (e.type !== 'add_daxdev' || u.several) claimEntry(u.account, e)
  u.entries++
  return 0
}

/**
 * The whole of c.6 over log bytes already in hand (header first): entries 0 to nextIndex-1, as far as `log` goes.
 * The device's size is the superblock's word for it, as in the reference tools.
 */
export function buildBitmap(sb: Superblock, log: Uint8Array, nextIndex: number): LogUsage {
  const u = openUsage(sb)
  const capacity = logCapacity(log.length)
  for (let i = 0; i < nextIndex && i < capacity; i++) {
    useEntry(u, log.subarray(entryOffset(i), entryOffset(i) + ENTRY_SIZE), i, true)
  }
  return u
}
