// Random file data against bytes that the reference programs wrote, and against the definition in 64-bit arithmetic.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { first_difference } from '../../../src/server/lib/first-difference.ts'
import { RandomBytes } from '../../../src/server/lib/random.ts'

/** The first bytes of a seed. */
function random_fill(seed: number, length: number): Uint8Array {
  const out = new Uint8Array(length)
  new RandomBytes(seed).fill(out)
  return out
}

describe('famfs_random_buffer: the first 37 bytes of a seed', () => {
  test.each([
    [1, '284991ee66b6fb343a87ca18de441778e8a866a128f453c9630a3f0c918da0a0f6b0ce1a3a'],
    [2, '1075932808404db391c97245fe47f7ef471b2e46cd7bba00c9970fd109a5aeb6e97a912a43'],
    [5, '52fa2037565568449b6560f894ab0eaab5b9d4cf1f7432355e7ea9734733681ec038eebfa2'],
    [42, '985f52e27afb0c3df88c822b402249e5d5781cc4cce1aad536a0a03bdb08a0ef6094e6c481'],
    [43, 'd3f2af1990cce1e1ced8dc8c29b5209dc2c859d8771ba70b1505b744751004c157e928391e'],
    [99, '87d5e4d3dee4fe7e754d93eeb1d85d0c461bb0055cbcb25f0645fc8b7cfa8494d892470e5f'],
  ])('seed %i', (seed, hex) => {
    expect(Buffer.from(random_fill(seed, 37)).toString('hex')).toBe(hex)
  })
  test('nothing of it is what is expected of nothing', () => {
    expect(first_difference(random_fill(1, 0), new Uint8Array(0))).toBe(-1)
  })
})

/** famfs_xrand64_tls, word for word of its definition. */
function defined(seed: number, words: number): Buffer {
  const M = 2n ** 64n - 1n
  let x = BigInt(seed >>> 0)
  const splitmix64 = (): bigint => {
    x = (x + 0x9e3779b97f4a7c15n) & M
    let z = x
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & M
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & M
    return z ^ (z >> 31n)
  }
  const rotl = (v: bigint, k: bigint): bigint => ((v << k) | (v >> (64n - k))) & M
  let s0 = splitmix64()
  let s1 = splitmix64()
  const out = Buffer.alloc(4 * words)
  for (let i = 0; i < words; i++) {
    out.writeUInt32LE(Number((s0 + s1) & 0xffffffffn), 4 * i)
    s1 ^= s0
    s0 = rotl(s0, 55n) ^ s1 ^ ((s1 << 14n) & M)
    s1 = rotl(s1, 36n)
  }
  return out
}

test('famfs_xrand64_tls: any seed gives what the definition gives, over many words', () => {
  fc.assert(
    fc.property(fc.nat(0xffffffff), seed => {
      expect(Buffer.from(random_fill(seed, 400)).equals(defined(seed, 100))).toBe(true)
    }),
  )
})

test('pieces of any length, at any alignment, join to the same bytes', () => {
  fc.assert(
    fc.property(fc.nat(0xffffffff), fc.array(fc.nat(23), { maxLength: 20 }), (seed, lengths) => {
      const room = new Uint8Array(512)
      const stream = new RandomBytes(seed)
      let at = 1
      for (const n of lengths) {
        stream.fill(room.subarray(at, at + n))
        at += n
      }
      expect(room.subarray(1, at)).toEqual(random_fill(seed, at - 1))
      expect(room.subarray(at).every(b => b === 0)).toBe(true)
    }),
  )
})
