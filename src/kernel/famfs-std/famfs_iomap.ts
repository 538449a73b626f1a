// The resolver of the standalone famfs: which byte of the device is this byte of this file (fs/famfs/famfs_file.c). It takes no lock.
// There is one device, so the index of an extent is not looked at.
import { kfn, min, type Step } from '../../sim/index.ts'
import { EIO, ENXIO } from '../../wire/index.ts'
import type { iomap, iomap_ops } from '../dax/iomap.ts'
import { type famfs_file_meta, INTERLEAVED_EXTENT } from '../famfs/famfs_kfmap.ts'
import { group_size, in_stripe } from '../famfs/famfs_stripe.ts'
import { type Inode, S_DAX } from '../vfs/inode.ts'
import { fsi_of } from './famfs_internal.ts'

/** famfs_file_invalid(): 0, -EIO (no map, or marked bad), -ENXIO (size unlike the map's: marks it bad; or not DAX). */
export const famfs_file_invalid = kfn('famfs_file_invalid', function* (inode: Inode): Step<number> {
  const meta = yield* inode.i_private!.load()
  const size = yield* inode.i_size.load()
  if (meta === null || (yield* meta.error.load())) return -EIO
  if (size !== meta.file_size) {
    yield* meta.error.store(true)
    return -ENXIO
  }
  return ((yield* inode.i_flags.load()) & S_DAX) === 0 ? -ENXIO : 0
})

/** Where a byte of an interleaved file lies, and how much of it from there; null: behind the last group. */
const in_groups = (inode: Inode, meta: famfs_file_meta, offset: number): { addr: number; left: number } | null => {
  let local = offset
  for (const fei of meta.ie) {
    const ext_size = group_size(fei, meta.file_size)
    if (ext_size === 0) return null
    if (local < ext_size) return in_stripe(inode.k, fei, local, ext_size, 'famfs_meta_to_dax_offset_v2')
    local -= ext_size
  }
  return null
}

/** The same of a list of extents. */
const in_extents = (meta: famfs_file_meta, offset: number): { addr: number; left: number } | null => {
  let local = offset
  for (const e of meta.se) {
    if (local < e.ext_len) return { addr: e.ext_offset + local, left: e.ext_len - local }
    local -= e.ext_len
  }
  return null
}

/**
 * famfs_meta_to_dax_offset(): fill `map`. What is behind the last extent, of a file or mount in error, gets no length: 0 with B22, which
 * the core warns of, else -EIO.
 */
const famfs_meta_to_dax_offset = kfn(
  'famfs_meta_to_dax_offset',
  function* (inode: Inode, map: iomap, offset: number, length: number, flags: number): Step<number> {
    const fsi = fsi_of(inode)
    const meta = (yield* inode.i_private!.load())!
    const bad = (yield* fsi.deverror.load()) || (yield* famfs_file_invalid(inode)) !== 0
    const interleaved = meta.fm_extent_type === INTERLEAVED_EXTENT
    const at = bad ? null : interleaved ? in_groups(inode, meta, offset) : in_extents(meta, offset)
    map.addr = at?.addr ?? 0
    map.offset = offset
    map.length = at === null ? 0 : min(length, at.left)
    map.flags = flags
    map.dax_dev = yield* fsi.dax_devp.load()
    return at === null && !inode.k.profile.has('B22') ? -EIO : 0
  },
)

/** famfs_iomap_begin(). The operation's flags go into the mapping unchanged (L01). */
const famfs_iomap_begin = kfn(
  'famfs_iomap_begin',
  function* (inode: Inode, offset: number, length: number, flags: number, map: iomap): Step<number> {
    const { k } = inode
    const meta = (yield* inode.i_private!.load())!
    const size = yield* inode.i_size.load()
    if (size !== meta.file_size && k.profile.has('B48')) k.warn(`i_size ${size} is not the map's ${meta.file_size}`)
    return yield* famfs_meta_to_dax_offset(inode, map, offset, length, k.profile.has('L01') ? flags : 0)
  },
)

export const famfs_iomap_ops: iomap_ops = { iomap_begin: famfs_iomap_begin }
