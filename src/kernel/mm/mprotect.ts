// mprotect(2) (mm/mprotect.c).
// Locking: mmap_lock for writing.
import { down_write, type JMap, kfn, min, roundUp, type Step, up_write } from '../../sim/index.ts'
import { EACCES, EINVAL, ENOMEM } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import { type mm_struct, PAGE_SIZE, PMD_SIZE, PROT_NONE, type Pte } from './mm_struct.ts'
import { may_cut, split_huge_pmd, VM_ACCESS, VM_WRITE, type VmArea, vma_modify_flags } from './vma.ts'
import { flush_tlb_range, keys_in } from './zap.ts'

/** can_change_pte_writable(): may a store go through again without a fault? */
const can_change_pte_writable = (vma: VmArea, pte: Pte): boolean => {
  if (vma.shared) return pte.dirty
  return pte.memory === null && pte.page.kind === 'anon' && pte.page.mapcount.peek() === 1
}

/** change_pte_range() of one table; how many entries it changed. */
const change_table = (table: JMap<number, Pte>, size: number, vma: VmArea, start: number, end: number): number => {
  let n = 0
  for (const key of keys_in(table, size, start, end)) {
    const pte = table.get(key)!
    const writable = (vma.vm_flags & VM_WRITE) !== 0 && (pte.writable || can_change_pte_writable(vma, pte))
    const protnone = vma.prot === PROT_NONE
    if (writable === pte.writable && protnone === (pte.protnone === true)) continue
    table.set(key, { ...pte, writable, protnone })
    n++
  }
  return n
}

/** change_protection(): present entries of [start, end) are as the mapping says now. */
const change_protection = (mm: mm_struct, vma: VmArea, start: number, end: number): void => {
  const n = change_table(mm.pmds, PMD_SIZE, vma, start, end) + change_table(mm.ptes, PAGE_SIZE, vma, start, end)
  if (n > 0) flush_tlb_range(mm)
}

/** mprotect_fixup(): 0, or -EACCES (more than the file was opened for), -EINVAL (not to be cut there). */
const mprotect_fixup = (vma: VmArea, start: number, end: number, prot: number): number => {
  const vm_flags = (vma.vm_flags & ~VM_ACCESS) | prot
  // VM_MAYREAD is VM_READ shifted by four, and so on.
  if ((prot & ~(vma.vm_flags >> 4) & VM_ACCESS) !== 0) return -EACCES
  const rc = may_cut(vma, start, end)
  if (rc !== 0 || vm_flags === vma.vm_flags) return rc
  for (const edge of [start, end]) if (edge > vma.vm_start && edge < vma.vm_end) split_huge_pmd(vma.mm, edge)
  change_protection(vma.mm, vma_modify_flags(vma, start, end, vm_flags), start, end)
  return 0
}

/** mprotect(2): 0, -EINVAL, -ENOMEM (a hole: what lies before it is changed), -EACCES. */
export const do_mprotect = kfn(
  'do_mprotect_pkey',
  function* (ts: task_struct, addr: number, len: number, prot: number): Step<number> {
    if (addr % PAGE_SIZE !== 0 || len < 0) return -EINVAL
    if (len === 0) return 0
    if ((prot & ~VM_ACCESS) !== 0) return -EINVAL
    const mm = ts.mm!
    const end = addr + roundUp(len, PAGE_SIZE)
    yield* down_write(mm.mmap_lock)
    let rc = 0
    let at = addr
    for (const vma of mm.vmas_in(addr, end)) {
      if (vma.vm_start > at) break
      rc = mprotect_fixup(vma, at, min(vma.vm_end, end), prot)
      if (rc !== 0) break
      at = vma.vm_end
    }
    yield* up_write(mm.mmap_lock)
    return rc === 0 && at < end ? -ENOMEM : rc
  },
)
