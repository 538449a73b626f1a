// Directory records of READDIR and READDIRPLUS replies: a struct, the name, and padding to 8 bytes (kernel.md 1.7).
// The packer stops before the record that does not fit, as a server must; the reader stops at the first broken one.

import { alloc, viewOf } from './buffer.ts'
import type { Malformed } from './codec.ts'
import type { Input, Values } from './struct.ts'
import { fuse_dirent, fuse_direntplus, type fuse_entry_out } from './structs.ts'
import { getText, putText, textLength } from './text.ts'

/** One record. `off` is the cookie that the next READDIR continues from. */
export interface Dirent {
  ino: number
  off: number
  /** DT_* */
  type: number
  name: string
}

/** A record with the entry that a LOOKUP would have answered; nodeid 0: the kernel learns the name only. */
export interface DirentPlus extends Dirent {
  entry: Input<typeof fuse_entry_out>
}

/** What of a list fitted. */
export interface Packed {
  bytes: Uint8Array
  taken: number
}

/** Bytes of one record, padding included. */
export function direntLength(name: string, plus = false): number {
  const head = plus ? fuse_direntplus.size : fuse_dirent.size
  return (head + textLength(name) + 7) & ~7
}

/** As many records, from the first, as fit into `room` bytes. */
export function packDirents(entries: readonly Dirent[], room: number): Packed {
  return pack(entries, room, false)
}

/** The same for READDIRPLUS. */
export function packDirentsPlus(entries: readonly DirentPlus[], room: number): Packed {
  return pack(entries, room, true)
}

function pack(entries: readonly (Dirent | DirentPlus)[], room: number, plus: boolean): Packed {
  let size = 0
  let taken = 0
  for (; taken < entries.length; taken++) {
    const n = direntLength(entries[taken]!.name, plus)
    if (size + n > room) break
    size += n
  }
  const bytes = alloc(size)
  const dv = viewOf(bytes)
  let at = 0
  for (let i = 0; i < taken; i++) {
    const e = entries[i]!
    const { ino, off, type, name } = e
    const dirent = { ino, off, namelen: textLength(name), type }
    if (plus) fuse_direntplus.write(dv, bytes.byteOffset + at, { entry_out: (e as DirentPlus).entry, dirent })
    else fuse_dirent.write(dv, bytes.byteOffset + at, dirent)
    putText(bytes, at + (plus ? fuse_direntplus.size : fuse_dirent.size), name)
    at += direntLength(name, plus)
  }
  return { bytes, taken }
}

/** A record as read back. */
export interface ReadDirentPlus extends Dirent {
  entry: Values<typeof fuse_entry_out>
}

/** Read the records of a READDIR reply. Never throws. */
export function unpackDirents(bytes: Uint8Array): Dirent[] | Malformed {
  return unpack(bytes, false)
}

/** Read the records of a READDIRPLUS reply. Never throws. */
export function unpackDirentsPlus(bytes: Uint8Array): ReadDirentPlus[] | Malformed {
  return unpack(bytes, true) as ReadDirentPlus[] | Malformed
}

function unpack(bytes: Uint8Array, plus: boolean): Dirent[] | Malformed {
  const list: Dirent[] = []
  const dv = viewOf(bytes)
  const base = bytes.byteOffset
  const head = plus ? fuse_direntplus.size : fuse_dirent.size
  let at = 0
  while (at < bytes.length) {
    const left = bytes.length - at
    if (left < head) return { error: `record ${list.length}: ${left} bytes left, its head takes ${head}` }
    const { ino, off, namelen, type } = fuse_dirent.read(dv, base + at + head - fuse_dirent.size)
    if (namelen === 0) return { error: `record ${list.length}: an empty name` }
    if (namelen > left - head)
      return { error: `record ${list.length}: a name of ${namelen} bytes, ${left - head} left` }
    const name = getText(bytes, at + head, at + head + namelen)
    const dirent: Dirent | ReadDirentPlus = plus
      ? { ino, off, type, name, entry: fuse_direntplus.f.entry_out.get(dv, base + at) }
      : { ino, off, type, name }
    list.push(dirent)
    at += head + namelen
    at = (at + 7) & ~7
  }
  return list
}
