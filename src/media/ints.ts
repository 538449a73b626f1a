// Little-endian integers in a byte array. A u64 becomes a plain number: exact to 2^53-1; above that only `hexU64`
// and `fitsU64` tell the truth. Callers see to it that the bytes are there. Media only.

const TWO32 = 0x100000000

/** Unsigned 32 bits at byte `at`. */
export function getU32(b: Uint8Array, at: number): number {
  return (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0
}

/** Unsigned 64 bits at byte `at`; rounded when it is not `fitsU64`. */
export function getU64(b: Uint8Array, at: number): number {
  return getU32(b, at) + getU32(b, at + 4) * TWO32
}

/** Whether the u64 at `at` is below 2^53, so that a number holds it exactly. */
export function fitsU64(b: Uint8Array, at: number): boolean {
  return getU32(b, at + 4) < 0x200000
}

/** Whether the u64 at `at` is exactly the 32-bit value `v` (upper half zero): how stored CRCs are compared. */
export function isU32InU64(b: Uint8Array, at: number, v: number): boolean {
  return getU32(b, at) === v && getU32(b, at + 4) === 0
}

/** "0x..." of the u64 at `at`, exact over the whole range, no leading zeros. */
export function hexU64(b: Uint8Array, at: number): string {
  const hi = getU32(b, at + 4)
  const lo = getU32(b, at).toString(16)
  return hi === 0 ? `0x${lo}` : `0x${hi.toString(16)}${lo.padStart(8, '0')}`
}

/** Store an unsigned 32-bit integer. */
export function putU32(b: Uint8Array, at: number, v: number): void {
  if (v >>> 0 !== v) throw new RangeError(`value ${v} does not fit an unsigned 32-bit field`)
  b[at] = v & 255
  b[at + 1] = (v >>> 8) & 255
  b[at + 2] = (v >>> 16) & 255
  b[at + 3] = v >>> 24
}

/** Store an unsigned 64-bit integer; `v` is an integer from 0 to 2^53-1. */
export function putU64(b: Uint8Array, at: number, v: number): void {
  if (!Number.isSafeInteger(v) || v < 0) throw new RangeError(`value ${v} is not an integer from 0 to 2^53-1`)
  const lo = v % TWO32
  putU32(b, at, lo)
  putU32(b, at + 4, (v - lo) / TWO32)
}

/** Whether v is 1, 2, 4, ... (also above 2^32, where bit operators do not reach). */
export function isPowerOfTwo(v: number): boolean {
  if (!Number.isSafeInteger(v) || v < 1) return false
  while (v % 2 === 0) v /= 2
  return v === 1
}
