// A file's map: which device bytes hold which file bytes (userspace.md a.4, a.5). Offsets and lengths in bytes.

import { divDown } from '../sim/index.ts'
import {
  EXT_INTERLEAVE,
  EXT_SIMPLE,
  EXTENT_SIZE,
  FM,
  FMAP_SIZE,
  MAX_EXTENTS,
  MAX_INTERLEAVED,
  MAX_STRIPS,
  SE,
} from './constants.ts'
import { fitsU64, getU32, getU64, putU32, putU64 } from './ints.ts'

/** One contiguous run on device number `dev`. A strip of an interleaved file has the same shape. */
export type Extent = { dev: number; offset: number; len: number }

/** Extents one after the other; mkfs-era tools write exactly one. */
export type SimpleFmap = { kind: 'simple'; extents: Extent[] }
/** File bytes dealt out in chunks over strips, round robin. The format allows one such extent a file. */
export type InterleavedFmap = { kind: 'interleaved'; chunkSize: number; strips: Extent[] }
/** What a log may hold but nobody can follow: kept byte for byte, never interpreted. `count` as found. */
export type BadFmap = { kind: 'bad'; extType: number; count: number; raw: Uint8Array; why: string }
export type Fmap = SimpleFmap | InterleavedFmap
export type LoggedFmap = Fmap | BadFmap

function getExtents(b: Uint8Array, at: number, n: number): Extent[] | null {
  const out: Extent[] = []
  for (let i = 0; i < n; i++, at += EXTENT_SIZE) {
    if (!fitsU64(b, at + SE.dev) || !fitsU64(b, at + SE.offset) || !fitsU64(b, at + SE.len)) return null
    out.push({ dev: getU64(b, at + SE.dev), offset: getU64(b, at + SE.offset), len: getU64(b, at + SE.len) })
  }
  return out
}

function putExtents(b: Uint8Array, at: number, list: readonly Extent[]): void {
  for (const e of list) {
    putU64(b, at + SE.dev, e.dev)
    putU64(b, at + SE.offset, e.offset)
    putU64(b, at + SE.len, e.len)
    at += EXTENT_SIZE
  }
}

/** Read the 416 bytes at `at` (they must be there). Counts are checked before anything is read by them. */
export function decodeFmap(b: Uint8Array, at: number): LoggedFmap {
  const extType = getU32(b, at + FM.extType)
  const count = getU32(b, at + FM.count)
  const bad = (why: string): BadFmap => {
    return { kind: 'bad', extType, count, raw: b.slice(at, at + FMAP_SIZE), why }
  }
  const tooBig = 'an extent holds a number over 2^53'
  if (extType === EXT_SIMPLE) {
    if (count > MAX_EXTENTS) return bad(`${count} extents, at most ${MAX_EXTENTS} fit`)
    const extents = getExtents(b, at + FM.extents, count)
    return extents ? { kind: 'simple', extents } : bad(tooBig)
  }
  if (extType !== EXT_INTERLEAVE) return bad(`extent type ${extType}, expected ${EXT_SIMPLE} or ${EXT_INTERLEAVE}`)
  if (count !== MAX_INTERLEAVED) return bad(`${count} interleaved extents, expected ${MAX_INTERLEAVED}`)
  const nstrips = getU64(b, at + FM.nstrips)
  if (nstrips > MAX_STRIPS) return bad(`${nstrips} strips, at most ${MAX_STRIPS} fit`)
  const strips = getExtents(b, at + FM.strips, nstrips)
  if (!strips || !fitsU64(b, at + FM.chunkSize)) return bad(tooBig)
  return { kind: 'interleaved', chunkSize: getU64(b, at + FM.chunkSize), strips }
}

/** Write a map over 416 zeroed bytes at `at`. Throws when it has more extents or strips than the format holds. */
export function encodeFmap(b: Uint8Array, at: number, fmap: LoggedFmap): void {
  if (fmap.kind === 'bad') {
    if (fmap.raw.length !== FMAP_SIZE) throw new RangeError(`fmap: ${fmap.raw.length} raw bytes, expected ${FMAP_SIZE}`)
    b.set(fmap.raw, at)
    return
  }
  const list = fmap.kind === 'simple' ? fmap.extents : fmap.strips
  if (list.length > MAX_EXTENTS)
    throw new RangeError(`fmap: ${list.length} extents or strips, at most ${MAX_EXTENTS} fit`)
  if (fmap.kind === 'simple') {
    putU32(b, at + FM.extType, EXT_SIMPLE)
    putU32(b, at + FM.count, list.length)
    putExtents(b, at + FM.extents, list)
    return
  }
  putU32(b, at + FM.extType, EXT_INTERLEAVE)
  putU32(b, at + FM.count, MAX_INTERLEAVED)
  putU64(b, at + FM.nstrips, list.length)
  putU64(b, at + FM.chunkSize, fmap.chunkSize)
  putExtents(b, at + FM.strips, list)
}

/**
 * Where file byte `pos` lives (a.5): the device byte and how many file bytes follow it there without a break
 * (to the end of the extent, or of the chunk). Null when the map does not reach `pos`.
 */
export function mapOffset(fmap: Fmap, pos: number): Extent | null {
  if (fmap.kind === 'simple') {
    for (const e of fmap.extents) {
      if (pos < e.len) return { dev: e.dev, offset: e.offset + pos, len: e.len - pos }
      pos -= e.len
    }
    return null
  }
  const n = fmap.strips.length
  if (n === 0 || fmap.chunkSize === 0) return null
  const within = pos % fmap.chunkSize
  const chunk = divDown(pos, fmap.chunkSize)
  const strip = fmap.strips[chunk % n]!
  const inStrip = divDown(chunk, n) * fmap.chunkSize + within
  if (inStrip >= strip.len) return null
  const left = fmap.chunkSize - within
  const rest = strip.len - inStrip
  return { dev: strip.dev, offset: strip.offset + inStrip, len: left < rest ? left : rest }
}
