// The address space of a child (kernel/fork.c: dup_mmap; mm/memory.c: copy_page_range): the same mappings; private pages are
// shared until one of the two stores.
// Locking: the parent's mmap_lock for writing.
import { down_write, kfn, roundDown, type Step, up_write } from '../../sim/index.ts'
import { get_file } from '../vfs/file.ts'
import { type mm_struct, PAGE_SIZE, PMD_SIZE, type Pte } from './mm_struct.ts'
import { HostPage } from './page.ts'
import { folio_add_file_rmap, page_add_rmap } from './rmap.ts'
import { VM_DONTCOPY, VM_LOCKED, VM_WIPEONFORK, VmArea, vma_link } from './vma.ts'
import { flush_tlb_range, keys_in } from './zap.ts'

/** vma_needs_copy(): does it have pages of its own? What a fault brings back as it was is not copied. */
const vma_needs_copy = (vma: VmArea, keys: readonly number[]): boolean =>
  keys.some(key => {
    const pte = vma.mm.ptes.get(key)!
    return pte.memory === null && pte.page.kind === 'anon'
  })

/** copy_present_pte(): the child has it too; of a private mapping neither may write it now. True: the parent's changed. */
const copy_present_pte = (vma: VmArea, child: mm_struct, key: number): boolean => {
  const { mm } = vma
  const pte = mm.ptes.get(key)!
  if (pte.memory === null && pte.page.kind === 'anon' && pte.page.pincount.peek() > 0) {
    // copy_present_page(): who pinned it goes on with the parent's page, so the child gets a copy at once.
    const page = new HostPage(mm.k.m, 'anon', pte.page.bytes.peek())
    page_add_rmap(page)
    child.ptes.set(key, { ...pte, page })
    return false
  }
  const copy: Pte = vma.shared ? pte : { ...pte, writable: false }
  if (pte.memory === null) page_add_rmap(pte.page)
  else folio_add_file_rmap(pte.dev, pte.off, undefined)
  child.ptes.set(key, copy)
  if (vma.shared || !pte.writable) return false
  mm.ptes.set(key, { ...pte, writable: false })
  return true
}

/** copy_page_range(): how many entries of the parent lost their right to write. */
const copy_page_range = (vma: VmArea, child: mm_struct): number => {
  const keys = keys_in(vma.mm.ptes, PAGE_SIZE, vma.vm_start, vma.vm_end)
  if (!vma_needs_copy(vma, keys)) return 0
  let n = 0
  for (const key of keys) {
    if (copy_present_pte(vma, child, key)) n++
    child.tables.set(roundDown(key * PAGE_SIZE, PMD_SIZE) / PMD_SIZE, true)
  }
  return n
}

/** dup_mmap(): fill a child's address space. */
export const dup_mmap = kfn('dup_mmap', function* (mm: mm_struct, child: mm_struct): Step<void> {
  yield* down_write(mm.mmap_lock)
  let protected_now = 0
  for (const vma of mm.vmas.items) {
    if ((vma.vm_flags & VM_DONTCOPY) !== 0) continue
    if (vma.vm_file !== null) get_file(vma.vm_file)
    vma_link(new VmArea(child, { ...vma, vm_flags: vma.vm_flags & ~VM_LOCKED }))
    if ((vma.vm_flags & VM_WIPEONFORK) === 0) protected_now += copy_page_range(vma, child)
  }
  if (protected_now > 0) flush_tlb_range(mm)
  yield* up_write(mm.mmap_lock)
})
