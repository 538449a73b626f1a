import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as i from '../../src/media/ints.ts'
import { divDown, divUp } from '../../src/sim/index.ts'

const bytes8 = fc.uint8Array({ minLength: 8, maxLength: 8 })

test('64-bit fields agree with BigInt', () => {
  fc.assert(
    fc.property(bytes8, b => {
      const exact = new DataView(b.buffer, b.byteOffset).getBigUint64(0, true)
      expect(i.hexU64(b, 0)).toBe(`0x${exact.toString(16)}`)
      expect(i.fitsU64(b, 0)).toBe(exact <= BigInt(Number.MAX_SAFE_INTEGER))
      expect(i.getU64(b, 0)).toBe(Number(exact))
    }),
  )
  fc.assert(
    fc.property(fc.maxSafeNat(), v => {
      const b = new Uint8Array(8)
      i.putU64(b, 0, v)
      expect(new DataView(b.buffer).getBigUint64(0, true)).toBe(BigInt(v))
      expect(i.getU64(b, 0)).toBe(v)
    }),
  )
})

test.each([-1, 0.5, 2 ** 53, Number.NaN])('%d is no 64-bit field', v => {
  expect(() => i.putU64(new Uint8Array(8), 0, v)).toThrow('not an integer from 0 to 2^53-1')
})

test('division and powers, above 2^32 as well', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.integer({ min: 1 }), (a, b) => {
      expect(BigInt(divDown(a, b))).toBe(BigInt(a) / BigInt(b))
      expect(BigInt(divUp(a, b))).toBe((BigInt(a) + BigInt(b) - 1n) / BigInt(b))
    }),
  )
  for (let k = 0; k < 53; k++) expect(i.isPowerOfTwo(2 ** k)).toBe(true)
  for (const v of [0, -2, 3, 0.5, 2 ** 40 + 1, 2 ** 53]) expect(i.isPowerOfTwo(v)).toBe(false)
})
