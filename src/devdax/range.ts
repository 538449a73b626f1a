// Where a device's bytes lie in physical address space: one or more ranges, one after the other in device offsets. A tagged
// dynamic capacity shows up as one device of several ranges.
import { UsageError } from '../sim/index.ts'

/** struct range, with a length in place of the last byte. Bytes. */
export interface DaxRange {
  /** Physical address. */
  readonly start: number
  readonly len: number
}

/** Alignments a devdax device can have, bytes. */
export const ALIGNS: readonly number[] = [0x1000, 0x200000, 0x40000000]

/** Address that stands for "no such page". */
export const NO_PHYS = -1

/** Physical address of a device offset, or NO_PHYS. */
export function phys_of(ranges: readonly DaxRange[], off: number): number {
  let left = off
  for (const r of ranges) {
    if (left < r.len) return r.start + left
    left -= r.len
  }
  return NO_PHYS
}

/** Device offset of a physical address, or -1 when it is in no range. */
export function offset_of(ranges: readonly DaxRange[], phys: number): number {
  let before = 0
  for (const r of ranges) {
    if (phys >= r.start && phys < r.start + r.len) return before + phys - r.start
    before += r.len
  }
  return -1
}

/** Bytes from a device offset to the end of its range; 0 outside the device. */
export function left_in_range(ranges: readonly DaxRange[], off: number): number {
  let left = off
  for (const r of ranges) {
    if (left < r.len) return r.len - left
    left -= r.len
  }
  return 0
}

/**
 * The ranges of a device of `size` bytes. Throws UsageError: an align that is none, lengths or starts that do not suit it,
 * ranges that overlap or do not add up.
 */
export function checkGeometry(what: string, size: number, align: number, ranges: readonly DaxRange[]): void {
  if (!ALIGNS.includes(align))
    throw new UsageError(`${what}: align ${align} is none of 4 KiB, 2 MiB and 1 GiB (${ALIGNS.join(', ')})`)
  if (!Number.isSafeInteger(size) || size <= 0 || size % align !== 0)
    throw new UsageError(`${what}: size ${size} is not a positive multiple of its align ${align}`)
  let sum = 0
  for (const [i, r] of ranges.entries()) {
    const whole = (n: number): boolean => Number.isSafeInteger(n) && n >= 0 && n % align === 0
    if (!whole(r.start) || !whole(r.len) || r.len === 0)
      throw new UsageError(`${what}: range ${i} (start ${r.start}, len ${r.len}): expected multiples of align ${align}`)
    if (ranges.some((o, j) => j < i && r.start < o.start + o.len && o.start < r.start + r.len))
      throw new UsageError(`${what}: range ${i} overlaps another; ranges lie apart in physical address space`)
    sum += r.len
  }
  if (sum !== size) throw new UsageError(`${what}: ranges of ${sum} bytes in all; expected its size, ${size}`)
}

/** Order of the pages of an align: 0, 9 or 18. */
export const order_of = (align: number): number => ALIGNS.indexOf(align) * 9
