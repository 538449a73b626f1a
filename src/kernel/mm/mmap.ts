// mmap(2) and munmap(2), and removing translations of a file's pages.
import { down_write, type JMap, kfn, roundDown, roundUp, type Step, up_write } from '../../sim/index.ts'
import { EACCES, EBADF, EINVAL, ENODEV } from '../../wire/index.ts'
import type { AddressSpace } from '../dax/address_space.ts'
import { UNMAP } from '../kernel.ts'
import type { task_struct } from '../task_struct.ts'
import { fdget, fput, get_file } from '../vfs/file.ts'
import {
  MAP_FIXED,
  MAP_SHARED,
  type mm_struct,
  PAGE_SHIFT,
  PMD_SIZE,
  PROT_WRITE,
  type Pte,
  PUD_SIZE,
  VmArea,
} from './mm_struct.ts'
import { folio_remove_rmap } from './rmap.ts'

const PAGE_SIZE = 1 << PAGE_SHIFT

/** do_mmap(): the address, or -errno (EINVAL, EBADF, EACCES, ENODEV, and what the file's mmap says). */
export const do_mmap = kfn(
  'do_mmap',
  function* (
    ts: task_struct,
    addr: number,
    len: number,
    prot: number,
    flags: number,
    fd: number,
    off: number,
  ): Step<number> {
    const f = fdget(ts, fd)
    if (typeof f === 'number') return -EBADF
    if (len <= 0 || off % PAGE_SIZE !== 0 || off < 0) return -EINVAL
    const shared = (flags & MAP_SHARED) !== 0
    if (!f.readable || (shared && (prot & PROT_WRITE) !== 0 && !f.writable)) return -EACCES
    if (!f.f_op.mmap) return -ENODEV
    const mm = ts.mm!
    yield* down_write(mm.mmap_lock)
    const size = roundUp(len, PAGE_SIZE)
    const start =
      (flags & MAP_FIXED) !== 0 || addr !== 0
        ? roundDown(addr, PAGE_SIZE)
        : mm.get_unmapped_area(size, f.f_op.map_align ?? 0)
    if (mm.vmas.items.some(v => start < v.vm_end && v.vm_start < start + size)) {
      yield* up_write(mm.mmap_lock)
      return -EINVAL
    }
    const vma = new VmArea(mm, start, start + size, off / PAGE_SIZE, prot, shared, f)
    const rc = yield* f.f_op.mmap(f, vma)
    if (rc === 0) {
      get_file(f)
      mm.vmas.push(vma)
      f.f_inode.i_mapping.i_mmap.push(vma)
    }
    yield* up_write(mm.mmap_lock)
    return rc < 0 ? rc : start
  },
)

/** Drop the translations of [start, end) of a process. Both multiples of the page size. */
export function zap_page_range(mm: mm_struct, start: number, end: number): void {
  zap_table(mm.puds, PUD_SIZE, roundDown(start, PUD_SIZE), end)
  zap_table(mm.pmds, PMD_SIZE, roundDown(start, PMD_SIZE), end)
  zap_table(mm.ptes, PAGE_SIZE, start, end)
}

/** Delete keys k with start <= k * size < end, by whichever walk is shorter. */
const zap_table = (table: JMap<number, Pte>, size: number, start: number, end: number): void => {
  if (table.size === 0) return
  if ((end - start) / size <= table.size) for (let at = start; at < end; at += size) zap_pte(table, at / size)
  else for (const key of table.keys()) if (key * size >= start && key * size < end) zap_pte(table, key)
}
const zap_pte = (table: JMap<number, Pte>, key: number): void => {
  const pte = table.get(key)
  if (pte === undefined) return
  table.delete(key)
  folio_remove_rmap(pte)
}

/** munmap(2) of whole mappings that lie in the range. */
export const do_munmap = kfn('do_munmap', function* (ts: task_struct, addr: number, len: number): Step<number> {
  if (addr % PAGE_SIZE !== 0 || len <= 0) return -EINVAL
  const mm = ts.mm!
  const end = addr + roundUp(len, PAGE_SIZE)
  yield* down_write(mm.mmap_lock)
  const gone = mm.vmas.items.filter(v => v.vm_start >= addr && v.vm_end <= end)
  for (const vma of gone) {
    zap_page_range(mm, vma.vm_start, vma.vm_end)
    for (const p of mm.anon.keys()) if (p * PAGE_SIZE >= vma.vm_start && p * PAGE_SIZE < vma.vm_end) mm.anon.delete(p)
    for (const b of mm.tables.keys()) if (b * PMD_SIZE >= vma.vm_start && b * PMD_SIZE < vma.vm_end) mm.tables.delete(b)
    mm.vmas.remove(vma)
    vma.vm_file.f_inode.i_mapping.i_mmap.remove(vma)
  }
  yield* up_write(mm.mmap_lock)
  for (const vma of gone) yield* fput(vma.vm_file)
  return 0
})

/** unmap_mapping_pages(): every process loses its translations of these pages of the file. */
export function unmap_mapping_pages(mapping: AddressSpace, pgoff: number, nr: number): void {
  for (const vma of mapping.i_mmap) {
    const first = vma.vm_start + (pgoff - vma.vm_pgoff) * PAGE_SIZE
    const start = first > vma.vm_start ? first : vma.vm_start
    const last = first + nr * PAGE_SIZE
    const end = last < vma.vm_end ? last : vma.vm_end
    if (start < end) zap_page_range(vma.mm, start, end)
  }
  mapping.k.m.emit(UNMAP, mapping.k.name, null, pgoff, nr, null)
}
