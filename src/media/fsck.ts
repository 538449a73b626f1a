// What fsck says of a described device: who owns it, how much is used, and what is free in each stripe bucket. Counted as
// the real famfs fsck counts (userspace.md f.1), but for the buckets, whose figures it gets wrong (Q24).

import { divDown } from '../sim/index.ts'
import type { UsageDump } from './image.ts'
import { entryOffset } from './log.ts'

/** A dump whose superblock and log header are good. */
type GoodDump = { [K in keyof UsageDump]: NonNullable<UsageDump[K]> }

/** One bucket of the interleaved allocator. Sizes in bytes; a fragment is a run of free units. */
export type BucketUse = {
  size: number
  in_use: number
  free: number
  fragments: number
  largest: number
  smallest: number
}

/** Sizes in bytes. */
export type FsckReport = {
  /** What the asking host is to this file system. */
  role: 'Owner' | 'Client'
  log_in_use: number
  capacity: {
    device: number
    /** What the bitmap covers: whole units. */
    bitmap: number
    files: number
    /** Superblock and log among it. */
    allocated: number
    free: number
    /** Allocated for each byte of a file; null when there is no file. */
    amplification: number | null
    percent_used: number
  }
  /** Null when not asked for. `overhang`: what is in no bucket. */
  buckets: { overhang: number; list: BucketUse[] } | null
}

/** What is free in each of `n` equal buckets of `nbits` units, from the runs [first, count] that are taken, ascending. */
function bucketUse(runs: readonly [number, number][], nbits: number, unit: number, n: number): BucketUse[] {
  const units = divDown(nbits, n)
  const list: BucketUse[] = []
  for (let i = 0; i < n; i++) {
    const end = (i + 1) * units
    const gaps: number[] = []
    let at = i * units
    let taken = 0
    for (const [first, count] of [...runs, [nbits, 0] as const]) {
      const from = first < at ? at : first > end ? end : first
      const to = first + count > end ? end : first + count
      if (from > at) gaps.push(from - at)
      if (to > from) taken += to - from
      if (to > at) at = to
    }
    let largest = 0
    let smallest = gaps[0] ?? 0
    for (const g of gaps) {
      if (g > largest) largest = g
      if (g < smallest) smallest = g
    }
    list.push({
      size: units * unit,
      in_use: taken * unit,
      free: (units - taken) * unit,
      fragments: gaps.length,
      largest: largest * unit,
      smallest: smallest * unit,
    })
  }
  return list
}

/** What fsck says, to the host of this uuid (null: it has none yet, so it owns nothing); null when there is no good superblock or log. */
export function fsckReport(dump: UsageDump, systemUuid: string | null, buckets = 0): FsckReport | null {
  if (dump.bitmap === null) return null
  const { superblock: sb, log, bitmap } = dump as GoodDump
  const unit = sb.alloc_unit
  const covered = bitmap.nbits * unit
  return {
    role: sb.system_uuid === systemUuid ? 'Owner' : 'Client',
    log_in_use: entryOffset(log.next_index),
    capacity: {
      device: sb.daxdev_size,
      bitmap: covered,
      files: bitmap.fsize_total,
      allocated: bitmap.alloc_sum,
      free: covered - bitmap.alloc_sum,
      amplification: bitmap.fsize_total === 0 ? null : bitmap.alloc_sum / bitmap.fsize_total,
      percent_used: covered === 0 ? 0 : (100 * bitmap.alloc_sum) / covered,
    },
    buckets:
      buckets === 0
        ? null
        : { overhang: (bitmap.nbits % buckets) * unit, list: bucketUse(bitmap.runs, bitmap.nbits, unit, buckets) },
  }
}
