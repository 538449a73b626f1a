// mremap(2) (mm/mremap.c): a mapping gets longer or shorter, or moves with what it has mapped.
// Locking: mmap_lock for writing; files are put when it is free again.
import { down_write, type JMap, kfn, roundUp, type Step, up_write } from '../../sim/index.ts'
import { EFAULT, EINVAL, ENOMEM } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import { fput, get_file } from '../vfs/file.ts'
import { mm_populate } from './gup.ts'
import { type mm_struct, PAGE_SIZE, PMD_SIZE, type Pte, TASK_SIZE } from './mm_struct.ts'
import { vms_munmap } from './mmap.ts'
import { may_cut, split_huge_pmd, VM_LOCKED, VmArea, vma_link, vma_merge, vma_unlink } from './vma.ts'
import { flush_tlb_range, keys_in, zap_page_range } from './zap.ts'

export const MREMAP_MAYMOVE = 1
export const MREMAP_FIXED = 2
export const MREMAP_DONTUNMAP = 4

const move_table = (table: JMap<number, Pte>, size: number, from: number, to: number, len: number): number => {
  const keys = keys_in(table, size, from, from + len)
  for (const key of keys) {
    const pte = table.get(key)!
    table.delete(key)
    table.set(key + (to - from) / size, pte)
  }
  return keys.length
}

/** move_page_tables(): present entries move along; of 2 MiB ones only those that are aligned at both ends, others go. */
const move_page_tables = (mm: mm_struct, from: number, to: number, len: number): void => {
  const aligned = (from - to) % PMD_SIZE === 0
  let n = 0
  if (aligned) n += move_table(mm.pmds, PMD_SIZE, from, to, len)
  else
    for (const b of keys_in(mm.pmds, PMD_SIZE, from, from + len))
      zap_page_range(mm, b * PMD_SIZE, (b + 1) * PMD_SIZE, true)
  const small = move_table(mm.ptes, PAGE_SIZE, from, to, len)
  if (small > 0) for (let at = to - (to % PMD_SIZE); at < to + len; at += PMD_SIZE) mm.tables.set(at / PMD_SIZE, true)
  if (n + small > 0) flush_tlb_range(mm)
}

/** vma_to_resize(): the mapping that has all of [addr, addr + old_len), or -errno. */
const vma_to_resize = (mm: mm_struct, addr: number, old_len: number, new_len: number): VmArea | number => {
  const vma = mm.find_vma(addr)
  if (vma === undefined) return -EFAULT
  // Of length 0: once more the same pages, of a shared mapping only.
  if (old_len === 0 && !vma.shared) return -EINVAL
  if (old_len > vma.vm_end - addr) return -EFAULT
  return addr + new_len > TASK_SIZE ? -ENOMEM : vma
}

/** move_vma(): a copy of the mapping at `to` with what is mapped; the old range is unmapped unless `keep`. What went, or -errno. */
const move_vma = (
  vma: VmArea,
  addr: number,
  old_len: number,
  new_len: number,
  to: number,
  keep: boolean,
): VmArea[] | number => {
  const { mm } = vma
  const rc = may_cut(vma, addr, addr + old_len)
  if (rc !== 0) return rc
  for (const edge of [addr, addr + old_len]) split_huge_pmd(mm, edge)
  if (vma.vm_file !== null) get_file(vma.vm_file)
  const moved = new VmArea(mm, { ...vma, vm_start: to, vm_end: to + new_len, vm_pgoff: vma.pgoff(addr) })
  if (old_len > 0) move_page_tables(mm, addr, to, old_len < new_len ? old_len : new_len)
  vma_link(moved)
  const gone = keep || old_len === 0 ? [] : vms_munmap(mm, addr, addr + old_len)
  vma_merge(moved)
  return gone
}

/** vma_expand_in_place(): is there room behind it? */
const grow = (vma: VmArea, by: number): boolean => {
  const { mm, vm_end } = vma
  if (vm_end + by > TASK_SIZE || mm.vmas_in(vm_end, vm_end + by).length > 0) return false
  vma_unlink(vma)
  const grown = new VmArea(mm, { ...vma, vm_end: vm_end + by })
  vma_link(grown)
  vma_merge(grown)
  return true
}

interface Resize {
  readonly addr: number
  readonly old_len: number
  readonly new_len: number
  readonly flags: number
  readonly new_addr: number
}

/** The part under mmap_lock: where the mapping is now, or -errno; `gone` gets what was unmapped. */
const resize = (mm: mm_struct, r: Resize, gone: VmArea[]): number => {
  const { addr, old_len, new_len, flags, new_addr } = r
  const unmap = (start: number, end: number): number => {
    const out = vms_munmap(mm, start, end)
    if (typeof out === 'number') return out
    gone.push(...out)
    return 0
  }
  let rc = 0
  const moving = (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0
  if ((flags & MREMAP_FIXED) !== 0) rc = unmap(new_addr, new_addr + new_len)
  // What is cut off is unmapped, whoever has it.
  if (rc === 0 && old_len > new_len) {
    rc = unmap(addr + new_len, addr + old_len)
    if (rc === 0 && !moving) return addr
  }
  if (rc !== 0) return rc
  const have = old_len > new_len ? new_len : old_len
  const vma = vma_to_resize(mm, addr, have, new_len)
  if (typeof vma === 'number') return vma
  if (!moving) {
    if (have === new_len) return addr
    if (have > 0 && have === vma.vm_end - addr && grow(vma, new_len - have)) return addr
    if ((flags & MREMAP_MAYMOVE) === 0) return -ENOMEM
  }
  const align = vma.vm_file?.f_op.map_align ?? 0
  const to = (flags & MREMAP_FIXED) !== 0 ? new_addr : mm.get_unmapped_area(new_len, align)
  if (to === 0) return -ENOMEM
  const out = move_vma(vma, addr, have, new_len, to, (flags & MREMAP_DONTUNMAP) !== 0)
  if (typeof out === 'number') return out
  gone.push(...out)
  return to
}

/** check_prep_vma() and its like: what no mapping is needed for. */
const check = ({ addr, old_len, new_len, flags, new_addr }: Resize): number => {
  const all = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP
  if ((flags & ~all) !== 0 || addr % PAGE_SIZE !== 0 || new_len === 0) return -EINVAL
  if ((flags & MREMAP_FIXED) !== 0 && (flags & MREMAP_MAYMOVE) === 0) return -EINVAL
  if ((flags & MREMAP_DONTUNMAP) !== 0 && ((flags & MREMAP_MAYMOVE) === 0 || old_len !== new_len)) return -EINVAL
  if ((flags & MREMAP_FIXED) === 0) return 0
  if (new_addr % PAGE_SIZE !== 0 || new_len > TASK_SIZE || new_addr > TASK_SIZE - new_len) return -EINVAL
  return addr + old_len > new_addr && new_addr + new_len > addr ? -EINVAL : 0
}

/**
 * mremap(2): where the mapping is now, or -errno: EINVAL (alignment, flags, lengths, overlap), EFAULT (no mapping, or more than
 * one), ENOMEM (no room and it may not move). `new_addr` is for MREMAP_FIXED.
 */
export const do_mremap = kfn(
  'do_mremap',
  function* (
    ts: task_struct,
    addr: number,
    old_len: number,
    new_len: number,
    flags: number,
    new_addr: number,
  ): Step<number> {
    const r = { addr, old_len: roundUp(old_len, PAGE_SIZE), new_len: roundUp(new_len, PAGE_SIZE), flags, new_addr }
    const bad = check(r)
    if (bad !== 0) return bad
    const mm = ts.mm!
    const gone: VmArea[] = []
    yield* down_write(mm.mmap_lock)
    const at = resize(mm, r, gone)
    yield* up_write(mm.mmap_lock)
    for (const vma of gone) if (vma.vm_file !== null) yield* fput(vma.vm_file)
    const grown = at >= 0 && r.new_len > r.old_len && r.old_len > 0
    if (grown && ((mm.find_vma(at)?.vm_flags ?? 0) & VM_LOCKED) !== 0)
      yield* mm_populate(mm, at + r.old_len, r.new_len - r.old_len)
    return at
  },
)
