// Fixed-size text fields: NUL-terminated when there is room, otherwise ended by the field (userspace.md a.2, a.4).
// Linux names are bytes, not UTF-8: a byte that is no valid UTF-8 becomes the lone surrogate U+DC00+byte and goes
// back to that same byte, so any field survives decode and encode (wire has the coding itself). Media only.

import { getText as nameText, putText as putName, textLength } from '../wire/index.ts'

/** Bytes before the first NUL in [at, at+max), or `max` when there is none. */
export function textLen(b: Uint8Array, at: number, max: number): number {
  let n = 0
  while (n < max && b[at + n] !== 0) n++
  return n
}

/** Text of the `max`-byte field at `at`. */
export function getText(b: Uint8Array, at: number, max: number): string {
  return nameText(b, at, at + textLen(b, at, max))
}

/** How many bytes `s` takes in a field, without a NUL. */
export const textBytes = textLength

/** Write `s` at `at`, at most `max` bytes (cut there, as strncpy does), and zero the rest of the field. */
export function putText(b: Uint8Array, at: number, max: number, s: string): void {
  const nul = s.indexOf('\0')
  if (nul >= 0)
    throw new RangeError(`text field: NUL at character ${nul} of ${JSON.stringify(s)}; a name cannot hold one`)
  const bytes = new Uint8Array(textLength(s))
  putName(bytes, 0, s)
  b.fill(0, at, at + max)
  b.set(bytes.length > max ? bytes.subarray(0, max) : bytes, at)
}
