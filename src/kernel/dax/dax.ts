// fs/dax.c: read, write and fault straight to the memory (kernel.md 2.10, 2.11).
// Locking: a fault holds its entry's lock from looking it up to inserting the page; read and write take no lock of ours.
import {
  type DirectAccess,
  type dax_device,
  dax_direct_access,
  dax_read_lock,
  dax_read_unlock,
  phys_of,
} from '../../devdax/index.ts'
import { fabric_read, fabric_write } from '../../fabric/index.ts'
import { kfn, min, Oops, roundDown, type Step } from '../../sim/index.ts'
import { EFAULT, EHWPOISON, EIO, ENOMEM } from '../../wire/index.ts'
import { FAULT } from '../events.ts'
import type { Kernel } from '../kernel.ts'
import { mark } from '../marks.ts'
import { copy_user_page } from '../mm/copy_page.ts'
import {
  PAGE_SHIFT,
  PMD_SIZE,
  VM_FAULT_DONE_COW,
  VM_FAULT_FALLBACK,
  VM_FAULT_HWPOISON,
  VM_FAULT_MAJOR,
  VM_FAULT_NOPAGE,
  VM_FAULT_OOM,
  VM_FAULT_SIGBUS,
  type vm_fault,
} from '../mm/mm_struct.ts'
import { folio_add_file_rmap } from '../mm/rmap.ts'
import { invalidate_inode_pages2_range } from '../mm/truncate.ts'
import type { Kiocb } from '../vfs/inode.ts'
import { dax_insert_entry, dax_unlock_entry, type EntryLock, grab_mapping_entry, PAGES_PER_PMD } from './entry.ts'
import { IOMAP_DAX, IOMAP_F_NEW, IOMAP_FAULT, IOMAP_WRITE, type iomap, type iomap_ops, new_iomap } from './iomap.ts'

const PAGE_SIZE = 1 << PAGE_SHIFT

/**
 * dax_iomap_rw(): copy between the user's buffer and the memory. Bytes done if any, else the error; EHWPOISON of the
 * device's own becomes EIO on the way, but an iomap_begin error passes as it is.
 */
export const dax_iomap_rw = kfn('dax_iomap_rw', function* (iocb: Kiocb, write: boolean, ops: iomap_ops): Step<number> {
  const inode = iocb.file.f_inode
  const flags = IOMAP_DAX | (write ? IOMAP_WRITE : 0)
  let done = 0
  let err = 0
  while (done < iocb.count) {
    const pos = iocb.pos + done
    const map = new_iomap()
    err = yield* ops.iomap_begin(inode, pos, iocb.count - done, flags, map)
    if (err !== 0) break
    const length = min(map.length, iocb.count - done)
    if (length <= 0) {
      inode.k.warn('iomap of no length')
      break
    }
    // dax_iomap_iter(): who reads is stopped at the end of the file here too; who writes is not.
    const size = inode.i_size.peek()
    if (!write && size >= 0 && pos >= size) break
    if (write && (map.flags & IOMAP_F_NEW) !== 0) yield* invalidate_inode_pages2_range(inode.i_mapping, pos, length)
    const pgoff = (map.addr - (map.addr % PAGE_SIZE)) / PAGE_SIZE
    const in_page = map.addr % PAGE_SIZE
    const nr = (in_page + length + PAGE_SIZE - 1 - ((in_page + length + PAGE_SIZE - 1) % PAGE_SIZE)) / PAGE_SIZE
    const { dax_dev } = map
    const id = dax_dev === null ? 0 : yield* dax_read_lock(dax_dev)
    const at = yield* dax_direct_access(dax_dev, pgoff, nr)
    if (typeof at !== 'number') {
      const n = min(length, at.nr * PAGE_SIZE - in_page)
      const part = done === 0 && n === iocb.buf.length ? iocb.buf : iocb.buf.subarray(done, done + n)
      const from = kernel_address(at) + in_page
      const copy = write ? fabric_write(at.memory, from, part, 'write') : fabric_read(at.memory, from, part, 'read')
      const got = part.length === 0 ? 0 : yield* copy
      done += got
      // What the process has not mapped ends the copy; so does a machine check, and nobody is told of the page (kernel.md 2.10).
      if (got < n) err = -EFAULT
    }
    if (dax_dev !== null) yield* dax_read_unlock(dax_dev, id)
    if (typeof at === 'number') {
      err = at === -EHWPOISON ? -EIO : at
    }
    if (err !== 0) break
  }
  return done > 0 ? done : err
})

/** Where a copy goes: nowhere when the address is none of the device's (B21, B35). */
const kernel_address = (at: DirectAccess): number => {
  if (at.kaddr < 0) throw new Oops(`unable to handle page fault: no ${at.memory.name} at the kernel address of a copy`)
  return at.kaddr
}
/** What a page table would get: no page of the device (B21). */
const bogus_pfn = (at: DirectAccess): never => {
  throw new Oops(`bad page frame: the address given for ${at.memory.name} is outside it (B21)`)
}

/** dax_iomap_direct_access(): a fault is inside dax_read_lock for the translation only (R12). */
const dax_iomap_direct_access = kfn(
  'dax_iomap_direct_access',
  function* (dax_dev: dax_device | null, pgoff: number, nr: number): Step<DirectAccess | number> {
    if (dax_dev === null) return yield* dax_direct_access(null, pgoff, nr)
    const id = yield* dax_read_lock(dax_dev)
    const at = yield* dax_direct_access(dax_dev, pgoff, nr)
    yield* dax_read_unlock(dax_dev, id)
    return typeof at !== 'number' && at.off < 0 ? bogus_pfn(at) : at
  },
)

/**
 * dax_fault_return(): a fault that fails is a plain SIGBUS, poison or not: measured, every such fault gave BUS_ADRERR and none
 * BUS_MCEERR_AR (oracle, short list 5), although the source reads as if EHWPOISON were told apart here (kernel.md 2.11, L04).
 */
const dax_fault_return = (k: Kernel, err: number): number => {
  if (err === -ENOMEM) return VM_FAULT_OOM
  return err === -EHWPOISON && !k.profile.has('L04') ? VM_FAULT_HWPOISON : VM_FAULT_SIGBUS
}

const faulted = (vmf: vm_fault, size: 'PTE' | 'PMD'): void => {
  const inode = vmf.vma.vm_file!.f_inode
  const { k } = inode
  k.count(k.faults, size)
  k.m.emit(FAULT, size, inode, vmf.pgoff, vmf.write ? 1 : 0, null)
}

/** Size of the file in pages, the last one counted whole. */
const file_pages = (size: number): number => (size + PAGE_SIZE - 1 - ((size + PAGE_SIZE - 1) % PAGE_SIZE)) / PAGE_SIZE

/** vmf_insert_page_mkwrite(): the page goes into the page table. */
const insert_page = kfn('vmf_insert_page_mkwrite', function* (vmf: vm_fault, at: DirectAccess): Step<number> {
  const { mm, shared } = vmf.vma
  const vpn = roundDown(vmf.address, PAGE_SIZE) / PAGE_SIZE
  const write = vmf.write && shared
  folio_add_file_rmap(at.dev, at.off, mm.ptes.get(vpn))
  mm.ptes.set(vpn, { memory: at.memory, off: at.off, dev: at.dev, writable: write, dirty: write })
  mm.tables.set(roundDown(vmf.address, PMD_SIZE) / PMD_SIZE, true)
  faulted(vmf, 'PTE')
  return VM_FAULT_NOPAGE
})

/** dax_fault_cow_page(): a private store gets the bytes; the file's entry is not touched. */
const dax_fault_cow_page = kfn('dax_fault_cow_page', function* (vmf: vm_fault, at: DirectAccess): Step<number> {
  yield* copy_user_page(at.memory, at.off, vmf.cow_page!)
  faulted(vmf, 'PTE')
  return VM_FAULT_DONE_COW
})

/** dax_fault_iter() for one page: what `map` says of it goes into its entry and the page table. */
const dax_fault_iter = kfn('dax_fault_iter', function* (vmf: vm_fault, map: iomap, entry: EntryLock): Step<number> {
  const { k } = entry.mapping
  if (map.length < PAGE_SIZE) {
    k.warn('iomap shorter than a page')
    return VM_FAULT_SIGBUS
  }
  const at = yield* dax_iomap_direct_access(map.dax_dev, map.addr / PAGE_SIZE, 1)
  if (typeof at === 'number') return dax_fault_return(k, at)
  if (vmf.cow_page !== null) return yield* dax_fault_cow_page(vmf, at)
  // A real 2 MiB entry is never taken apart by a small fault (kernel.md 2.11).
  if (!dax_insert_entry(entry, at, vmf.write)) return VM_FAULT_SIGBUS
  const rc = yield* insert_page(vmf, at)
  return vmf.write && (map.flags & IOMAP_F_NEW) !== 0 ? rc | VM_FAULT_MAJOR : rc
})

const dax_iomap_pte_fault = kfn('dax_iomap_pte_fault', function* (vmf: vm_fault, ops: iomap_ops): Step<number> {
  const { vma } = vmf
  const inode = vma.vm_file!.f_inode
  if (vmf.pgoff >= file_pages(inode.i_size.peek())) return VM_FAULT_SIGBUS
  if (inode.k.enomem('xa_node')) return VM_FAULT_OOM
  const entry = yield* grab_mapping_entry(inode.i_mapping, vmf.pgoff, false)
  // Another thread may have put 2 MiB here while we waited: the access is tried again.
  if (vma.mm.pmds.has(roundDown(vmf.address, PMD_SIZE) / PMD_SIZE)) {
    yield* dax_unlock_entry(entry)
    return VM_FAULT_NOPAGE
  }
  const flags = IOMAP_DAX | IOMAP_FAULT | (vmf.write ? IOMAP_WRITE : 0)
  const map = new_iomap()
  const err = yield* ops.iomap_begin(inode, vmf.pgoff * PAGE_SIZE, PAGE_SIZE, flags, map)
  const rc = err !== 0 ? dax_fault_return(inode.k, err) : yield* dax_fault_iter(vmf, map, entry)
  yield* dax_unlock_entry(entry)
  return rc
})

/** The PMD goes into the page table. */
const vmf_insert_folio_pmd = (vmf: vm_fault, at: DirectAccess): number => {
  const { mm, shared } = vmf.vma
  const block = roundDown(vmf.address, PMD_SIZE) / PMD_SIZE
  const write = vmf.write && shared
  folio_add_file_rmap(at.dev, at.off, mm.pmds.get(block))
  mm.pmds.set(block, { memory: at.memory, off: at.off, dev: at.dev, writable: write, dirty: write })
  faulted(vmf, 'PMD')
  return VM_FAULT_NOPAGE
}

const dax_iomap_pmd_fault = kfn('dax_iomap_pmd_fault', function* (vmf: vm_fault, ops: iomap_ops): Step<number> {
  const { vma } = vmf
  const inode = vma.vm_file!.f_inode
  const { k } = inode
  const pages = file_pages(inode.i_size.peek())
  if (vmf.pgoff >= pages) return VM_FAULT_SIGBUS
  const first = roundDown(vmf.pgoff, PAGES_PER_PMD)
  // dax_fault_check_fallback(): address and file offset must agree below 2 MiB; no private stores; the block inside the file.
  if ((roundDown(vmf.address, PAGE_SIZE) / PAGE_SIZE) % PAGES_PER_PMD !== vmf.pgoff % PAGES_PER_PMD) {
    mark(k.m, 'dax_iomap_pmd_fault', 'colour')
    return VM_FAULT_FALLBACK
  }
  if (vmf.write && !vma.shared) {
    mark(k.m, 'dax_iomap_pmd_fault', 'private store')
    return VM_FAULT_FALLBACK
  }
  if (first + PAGES_PER_PMD > pages) {
    mark(k.m, 'dax_iomap_pmd_fault', 'past the end')
    return VM_FAULT_FALLBACK
  }
  if (k.enomem('xa_node')) return VM_FAULT_OOM
  const entry = yield* grab_mapping_entry(inode.i_mapping, vmf.pgoff, true)
  // Another thread may have put a table of single pages here while we waited: the access is tried again.
  if (vma.mm.tables.has(roundDown(vmf.address, PMD_SIZE) / PMD_SIZE)) {
    yield* dax_unlock_entry(entry)
    return 0
  }
  const flags = IOMAP_DAX | IOMAP_FAULT | (vmf.write ? IOMAP_WRITE : 0)
  const map = new_iomap()
  let rc = VM_FAULT_FALLBACK
  // An error here is dropped: the page-size path asks again and reports (kernel.md 2.11, L04).
  const err = yield* ops.iomap_begin(inode, first * PAGE_SIZE, PMD_SIZE, flags, map)
  if (err === -EHWPOISON && !k.profile.has('L04')) rc = VM_FAULT_HWPOISON
  if (err === 0 && map.length >= PMD_SIZE) {
    const at = yield* dax_iomap_direct_access(map.dax_dev, map.addr / PAGE_SIZE, PAGES_PER_PMD)
    // What must be aligned is the page frame.
    if (typeof at !== 'number' && at.nr >= PAGES_PER_PMD && phys_of(at.dev.ranges, at.off) % PMD_SIZE === 0)
      rc = dax_insert_entry(entry, at, vmf.write) ? vmf_insert_folio_pmd(vmf, at) : VM_FAULT_SIGBUS
  }
  if (rc === VM_FAULT_FALLBACK) mark(k.m, 'dax_iomap_pmd_fault', 'no 2 MiB to be had')
  yield* dax_unlock_entry(entry)
  return rc
})

/** dax_iomap_fault(): one page, or 2 MiB; any other size falls back. */
export const dax_iomap_fault = (vmf: vm_fault, pmd: boolean, ops: iomap_ops) =>
  pmd ? dax_iomap_pmd_fault(vmf, ops) : dax_iomap_pte_fault(vmf, ops)
