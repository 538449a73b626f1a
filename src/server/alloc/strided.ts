// The interleaved allocator: one strip in each of several buckets, buckets in random order (userspace.md c.8).
// Sizes in bytes; randomness comes from the caller, so that runs repeat.

import {
  AU_SIZE,
  type Extent,
  type Fmap,
  GiB,
  isPowerOfTwo,
  MAX_BUCKETS,
  MAX_STRIPS,
  setUnits,
} from '../../media/index.ts'
import { divDown, divUp, roundUp } from '../../sim/index.ts'
import { EINVAL, ENOMEM } from '../../wire/index.ts'
import type { AllocDefects, AllocSession } from './bitmap.ts'
import { allocContiguous, takeRun } from './contiguous.ts'

/** How to interleave: the device is cut into `nbuckets`, a file into `nstrips` dealt out in chunks of `chunkSize` bytes. */
export type Interleave = { nbuckets: number; nstrips: number; chunkSize: number }

/** One draw: an integer from 0 to n-1. */
export type Draw = (n: number) => number

/**
 * Outcome of an allocation. `code` is negative (an errno) or, for parameters that make no sense, the positive number of
 * things wrong with them. `crash` is what the process dies of when a known defect is switched on.
 */
export type Allocated =
  | { ok: true; fmap: Fmap }
  | { ok: false; code: number; why: string; crash?: undefined }
  | { ok: false; crash: 'SIGFPE' | 'SIGABRT'; why: string; code?: undefined }

/** Whether interleaving is asked for at all: any of the three set (c.8). */
export function wantsInterleave(p: Interleave): boolean {
  return p.nbuckets !== 0 || p.nstrips !== 0 || p.chunkSize !== 0
}

/**
 * Check parameters against a device (c.8). 0 when sound (or all zero: no interleaving); -EINVAL at once for a chunk
 * size that is not a power of two or not a multiple of the unit; otherwise the number of things wrong. Strip counts of
 * 0 and over 16 pass: the reference leaves them to the command line (Q7).
 */
export function validateInterleave(p: Interleave, deviceSize: number, allocUnit: number): number {
  if (!wantsInterleave(p)) return 0
  let errs = 0
  if (p.chunkSize === 0) errs++
  else if (!isPowerOfTwo(p.chunkSize) || p.chunkSize % allocUnit !== 0) return -EINVAL
  if (p.nstrips > p.nbuckets) errs++
  if (p.nbuckets === 0) errs++
  if (p.nbuckets > MAX_BUCKETS) errs++
  if (p.nbuckets > 0 && divDown(deviceSize, p.nbuckets) < GiB) errs++
  return errs
}

/** 0 to n-1 in random order (Fisher-Yates from the top down): n-1 draws, next(n), next(n-1), ..., next(2). */
export function shuffledBuckets(n: number, next: Draw): number[] {
  const order: number[] = []
  for (let i = 0; i < n; i++) order.push(i)
  for (let i = n - 1; i > 0; i--) {
    const j = next(i + 1)
    if (!(Number.isInteger(j) && j >= 0 && j <= i))
      throw new RangeError(`draw ${j}: expected an integer from 0 to ${i}`)
    const t = order[i]!
    order[i] = order[j]!
    order[j] = t
  }
  return order
}

/** A contiguous file's map; its length is a multiple of 2 MiB even where units are smaller (c.7). */
export function allocSimple(s: AllocSession, size: number, defects: AllocDefects): Allocated {
  const offset = allocContiguous(s, size, defects)
  if (offset < 0) {
    const why =
      offset === -EINVAL ? `size ${size}: expected a positive integer` : `no room for ${size} bytes in one piece`
    return { ok: false, code: offset, why }
  }
  return { ok: true, fmap: { kind: 'simple', extents: [{ dev: 0, offset, len: roundUp(size, AU_SIZE) }] } }
}

/** Collect one strip of `stripUnits` from each bucket, in `order`, until `want` are there or cannot be any more. */
function collectStrips(
  s: AllocSession,
  order: readonly number[],
  bucketUnits: number,
  stripUnits: number,
  want: number,
  defects: AllocDefects,
): { strips: Extent[]; tried: number } {
  const { map } = s
  const strips: Extent[] = []
  let tried = 0
  for (const bucket of order) {
    if (strips.length === want || tried - strips.length > order.length - want) break
    tried++
    const i = takeRun(map, bucket * bucketUnits, bucketUnits, stripUnits, defects)
    if (i > 0) strips.push({ dev: 0, offset: i * map.allocUnit, len: stripUnits * map.allocUnit })
  }
  return { strips, tried }
}

/**
 * Room for `size` bytes interleaved as `p` says, on a device of `deviceSize` bytes. Strips come in the order they were
 * found: random, and so differs from file to file. A file smaller than one chunk gets a contiguous piece instead. The
 * session's position does not move. On failure everything taken is given back.
 */
export function allocStrided(
  s: AllocSession,
  size: number,
  p: Interleave,
  deviceSize: number,
  next: Draw,
  defects: AllocDefects = {},
): Allocated {
  const { map } = s
  const { nbuckets, nstrips, chunkSize } = p
  if (!Number.isSafeInteger(size) || size <= 0) {
    return { ok: false, code: -EINVAL, why: `size ${size}: expected a positive integer` }
  }
  const code = validateInterleave(p, deviceSize, map.allocUnit)
  if (code !== 0) {
    const found = `buckets ${nbuckets}, strips ${nstrips}, chunk size ${chunkSize}`
    return { ok: false, code, why: `${found}: not possible on a device of ${deviceSize} bytes` }
  }
  if (size < chunkSize) {
    if (defects.Q39) s.curPos = 0
    return allocSimple(s, size, defects)
  }
  if (nstrips < 1 || nstrips > MAX_STRIPS) {
    const why = `strips ${nstrips}: expected 1 to ${MAX_STRIPS}`
    return defects.Q7
      ? { ok: false, crash: nstrips < 1 ? 'SIGFPE' : 'SIGABRT', why }
      : { ok: false, code: -EINVAL, why }
  }
  const bucketUnits = divDown(divDown(deviceSize, map.allocUnit), nbuckets)
  const chunkUnits = chunkSize / map.allocUnit
  const stripUnits = divUp(divUp(size, map.allocUnit), nstrips * chunkUnits) * chunkUnits
  const { strips, tried } = collectStrips(s, shuffledBuckets(nbuckets, next), bucketUnits, stripUnits, nstrips, defects)
  if (strips.length === nstrips) return { ok: true, fmap: { kind: 'interleaved', chunkSize, strips } }
  const why = `${nstrips} strips of ${stripUnits * map.allocUnit} bytes: found room for ${strips.length}`
  if (defects.Q6 && tried > MAX_STRIPS) return { ok: false, crash: 'SIGABRT', why }
  for (const x of strips) setUnits(map, x.offset / map.allocUnit, stripUnits, false)
  return { ok: false, code: -ENOMEM, why }
}
