// famfs_fuse_meta_alloc(): from the bytes of a GET_FMAP reply to a famfs_file_meta, with every check in the kernel's
// order (kernel.md 2.4). Counted errors (`errs`) are reported at the end, the others at once. What the strict parser adds
// is read in source, errno by errno; where among the other checks it stands is inferred. Why a map is refused goes to whoever
// asked to hear it (`why`): nobody in a kernel that runs.
import { type Alloc, Cell, kfn, type Step } from '../../sim/index.ts'
import {
  E2BIG,
  EINVAL,
  ENOMEM,
  ERANGE,
  FAMFS_FMAP_VERSION,
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
const MAX_LFS_FILESIZE = (1n << 63n) - 1n
const KMALLOC_MAX_SIZE = 0x400000
/** read_extent() found that sums overflow. */
const OVERFLOW = -1n

/** Where reasons go, one text each, in the order of the checks. Null: nowhere. */
export type Why = string[] | null

/** A check that ends the parse: the errno, its reason told. */
const refuse = (why: Why, reason: string, rc = -EINVAL): number => {
  why?.push(reason)
  return rc
}

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
  readonly why: Why
}

/** A check that is counted; what was counted ends the parse when everything is read. */
const count = (p: Parse, reason: string): void => {
  p.errs++
  p.why?.push(reason)
}

/** What a device index sets in the bitmap. With a shift of 32 bits (B45) 32 and 33 stand for 0 and 1. */
const note_device = (p: Parse, index: number): void => {
  const { profile } = p.k
  const limit = profile.t.max_daxdevs
  if (profile.has('B45') && index >= 32) {
    if (index - 32 < limit) p.devs.add(index - 32)
  } else if (index < limit) p.devs.add(index)
  else if (profile.t.strict_fmap) count(p, `device index ${index}: the table has ${limit} slots`)
}

/** One extent or strip: copy, note its device, count what is wrong with it (S8, I12). OVERFLOW in `len`: give up. */
const read_extent = (p: Parse): famfs_meta_simple_ext & { len: bigint } => {
  const at = p.base + p.at
  p.at += EXT
  const e = fuse_famfs_simple_ext.read(p.dv, at)
  const offset = getU64Big(p.dv, at + 8)
  let len = getU64Big(p.dv, at + 16)
  const { t } = p.k.profile
  note_device(p, e.se_devindex)
  if (e.se_devindex !== 0 && p.k.profile.has('B44')) count(p, `device index ${e.se_devindex}: must be 0 (B44)`)
  if (offset % BigInt(t.extent_align) !== 0n) count(p, `offset ${offset}: no multiple of ${t.extent_align}`)
  if (len % BigInt(t.extent_align) !== 0n) count(p, `length ${len}: no multiple of ${t.extent_align}`)
  if (t.strict_fmap && (offset + len >= U64 || p.total + len >= U64)) len = OVERFLOW
  else p.total = (p.total + len) % U64
  return { dev_index: e.se_devindex, ext_offset: e.se_offset, ext_len: e.se_len, len }
}

/** Is an array too large for kcalloc()? It says so itself (L28). */
const too_large = (k: Kernel, bytes: number): boolean => {
  if (bytes <= KMALLOC_MAX_SIZE || !k.profile.has('L28')) return false
  k.warn(`kcalloc of ${bytes} bytes: page order too high`)
  return true
}

/** Too few or too many extents or groups. */
const count_error = ({ profile }: Kernel, which: 'few' | 'many'): number =>
  profile.has('B23') && profile.t.count_errno[which] === 'E2BIG' ? -E2BIG : profile.has('B23') ? -EINVAL : -ERANGE

/** May a group have this chunk size? 0 is a multiple of everything (L10). */
const chunk_ok = ({ profile }: Kernel, size: number): boolean => {
  const { chunk_align, chunk_sizes } = profile.t
  // Nobody looks (B19).
  if (profile.has('B19')) return true
  if (size === 0 && !profile.has('L10')) return false
  return size % chunk_align === 0 && (chunk_sizes === null || chunk_sizes.includes(size))
}

/**
 * Does each strip hold the chunks that the group's bytes put on it? Looked at for the last chunk of each, which may be a
 * part of one (B47: not at all).
 */
const strips_hold = (chunk: bigint, nbytes: bigint, strips: readonly { len: bigint }[]): boolean => {
  if (chunk === 0n) return true
  const n = BigInt(strips.length)
  const chunks = (nbytes + chunk - 1n) / chunk
  return strips.every((s, i) => {
    const mine = (chunks + n - 1n - BigInt(i)) / n
    const last = (chunks - 1n) % n === BigInt(i) ? nbytes - (chunks - 1n) * chunk : chunk
    return mine === 0n || s.len >= (mine - 1n) * chunk + last
  })
}

/**
 * Of a list whose extents but the last have one length, a power of two, and whose last is no longer: which. 0: no such
 * list, or none is wanted.
 */
const shift_of = (k: Kernel, se: readonly famfs_meta_simple_ext[]): number => {
  const [first] = se
  if (!k.profile.t.ext_shift || first === undefined) return 0
  const { ext_len } = first
  if (!se.every((e, i) => (i === se.length - 1 ? e.ext_len <= ext_len : e.ext_len === ext_len))) return 0
  let shift = 0
  let size = 1
  while (size < ext_len) {
    size *= 2
    shift++
  }
  return size === ext_len ? shift : 0
}

/** Free everything a map owns: itself, its extents or groups, and the strips of each group (B17: of the first only). */
export const famfs_meta_free = kfn(
  '__famfs_meta_free',
  function* (k: Kernel, meta: { readonly allocs: readonly Alloc[] }): Step<void> {
    for (const a of k.profile.has('B17') ? meta.allocs.slice(0, 3) : meta.allocs) yield* k.kfree(a)
  },
)

/** The map, or -EINVAL, -ERANGE, -ENOMEM. A half-built map is freed on the way out. */
export const famfs_fuse_meta_alloc = kfn(
  'famfs_fuse_meta_alloc',
  function* (k: Kernel, buf: Uint8Array, why: Why = null): Step<famfs_file_meta | number> {
    const { t } = k.profile
    if (buf.length < HEADER) return refuse(why, `${buf.length} bytes: a header has ${HEADER}`)
    const dv = viewOf(buf)
    const h = fuse_famfs_fmap_header.read(dv, buf.byteOffset)
    // Every fuse kernel takes whatever version it says (L26).
    if (h.fmap_version !== FAMFS_FMAP_VERSION && !k.profile.has('L26'))
      return refuse(why, `version ${h.fmap_version}: must be ${FAMFS_FMAP_VERSION}`)
    if (h.nextents < 1) return refuse(why, `${h.nextents} extents: too few`, count_error(k, 'few'))
    if (t.max_extents !== null && h.nextents > t.max_extents)
      return refuse(why, `${h.nextents} extents: more than ${t.max_extents}`, count_error(k, 'many'))
    const file_size = getU64Big(dv, buf.byteOffset + 16)
    if (t.strict_fmap && file_size > MAX_LFS_FILESIZE) return refuse(why, `file size ${file_size}: too large`)
    const [size, devs] = [buf.length, new Set<number>()]
    const p: Parse = { k, dv, base: buf.byteOffset, size, at: HEADER, errs: 0, total: 0n, devs, why }
    const allocs: Alloc[] = []
    const head = yield* k.kzalloc('famfs_file_meta', 64)
    if (head === null) return -ENOMEM
    allocs.push(head)
    const se: famfs_meta_simple_ext[] = []
    const ie: famfs_meta_interleaved_ext[] = []
    let rc = 0
    if (h.ext_type === SIMPLE_DAX_EXTENT) rc = yield* simple(p, h.nextents, se, allocs)
    else if (h.ext_type === INTERLEAVED_EXTENT) rc = yield* interleaved(p, h.nextents, file_size, ie, allocs)
    else rc = refuse(why, `extent type ${h.ext_type}: neither simple (0) nor interleaved (1)`)
    if (rc === 0 && p.errs > 0) rc = -EINVAL
    if (rc === 0 && p.total < file_size) rc = refuse(why, `file size ${file_size}: extents have ${p.total} bytes`)
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
      ext_shift: shift_of(k, se),
      se,
      ie,
      allocs,
    }
  },
)

const simple = kfn(
  'famfs_meta_alloc_simple',
  function* (p: Parse, nextents: number, se: famfs_meta_simple_ext[], allocs: Alloc[]): Step<number> {
    if (HEADER + nextents * EXT > p.size)
      return refuse(p.why, `${p.size} bytes: ${nextents} extents need ${HEADER + nextents * EXT}`)
    if (too_large(p.k, nextents * EXT)) return -ENOMEM
    const a = yield* p.k.kzalloc('famfs_meta_simple_ext[]', nextents * EXT)
    if (a === null) return -ENOMEM
    allocs.push(a)
    for (let i = 0; i < nextents; i++) {
      const e = read_extent(p)
      if (e.len === OVERFLOW) return refuse(p.why, `extent ${i}: offset or sum of lengths overflows`)
      se.push(e)
    }
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
    const { profile } = p.k
    const { t } = profile
    if (too_large(p.k, niext * 32)) return -ENOMEM
    const a = yield* p.k.kzalloc('famfs_meta_interleaved_ext[]', niext * 32)
    if (a === null) return -ENOMEM
    allocs.push(a)
    let remainder = BigInt.asIntN(64, file_size)
    let covered = 0n
    for (let i = 0; i < niext; i++) {
      if (p.at + IEXT > p.size) return refuse(p.why, `${p.size} bytes: group ${i} has no header`)
      const g = fuse_famfs_iext.read(p.dv, p.base + p.at)
      p.at += IEXT
      const nbytes = getU64Big(p.dv, p.base + p.at - IEXT + 8)
      if (!chunk_ok(p.k, g.ie_chunk_size)) return refuse(p.why, `group ${i}: chunks of ${g.ie_chunk_size} bytes`)
      if (nbytes === 0n || (t.strict_fmap && nbytes > MAX_LFS_FILESIZE))
        return refuse(p.why, `group ${i}: covers ${nbytes} bytes`)
      const strips_in_bounds = g.ie_nstrips >= 1 && g.ie_nstrips <= t.max_strips
      const bounds = (): string => `group ${i}: ${g.ie_nstrips} strips, not 1 to ${t.max_strips}`
      if (t.strict_fmap && !strips_in_bounds) return refuse(p.why, bounds())
      if (p.at + g.ie_nstrips * EXT > p.size)
        return refuse(p.why, `${p.size} bytes: the ${g.ie_nstrips} strips of group ${i} need more`)
      if (!strips_in_bounds) count(p, bounds())
      const s = yield* p.k.kzalloc('famfs_meta_simple_ext[]', g.ie_nstrips * EXT)
      if (s === null) return -ENOMEM
      allocs.push(s)
      const strips: ReturnType<typeof read_extent>[] = []
      for (let j = 0; j < g.ie_nstrips; j++) {
        const strip = read_extent(p)
        if (strip.len === OVERFLOW) return refuse(p.why, `group ${i}: offset or sum of lengths overflows`)
        remainder = BigInt.asIntN(64, remainder - strip.len)
        strips.push(strip)
      }
      if (!profile.has('B47') && !strips_hold(BigInt(g.ie_chunk_size), nbytes, strips))
        return refuse(p.why, `group ${i}: a strip is too short for its chunks`)
      covered += nbytes
      ie.push({
        fie_nstrips: g.ie_nstrips,
        fie_chunk_size: g.ie_chunk_size,
        fie_nbytes: g.ie_nbytes,
        ie_strips: strips,
      })
    }
    if (t.strict_fmap) return covered < file_size ? refuse(p.why, `file size ${file_size}: groups cover ${covered}`) : 0
    return remainder > 0n ? refuse(p.why, `file size ${file_size}: strips lack ${remainder} bytes`) : 0
  },
)
