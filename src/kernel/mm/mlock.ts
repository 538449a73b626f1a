// mlock(2), munlock(2) and mincore(2) (mm/mlock.c, mm/mincore.c). Pages of a device cannot be paged out, so a mapping of them is
// never marked as locked; they are faulted in all the same.
// Locking: mmap_lock, for writing where a mapping changes.
import { down_read, down_write, kfn, min, roundDown, roundUp, type Step, up_read, up_write } from '../../sim/index.ts'
import { EAGAIN, EFAULT, EINVAL, ENOMEM } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import { MAY_WRITE } from '../vfs/inode.ts'
import { inode_permission } from '../vfs/namei.ts'
import { mm_populate } from './gup.ts'
import { type mm_struct, PAGE_SIZE, PMD_SIZE, PUD_SIZE } from './mm_struct.ts'
import { VM_LOCKED, type VmArea, vma_is_anonymous, vma_is_dax, vma_modify_flags } from './vma.ts'

/** apply_vma_lock_flags(): 0, or -ENOMEM: a hole, with what lies before it changed. */
const apply_vma_lock_flags = (mm: mm_struct, start: number, end: number, lock: boolean): number => {
  let at = start
  for (const vma of mm.vmas_in(start, end)) {
    if (vma.vm_start > at) break
    const flags = lock ? vma.vm_flags | VM_LOCKED : vma.vm_flags & ~VM_LOCKED
    if (!vma_is_dax(vma)) vma_modify_flags(vma, at, min(vma.vm_end, end), flags)
    at = vma.vm_end
  }
  return at < end ? -ENOMEM : 0
}

const lock_range = kfn(
  'apply_vma_lock_flags',
  function* (mm: mm_struct, start: number, end: number, lock: boolean): Step<number> {
    yield* down_write(mm.mmap_lock)
    const rc = apply_vma_lock_flags(mm, start, end, lock)
    yield* up_write(mm.mmap_lock)
    return rc
  },
)

/** mlock(2): 0, -ENOMEM (a hole, or what is mapped cannot be had), -EAGAIN. There is no limit on it. */
export const do_mlock = kfn('do_mlock', function* (ts: task_struct, addr: number, len: number): Step<number> {
  const mm = ts.mm!
  const start = roundDown(addr, PAGE_SIZE)
  const end = roundUp(addr + len, PAGE_SIZE)
  if (end === start) return 0
  const rc = yield* lock_range(mm, start, end, true)
  if (rc !== 0) return rc
  const populated = yield* mm_populate(mm, start, end - start)
  if (populated === -EFAULT) return -ENOMEM
  return populated === -ENOMEM ? -EAGAIN : populated
})

/** munlock(2): 0, or -ENOMEM. */
export const do_munlock = (ts: task_struct, addr: number, len: number) =>
  lock_range(ts.mm!, roundDown(addr, PAGE_SIZE), roundUp(addr + len, PAGE_SIZE), false)

/** can_do_mincore(): pages of another's file that one may not write are nobody's business: all there. */
const can_do_mincore = kfn('can_do_mincore', function* (ts: task_struct, vma: VmArea): Step<boolean> {
  if (vma_is_anonymous(vma) || vma.vm_file === null) return true
  const inode = vma.vm_file.f_inode
  if (ts.cred.uid === inode.i_attr.peek().uid || ts.capable('CAP_FOWNER')) return true
  return (yield* inode_permission(inode, MAY_WRITE)) === 0
})

/** Is the page at `addr` there: in the page table; what only a DAX file has entered does not count. */
const resident = (vma: VmArea, addr: number): boolean => {
  const { mm } = vma
  const at = (size: number): number => roundDown(addr, size) / size
  if (mm.ptes.has(at(PAGE_SIZE)) || mm.pmds.has(at(PMD_SIZE)) || mm.puds.has(at(PUD_SIZE))) return true
  return vma.shmem?.pages.has(vma.pgoff(addr)) ?? false
}

/** mincore(2): 1 or 0 for each page, or -EINVAL, -ENOMEM (a hole). */
export const do_mincore = kfn('do_mincore', function* (ts: task_struct, addr: number, len: number): Step<
  Uint8Array | number
> {
  if (addr % PAGE_SIZE !== 0) return -EINVAL
  const mm = ts.mm!
  const end = addr + roundUp(len, PAGE_SIZE)
  const out = new Uint8Array((end - addr) / PAGE_SIZE)
  yield* down_read(mm.mmap_lock)
  let at = addr
  for (const vma of mm.vmas_in(addr, end)) {
    if (vma.vm_start > at) break
    const all = !(yield* can_do_mincore(ts, vma))
    for (; at < vma.vm_end && at < end; at += PAGE_SIZE) if (all || resident(vma, at)) out[(at - addr) / PAGE_SIZE] = 1
  }
  yield* up_read(mm.mmap_lock)
  return at < end ? -ENOMEM : out
})
