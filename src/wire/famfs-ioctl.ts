// The ioctls of the standalone famfs on a file of it: numbers and arguments (kernel.md 1.5, userspace.md i.5). KABI 42 carries a map
// of two extents inline; KABI 43 points to its extents, so an argument comes with the memory that its pointers mean.
// Sizes and offsets in bytes, as compiled.
import { alloc, viewOf } from './buffer.ts'
import { FUSE_FAMFS_EXT_INTERLEAVE, FUSE_FAMFS_EXT_SIMPLE } from './constants.ts'
import type { Extent, FileMap } from './fmap.ts'
import { nested, pad, struct, u32, u64 } from './struct.ts'

/** FAMFS_REG, FAMFS_SUPERBLOCK, FAMFS_LOG: what a file with a map is. */
export const FAMFS_REG = 0
export const FAMFS_SUPERBLOCK = 1
export const FAMFS_LOG = 2

/** Strips that MAP_GET_V2 has room for. */
const MAX_STRIPS = 16

export const famfs_extent = struct('famfs_extent', 16, { offset: u64(0), len: u64(8) })

export const famfs_ioc_map = struct('famfs_ioc_map', 56, {
  extent_type: u32(0),
  file_type: u32(4),
  file_size: u64(8),
  ext_list_count: u64(16),
  ext0: nested(24, famfs_extent),
  ext1: nested(40, famfs_extent),
})

export const famfs_ioc_simple_extent = struct('famfs_ioc_simple_extent', 24, {
  devindex: u64(0),
  offset: u64(8),
  len: u64(16),
})

export const famfs_ioc_interleaved_ext = struct('famfs_ioc_interleaved_ext', 32, {
  ie_nstrips: u64(0),
  ie_chunk_size: u64(8),
  ie_nbytes: u64(16),
  /** Pointer to ie_nstrips famfs_ioc_simple_extent. */
  ie_strips: u64(24),
})

export const famfs_ioc_fmap = struct('famfs_ioc_fmap', 32, {
  fioc_file_size: u64(0),
  fioc_file_type: u32(8),
  fioc_ext_type: u32(12),
  fioc_nextents: u32(16),
  padding: pad(20, 4),
  /** Pointer to fioc_nextents famfs_ioc_simple_extent, or famfs_ioc_interleaved_ext. */
  kse: u64(24),
})

const GET_FMAP_LISTS = famfs_ioc_fmap.size
/** struct famfs_ioc_get_fmap: the header, and behind it two extents, or one group and its strips. */
export const famfs_ioc_get_fmap_size =
  GET_FMAP_LISTS + famfs_ioc_interleaved_ext.size + MAX_STRIPS * famfs_ioc_simple_extent.size

/** _IOC() of asm-generic: direction, type, number, size of the argument. */
const _IOC = (dir: number, nr: number, size: number): number => ((dir << 30) | (size << 16) | (0x75 << 8) | nr) >>> 0
const NONE = 0
const WRITE = 1
const READ = 2

/** The ioctls, numbered from `first` on: 0x50, or as they were first posted 1, where others are (B01). */
export const famfsioc = (first: number) => ({
  MAP_CREATE: _IOC(WRITE, first, famfs_ioc_map.size),
  MAP_GET: _IOC(READ, first + 1, famfs_ioc_map.size),
  MAP_GETEXT: _IOC(READ, first + 2, famfs_extent.size),
  NOP: _IOC(NONE, first + 3, 0),
  MAP_CREATE_V2: _IOC(WRITE, first + 4, famfs_ioc_fmap.size),
  MAP_GET_V2: _IOC(READ, first + 5, famfs_ioc_get_fmap_size),
})
export const FAMFSIOC_FIRST = 0x50
export const FAMFSIOC_FIRST_B01 = 1

/** Memory of a caller, by the address that a pointer in an argument has. */
export type UserMemory = ReadonlyMap<number, Uint8Array>

/** Where the lists of a map lie in its caller, as far as anybody looks. */
const LISTS_AT = 0x10000

const simple_extents = (list: readonly Extent[]): Uint8Array => {
  const b = alloc(list.length * famfs_ioc_simple_extent.size)
  list.forEach((e, i) => {
    const at = b.byteOffset + i * famfs_ioc_simple_extent.size
    famfs_ioc_simple_extent.write(viewOf(b), at, { devindex: e.dev, offset: e.offset, len: e.len })
  })
  return b
}

/** The argument of MAP_CREATE_V2 for this map. */
export function encodeMapCreateV2(map: Readonly<FileMap>): { readonly arg: Uint8Array; readonly user: UserMemory } {
  const user = new Map<number, Uint8Array>()
  let n: number
  if (map.kind === 'simple') {
    user.set(LISTS_AT, simple_extents(map.extents))
    n = map.extents.length
  } else {
    const groups = alloc(map.groups.length * famfs_ioc_interleaved_ext.size)
    map.groups.forEach((g, i) => {
      const ie_strips = LISTS_AT * (i + 2)
      user.set(ie_strips, simple_extents(g.strips))
      famfs_ioc_interleaved_ext.write(viewOf(groups), groups.byteOffset + i * famfs_ioc_interleaved_ext.size, {
        ie_nstrips: g.strips.length,
        ie_chunk_size: g.chunkSize,
        ie_nbytes: g.nbytes,
        ie_strips,
      })
    })
    user.set(LISTS_AT, groups)
    n = map.groups.length
  }
  const arg = alloc(famfs_ioc_fmap.size)
  famfs_ioc_fmap.write(viewOf(arg), arg.byteOffset, {
    fioc_file_size: map.fileSize,
    fioc_file_type: map.fileType ?? FAMFS_REG,
    fioc_ext_type: map.kind === 'simple' ? FUSE_FAMFS_EXT_SIMPLE : FUSE_FAMFS_EXT_INTERLEAVE,
    fioc_nextents: n,
    kse: LISTS_AT,
  })
  return { arg, user }
}

/** The argument of MAP_CREATE: at most two extents, of the one device there is. */
export function encodeMapCreate(fileSize: number, extents: readonly Extent[], fileType = FAMFS_REG): Uint8Array {
  const arg = alloc(famfs_ioc_map.size)
  const [ext0, ext1] = extents.map(e => ({ offset: e.offset, len: e.len }))
  const head = { file_type: fileType, file_size: fileSize, ext_list_count: extents.length }
  famfs_ioc_map.write(viewOf(arg), arg.byteOffset, { ...head, ext0, ext1 })
  return arg
}

/** What MAP_GET_V2 filled in. */
export function decodeGetFmap(b: Uint8Array): FileMap {
  const dv = viewOf(b)
  const { fioc_file_size, fioc_file_type, fioc_ext_type, fioc_nextents } = famfs_ioc_fmap.read(dv, b.byteOffset)
  const list = (at: number, n: number): Extent[] =>
    Array.from({ length: n }, (_, i) => {
      const e = famfs_ioc_simple_extent.read(dv, b.byteOffset + at + i * famfs_ioc_simple_extent.size)
      return { dev: e.devindex, offset: e.offset, len: e.len }
    })
  const head = { fileSize: fioc_file_size, fileType: fioc_file_type }
  if (fioc_ext_type === FUSE_FAMFS_EXT_SIMPLE)
    return { ...head, kind: 'simple', extents: list(GET_FMAP_LISTS, fioc_nextents) }
  const g = famfs_ioc_interleaved_ext.read(dv, b.byteOffset + GET_FMAP_LISTS)
  const strips = list(GET_FMAP_LISTS + famfs_ioc_interleaved_ext.size, g.ie_nstrips)
  return { ...head, kind: 'interleaved', groups: [{ chunkSize: g.ie_chunk_size, nbytes: g.ie_nbytes, strips }] }
}

/** What MAP_GET_V2 gives of a map: the union has room for two extents, or one group of 16 strips. */
export function encodeGetFmap(map: Readonly<FileMap>): Uint8Array {
  const b = alloc(famfs_ioc_get_fmap_size)
  const dv = viewOf(b)
  const simple = map.kind === 'simple'
  famfs_ioc_fmap.write(dv, b.byteOffset, {
    fioc_file_size: map.fileSize,
    fioc_file_type: map.fileType ?? FAMFS_REG,
    fioc_ext_type: simple ? FUSE_FAMFS_EXT_SIMPLE : FUSE_FAMFS_EXT_INTERLEAVE,
    fioc_nextents: simple ? map.extents.length : map.groups.length,
  })
  if (map.kind === 'simple') b.set(simple_extents(map.extents), GET_FMAP_LISTS)
  else {
    const [g] = map.groups
    const head = { ie_nstrips: g!.strips.length, ie_chunk_size: g!.chunkSize, ie_nbytes: g!.nbytes }
    famfs_ioc_interleaved_ext.write(dv, b.byteOffset + GET_FMAP_LISTS, head)
    b.set(simple_extents(g!.strips), GET_FMAP_LISTS + famfs_ioc_interleaved_ext.size)
  }
  return b
}
