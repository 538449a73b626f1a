// Physical ranges of a device: addresses, offsets and geometry.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ALIGNS,
  checkGeometry,
  type DaxRange,
  left_in_range,
  NO_PHYS,
  offset_of,
  order_of,
  phys_of,
} from '../../src/devdax/range.ts'
import { GiB, KiB, MiB } from '../../src/sim/index.ts'

const TWO: DaxRange[] = [
  { start: GiB(64), len: MiB(64) },
  { start: GiB(16), len: MiB(32) },
]

describe('addresses', () => {
  it.each([
    [0, GiB(64), MiB(64)],
    [MiB(64) - 1, GiB(64) + MiB(64) - 1, 1],
    [MiB(64), GiB(16), MiB(32)],
    [MiB(96) - 1, GiB(16) + MiB(32) - 1, 1],
    [MiB(96), NO_PHYS, 0],
  ])('offset %d is at %d with %d bytes left', (off, phys, left) => {
    expect(phys_of(TWO, off)).toBe(phys)
    expect(left_in_range(TWO, off)).toBe(left)
  })
  it('an address in no range has no offset', () => {
    for (const phys of [0, GiB(16) - 1, GiB(16) + MiB(32), GiB(64) - 1, GiB(64) + MiB(64)])
      expect(offset_of(TWO, phys)).toBe(-1)
  })
  it('there and back again', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 5 }), fc.nat(), (lens, pick) => {
        // Ranges lie in memory in the opposite order, with gaps, so that order and neighbours cannot help.
        const ranges = lens.map((n, i) => ({ start: (lens.length - i) * MiB(64), len: MiB(2) * n }))
        const size = ranges.reduce((s, r) => s + r.len, 0)
        const off = pick % size
        expect(offset_of(ranges, phys_of(ranges, off))).toBe(off)
      }),
    )
  })
})

describe('geometry', () => {
  const check = (size: number, align: number, ranges: DaxRange[]) => () =>
    checkGeometry('daxdev d', size, align, ranges)
  it('orders of the aligns are those of a page, a PMD and a PUD', () => {
    expect(ALIGNS.map(order_of)).toEqual([0, 9, 18])
  })
  it.each([
    [KiB(4), [{ start: KiB(4), len: MiB(2) }]],
    [MiB(2), [{ start: 0, len: MiB(2) }]],
    [GiB(1), [{ start: GiB(1), len: GiB(1) }]],
  ])('align %d is taken', (align, ranges) => {
    expect(check(ranges[0]!.len, align, ranges)).not.toThrow()
  })
  it.each<[string, number, number, DaxRange[], RegExp]>([
    ['an align that is none', MiB(4), MiB(4), [{ start: 0, len: MiB(4) }], /align 4194304 is none of/],
    ['size 0', 0, MiB(2), [], /size 0 is not a positive multiple/],
    ['a negative size', -MiB(2), MiB(2), [], /size -2097152 is not/],
    ['a size off the align', MiB(2), GiB(1), [{ start: 0, len: MiB(2) }], /size 2097152 is not a positive multiple/],
    ['a range off the align', MiB(4), MiB(2), [{ start: KiB(4), len: MiB(4) }], /range 0 .* expected multiples/],
    ['an empty range', MiB(2), MiB(2), [...TWO.slice(0, 1), { start: 0, len: 0 }], /range 1 .* expected multiples/],
    [
      'ranges that overlap',
      MiB(4),
      MiB(2),
      [
        { start: 0, len: MiB(2) },
        { start: 0, len: MiB(2) },
      ],
      /range 1 overlaps another/,
    ],
    [
      'ranges that do not add up',
      MiB(98),
      MiB(2),
      TWO,
      /ranges of 100663296 bytes in all; expected its size, 102760448/,
    ],
  ])('%s is refused in one line', (_what, size, align, ranges, message) => {
    expect(check(size, align, ranges)).toThrow(message)
    expect(check(size, align, ranges)).toThrow(/^daxdev d: [^\n]+$/)
  })
})
