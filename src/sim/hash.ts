// Hashes for digests: not cryptographic, the same on every machine, cheap enough for every step.
import { imul } from './math.ts'

/** FNV-1a over the UTF-16 units of a string, as an unsigned 32-bit number. */
export function hashString(s: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < s.length; i++) h = imul(h ^ s.charCodeAt(i), 0x01000193)
  return h >>> 0
}

/** FNV-1a over bytes, as an unsigned 32-bit number. */
export function hashBytes(b: Uint8Array): number {
  let h = 0x811c9dc5
  for (let i = 0; i < b.length; i++) h = imul(h ^ b[i]!, 0x01000193)
  return h >>> 0
}

/** A running 64-bit digest in two 32-bit lanes. Order matters; equal inputs give equal digests. */
export class Digest {
  a = 0x9e3779b9 | 0
  b = 0x85ebca6b | 0

  /** Mix in the low 32 bits of a number. */
  word(w: number): void {
    let a = imul(this.a ^ w, 0x01000193)
    a ^= a >>> 15
    this.a = a
    this.b = imul(this.b + w + (a << 7), 0x9e3779b1)
  }

  /** 16 hex digits. */
  hex(): string {
    const mixA = imul(this.a ^ (this.a >>> 16), 0x7feb352d) >>> 0
    const mixB = imul(this.b ^ (this.b >>> 15), 0x846ca68b) >>> 0
    return mixA.toString(16).padStart(8, '0') + mixB.toString(16).padStart(8, '0')
  }
}
