// The two reference images, small: superblock, log header and entries in use; the rest of the device reads as zero.

import { readFileSync } from 'node:fs'
import { entryOffset, type ImageDump, LOG_OFFSET, type ReadBytes } from '../../src/media/index.ts'

type Stored = { deviceSize: number; superblock: string; logHeader: string; entries: string[]; expected: ImageDump }

export type Image = {
  deviceSize: number
  superblock: Uint8Array
  logHeader: Uint8Array
  entries: Uint8Array[]
  expected: ImageDump
  /** The first 4 MiB of the device. */
  bytes: Uint8Array
  read: ReadBytes
}

export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8')) as T
}

export function hexBytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

export function reader(bytes: Uint8Array): ReadBytes {
  return (off, len) => {
    const out = new Uint8Array(len)
    if (off < bytes.length) out.set(bytes.subarray(off, off + len))
    return out
  }
}

export function image(name: 'basic4g' | 'interleave8g'): Image {
  const v = vectors<Stored>(`media-${name}`)
  const superblock = hexBytes(v.superblock)
  const logHeader = hexBytes(v.logHeader)
  const entries = v.entries.map(e => new Uint8Array(Buffer.from(e, 'base64')))
  const bytes = new Uint8Array(2 * LOG_OFFSET)
  bytes.set(superblock)
  bytes.set(logHeader, LOG_OFFSET)
  entries.forEach((e, i) => {
    bytes.set(e, LOG_OFFSET + entryOffset(i))
  })
  return { deviceSize: v.deviceSize, superblock, logHeader, entries, expected: v.expected, bytes, read: reader(bytes) }
}
