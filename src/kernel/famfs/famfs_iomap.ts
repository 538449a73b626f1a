// The resolver: which byte of which device is this byte of this file (kernel.md 2.9; oracle, "Resolve"). It takes no lock.
import { kfn, min, type Op, type Step } from '../../sim/index.ts'
import { EHWPOISON, EINVAL, EIO, ENXIO } from '../../wire/index.ts'
import type { iomap, iomap_ops } from '../dax/iomap.ts'
import type { Kernel } from '../kernel.ts'
import { mark } from '../marks.ts'
import { type Inode, S_DAX } from '../vfs/inode.ts'
import { type BadRange, type famfs_daxdev, type famfs_file_meta, INTERLEAVED_EXTENT } from './famfs_kfmap.ts'
import { group_size, in_stripe } from './famfs_stripe.ts'

/** dd->valid, as a resolver with no lock reads it: plainly (R5), or so that what it reads next is what was stored before. */
const slot_valid = (dd: famfs_daxdev): Op<boolean> =>
  dd.k.profile.has('R5') ? dd.valid.load() : dd.valid.smp_load_acquire()

/** Is one of these bytes bad? There is none in the list unless L03 is off. */
const among = (bad: readonly BadRange[], addr: number, len: number): boolean =>
  bad.length > 0 && bad.some(b => b.off < addr + len && addr < b.off + b.len)

/** famfs_dax_err(): can these bytes of this slot be used: 0, -EIO (never populated, or not ours), -EHWPOISON. */
const famfs_dax_err = kfn('famfs_dax_err', function* (dd: famfs_daxdev, addr: number, len: number): Step<number> {
  if (!(yield* slot_valid(dd))) {
    mark(dd.k.m, 'famfs_dax_err', 'slot not filled')
    return -EIO
  }
  if (yield* dd.dax_err.load()) {
    mark(dd.k.m, 'famfs_dax_err', 'not the holder')
    return -EIO
  }
  if ((yield* dd.error.load()) || among(dd.bad.peek(), addr, len)) {
    mark(dd.k.m, 'famfs_dax_err', 'poisoned')
    return -EHWPOISON
  }
  return 0
})

/** famfs_file_bad(): 0, -EIO (no map, or marked bad), -ENXIO (size unlike the map's: marks it bad; or not DAX). */
export const famfs_file_bad = kfn('famfs_file_bad', function* (inode: Inode): Step<number> {
  const { m } = inode.k
  const meta = yield* inode.fuse!.famfs_meta.load()
  if (meta === null) {
    mark(m, 'famfs_file_bad', 'no map')
    return -EIO
  }
  if (yield* meta.error.load()) {
    mark(m, 'famfs_file_bad', 'marked bad')
    return -EIO
  }
  if ((yield* inode.i_size.load()) !== meta.file_size) {
    mark(m, 'famfs_file_bad', 'size unlike the map')
    yield* meta.error.store(true)
    return -ENXIO
  }
  if (((yield* inode.i_flags.load()) & S_DAX) === 0) {
    mark(m, 'famfs_file_bad', 'not DAX yet (R4)')
    return -ENXIO
  }
  return 0
})

/**
 * The way out of the resolver with nothing found: -EIO. B22 (past the end) and B62 (anything else): 0 and a mapping of no
 * length, which the caller warns about.
 */
const err_out = (k: Kernel, map: iomap, defect: 'B22' | 'B62'): number => {
  map.addr = 0
  map.length = 0
  map.dax_dev = null
  return k.profile.has(defect) ? 0 : -EIO
}

/** An index that the table has not; B61: what lies behind the table is read as if it were a slot. */
const no_slot = (k: Kernel, map: iomap): number => {
  if (k.profile.has('B61'))
    k.m.problem('out of bounds', 'slab-out-of-bounds: the slot of an index behind dax_devlist (B61)')
  return err_out(k, map, 'B62')
}

/** Fill `map` from a slot; a slot in error marks the file bad. */
const use_slot = kfn(
  'famfs_use_slot',
  function* (
    meta: famfs_file_meta,
    dd: famfs_daxdev,
    map: iomap,
    at: { addr: number; offset: number; length: number; flags: number },
  ): Step<number> {
    const rc = yield* famfs_dax_err(dd, at.addr, at.length)
    if (rc !== 0) {
      if (dd.k.profile.has('B62')) return err_out(dd.k, map, 'B62')
      // Remembered in the file, whose next answer is EIO (L05: for poison, too).
      if (rc !== -EHWPOISON || dd.k.profile.has('L05')) yield* meta.error.store(true)
      return rc
    }
    map.addr = at.addr
    map.offset = at.offset
    map.length = at.length
    map.flags = at.flags
    map.dax_dev = yield* dd.devp.load()
    return 0
  },
)

/** famfs_interleave_fileofs_to_daxofs() */
const famfs_interleave_fileofs_to_daxofs = kfn(
  'famfs_interleave_fileofs_to_daxofs',
  function* (
    inode: Inode,
    meta: famfs_file_meta,
    map: iomap,
    offset: number,
    len: number,
    flags: number,
  ): Step<number> {
    const { fc } = inode.fuse!
    const { k } = fc
    const table = yield* fc.dax_devlist.load()
    if (table === null) {
      mark(k.m, 'famfs_interleave_fileofs_to_daxofs', 'no table')
      return err_out(k, map, 'B62')
    }
    if ((yield* famfs_file_bad(inode)) !== 0) return err_out(k, map, 'B62')
    let local = offset
    for (const fei of meta.ie) {
      const ext_size = group_size(fei, meta.file_size)
      if (fei.fie_chunk_size % k.profile.t.chunk_align !== 0 && !k.profile.has('B19')) return -EINVAL
      if (ext_size === 0) return err_out(k, map, 'B62')
      if (local < ext_size) {
        const { strip, addr, left } = in_stripe(k, fei, local, ext_size, 'famfs_interleave_fileofs_to_daxofs')
        if (strip.dev_index >= table.nslots) return no_slot(k, map)
        const dd = table.slot(strip.dev_index)
        if (!(yield* slot_valid(dd))) {
          mark(k.m, 'famfs_interleave_fileofs_to_daxofs', 'slot not filled')
          return err_out(k, map, 'B62') // not sticky, unlike a simple extent's (oracle)
        }
        return yield* use_slot(meta, dd, map, { addr, offset, length: min(len, left), flags })
      }
      local -= ext_size
    }
    mark(k.m, 'famfs_interleave_fileofs_to_daxofs', 'past the last group')
    return err_out(k, map, 'B22')
  },
)

/** famfs_fileofs_to_daxofs(): fill `map` for [offset, offset + len): 0 or -errno. */
const famfs_fileofs_to_daxofs = kfn(
  'famfs_fileofs_to_daxofs',
  function* (
    inode: Inode,
    meta: famfs_file_meta,
    map: iomap,
    offset: number,
    len: number,
    flags: number,
  ): Step<number> {
    if (meta.fm_extent_type === INTERLEAVED_EXTENT)
      return yield* famfs_interleave_fileofs_to_daxofs(inode, meta, map, offset, len, flags)
    const { k } = inode
    const table = yield* inode.fuse!.fc.dax_devlist.load()
    if (table === null) {
      mark(k.m, 'famfs_fileofs_to_daxofs', 'no table')
      return err_out(k, map, 'B62')
    }
    if ((yield* famfs_file_bad(inode)) !== 0) return err_out(k, map, 'B62')
    let local = offset
    // Equal extents: the shift says which it is, and the walk looks at that one only.
    let i = 0
    if (meta.ext_shift > 0 && offset >= 0) {
      const { ext_len } = meta.se[0]!
      local = offset % ext_len
      i = min((offset - local) / ext_len, meta.se.length)
    }
    for (; i < meta.se.length; i++) {
      const e = meta.se[i]!
      if (local < e.ext_len) {
        if (e.dev_index >= table.nslots) return no_slot(k, map)
        const length = min(len, e.ext_len - local)
        return yield* use_slot(meta, table.slot(e.dev_index), map, {
          addr: e.ext_offset + local,
          offset,
          length,
          flags,
        })
      }
      local -= e.ext_len
    }
    mark(k.m, 'famfs_fileofs_to_daxofs', 'past the last extent')
    return err_out(k, map, 'B22')
  },
)

/** famfs_fuse_iomap_begin(). The operation's flags go into the mapping unchanged (L01), where 0x1 means "new". */
const famfs_fuse_iomap_begin = kfn(
  'famfs_fuse_iomap_begin',
  function* (inode: Inode, offset: number, length: number, flags: number, map: iomap): Step<number> {
    const { k } = inode
    const meta = (yield* inode.fuse!.famfs_meta.load())!
    const size = yield* inode.i_size.load()
    if (size !== meta.file_size && k.profile.has('B48')) k.warn(`i_size ${size} is not the map's ${meta.file_size}`)
    return yield* famfs_fileofs_to_daxofs(inode, meta, map, offset, length, k.profile.has('L01') ? flags : 0)
  },
)

export const famfs_iomap_ops: iomap_ops = { iomap_begin: famfs_fuse_iomap_begin }
