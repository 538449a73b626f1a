// CRC-32 as the format uses it: the ordinary zlib one, over one contiguous range (userspace.md a.2 to a.4).

import { crc32 as zlibCrc32 } from 'node:zlib'

/** CRC-32 of bytes `from` (included) to `to` (excluded); an unsigned 32-bit number. */
export function crc32(bytes: Uint8Array, from = 0, to: number = bytes.length): number {
  return zlibCrc32(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to))
}
