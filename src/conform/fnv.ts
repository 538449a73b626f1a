// FNV-1a of 64 bits as the measuring program computed it: the last digit of the usual basis, 14695981039346656037, is missing
// there. Parts of 16 bits keep every product a small integer.
const PRIME = 0x100000001b3n
const BASIS = 1469598103934665603n
const U64 = 0xffffffffffffffffn

/** A digest that bytes are added to. */
export class Fnv {
  private hi = Number(BASIS >> 32n) | 0
  private mid = Number((BASIS >> 16n) & 0xffffn)
  private lo = Number(BASIS & 0xffffn)

  add(b: Uint8Array): void {
    let { hi, mid, lo } = this
    for (let i = 0; i < b.length; i++) {
      lo ^= b[i]!
      // Times 2^40 + 435: what is shifted by 40 reaches the upper half only.
      const up = (mid << 24) | (lo << 8)
      const l = lo * 435
      const m = mid * 435 + (l >>> 16)
      hi = (Math.imul(hi, 435) + up + (m >>> 16)) | 0
      mid = m & 0xffff
      lo = l & 0xffff
    }
    this.hi = hi
    this.mid = mid
    this.lo = lo
  }

  /** `n` zero bytes: a power of the prime. */
  addZeros(n: number): void {
    let h = this.value()
    let factor = PRIME
    for (let left = n; left > 0; left = Math.floor(left / 2)) {
      if (left % 2 === 1) h = (h * factor) & U64
      factor = (factor * factor) & U64
    }
    this.hi = Number(h >> 32n) | 0
    this.mid = Number((h >> 16n) & 0xffffn)
    this.lo = Number(h & 0xffffn)
  }

  private value(): bigint {
    return (BigInt(this.hi >>> 0) << 32n) | (BigInt(this.mid) << 16n) | BigInt(this.lo)
  }

  hex(): string {
    return this.value().toString(16).padStart(16, '0')
  }
}
