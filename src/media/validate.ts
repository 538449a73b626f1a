// Everything wrong with an image or a log, one line each: thing, place, expected. Far stricter than the reference tools, which check
// little beyond the CRCs (userspace.md i.1, Q16 and Q17).

import { roundUp } from '../sim/index.ts'
import { AU_SIZE, LOG_HEADER_SIZE, LOG_OFFSET, PATH_FIELD, SB_AREA, SB_SIZE } from './constants.ts'
import type { Extent } from './fmap.ts'
import { eachEntry, hex, type ReadBytes, readableEntries } from './image.ts'
import { decodeEntry, decodeLogHeader, type FileEntry, type LogHeader, logCapacity, pathTerminated } from './log.ts'
import { skipReason } from './logplay.ts'
import { isSecondary, secondaryWhy } from './secondary.ts'
import { accountOf, claimEntry, claimRange, openAccount, opensAccount, type SpaceAccount } from './space.ts'
import { decodeSuperblock, type Superblock } from './superblock.ts'

/** Problems of one extent or strip, each prefixed with `where`; also enters it into the account of its device. */
function extentProblems(out: string[], where: string, x: Extent, all: SpaceAccount, firstSize: number): void {
  const acc = accountOf(all, x.dev)
  const { allocUnit, nbits } = acc.map
  if (x.dev > all.further.length) out.push(`${where}: on device ${x.dev}, expected one that an entry before it added`)
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

function headerProblems(sb: Superblock, h: LogHeader, deviceSize: number): string[] {
  const out: string[] = []
  if (sb.logOffset !== LOG_OFFSET) out.push(`superblock: log_offset ${sb.logOffset}, expected ${LOG_OFFSET}`)
  if (SB_AREA + sb.logLen > deviceSize) {
    out.push(`superblock: log_len ${sb.logLen} ends past the device, expected at most ${deviceSize - SB_AREA}`)
  }
  if (sb.daxdevSize !== deviceSize) out.push(`superblock: device size ${sb.daxdevSize}, expected ${deviceSize}`)
  if (h.logLen !== sb.logLen) out.push(`log header: log_len ${h.logLen}, expected ${sb.logLen} as in the superblock`)
  const last = logCapacity(h.logLen) - 1
  if (h.lastIndex !== last) out.push(`log header: last_index ${h.lastIndex}, expected ${last} for log_len ${h.logLen}`)
  if (h.nextIndex > last + 1) out.push(`log header: next_index ${h.nextIndex}, expected at most ${last + 1}`)
  return out
}

/** The counters must agree. They do not when an append was cut off between the two (c.3), or one of them was set back. */
export function counterProblems(h: LogHeader): string[] {
  if (h.nextSeqnum === h.nextIndex) return []
  return [`log header: next_seqnum ${h.nextSeqnum}, expected ${h.nextIndex} as next_index`]
}

/**
 * The entries of one log, looked at one after the other: what is wrong with each beyond its CRC. Keeps every path and the account
 * of every device, so its memory grows with the log.
 */
export class LogValidator {
  private readonly sb: Superblock
  private readonly deviceSize: number
  private readonly acc: SpaceAccount
  private readonly kinds = new Map<string, 'file' | 'mkdir'>()

  /** @param deviceSize bytes of the first device */
  constructor(sb: Superblock, deviceSize: number) {
    this.sb = sb
    this.deviceSize = deviceSize
    this.acc = openAccount(deviceSize, sb.allocUnit, sb.logLen)
  }

  /** What is wrong with superblock and log header beyond their CRCs; their counters aside. */
  header(h: LogHeader): string[] {
    return headerProblems(this.sb, h, this.deviceSize)
  }

  /** What is wrong with the 544 bytes of entry `i`, which check. */
  entry(i: number, bytes: Uint8Array, e = decodeEntry(bytes)): string[] {
    const { acc, kinds } = this
    const out: string[] = []
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
    if (e.type !== 'file' && e.type !== 'mkdir') return out
    const before = kinds.get(e.path)
    if (before !== undefined && (before === 'file' || e.type === 'file')) {
      out.push(`${name}: path ${JSON.stringify(e.path)} was logged before, expected a new one`)
    }
    kinds.set(e.path, e.type)
    const slash = e.path.lastIndexOf('/')
    const parent = slash < 0 ? '' : e.path.slice(0, slash)
    if (e.path.split('/').includes('..')) {
      out.push(`${name}: path ${JSON.stringify(e.path)} climbs out with "..", expected none`)
    } else if (parent !== '' && !parent.startsWith('/') && kinds.get(parent) !== 'mkdir') {
      out.push(`${name}: directory ${JSON.stringify(parent)} was not logged before it, expected it to be`)
    }
    if (e.type === 'file') fileProblems(out, name, e, acc, this.deviceSize)
    return out
  }
}

/**
 * Everything wrong with the device, one line each: thing, place, expected. Empty means a sound image.
 */
export function validateImage(read: ReadBytes, deviceSize: number): string[] {
  const out: string[] = []
  const sb = decodeSuperblock(read(0, SB_SIZE))
  const lh = decodeLogHeader(read(LOG_OFFSET, LOG_HEADER_SIZE))
  if (sb.ok && isSecondary(sb.sb)) return [secondaryWhy(sb.sb)]
  if (!sb.ok) out.push(sb.why)
  if (!lh.ok) out.push(lh.why)
  if (!sb.ok || !lh.ok) return out
  const log = new LogValidator(sb.sb, deviceSize)
  out.push(...log.header(lh.header), ...counterProblems(lh.header))
  const n = readableEntries(lh.header.nextIndex, lh.header.logLen, sb.sb.logLen, deviceSize)
  eachEntry(read, n, (i, bytes, check, e) => {
    out.push(...(check.errs > 0 ? [check.why] : log.entry(i, bytes, e)))
  })
  return out
}
