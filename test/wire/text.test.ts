import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { getText, putText, textLength } from '../../src/wire/text.ts'
import { isWellFormed } from './arbitrary.ts'

const encode = (s: string): Uint8Array => {
  const bytes = new Uint8Array(textLength(s))
  expect(putText(bytes, 0, s)).toBe(bytes.length)
  return bytes
}

describe('names as bytes', () => {
  it('agrees with UTF-8 on every well-formed string', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), s => {
        fc.pre(isWellFormed(s))
        expect(encode(s)).toEqual(new Uint8Array(Buffer.from(s, 'utf8')))
        expect(getText(encode(s), 0, textLength(s))).toBe(s)
      }),
    )
  })

  it('keeps any bytes at all', () => {
    const nearUtf8 = fc.array(
      fc.constantFrom(0x41, 0x7f, 0x80, 0xbf, 0xc0, 0xc3, 0xe0, 0xed, 0xa0, 0xf0, 0x9f, 0xf4, 0xff),
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          nearUtf8.map(a => Uint8Array.from(a)),
        ),
        bytes => {
          expect(encode(getText(bytes, 0, bytes.length))).toEqual(bytes)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it.each([
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['above U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a cut sequence', [0xe2, 0x82]],
  ])('%s is not text: each byte is escaped', (_, list) => {
    expect(getText(Uint8Array.from(list), 0, list.length)).toBe(list.map(b => String.fromCharCode(0xdc00 + b)).join(''))
  })

  it('a lone surrogate that stands for no byte becomes U+FFFD', () => {
    expect(encode('\ud800')).toEqual(Uint8Array.from([0xef, 0xbf, 0xbd]))
    expect(encode('\udc00x')).toEqual(Uint8Array.from([0xef, 0xbf, 0xbd, 0x78]))
  })
})
