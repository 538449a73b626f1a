// From the argument of an ioctl to a famfs_file_meta: MAP_CREATE (KABI 42) and MAP_CREATE_V2 (KABI 43), with every check in the order of
// fs/famfs/famfs_file.c. Counted errors (`errs`) are reported at the end, the others at once. Sums are those of a size_t, modulo 2^64.
import { type Alloc, Cell, kfn, Oops, type Step } from '../../sim/index.ts'
import {
  E2BIG,
  EFAULT,
  EINVAL,
  ENOMEM,
  ENOSPC,
  FAMFS_SUPERBLOCK,
  famfs_extent,
  famfs_ioc_fmap,
  famfs_ioc_interleaved_ext,
  famfs_ioc_map,
  famfs_ioc_simple_extent,
  getU64Big,
  type UserMemory,
  viewOf,
} from '../../wire/index.ts'
import {
  type famfs_file_meta,
  type famfs_meta_interleaved_ext,
  type famfs_meta_simple_ext,
  INTERLEAVED_EXTENT,
  SIMPLE_DAX_EXTENT,
} from '../famfs/famfs_kfmap.ts'
import { famfs_meta_free } from '../famfs/famfs_meta.ts'
import type { Kernel } from '../kernel.ts'

const META_SIZE = 64
const EXT = famfs_ioc_simple_extent.size
const IEXT = famfs_ioc_interleaved_ext.size

/** A map that was read, and what it owns. */
interface Read {
  readonly file_type: number
  readonly file_size: number
  readonly fm_extent_type: number
  readonly se: readonly famfs_meta_simple_ext[]
  readonly ie: readonly famfs_meta_interleaved_ext[]
}

const new_meta = (k: Kernel, r: Read, allocs: readonly Alloc[]): famfs_file_meta => {
  const [head] = allocs
  const error = new Cell(k.m, 'meta->error', false)
  head!.owns(error)
  return { ...r, id: head!.id, name: 'famfs_file_meta', error, dev_bitmap: [], ext_shift: 0, allocs }
}

const u64_at = (b: Uint8Array, at: number): bigint => getU64Big(viewOf(b), b.byteOffset + at)

/** Free what there is of a map and give -errno. */
const give_up = kfn(
  'famfs_meta_alloc errout',
  function* (k: Kernel, allocs: readonly Alloc[], rc: number): Step<number> {
    yield* famfs_meta_free(k, { allocs })
    return rc
  },
)

/** The map of MAP_CREATE: -EFAULT, -ENOSPC (no extent), -E2BIG, -ENOMEM, -EINVAL. */
export const famfs_meta_alloc_v1 = kfn('famfs_meta_alloc_v1', function* (k: Kernel, arg: Uint8Array): Step<
  famfs_file_meta | number
> {
  if (arg.length < famfs_ioc_map.size) return -EFAULT
  const imap = famfs_ioc_map.read(viewOf(arg), arg.byteOffset)
  const n = imap.ext_list_count
  if (n === 0) return -ENOSPC
  if (n < 0 || n > k.profile.t.max_extents!) return -E2BIG
  const head = yield* k.kzalloc('famfs_file_meta', META_SIZE)
  if (head === null) return -ENOMEM
  const room = k.profile.has('S04') ? 1 : n
  const list = yield* k.kzalloc('famfs_meta_simple_ext[]', room * EXT)
  if (list === null) return yield* give_up(k, [head], -ENOMEM)
  const allocs = [head, list]
  const align = BigInt(k.profile.t.extent_align)
  const se: famfs_meta_simple_ext[] = []
  let errs = 0
  let total = 0n
  for (let i = 0; i < n; i++) {
    const at = famfs_ioc_map.f.ext0.offset + i * famfs_extent.size
    const offset = u64_at(arg, at)
    const len = u64_at(arg, at + 8)
    total += len
    if (offset === 0n && imap.file_type !== FAMFS_SUPERBLOCK) {
      k.warn('famfs_file_init_dax: an extent at offset 0 of what is no superblock')
      return yield* give_up(k, allocs, -EINVAL)
    }
    if (i >= room) k.heap.wrote(list, (i + 1) * EXT)
    const { offset: ext_offset, len: ext_len } = famfs_extent.read(viewOf(arg), arg.byteOffset + at)
    se.push({ dev_index: 0, ext_offset, ext_len })
    if (offset % align !== 0n) errs++
    // The last one may end anywhere.
    if (i < n - 1 && len % align !== 0n) errs++
  }
  if (u64_at(arg, 8) > BigInt.asUintN(64, total) || errs > 0) return yield* give_up(k, allocs, -EINVAL)
  const { file_type, file_size } = imap
  return new_meta(k, { file_type, file_size, fm_extent_type: SIMPLE_DAX_EXTENT, se, ie: [] }, allocs)
})

/** copy_from_user() of a list that an argument points to: it, or how many bytes are missing. */
const copy_list = (user: UserMemory, ptr: number, len: number): Uint8Array | number => {
  const b = user.get(ptr)
  const there = b?.length ?? 0
  return b !== undefined && there >= len ? b : len - there
}

/** What a list that is not there gives: -EFAULT; S07: the count that copy_from_user() gave. */
const bad_list = (k: Kernel, missing: number): number => (k.profile.has('S07') ? missing : -EFAULT)

/** Extents or strips read from a list, their sum, and how many things are wrong with them. */
interface Extents {
  readonly se: famfs_meta_simple_ext[]
  readonly total: bigint
  readonly errs: number
}

/** The first `n` of a list. */
const read_list = (k: Kernel, b: Uint8Array, n: number): Extents => {
  const { extent_align } = k.profile.t
  const align = BigInt(extent_align)
  const se: famfs_meta_simple_ext[] = []
  let total = 0n
  let errs = 0
  for (let i = 0; i < n; i++) {
    const e = famfs_ioc_simple_extent.read(viewOf(b), b.byteOffset + i * EXT)
    // famfs_check_ext_alignment()
    if (e.devindex !== 0 && k.profile.has('B44')) errs++
    if (u64_at(b, i * EXT + 8) % align !== 0n) errs++
    if (u64_at(b, i * EXT + 16) % align !== 0n) errs++
    total += u64_at(b, i * EXT + 16)
    se.push({ dev_index: e.devindex, ext_offset: e.offset, ext_len: e.len })
  }
  return { se, total, errs }
}

/** What the lists of a map came to: 0, or an error at once; a positive one with S07. */
interface Lists {
  rc: number
  errs: number
  total: bigint
  se: readonly famfs_meta_simple_ext[]
  readonly ie: famfs_meta_interleaved_ext[]
}

const simple = kfn(
  'famfs_meta_alloc_v2 simple',
  function* (k: Kernel, user: UserMemory, kse: number, n: number, allocs: Alloc[], l: Lists): Step<void> {
    const a = yield* k.kzalloc('famfs_meta_simple_ext[]', n * EXT)
    if (a === null) {
      l.rc = -ENOMEM
      return
    }
    allocs.push(a)
    const b = copy_list(user, kse, n * EXT)
    if (typeof b === 'number') {
      l.rc = bad_list(k, b)
      return
    }
    Object.assign(l, read_list(k, b, n))
  },
)

const interleaved = kfn(
  'famfs_meta_alloc_v2 interleaved',
  function* (
    k: Kernel,
    user: UserMemory,
    m: { readonly kse: number; readonly n: number; readonly size: bigint },
    allocs: Alloc[],
    l: Lists,
  ): Step<void> {
    const groups = copy_list(user, m.kse, m.n * IEXT)
    if (typeof groups === 'number') {
      l.rc = bad_list(k, groups)
      return
    }
    const a = yield* k.kzalloc('famfs_meta_interleaved_ext[]', m.n * IEXT)
    if (a === null) {
      l.rc = -ENOMEM
      return
    }
    allocs.push(a)
    let remainder = BigInt.asIntN(64, m.size)
    for (let i = 0; i < m.n; i++) {
      const g = famfs_ioc_interleaved_ext.read(viewOf(groups), groups.byteOffset + i * IEXT)
      const many = g.ie_nstrips < 0 || g.ie_nstrips > k.profile.t.max_strips
      if (many && !k.profile.has('S06')) {
        l.rc = -EINVAL
        return
      }
      if (many) l.errs++
      const strips = copy_list(user, g.ie_strips, g.ie_nstrips * EXT)
      // What is copied by then lies behind the array of 16 on the stack.
      if (many && typeof strips !== 'number')
        throw new Oops(
          `stack-protector: kernel stack is corrupted in famfs_meta_alloc_v2: ${g.ie_nstrips} strips (S06)`,
        )
      if (typeof strips === 'number') {
        l.rc = bad_list(k, strips)
        return
      }
      const s = yield* k.kzalloc('famfs_meta_simple_ext[]', g.ie_nstrips * EXT)
      if (s === null) {
        l.rc = -ENOMEM
        return
      }
      allocs.push(s)
      const list = read_list(k, strips, g.ie_nstrips)
      l.errs += list.errs
      l.total += list.total
      remainder = BigInt.asIntN(64, remainder - u64_at(groups, i * IEXT + 16))
      l.ie.push({
        fie_nstrips: g.ie_nstrips,
        fie_chunk_size: g.ie_chunk_size,
        fie_nbytes: g.ie_nbytes,
        ie_strips: list.se,
      })
    }
    if (remainder > 0n) l.rc = -EINVAL
  },
)

/** The map of MAP_CREATE_V2: -EFAULT, -EINVAL (no extent, or a bad one), -E2BIG, -ENOMEM; with S07 a positive number. */
export const famfs_meta_alloc_v2 = kfn(
  'famfs_meta_alloc_v2',
  function* (k: Kernel, arg: Uint8Array, user: UserMemory): Step<famfs_file_meta | number> {
    if (arg.length < famfs_ioc_fmap.size) return -EFAULT
    const fmap = famfs_ioc_fmap.read(viewOf(arg), arg.byteOffset)
    const { fioc_nextents: n, fioc_ext_type: type, kse } = fmap
    if (n < 1) return -EINVAL
    if (n > k.profile.t.max_extents!) return -E2BIG
    const head = yield* k.kzalloc('famfs_file_meta', META_SIZE)
    if (head === null) return -ENOMEM
    const allocs = [head]
    const l: Lists = { rc: 0, errs: 0, total: 0n, se: [], ie: [] }
    const size = u64_at(arg, 0)
    if (type === SIMPLE_DAX_EXTENT) yield* simple(k, user, kse, n, allocs, l)
    else if (type === INTERLEAVED_EXTENT) yield* interleaved(k, user, { kse, n, size }, allocs, l)
    else return k.profile.has('S05') ? -EINVAL : yield* give_up(k, allocs, -EINVAL)
    if (l.rc === 0 && (l.errs > 0 || BigInt.asUintN(64, l.total) < size)) l.rc = -EINVAL
    if (l.rc !== 0) return yield* give_up(k, allocs, l.rc)
    const { fioc_file_type: file_type, fioc_file_size: file_size } = fmap
    return new_meta(k, { file_type, file_size, fm_extent_type: type, se: l.se, ie: l.ie }, allocs)
  },
)
