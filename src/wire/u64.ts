// 64-bit fields as JS numbers, little-endian, without BigInt. Exact from -2^53 to 2^53. Bit 63 reads as the sign, so the
// all-ones value that FUSE uses for "no handle" is -1 both ways. Above 2^53 the low bits of a number are lost: whoever
// needs them takes the words or the Big pair.

const TWO32 = 4294967296
const TWO64 = TWO32 * TWO32
const TWO63 = TWO64 / 2

/** The 64-bit field at `at`: exact up to 2^53, negative when bit 63 is set. */
export function getU64(dv: DataView, at: number): number {
  return dv.getInt32(at + 4, true) * TWO32 + dv.getUint32(at, true)
}

/** Store a number (fractions dropped, negatives as two's complement). 2^64 or more is a mistake for -1 and throws. */
export function setU64(dv: DataView, at: number, v: number): void {
  const lo = v >>> 0
  dv.setUint32(at + 4, highWord(v, lo), true)
  dv.setUint32(at, lo, true)
}

/** The two words of a number as setU64 would store them: [low, high], each 0..2^32-1. */
export function u64words(v: number): [lo: number, hi: number] {
  const lo = v >>> 0
  return [lo, highWord(v, lo)]
}

function highWord(v: number, lo: number): number {
  if (v >= TWO64 || v < -TWO63) throw new RangeError(`u64: ${v} does not fit 64 bits; all ones is written -1`)
  // v - lo is a multiple of 2^32 but for a fraction, which >>> 0 drops.
  return ((v - lo) / TWO32) >>> 0
}

/** The exact value of the field, 0..2^64-1. Cold paths only. */
export function getU64Big(dv: DataView, at: number): bigint {
  return dv.getBigUint64(at, true)
}

/** Store an exact value; negatives as two's complement, wider ones wrap. Cold paths only. */
export function setU64Big(dv: DataView, at: number, v: bigint): void {
  dv.setBigUint64(at, BigInt.asUintN(64, v), true)
}
