// The bodies of the two famfs replies: GET_FMAP (where a file's bytes lie) and GET_DAXDEV (which device an index is).
// kernel.md 1.1. Offsets and lengths in bytes. This is the message only: whether a kernel takes the map (alignment,
// device index, limits of its version) is the kernel model's business.

import { alloc, viewOf } from './buffer.ts'
import type { Malformed } from './codec.ts'
import {
  FAMFS_FMAP_VERSION,
  FUSE_FAMFS_EXT_INTERLEAVE,
  FUSE_FAMFS_EXT_SIMPLE,
  FUSE_FAMFS_FILE_REG,
} from './constants.ts'
import {
  fuse_backing_map,
  fuse_daxdev_out,
  fuse_famfs_fmap_header,
  fuse_famfs_iext,
  fuse_famfs_simple_ext,
} from './structs.ts'

/** One run of bytes on a device: its index in the device table, where it starts, how long it is. */
export interface Extent {
  dev: number
  offset: number
  len: number
}

/** A group of strips: the file goes round them chunk by chunk until nbytes are used. */
export interface StripGroup {
  chunkSize: number
  nbytes: number
  strips: Extent[]
}

interface FileMapHead {
  fileSize: number
  /** FUSE_FAMFS_FILE_*; the real server always says 0. */
  fileType?: number
  /** 1 unless told otherwise; no fuse kernel looks at it. */
  version?: number
  /** Whole message in bytes, as NEWa/NEWb want it: see fmapLength(). Left out or 0: an older server. */
  fmapSize?: number
}

/** A file's map as it travels. */
export type FileMap = FileMapHead &
  ({ kind: 'simple'; extents: Extent[] } | { kind: 'interleaved'; groups: StripGroup[] })

const HEADER = fuse_famfs_fmap_header.size
const EXTENT = fuse_famfs_simple_ext.size
const GROUP = fuse_famfs_iext.size

/** Bytes that the map takes as a message. */
export function fmapLength(map: Readonly<FileMap>): number {
  if (map.kind === 'simple') return HEADER + map.extents.length * EXTENT
  let n = HEADER
  for (const group of map.groups) n += GROUP + group.strips.length * EXTENT
  return n
}

/** How the server lays strips down. */
export interface FmapOptions {
  /**
   * The real server writes strips through another struct, with the index in the upper half of the first word: a kernel
   * reads it as index << 16 (userspace.md Q8). Strips of device 0 come out the same.
   */
  stripIndexShifted?: boolean
}

/** The GET_FMAP reply body. 32-bit fields wrap as in C: a chunk of 4 GiB is written as 0, as the real server does. */
export function encodeFmap(map: Readonly<FileMap>, options: FmapOptions = {}): Uint8Array {
  const bytes = alloc(fmapLength(map))
  const dv = viewOf(bytes)
  let at = bytes.byteOffset
  fuse_famfs_fmap_header.write(dv, at, {
    file_type: map.fileType ?? FUSE_FAMFS_FILE_REG,
    fmap_version: map.version ?? FAMFS_FMAP_VERSION,
    ext_type: map.kind === 'simple' ? FUSE_FAMFS_EXT_SIMPLE : FUSE_FAMFS_EXT_INTERLEAVE,
    nextents: map.kind === 'simple' ? map.extents.length : map.groups.length,
    fmap_size: map.fmapSize ?? 0,
    file_size: map.fileSize,
  })
  at += HEADER
  if (map.kind === 'simple') {
    putExtents(dv, at, map.extents, 1)
    return bytes
  }
  for (const { strips, chunkSize, nbytes } of map.groups) {
    fuse_famfs_iext.write(dv, at, { ie_nstrips: strips.length, ie_chunk_size: chunkSize, ie_nbytes: nbytes })
    at = putExtents(dv, at + GROUP, strips, options.stripIndexShifted ? 65536 : 1)
  }
  return bytes
}

function putExtents(dv: DataView, at: number, extents: readonly Extent[], scale: number): number {
  for (const { dev, offset, len } of extents) {
    fuse_famfs_simple_ext.write(dv, at, { se_devindex: dev * scale, se_offset: offset, se_len: len })
    at += EXTENT
  }
  return at
}

/**
 * Read a GET_FMAP reply body. Bytes after the map are left alone (RFC pads to 4096). Answers with fileType and version
 * always set, fmapSize only when the message carries one. Never throws.
 */
export function decodeFmap(bytes: Uint8Array): FileMap | Malformed {
  if (bytes.length < HEADER) return { error: `fmap: ${bytes.length} bytes, the header takes ${HEADER}` }
  const dv = viewOf(bytes)
  const base = bytes.byteOffset
  const h = fuse_famfs_fmap_header.read(dv, base)
  const { file_size: fileSize, file_type: fileType, fmap_version: version } = h
  if (h.ext_type === FUSE_FAMFS_EXT_SIMPLE) {
    const need = HEADER + h.nextents * EXTENT
    if (need > bytes.length) return { error: `fmap: ${bytes.length} bytes, ${h.nextents} simple extents take ${need}` }
    const extents = getExtents(dv, base + HEADER, h.nextents)
    const map: FileMap = { kind: 'simple', fileSize, fileType, version, extents }
    if (h.fmap_size !== 0) map.fmapSize = h.fmap_size
    return map
  }
  if (h.ext_type !== FUSE_FAMFS_EXT_INTERLEAVE) {
    return { error: `fmap: extent type ${h.ext_type}, known are 0 (simple) and 1 (interleaved)` }
  }
  const groups: StripGroup[] = []
  let at = HEADER
  for (let i = 0; i < h.nextents; i++) {
    if (at + GROUP > bytes.length)
      return { error: `fmap: ${bytes.length} bytes end before group ${i} of ${h.nextents}` }
    const g = fuse_famfs_iext.read(dv, base + at)
    at += GROUP
    const need = at + g.ie_nstrips * EXTENT
    if (need > bytes.length) {
      return { error: `fmap: ${bytes.length} bytes, the ${g.ie_nstrips} strips of group ${i} end at ${need}` }
    }
    groups.push({ chunkSize: g.ie_chunk_size, nbytes: g.ie_nbytes, strips: getExtents(dv, base + at, g.ie_nstrips) })
    at = need
  }
  const map: FileMap = { kind: 'interleaved', fileSize, fileType, version, groups }
  if (h.fmap_size !== 0) map.fmapSize = h.fmap_size
  return map
}

function getExtents(dv: DataView, at: number, n: number): Extent[] {
  const extents: Extent[] = []
  for (let i = 0; i < n; i++) {
    const e = fuse_famfs_simple_ext.read(dv, at + i * EXTENT)
    extents.push({ dev: e.se_devindex, offset: e.se_offset, len: e.se_len })
  }
  return extents
}

/** The GET_DAXDEV reply body, 280 bytes. A name of exactly 256 bytes leaves no NUL (allowed); a longer one throws. */
export function encodeDaxdev(index: number, name: string): Uint8Array {
  const bytes = alloc(fuse_daxdev_out.size)
  fuse_daxdev_out.write(viewOf(bytes), bytes.byteOffset, { index, name })
  return bytes
}

/** Read a GET_DAXDEV reply body. Never throws. */
export function decodeDaxdev(bytes: Uint8Array): { index: number; name: string } | Malformed {
  if (bytes.length !== fuse_daxdev_out.size) {
    return { error: `daxdev: ${bytes.length} bytes, the reply takes ${fuse_daxdev_out.size}` }
  }
  return fuse_daxdev_out.read(viewOf(bytes), bytes.byteOffset)
}

/** What FUSE_DEV_IOC_DAXDEV_OPEN is told: this open device is number `index`. */
export function encodeDaxdevOpen(fd: number, index: number): Uint8Array {
  const bytes = alloc(fuse_backing_map.size)
  fuse_backing_map.write(viewOf(bytes), bytes.byteOffset, { fd, daxdev_index: index })
  return bytes
}
