import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Digest, hashBytes, hashString } from '../../src/sim/index.ts'

const of = (words: readonly number[]): string => {
  const d = new Digest()
  for (const w of words) d.word(w)
  return d.hex()
}

describe('FNV-1a', () => {
  // Published vectors of the 32-bit variant.
  it.each([
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['b', 0xe70c2de5],
    ['foobar', 0xbf9cf968],
  ])('of %j', (text, hash) => {
    expect(hashString(text)).toBe(hash)
    expect(hashBytes(new TextEncoder().encode(text))).toBe(hash)
  })
})

describe('digest', () => {
  const words = fc.array(fc.integer(), { maxLength: 12 })
  it('is 16 hex digits, the same for the same words', () => {
    fc.assert(
      fc.property(words, w => {
        expect(of(w)).toMatch(/^[0-9a-f]{16}$/)
        expect(of([...w])).toBe(of(w))
      }),
    )
  })
  it('changes with one word changed, added, or two swapped', () => {
    fc.assert(
      fc.property(words, fc.integer(), fc.nat(), (w, x, at) => {
        const was = of(w)
        expect(of([...w, x])).not.toBe(was)
        const i = at % (w.length || 1)
        if (w.length > 0 && w[i] !== x) expect(of(w.with(i, x))).not.toBe(was)
        if (w.length > 1 && w[0] !== w[i]) expect(of(w.with(0, w[i]!).with(i, w[0]!))).not.toBe(was)
      }),
      { numRuns: 1000 },
    )
  })
  it('looking does not change it', () => {
    const d = new Digest()
    d.word(1)
    expect(d.hex()).toBe(d.hex())
  })
})
