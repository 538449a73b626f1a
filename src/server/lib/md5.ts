// MD5 (RFC 1321), fed piece by piece: for md5sum and for whoever compares files of different hosts. Pure.
import { viewOf } from '../../wire/index.ts'

/** How far each of the 64 steps rotates, four to a round. */
const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]
/** floor(2^32 * |sin(i + 1)|): written out, since sines differ between machines. */
const SINES = Uint32Array.of(
  0xd76aa478,
  0xe8c7b756,
  0x242070db,
  0xc1bdceee,
  0xf57c0faf,
  0x4787c62a,
  0xa8304613,
  0xfd469501,
  0x698098d8,
  0x8b44f7af,
  0xffff5bb1,
  0x895cd7be,
  0x6b901122,
  0xfd987193,
  0xa679438e,
  0x49b40821,
  0xf61e2562,
  0xc040b340,
  0x265e5a51,
  0xe9b6c7aa,
  0xd62f105d,
  0x02441453,
  0xd8a1e681,
  0xe7d3fbc8,
  0x21e1cde6,
  0xc33707d6,
  0xf4d50d87,
  0x455a14ed,
  0xa9e3e905,
  0xfcefa3f8,
  0x676f02d9,
  0x8d2a4c8a,
  0xfffa3942,
  0x8771f681,
  0x6d9d6122,
  0xfde5380c,
  0xa4beea44,
  0x4bdecfa9,
  0xf6bb4b60,
  0xbebfbc70,
  0x289b7ec6,
  0xeaa127fa,
  0xd4ef3085,
  0x04881d05,
  0xd9d4d039,
  0xe6db99e5,
  0x1fa27cf8,
  0xc4ac5665,
  0xf4292244,
  0x432aff97,
  0xab9423a7,
  0xfc93a039,
  0x655b59c3,
  0x8f0ccc92,
  0xffeff47d,
  0x85845dd1,
  0x6fa87e4f,
  0xfe2ce6e0,
  0xa3014314,
  0x4e0811a1,
  0xf7537e82,
  0xbd3af235,
  0x2ad7d2bb,
  0xeb86d391,
)
const BLOCK = 64

export class Md5 {
  private a = 0x67452301
  private b = 0xefcdab89 | 0
  private c = 0x98badcfe | 0
  private d = 0x10325476
  private readonly tail = new Uint8Array(BLOCK)
  private length = 0

  private block(bytes: Uint8Array, at: number): void {
    const v = viewOf(bytes)
    const from = bytes.byteOffset + at
    let { a, b, c, d } = this
    for (let i = 0; i < 64; i++) {
      const round = i >> 4
      let f: number
      let word: number
      if (round === 0) {
        f = (b & c) | (~b & d)
        word = i
      } else if (round === 1) {
        f = (d & b) | (~d & c)
        word = (5 * i + 1) & 15
      } else if (round === 2) {
        f = b ^ c ^ d
        word = (3 * i + 5) & 15
      } else {
        f = c ^ (b | ~d)
        word = (7 * i) & 15
      }
      const sum = (a + f + SINES[i]! + v.getUint32(from + 4 * word, true)) | 0
      const shift = SHIFTS[(round << 2) | (i & 3)]!
      a = d
      d = c
      c = b
      b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0
    }
    this.a = (this.a + a) | 0
    this.b = (this.b + b) | 0
    this.c = (this.c + c) | 0
    this.d = (this.d + d) | 0
  }

  update(bytes: Uint8Array): this {
    let at = 0
    const kept = this.length % BLOCK
    this.length += bytes.length
    if (kept > 0) {
      const more = bytes.subarray(0, BLOCK - kept)
      this.tail.set(more, kept)
      at = more.length
      if (kept + at < BLOCK) return this
      this.block(this.tail, 0)
    }
    for (; at + BLOCK <= bytes.length; at += BLOCK) this.block(bytes, at)
    this.tail.set(bytes.subarray(at))
    return this
  }

  /** The 32 hex digits of everything so far. No more may come. */
  hex(): string {
    const bits = this.length * 8
    const end = new Uint8Array((this.length % BLOCK < 56 ? 56 : 120) - (this.length % BLOCK) + 8)
    end[0] = 0x80
    const v = viewOf(end)
    v.setUint32(end.byteOffset + end.length - 8, bits >>> 0, true)
    v.setUint32(end.byteOffset + end.length - 4, (bits - (bits >>> 0)) / 0x100000000, true)
    this.update(end)
    const digits = (n: number): string => {
      const swapped = ((n & 0xff) << 24) | ((n & 0xff00) << 8) | ((n >>> 8) & 0xff00) | (n >>> 24)
      return (swapped >>> 0).toString(16).padStart(8, '0')
    }
    return digits(this.a) + digits(this.b) + digits(this.c) + digits(this.d)
  }
}
