// Which allocation units of a device are taken, and who took one twice: the bitmap and the account built from a log
// (userspace.md c.6). One bit a unit, least significant bit first. The allocator and the checker both stand on it.

import { divDown, divUp } from '../sim/index.ts'
import { MAX_DAXDEVS, SB_AREA } from './constants.ts'
import { crc32 } from './crc.ts'
import type { AddDaxdevEntry, LogEntry } from './log.ts'

/** A bound on the bitmap: 2^31 units (8 TiB of 4 KiB units, 4 PiB of 2 MiB ones). */
export const MAX_BITS = 0x80000000

/** One bit per allocation unit of `allocUnit` bytes; `nbits` units in all. */
export type UnitMap = { nbits: number; allocUnit: number; bytes: Uint8Array }

/** An all-clear map of a device of `deviceSize` bytes; a last part of a unit counts as one. */
export function newUnitMap(deviceSize: number, allocUnit: number): UnitMap {
  const nbits = divUp(deviceSize, allocUnit)
  if (!(nbits >= 0 && nbits <= MAX_BITS)) {
    throw new RangeError(`device of ${deviceSize} bytes in units of ${allocUnit}: at most ${MAX_BITS} units are mapped`)
  }
  return { nbits, allocUnit, bytes: new Uint8Array(divUp(nbits, 8)) }
}

/** Whether unit i is taken. Units past the end read as clear. */
export function unitTaken(m: UnitMap, i: number): boolean {
  return i < m.nbits && (m.bytes[i >>> 3]! & (1 << (i & 7))) !== 0
}

/** Take or give back `n` units from `i` on; units past the end are ignored. */
export function setUnits(m: UnitMap, i: number, n: number, taken: boolean): void {
  const end = i + n < m.nbits ? i + n : m.nbits
  for (; i < end; i++) {
    if (taken) m.bytes[i >>> 3]! |= 1 << (i & 7)
    else m.bytes[i >>> 3]! &= ~(1 << (i & 7))
  }
}

/** How many units are taken. */
export function countTaken(m: UnitMap): number {
  let n = 0
  for (const [, count] of takenRuns(m)) n += count
  return n
}

/** Taken units as [first, count] runs, ascending. */
export function takenRuns(m: UnitMap): [number, number][] {
  const runs: [number, number][] = []
  let start = -1
  for (let i = 0; i <= m.nbits; i++) {
    // Eight of a kind at once: most of a large device is free.
    const eight = (i & 7) === 0 ? m.bytes[i >>> 3] : undefined
    if (eight === (start < 0 ? 0 : 255) && i + 8 <= m.nbits) {
      i += 7
      continue
    }
    const taken = unitTaken(m, i)
    if (taken && start < 0) start = i
    if (!taken && start >= 0) {
      runs.push([start, i - start])
      start = -1
    }
  }
  return runs
}

/** CRC-32 of the map's bytes. */
export function unitMapCrc(m: UnitMap): number {
  return crc32(m.bytes)
}

/** A device's account: the map, and what was counted while it was built (c.6). Sizes in bytes. */
export type SpaceAccount = {
  map: UnitMap
  /** Units claimed a second time; each one counts. */
  collisions: number
  /** Sum of the sizes of logged files. */
  fsizeTotal: number
  /** Units taken (superblock and log among them), each counted for its first owner, in bytes. */
  allocSum: number
  /** Claimed units that do not exist: past the end of the device. */
  outside: number
  /** Extents that do not start on a unit. */
  misaligned: number
  filesLogged: number
  dirsLogged: number
  /** Accounts of the devices that the log adds, from index 1 on. */
  further: SpaceAccount[]
}

/** The account of an empty device: superblock and log taken; of a further one (no log) the area of its superblock. */
export function openAccount(deviceSize: number, allocUnit: number, logLen: number): SpaceAccount {
  const map = newUnitMap(deviceSize, allocUnit)
  const acc: SpaceAccount = {
    map,
    collisions: 0,
    fsizeTotal: 0,
    allocSum: 0,
    outside: 0,
    misaligned: 0,
    filesLogged: 0,
    dirsLogged: 0,
    further: [],
  }
  claimRange(acc, 0, divDown(SB_AREA + logLen, allocUnit) * allocUnit)
  return acc
}

/** Claim the units under bytes [offset, offset+len). Returns how many of them someone else had (also counted). */
export function claimRange(acc: SpaceAccount, offset: number, len: number): number {
  const { map } = acc
  if (offset % map.allocUnit !== 0) acc.misaligned++
  const first = divDown(offset, map.allocUnit)
  const end = first + divUp(len, map.allocUnit)
  const stop = end < map.nbits ? end : map.nbits
  let clashes = 0
  for (let i = first; i < stop; i++) {
    if (unitTaken(map, i)) clashes++
    else {
      map.bytes[i >>> 3]! |= 1 << (i & 7)
      acc.allocSum += map.allocUnit
    }
  }
  if (end > map.nbits) acc.outside += end - (first > map.nbits ? first : map.nbits)
  acc.collisions += clashes
  return clashes
}

/** The account of a device. A device that no entry added has the first one's: the reference tools know one map. */
export function accountOf(acc: SpaceAccount, dev: number): SpaceAccount {
  return acc.further[dev - 1] ?? acc
}

/** Is an added device the next one, of those that a kernel can know, and no larger than what can be mapped with all of them? */
export function opensAccount(acc: SpaceAccount, e: AddDaxdevEntry): boolean {
  let units = acc.map.nbits + divUp(e.size, acc.map.allocUnit)
  for (const { map } of acc.further) units += map.nbits
  const index = acc.further.length + 1
  return e.index === index && index < MAX_DAXDEVS && units <= MAX_BITS
}

/**
 * Enter one valid log entry. Files claim every extent or strip on its device; a map that cannot be followed claims nothing
 * but its file still counts; an added device opens an account; directories and the rest claim nothing
 * (c.6).
 */
export function claimEntry(acc: SpaceAccount, e: LogEntry): void {
  if (e.type === 'mkdir') acc.dirsLogged++
  if (e.type === 'add_daxdev' && opensAccount(acc, e)) acc.further.push(openAccount(e.size, acc.map.allocUnit, 0))
  if (e.type !== 'file') return
  acc.filesLogged++
  acc.fsizeTotal += e.size
  if (e.fmap.kind === 'bad') return
  for (const x of e.fmap.kind === 'simple' ? e.fmap.extents : e.fmap.strips)
    claimRange(accountOf(acc, x.dev), x.offset, x.len)
}
