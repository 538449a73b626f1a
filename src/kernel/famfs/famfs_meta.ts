// famfs_fuse_meta_alloc(): from the bytes of a GET_FMAP reply to a famfs_file_meta, with every check in the kernel's
// order (kernel.md 2.4). Counted errors (`errs`) are reported at the end, the others at once.
import { type Alloc, Cell, kfn, type Step } from '../../sim/index.ts'
import {
  EINVAL,
  ENOMEM,
  ERANGE,
  fuse_famfs_fmap_header,
  fuse_famfs_iext,
  fuse_famfs_simple_ext,
  getU64Big,
  viewOf,
} from '../../wire/index.ts'
import type { Kernel } from '../kernel.ts'
import {
  type famfs_file_meta,
  type famfs_meta_interleaved_ext,
  type famfs_meta_simple_ext,
  INTERLEAVED_EXTENT,
  SIMPLE_DAX_EXTENT,
} from './famfs_kfmap.ts'

const HEADER = fuse_famfs_fmap_header.size
const EXT = fuse_famfs_simple_ext.size
const IEXT = fuse_famfs_iext.size
const U64 = 1n << 64n

/** Running state of one parse. */
interface Parse {
  readonly k: Kernel
  readonly dv: DataView
  readonly base: number
  /** Payload bytes. */
  readonly size: number
  at: number
  errs: number
  /** Sum of lengths, modulo 2^64 as in C. */
  total: bigint
  readonly devs: Set<number>
}

/** What a device index sets in the bitmap. The shift is a 32-bit one (B45): 32 and 33 stand for 0 and 1. */
const note_device = (p: Parse, index: number): void => {
  const limit = p.k.profile.t.max_daxdevs
  if (index < limit) p.devs.add(index)
  else if (p.k.profile.has('B45') && index >= 32 && index - 32 < limit) p.devs.add(index - 32)
}

/** One extent or strip: copy, note its device, count what is wrong with it (S8, I12). */
const read_extent = (p: Parse): famfs_meta_simple_ext & { len: bigint } => {
  const at = p.base + p.at
  p.at += EXT
  const e = fuse_famfs_simple_ext.read(p.dv, at)
  const len = getU64Big(p.dv, at + 16)
  const { t } = p.k.profile
  note_device(p, e.se_devindex)
  if (e.se_devindex !== 0 && p.k.profile.has('B44')) p.errs++
  if (getU64Big(p.dv, at + 8) % BigInt(t.extent_align) !== 0n) p.errs++
  if (len % BigInt(t.extent_align) !== 0n) p.errs++
  p.total = (p.total + len) % U64
  return { dev_index: e.se_devindex, ext_offset: e.se_offset, ext_len: e.se_len, len }
}

/** Free everything a map owns: itself, its extents or groups, and the strips of each group (B17: of the first only). */
export const famfs_meta_free = kfn(
  '__famfs_meta_free',
  function* (k: Kernel, meta: { readonly allocs: readonly Alloc[] }): Step<void> {
    for (const a of k.profile.has('B17') ? meta.allocs.slice(0, 3) : meta.allocs) yield* k.kfree(a)
  },
)

/** The map, or -EINVAL, -ERANGE, -ENOMEM. A half-built map is freed on the way out. */
export const famfs_fuse_meta_alloc = kfn('famfs_fuse_meta_alloc', function* (k: Kernel, buf: Uint8Array): Step<
  famfs_file_meta | number
> {
  const { t } = k.profile
  if (buf.length < HEADER) return -EINVAL
  const dv = viewOf(buf)
  const h = fuse_famfs_fmap_header.read(dv, buf.byteOffset)
  if (h.nextents < 1 || h.nextents > t.max_extents) return -ERANGE
  const p: Parse = { k, dv, base: buf.byteOffset, size: buf.length, at: HEADER, errs: 0, total: 0n, devs: new Set() }
  const allocs: Alloc[] = []
  const head = yield* k.kzalloc('famfs_file_meta', 64)
  if (head === null) return -ENOMEM
  allocs.push(head)
  const se: famfs_meta_simple_ext[] = []
  const ie: famfs_meta_interleaved_ext[] = []
  const file_size = getU64Big(dv, buf.byteOffset + 16)
  let rc = 0
  if (h.ext_type === SIMPLE_DAX_EXTENT) rc = yield* simple(p, h.nextents, se, allocs)
  else if (h.ext_type === INTERLEAVED_EXTENT) rc = yield* interleaved(p, h.nextents, file_size, ie, allocs)
  else rc = -EINVAL
  if (rc === 0 && (p.errs > 0 || p.total < file_size)) rc = -EINVAL
  if (rc < 0) {
    yield* famfs_meta_free(k, { allocs })
    return rc
  }
  const error = new Cell(k.m, 'meta->error', false)
  head.owns(error)
  return {
    id: head.id,
    name: 'famfs_file_meta',
    error,
    file_type: h.file_type,
    file_size: h.file_size,
    fm_extent_type: h.ext_type,
    dev_bitmap: [...p.devs].sort((a, b) => a - b),
    se,
    ie,
    allocs,
  }
})

const simple = kfn(
  'famfs_meta_alloc_simple',
  function* (p: Parse, nextents: number, se: famfs_meta_simple_ext[], allocs: Alloc[]): Step<number> {
    if (HEADER + nextents * EXT > p.size) return -EINVAL
    const a = yield* p.k.kzalloc('famfs_meta_simple_ext[]', nextents * EXT)
    if (a === null) return -ENOMEM
    allocs.push(a)
    for (let i = 0; i < nextents; i++) se.push(read_extent(p))
    return 0
  },
)

const interleaved = kfn(
  'famfs_meta_alloc_interleaved',
  function* (
    p: Parse,
    niext: number,
    file_size: bigint,
    ie: famfs_meta_interleaved_ext[],
    allocs: Alloc[],
  ): Step<number> {
    const { t } = p.k.profile
    const a = yield* p.k.kzalloc('famfs_meta_interleaved_ext[]', niext * 32)
    if (a === null) return -ENOMEM
    allocs.push(a)
    let remainder = BigInt.asIntN(64, file_size)
    for (let i = 0; i < niext; i++) {
      if (p.at + IEXT > p.size) return -EINVAL
      const g = fuse_famfs_iext.read(p.dv, p.base + p.at)
      p.at += IEXT
      // 0 is a multiple of everything (L10).
      if (g.ie_chunk_size % t.chunk_align !== 0 || (g.ie_chunk_size === 0 && !p.k.profile.has('L10'))) return -EINVAL
      if (g.ie_nbytes === 0) return -EINVAL
      if (p.at + g.ie_nstrips * EXT > p.size) return -EINVAL
      if (g.ie_nstrips < 1 || g.ie_nstrips > t.max_strips) p.errs++
      const s = yield* p.k.kzalloc('famfs_meta_simple_ext[]', g.ie_nstrips * EXT)
      if (s === null) return -ENOMEM
      allocs.push(s)
      const strips: famfs_meta_simple_ext[] = []
      for (let j = 0; j < g.ie_nstrips; j++) {
        const strip = read_extent(p)
        remainder = BigInt.asIntN(64, remainder - strip.len)
        strips.push(strip)
      }
      ie.push({
        fie_nstrips: g.ie_nstrips,
        fie_chunk_size: g.ie_chunk_size,
        fie_nbytes: g.ie_nbytes,
        ie_strips: strips,
      })
    }
    return remainder > 0n ? -EINVAL : 0
  },
)
