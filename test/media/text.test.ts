import fc from 'fast-check'
import { expect, test } from 'vitest'
import { getText, putText, textBytes } from '../../src/media/index.ts'
import { text } from './arbitraries.ts'

test('any bytes without NUL survive reading and writing, UTF-8 or not', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 80 }).map(b => b.map(v => v || 1)),
      b => {
        const s = getText(b, 0, b.length)
        const out = new Uint8Array(b.length)
        putText(out, 0, b.length, s)
        expect(out).toEqual(b)
        expect(textBytes(s)).toBe(b.length)
      },
    ),
    { numRuns: 1000 },
  )
})

test('text is UTF-8', () => {
  fc.assert(
    fc.property(text(80), s => {
      const out = new Uint8Array(90).fill(0xaa)
      putText(out, 2, 80, s)
      expect(getText(out, 2, 80)).toBe(s)
      expect(textBytes(s)).toBe(Buffer.byteLength(s))
      expect(Buffer.from(out.subarray(2, 82)).toString().replace(/\0*$/, '')).toBe(s)
      expect([out[0], out[1], out[82]]).toEqual([0xaa, 0xaa, 0xaa])
    }),
  )
})

test.each([
  ['overlong', [0xc0, 0xaf]],
  ['overlong in three', [0xe0, 0x80, 0xaf]],
  ['a surrogate', [0xed, 0xa0, 0x80]],
  ['over 10ffff', [0xf4, 0x90, 0x80, 0x80]],
  ['cut off', [0xe2, 0x82]],
  ['a stray continuation', [0x80]],
])('%s is not taken for UTF-8', (_name, bytes) => {
  expect(getText(new Uint8Array(bytes), 0, bytes.length)).toBe(String.fromCharCode(...bytes.map(v => 0xdc00 + v)))
})

test('a field ends at its NUL, or where it ends; too long a text is cut', () => {
  expect(getText(new Uint8Array([0x61, 0, 0x62]), 0, 3)).toBe('a')
  const b = new Uint8Array(6).fill(0xaa)
  putText(b, 1, 4, 'abcdef')
  expect(Buffer.from(b).toString('hex')).toBe('aa61626364aa')
})
