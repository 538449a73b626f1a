// fs/dax.c: read, write and fault straight to the memory (kernel.md 2.10, 2.11).
// Locking: a fault holds its entry's lock from looking it up to inserting the page; read and write take no lock of ours.
import {
  type DirectAccess,
  type dax_device,
  dax_direct_access,
  dax_read_lock,
  dax_read_unlock,
  type dev_dax,
  phys_of,
} from '../../devdax/index.ts'
import { fabric_read, fabric_write } from '../../fabric/index.ts'
import { kfn, min, Oops, Panic, roundDown, type Step, wait_event, wake_up_all } from '../../sim/index.ts'
import { EFAULT, EHWPOISON, EIO, ENOMEM } from '../../wire/index.ts'
import { FAULT } from '../kernel.ts'
import {
  PAGE_SHIFT,
  PMD_ORDER,
  PMD_SIZE,
  VM_FAULT_FALLBACK,
  VM_FAULT_MAJOR,
  VM_FAULT_NOPAGE,
  VM_FAULT_OOM,
  VM_FAULT_SIGBUS,
  type vm_fault,
} from '../mm/mm_struct.ts'
import { unmap_mapping_pages, zap_page_range } from '../mm/mmap.ts'
import { folio_add_file_rmap } from '../mm/rmap.ts'
import type { Kiocb } from '../vfs/inode.ts'
import type { AddressSpace, DaxEntry } from './address_space.ts'
import { IOMAP_DAX, IOMAP_F_NEW, IOMAP_FAULT, IOMAP_WRITE, type iomap_ops, new_iomap } from './iomap.ts'

const PAGE_SIZE = 1 << PAGE_SHIFT
const PAGES_PER_PMD = PMD_SIZE / PAGE_SIZE

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
    if (write && (map.flags & IOMAP_F_NEW) !== 0) invalidate_inode_pages2_range(inode.i_mapping, pos, length)
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
 * invalidate_inode_pages2_range() on DAX entries: clean ones are dropped, dirty ones stay, and either way the page tables
 * of the range lose them (kernel.md 2.9, oracle mmap.pwrite_zaps).
 */
export function invalidate_inode_pages2_range(mapping: AddressSpace, pos: number, len: number): void {
  if (mapping.i_pages.size === 0) return
  const first = roundDown(pos, PAGE_SIZE) / PAGE_SIZE
  const last = roundDown(pos + len - 1, PAGE_SIZE) / PAGE_SIZE
  let lo = first
  let hi = last + 1
  for (const e of mapping.i_pages.values()) {
    const pages = e.kind === 'PMD' ? PAGES_PER_PMD : 1
    if (e.index > last || e.index + pages <= first || e.kind === 'EMPTY') continue
    if (e.index < lo) lo = e.index
    if (e.index + pages > hi) hi = e.index + pages
    if (!e.dirty) delete_entry(mapping, e)
  }
  unmap_mapping_pages(mapping, lo, hi - lo)
}

/** Key under which the entry that covers `index` stands: its own page, or the first page of its 2 MiB. */
const entry_at = (mapping: AddressSpace, index: number): DaxEntry | undefined => {
  const huge = mapping.i_pages.get(roundDown(index, PAGES_PER_PMD))
  if (huge?.kind === 'PMD') return huge
  return mapping.i_pages.get(index)
}

/** The lock that stands in the way of locking `index` (or its whole 2 MiB), by key; -1 when none does. */
const conflict = (mapping: AddressSpace, index: number, pmd: boolean): number => {
  if (mapping.locked.size === 0) return -1
  const first = roundDown(index, PAGES_PER_PMD)
  if (mapping.locked.get(first) === 'PMD') return first
  if (!pmd) return mapping.locked.has(index) ? index : -1
  for (const key of mapping.locked.keys()) if (key >= first && key < first + PAGES_PER_PMD) return key
  return -1
}

/** grab_mapping_entry(): lock the entry of `index`, waiting for its holder. Gives the key to unlock. */
const grab_mapping_entry = kfn(
  'grab_mapping_entry',
  function* (mapping: AddressSpace, index: number, pmd: boolean): Step<number> {
    for (;;) {
      const whole = pmd || entry_at(mapping, index)?.kind === 'PMD'
      const busy = conflict(mapping, index, whole)
      if (busy < 0) {
        const key = whole ? roundDown(index, PAGES_PER_PMD) : index
        mapping.locked.set(key, whole ? 'PMD' : 'PTE')
        return key
      }
      yield* wait_event(mapping.wq, () => !mapping.locked.has(busy))
    }
  },
)

const unlock_entry = kfn('dax_unlock_entry', function* (mapping: AddressSpace, key: number): Step<void> {
  mapping.locked.delete(key)
  yield* wake_up_all(mapping.wq)
})

/** What dax_lock_folio() locked: an entry of a file, or nothing where the device node has the folio (`key` is -1). */
export interface DaxCookie {
  readonly mapping: AddressSpace
  readonly key: number
}

/** dax_lock_folio(): nobody changes the mapping of the folio of this page until it is unlocked. Null: it has none. */
export const dax_lock_folio = kfn('dax_lock_folio', function* (dev: dev_dax, page: number): Step<DaxCookie | null> {
  for (;;) {
    const { folio } = dev.folios.of(page)
    const mapping = folio.mapping as AddressSpace | null
    if (mapping === null) return null
    if (mapping === dev.i_mapping) return { mapping, key: -1 }
    const key = yield* grab_mapping_entry(mapping, folio.index, false)
    if (dev.folios.of(page).folio.mapping === mapping) return { mapping, key }
    yield* unlock_entry(mapping, key)
  }
})

export const dax_unlock_folio = kfn('dax_unlock_folio', function* (c: DaxCookie): Step<void> {
  if (c.key >= 0) yield* unlock_entry(c.mapping, c.key)
})

/**
 * A fault that fails is a plain SIGBUS, poison or not: measured, every such fault gave BUS_ADRERR and none BUS_MCEERR_AR
 * (oracle, short list 5), although the source reads as if EHWPOISON were told apart here (kernel.md 2.11, L04).
 */
const errno_to_fault = (err: number): number => (err === -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS)

const entry_of = (kind: 'PTE' | 'PMD', index: number, at: DirectAccess): Omit<DaxEntry, 'dirty'> => ({
  kind,
  index,
  memory: at.memory,
  off: at.off,
  dev: at.dev,
})

/**
 * dax_associate_entry(): the folio becomes the file's. It should be nobody's: one that a raw mapping of the device left, or
 * another file has, warns once (B04, L21; B04w: not even that). Where somebody counts a reference on it the newer levels
 * refuse: false, and the fault fails (the "poisoned page").
 */
const dax_associate_entry = (mapping: AddressSpace, e: Omit<DaxEntry, 'dirty'>): boolean => {
  const { k } = mapping
  const { folios } = e.dev!
  const page = e.off / PAGE_SIZE
  const order = e.kind === 'PMD' ? PMD_ORDER : 0
  const { folio } = folios.of(page)
  const left = folio.mapping !== null && folio.mapping !== mapping
  if (left && !k.profile.has('B04w'))
    k.warn_once('dax_associate_entry: folio->mapping is set: the page belongs to another')
  if (left && folio.refcount > folio.mapcount && k.profile.dax.stale_folio === 'fail') return false
  // What mapped it before goes on mapping it, whatever the folio says from now on.
  folios.set(page, { ...folio, order, mapping, index: e.index })
  return true
}

/** dax_disassociate_entry(): the folio is nobody's again, and single pages. */
const dax_disassociate_entry = (mapping: AddressSpace, e: DaxEntry): void => {
  const { folios } = e.dev!
  if (!folios.present) return
  const { head, folio } = folios.of(e.off / PAGE_SIZE)
  if (folio.mapping === mapping) folios.set(head, { ...folio, order: 0, mapping: null, index: 0 })
}

const delete_entry = (mapping: AddressSpace, e: DaxEntry): void => {
  dax_disassociate_entry(mapping, e)
  mapping.i_pages.delete(e.index)
}

/**
 * dax_insert_entry(): remember which memory a page (or 2 MiB) of the file is. Pages under a new 2 MiB entry go: measured,
 * a huge fault succeeds although another mapping has pages there (oracle fault.pmd_after_pte). False: the folio is not to
 * be had.
 */
const dax_insert_entry = (mapping: AddressSpace, e: Omit<DaxEntry, 'dirty'>, write: boolean): boolean => {
  const old = mapping.i_pages.get(e.index)
  if (old === undefined || old.kind !== e.kind || old.off !== e.off || old.memory !== e.memory) {
    if (e.kind === 'PMD' && old?.kind !== 'PMD')
      for (const o of mapping.i_pages.values())
        if (o.index >= e.index && o.index < e.index + PAGES_PER_PMD) delete_entry(mapping, o)
    if (!dax_associate_entry(mapping, e)) return false
  }
  mapping.i_pages.set(e.index, { ...e, dirty: write || old?.dirty === true })
  return true
}

const faulted = (vmf: vm_fault, size: 'PTE' | 'PMD'): void => {
  const { k } = vmf.vma.vm_file.f_inode
  k.count(k.faults, size)
  k.m.emit(FAULT, size, vmf.vma.vm_file.f_inode, vmf.pgoff, vmf.write ? 1 : 0, null)
}

/** Size of the file in pages, the last one counted whole. */
const file_pages = (size: number): number => (size + PAGE_SIZE - 1 - ((size + PAGE_SIZE - 1) % PAGE_SIZE)) / PAGE_SIZE

/** vmf_insert_page_mkwrite(), or for a private store a copy of the page for this process; the file does not change then. */
const insert_page = kfn('vmf_insert_page_mkwrite', function* (vmf: vm_fault, at: DirectAccess): Step<number> {
  const { vma } = vmf
  const { mm } = vma
  const vpn = roundDown(vmf.address, PAGE_SIZE) / PAGE_SIZE
  if (vmf.write && !vma.shared) {
    const copy = new Uint8Array(PAGE_SIZE)
    // copy_user_page() has no way back from a machine check in the kernel.
    if ((yield* fabric_read(at.memory, at.off, copy, 'load')) < PAGE_SIZE)
      throw new Panic(`machine check while ${at.memory.name} at 0x${at.off.toString(16)} is copied`)
    mm.anon.set(vpn, copy)
    zap_page_range(mm, vpn * PAGE_SIZE, (vpn + 1) * PAGE_SIZE)
  } else {
    folio_add_file_rmap(at.dev, at.off, mm.ptes.get(vpn))
    mm.ptes.set(vpn, { memory: at.memory, off: at.off, dev: at.dev, writable: vmf.write && vma.shared })
  }
  mm.tables.set(roundDown(vmf.address, PMD_SIZE) / PMD_SIZE, true)
  faulted(vmf, 'PTE')
  return VM_FAULT_NOPAGE
})

const dax_iomap_pte_fault = kfn('dax_iomap_pte_fault', function* (vmf: vm_fault, ops: iomap_ops): Step<number> {
  const { vma } = vmf
  const inode = vma.vm_file.f_inode
  const mapping = inode.i_mapping
  if (vmf.pgoff >= file_pages(inode.i_size.peek())) return VM_FAULT_SIGBUS
  const key = yield* grab_mapping_entry(mapping, vmf.pgoff, false)
  const huge = entry_at(mapping, vmf.pgoff)?.kind === 'PMD'
  const flags = IOMAP_DAX | IOMAP_FAULT | (vmf.write ? IOMAP_WRITE : 0)
  const map = new_iomap()
  const err = yield* ops.iomap_begin(inode, vmf.pgoff * PAGE_SIZE, PAGE_SIZE, flags, map)
  let rc: number
  if (err !== 0) rc = errno_to_fault(err)
  else if (map.length < PAGE_SIZE) {
    inode.k.warn('iomap shorter than a page')
    rc = VM_FAULT_SIGBUS
  } else {
    const at = yield* dax_iomap_direct_access(map.dax_dev, map.addr / PAGE_SIZE, 1)
    if (typeof at === 'number') rc = errno_to_fault(at)
    else {
      // A real 2 MiB entry is never taken apart by a small fault (kernel.md 2.11).
      rc =
        huge || dax_insert_entry(mapping, entry_of('PTE', vmf.pgoff, at), vmf.write)
          ? yield* insert_page(vmf, at)
          : VM_FAULT_SIGBUS
      if (rc === VM_FAULT_NOPAGE && vmf.write && (map.flags & IOMAP_F_NEW) !== 0) rc |= VM_FAULT_MAJOR
    }
  }
  yield* unlock_entry(mapping, key)
  return rc
})

const dax_iomap_pmd_fault = kfn('dax_iomap_pmd_fault', function* (vmf: vm_fault, ops: iomap_ops): Step<number> {
  const { vma } = vmf
  const inode = vma.vm_file.f_inode
  const mapping = inode.i_mapping
  const first = roundDown(vmf.pgoff, PAGES_PER_PMD)
  const pages = file_pages(inode.i_size.peek())
  if (vmf.pgoff >= pages) return VM_FAULT_SIGBUS
  // Colour: address and file offset must agree below 2 MiB; the block must lie wholly inside the file; no private stores.
  const coloured =
    (vmf.address / PAGE_SIZE - (vmf.address % PAGE_SIZE) / PAGE_SIZE) % PAGES_PER_PMD === vmf.pgoff % PAGES_PER_PMD
  if (!coloured || first + PAGES_PER_PMD > pages || (vmf.write && !vma.shared)) return VM_FAULT_FALLBACK
  const key = yield* grab_mapping_entry(mapping, vmf.pgoff, true)
  const flags = IOMAP_DAX | IOMAP_FAULT | (vmf.write ? IOMAP_WRITE : 0)
  const map = new_iomap()
  let rc = VM_FAULT_FALLBACK
  // An error here is dropped: the page-size path asks again and reports (kernel.md 2.11, L04).
  const err = yield* ops.iomap_begin(inode, first * PAGE_SIZE, PMD_SIZE, flags, map)
  if (err === 0 && map.length >= PMD_SIZE) {
    const at = yield* dax_iomap_direct_access(map.dax_dev, map.addr / PAGE_SIZE, PAGES_PER_PMD)
    // What must be aligned is the page frame.
    if (typeof at !== 'number' && at.nr >= PAGES_PER_PMD && phys_of(at.dev.ranges, at.off) % PMD_SIZE === 0) {
      if (dax_insert_entry(mapping, entry_of('PMD', first, at), vmf.write)) {
        const { pmds } = vma.mm
        const block = roundDown(vmf.address, PMD_SIZE) / PMD_SIZE
        folio_add_file_rmap(at.dev, at.off, pmds.get(block))
        pmds.set(block, { memory: at.memory, off: at.off, dev: at.dev, writable: vmf.write && vma.shared })
        faulted(vmf, 'PMD')
        rc = VM_FAULT_NOPAGE
      } else rc = VM_FAULT_SIGBUS
    }
  }
  yield* unlock_entry(mapping, key)
  return rc
})

/** dax_iomap_fault(): one page, or 2 MiB; any other size falls back. */
export const dax_iomap_fault = (vmf: vm_fault, pmd: boolean, ops: iomap_ops) =>
  pmd ? dax_iomap_pmd_fault(vmf, ops) : dax_iomap_pte_fault(vmf, ops)

/** dax_break_layout_final(): at eviction every entry goes; nobody maps the file any more. */
export function dax_delete_mapping_entries(mapping: AddressSpace): void {
  for (const e of mapping.i_pages.values()) delete_entry(mapping, e)
}
