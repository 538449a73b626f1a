import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NIL_UUID, parseUuid, putUuid, uuidFrom, uuidText } from '../../src/media/index.ts'
import { uuid } from './arbitraries.ts'

test('text and bytes go over into each other, in the order they are read', () => {
  expect([...parseUuid('01020304-0506-0708-090A-0b0c0d0e0f10')!]).toEqual([...Array(16).keys()].map(i => i + 1))
  expect(uuidText(new Uint8Array(16))).toBe(NIL_UUID)
  fc.assert(
    fc.property(uuid, u => {
      expect(uuidText(parseUuid(u)!)).toBe(u)
    }),
  )
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), b => {
      expect(parseUuid(uuidText(b))).toEqual(b)
    }),
  )
})

test.each(['', 'x', NIL_UUID.slice(1), `${NIL_UUID}0`, NIL_UUID.replace('-', '0'), NIL_UUID.replace('0', 'g')])(
  '"%s" is no uuid',
  s => {
    expect(parseUuid(s)).toBeNull()
    expect(() => putUuid(new Uint8Array(16), 0, s)).toThrow('is not a uuid')
  },
)

test('four draws make a version-4 uuid, the same ones the same', () => {
  const from = (...draws: number[]) => uuidFrom(() => draws.shift()!)
  expect(from(0, 0, 0, 0)).toBe('00000000-0000-4000-8000-000000000000')
  expect(from(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff)).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff')
  expect(from(0x04030201, 0x08070605, 0x0c0b0a09, 0x100f0e0d)).toBe('01020304-0506-4708-890a-0b0c0d0e0f10')
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 4, maxLength: 4 }), d => {
      expect(from(...d)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    }),
  )
})
