import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  DT_DIR,
  DT_REG,
  direntLength,
  fuse_entry_out,
  packDirents,
  packDirentsPlus,
  unpackDirents,
  unpackDirentsPlus,
} from '../../src/wire/index.ts'
import { hex, mutated, nameText, structValue } from './arbitrary.ts'

const dirent = fc.record({
  ino: fc.maxSafeInteger(),
  off: fc.maxSafeInteger(),
  type: fc.integer({ min: 0, max: 15 }),
  name: nameText.filter(s => s.length > 0),
})
const plus = fc.tuple(dirent, structValue(fuse_entry_out)).map(([d, entry]) => ({ ...d, entry }))
const total = (names: string[], p: boolean) => names.reduce((n, name) => n + direntLength(name, p), 0)

describe('directory records (kernel.md 1.7)', () => {
  it('one record, byte by byte', () => {
    const { bytes, taken } = packDirents([{ ino: 5, off: 1, type: DT_DIR, name: '.meta' }], 100)
    expect(taken).toBe(1)
    expect(hex(bytes)).toBe('05000000000000000100000000000000' + '0500000004000000' + '2e6d657461000000')
  })

  it('24 or 152 bytes and the name, padded to 8', () => {
    expect(direntLength('a')).toBe(32)
    expect(direntLength('12345678')).toBe(32)
    expect(direntLength('123456789')).toBe(40)
    expect(direntLength('a', true)).toBe(160)
    expect(direntLength(`${'\u00e9'.repeat(4)}x`)).toBe(40)
  })

  it('what is packed reads back, and no more is packed than fits', () => {
    fc.assert(
      fc.property(fc.array(dirent, { maxLength: 12 }), fc.nat({ max: 400 }), (list, room) => {
        const { bytes, taken } = packDirents(list, room)
        expect(bytes.length).toBeLessThanOrEqual(room)
        expect(unpackDirents(bytes)).toEqual(list.slice(0, taken))
        if (taken < list.length)
          expect(
            total(
              list.slice(0, taken + 1).map(d => d.name),
              false,
            ),
          ).toBeGreaterThan(room)
      }),
    )
  })

  it('the same with entries', () => {
    fc.assert(
      fc.property(fc.array(plus, { maxLength: 6 }), fc.nat({ max: 1200 }), (list, room) => {
        const { bytes, taken } = packDirentsPlus(list, room)
        expect(bytes.length).toBeLessThanOrEqual(room)
        expect(unpackDirentsPlus(bytes)).toEqual(list.slice(0, taken))
        if (taken < list.length)
          expect(
            total(
              list.slice(0, taken + 1).map(d => d.name),
              true,
            ),
          ).toBeGreaterThan(room)
      }),
    )
  })

  it('stops at a broken record with one line', () => {
    const { bytes } = packDirents([{ ino: 5, off: 1, type: DT_REG, name: 'abc' }], 100)
    expect(unpackDirents(bytes.slice(0, 23))).toEqual({ error: 'record 0: 23 bytes left, its head takes 24' })
    const long = bytes.slice()
    long[16] = 9
    expect(unpackDirents(long)).toEqual({ error: 'record 0: a name of 9 bytes, 8 left' })
    long[16] = 0
    expect(unpackDirents(long)).toEqual({ error: 'record 0: an empty name' })
  })

  it('never throws, whatever comes', () => {
    const real = fc.array(dirent, { maxLength: 5 }).map(list => packDirents(list, 1000).bytes)
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), mutated(real)), bytes => {
        for (const list of [unpackDirents(bytes), unpackDirentsPlus(bytes)]) {
          if ('error' in list) expect(list.error).toMatch(/^record \d+: /)
          else expect(list.length * 24).toBeLessThanOrEqual(bytes.length)
        }
      }),
      { numRuns: 1000 },
    )
  })
})
