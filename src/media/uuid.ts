// Uuids: 16 raw bytes on the memory, in the order of their text form (userspace.md a.2).

const HEX = '0123456789abcdef'
/** Byte numbers before which the text form has a dash. */
const DASH = new Set([4, 6, 8, 10])

/** Bytes of a uuid. */
export const UUID_SIZE = 16

/** The uuid nothing has: what an unwritten field reads as. */
export const NIL_UUID = '00000000-0000-0000-0000-000000000000'

/** Text (lower case) of the 16 bytes at `at`. */
export function uuidText(bytes: Uint8Array, at = 0): string {
  let s = ''
  for (let i = 0; i < UUID_SIZE; i++) {
    const v = bytes[at + i]!
    if (DASH.has(i)) s += '-'
    s += HEX[v >> 4]! + HEX[v & 15]!
  }
  return s
}

function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48
  const lower = c | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

/** The 16 bytes of a uuid's text form (either case), or null when it is not one. */
export function parseUuid(text: string): Uint8Array | null {
  if (text.length !== 36) return null
  const out = new Uint8Array(UUID_SIZE)
  let p = 0
  for (let i = 0; i < UUID_SIZE; i++) {
    if (DASH.has(i) && text[p++] !== '-') return null
    const hi = hexDigit(text.charCodeAt(p++))
    const lo = hexDigit(text.charCodeAt(p++))
    if (hi < 0 || lo < 0) return null
    out[i] = (hi << 4) | lo
  }
  return out
}

/** Write a uuid's 16 bytes at `at`; throws when `text` is no uuid. */
export function putUuid(bytes: Uint8Array, at: number, text: string): void {
  const raw = parseUuid(text)
  if (!raw) throw new RangeError(`"${text}" is not a uuid: expected 8-4-4-4-12 hexadecimal digits`)
  bytes.set(raw, at)
}

/** A version-4 uuid from four draws of 32 random bits each: `next` is the caller's stream, so runs repeat. */
export function uuidFrom(next: () => number): string {
  const raw = new Uint8Array(UUID_SIZE)
  for (let i = 0; i < UUID_SIZE; i += 4) {
    const v = next() >>> 0
    raw[i] = v & 255
    raw[i + 1] = (v >>> 8) & 255
    raw[i + 2] = (v >>> 16) & 255
    raw[i + 3] = v >>> 24
  }
  raw[6] = (raw[6]! & 0x0f) | 0x40
  raw[8] = (raw[8]! & 0x3f) | 0x80
  return uuidText(raw)
}
