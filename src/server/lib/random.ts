// The data that `creat -r` writes and `verify` expects: xoroshiro128+ (55, 14, 36) seeded by splitmix64, of each output the low 32 bits,
// little-endian, one after the other (userspace.md f). There is no way to the middle but from the start. Pure.

import { imul } from '../../sim/index.ts'

/** A 64-bit number in two halves. */
type U64 = readonly [hi: number, lo: number]

/** Low 64 bits of x * y. */
function times([xh, xl]: U64, [yh, yl]: U64): U64 {
  const a = xl & 0xffff
  const b = xl >>> 16
  const c = yl & 0xffff
  const d = yl >>> 16
  const mid = b * c + ((a * c) >>> 16)
  const mid2 = a * d + (mid % 0x10000)
  const high = b * d + (mid - (mid % 0x10000)) / 0x10000 + (mid2 - (mid2 % 0x10000)) / 0x10000
  return [(high + imul(xh, yl) + imul(xl, yh)) | 0, imul(xl, yl)]
}

const plus = ([xh, xl]: U64, [yh, yl]: U64): U64 => {
  const lo = (xl >>> 0) + (yl >>> 0)
  return [(xh + yh + (lo > 0xffffffff ? 1 : 0)) | 0, lo | 0]
}
/** x ^ (x >>> n), n from 1 to 31. */
const folded = ([h, l]: U64, n: number): U64 => [h ^ (h >>> n), l ^ ((l >>> n) | (h << (32 - n)))]

const GOLDEN: U64 = [0x9e3779b9 | 0, 0x7f4a7c15]
const M1: U64 = [0xbf58476d | 0, 0x1ce4e5b9]
const M2: U64 = [0x94d049bb | 0, 0x133111eb]

/** The output of splitmix64 in state x. */
const splitmix64 = (x: U64): U64 => folded(times(folded(times(folded(x, 30), M1), 27), M2), 31)

/** The bytes of one seed (32 bits of it count), from the first on, in pieces of any length. */
export class RandomBytes {
  private h0: number
  private l0: number
  private h1: number
  private l1: number
  /** What of the last word was not given yet: so many bytes, lowest first. */
  private word = 0
  private left = 0

  constructor(seed: number) {
    const x = plus([0, seed | 0], GOLDEN)
    ;[this.h0, this.l0] = splitmix64(x)
    ;[this.h1, this.l1] = splitmix64(plus(x, GOLDEN))
  }

  /** Fill all of `out` with what comes next. */
  fill(out: Uint8Array): void {
    const end = out.length
    let at = 0
    for (; this.left > 0 && at < end; this.left--) {
      out[at++] = this.word
      this.word >>>= 8
    }
    let { h0, l0, h1, l1, word } = this
    const view = new DataView(out.buffer, out.byteOffset, end)
    while (at < end) {
      word = (l0 + l1) | 0
      h1 ^= h0
      l1 ^= l0
      // s0 = rotl(s0, 55) ^ s1 ^ (s1 << 14); s1 = rotl(s1, 36)
      const h = ((l0 << 23) | (h0 >>> 9)) ^ h1 ^ ((h1 << 14) | (l1 >>> 18))
      l0 = ((h0 << 23) | (l0 >>> 9)) ^ l1 ^ (l1 << 14)
      h0 = h
      const r = (l1 << 4) | (h1 >>> 28)
      l1 = (h1 << 4) | (l1 >>> 28)
      h1 = r
      if (at + 4 > end) break
      view.setInt32(at, word, true)
      at += 4
    }
    this.h0 = h0
    this.l0 = l0
    this.h1 = h1
    this.l1 = l1
    if (at === end) return
    this.left = 4 - (end - at)
    for (; at < end; word >>>= 8) out[at++] = word
    this.word = word
  }
}
