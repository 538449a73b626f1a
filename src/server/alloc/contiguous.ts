// The contiguous allocator: first fit from the session's position on (userspace.md c.7). Sizes and offsets in bytes.

import { setUnits, type UnitMap, unitTaken } from '../../media/index.ts'
import { divDown, divUp } from '../../sim/index.ts'
import { EINVAL, ENOMEM } from '../../wire/index.ts'
import type { AllocDefects, AllocSession } from './bitmap.ts'

/**
 * First run of `need` clear units at or after unit `start`, or -1. `range` bounds the search to units start to
 * start+range-1; null means the rest of the device. Fails at the first clear unit that has too little room left in the
 * range, as the reference does. With Q5 on, an unbounded search takes the room left for the whole device's, counted
 * from `start`: it then looks at units past the end, which read as clear.
 */
export function findRun(
  map: UnitMap,
  start: number,
  range: number | null,
  need: number,
  defects: AllocDefects,
): number {
  const end = range === null ? map.nbits : start + range
  const limit = range === null && defects.Q5 ? start + map.nbits : end
  for (let i = start; i < map.nbits && i < end; i++) {
    if (unitTaken(map, i)) continue
    if (need > limit - i) return -1
    let n = 1
    while (n < need && !unitTaken(map, i + n)) n++
    if (n === need) return i
    // Runs that start up to i+n would meet the same taken unit.
    i += n
  }
  return -1
}

/** Take `need` units in a bounded search; the session's position stays. Returns the first unit or -1. */
export function takeRun(
  map: UnitMap,
  start: number,
  range: number | null,
  need: number,
  defects: AllocDefects,
): number {
  const i = findRun(map, start, range, need, defects)
  if (i >= 0) setUnits(map, i, need, true)
  return i
}

/**
 * Room for `size` bytes in one piece: the device offset, or -ENOMEM (out of space), or -EINVAL for a size that is not
 * a positive integer. The session's position moves behind what was taken.
 */
export function allocContiguous(s: AllocSession, size: number, defects: AllocDefects = {}): number {
  if (!Number.isSafeInteger(size) || size <= 0) return -EINVAL
  const { allocUnit } = s.map
  const need = divUp(size, allocUnit)
  const i = takeRun(s.map, divDown(s.curPos, allocUnit), null, need, defects)
  if (i < 0) return -ENOMEM
  s.curPos = (i + need) * allocUnit
  return i * allocUnit
}
