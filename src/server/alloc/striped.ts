// The allocator over several devices: one strip on each, first fit in the device's own map, as the reference plans it
// (userspace.md i.4, step 10: one strip per device, no buckets). Sizes in bytes. A what-if: the reference has one device.

import { type Extent, isPowerOfTwo, MAX_STRIPS, setUnits, type UnitMap } from '../../media/index.ts'
import { divUp } from '../../sim/index.ts'
import { EINVAL, ENOMEM } from '../../wire/index.ts'
import { openSession } from './bitmap.ts'
import { takeRun } from './contiguous.ts'
import { type Allocated, allocSimple } from './strided.ts'

/** How to stripe: over the first `devices` devices, dealt out in chunks of `chunkSize` bytes. */
export type Stripe = { devices: number; chunkSize: number }

/**
 * Room for `size` bytes striped over the devices whose maps these are, in order of index. A file smaller than one chunk
 * gets a piece of the first. On failure everything taken is given back.
 */
export function allocStriped(maps: readonly UnitMap[], size: number, { devices, chunkSize }: Stripe): Allocated {
  const bad = (why: string): Allocated => ({ ok: false, code: -EINVAL, why })
  const most = maps.length < MAX_STRIPS ? maps.length : MAX_STRIPS
  const { allocUnit } = maps[0]!
  if (!Number.isSafeInteger(size) || size <= 0) return bad(`size ${size}: expected a positive integer`)
  if (!Number.isInteger(devices) || devices < 1 || devices > most)
    return bad(`${devices} devices: expected 1 to ${most}, as many as the file system has`)
  if (!isPowerOfTwo(chunkSize) || chunkSize % allocUnit !== 0)
    return bad(`chunk size ${chunkSize}: expected a power of two that is a multiple of ${allocUnit}`)
  if (size < chunkSize) return allocSimple(openSession(maps[0]!), size, {})
  const units = (divUp(divUp(size, chunkSize), devices) * chunkSize) / allocUnit
  const strips: Extent[] = []
  for (let dev = 0; dev < devices; dev++) {
    const i = takeRun(maps[dev]!, 0, null, units, {})
    if (i < 0) {
      for (const s of strips) setUnits(maps[s.dev]!, s.offset / allocUnit, units, false)
      return { ok: false, code: -ENOMEM, why: `a strip of ${units * allocUnit} bytes: no room on device ${dev}` }
    }
    strips.push({ dev, offset: i * allocUnit, len: units * allocUnit })
  }
  return { ok: true, fmap: { kind: 'interleaved', chunkSize, strips } }
}
