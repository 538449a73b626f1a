// Page faults (mm/memory.c): 2 MiB first where the mapping allows it, else one page; copies for private stores.
// Locking: mmap_lock for reading across a fault; what happens to the page table is one step.
import { down_read, kfn, roundDown, type Step, up_read } from '../../sim/index.ts'
import { force_sig_fault, force_sig_mceerr } from '../signal.ts'
import type { task_struct } from '../task_struct.ts'
import { copy_user_page } from './copy_page.ts'
import {
  type mm_struct,
  PAGE_SHIFT,
  PAGE_SIZE,
  PMD_ORDER,
  PMD_SIZE,
  type Pte,
  PUD_ORDER,
  PUD_SIZE,
  VM_FAULT_DONE_COW,
  VM_FAULT_ERROR,
  VM_FAULT_FALLBACK,
  VM_FAULT_HWPOISON,
  VM_FAULT_MAJOR,
  VM_FAULT_NOPAGE,
  VM_FAULT_OOM,
  VM_FAULT_SIGBUS,
  type vm_fault,
} from './mm_struct.ts'
import { HostPage } from './page.ts'
import { folio_remove_rmap, page_add_rmap } from './rmap.ts'
import { VM_ACCESS, VM_NOHUGEPAGE, VM_WRITE, type VmArea } from './vma.ts'
import { zap_page_range } from './zap.ts'

/** set_pte_at() of a page of the host's own. */
export const set_host_pte = (mm: mm_struct, vpn: number, page: HostPage, writable: boolean): void => {
  const old = mm.ptes.get(vpn)
  page_add_rmap(page)
  mm.ptes.set(vpn, { memory: null, page, writable, dirty: writable })
  mm.tables.set(roundDown(vpn * PAGE_SIZE, PMD_SIZE) / PMD_SIZE, true)
  if (old !== undefined) folio_remove_rmap(old)
}

/** do_anonymous_page(): the page of zeros until somebody stores. */
const do_anonymous_page = (vmf: vm_fault): number => {
  const { mm } = vmf.vma
  if (vmf.write && mm.k.enomem('anon page')) return VM_FAULT_OOM
  const page = vmf.write ? new HostPage(mm.k.m, 'anon') : mm.k.zero_page
  set_host_pte(mm, roundDown(vmf.address, PAGE_SIZE) / PAGE_SIZE, page, vmf.write)
  return 0
}

/** do_cow_fault(): a private store where nothing is mapped: the process gets a copy of the file's page. */
const do_cow_fault = kfn('do_cow_fault', function* (vmf: vm_fault): Step<number> {
  const { vma } = vmf
  if (vma.mm.k.enomem('anon page')) return VM_FAULT_OOM
  vmf.cow_page = new Uint8Array(PAGE_SIZE)
  const rc = yield* vma.vm_ops!.fault(vmf)
  if ((rc & (VM_FAULT_ERROR | VM_FAULT_NOPAGE)) !== 0) return rc
  const bytes = vmf.page === null ? vmf.cow_page : vmf.page.bytes.peek()
  set_host_pte(vma.mm, roundDown(vmf.address, PAGE_SIZE) / PAGE_SIZE, new HostPage(vma.mm.k.m, 'anon', bytes), true)
  return rc & ~VM_FAULT_DONE_COW
})

/** do_page_mkwrite(): the file is told before a shared page of its cache is written. 0, or VM_FAULT_ bits. */
const do_page_mkwrite = (vmf: vm_fault) => vmf.vma.vm_ops!.page_mkwrite!(vmf)

/** do_read_fault(), do_shared_fault(): the handler maps a device's page itself, or gives one of the host's to be mapped. */
const do_file_fault = kfn('do_fault', function* (vmf: vm_fault): Step<number> {
  const { vma } = vmf
  let rc = yield* vma.vm_ops!.fault(vmf)
  if (vmf.page === null || (rc & VM_FAULT_ERROR) !== 0) return rc
  const store = vmf.write && vma.shared
  if (store && vma.vm_ops!.page_mkwrite) {
    rc |= yield* do_page_mkwrite(vmf)
    if ((rc & (VM_FAULT_ERROR | VM_FAULT_NOPAGE)) !== 0) return rc
  }
  const plain = vma.shared && (vma.vm_flags & VM_WRITE) !== 0 && !vma.vm_ops!.page_mkwrite
  set_host_pte(vma.mm, roundDown(vmf.address, PAGE_SIZE) / PAGE_SIZE, vmf.page, store || plain)
  return rc
})

/** wp_page_copy(): a private store to a page that is mapped for reading: the process gets its own copy of what is there. */
const wp_page_copy = kfn('wp_page_copy', function* (vmf: vm_fault, old: Pte): Step<number> {
  const { mm } = vmf.vma
  if (mm.k.enomem('anon page')) return VM_FAULT_OOM
  let bytes: Uint8Array = new Uint8Array(PAGE_SIZE)
  if (old.memory === null) bytes = old.page.bytes.peek()
  else yield* copy_user_page(old.memory, old.off, bytes)
  const vpn = roundDown(vmf.address, PAGE_SIZE) / PAGE_SIZE
  // Somebody else changed the entry while the bytes were copied: the access is tried again.
  if (mm.ptes.get(vpn) !== old) return 0
  set_host_pte(mm, vpn, new HostPage(mm.k.m, 'anon', bytes), true)
  return 0
})

/** do_wp_page(): a store to a page that is mapped for reading only. */
const do_wp_page = kfn('do_wp_page', function* (vmf: vm_fault, pte: Pte): Step<number> {
  const { mm, shared, vm_ops } = vmf.vma
  const vpn = roundDown(vmf.address, PAGE_SIZE) / PAGE_SIZE
  if (shared) {
    // A page of a device is asked for again, now to be written (pfn_mkwrite).
    if (pte.memory !== null) return yield* vm_ops!.fault(vmf)
    vmf.page = pte.page
    const rc = vm_ops?.page_mkwrite ? yield* do_page_mkwrite(vmf) : 0
    if ((rc & VM_FAULT_ERROR) !== 0 || mm.ptes.get(vpn) !== pte) return rc
    mm.ptes.set(vpn, { ...pte, writable: true, dirty: true })
    return rc
  }
  // wp_page_reuse(): nobody else has it any more.
  if (pte.memory === null && pte.page.kind === 'anon' && pte.page.mapcount.peek() === 1) {
    mm.ptes.set(vpn, { ...pte, writable: true, dirty: true })
    return 0
  }
  return yield* wp_page_copy(vmf, pte)
})

/** handle_mm_fault(): 2 MiB first where the mapping allows it and nothing is there yet, else one page. VM_FAULT_ bits. */
export const handle_mm_fault = kfn(
  'handle_mm_fault',
  function* (vma: VmArea, address: number, write: boolean): Step<number> {
    const { mm } = vma
    const vmf: vm_fault = { vma, address, pgoff: vma.pgoff(address), write, cow_page: null, page: null }
    const ops = vma.vm_ops
    if (ops === null) return counted(mm, yield* handle_pte_fault(vmf))
    if (vma.huge === PUD_ORDER) return counted(mm, yield* ops.huge_fault!(vmf, PUD_ORDER))
    const block = roundDown(address, PMD_SIZE)
    let rc = VM_FAULT_FALLBACK
    const pmd = mm.pmds.get(block / PMD_SIZE)
    if (pmd === undefined) {
      const room = block >= vma.vm_start && block + PMD_SIZE <= vma.vm_end
      const wanted = ops.huge_fault && vma.huge === PMD_ORDER && (vma.vm_flags & VM_NOHUGEPAGE) === 0
      if (wanted && room && !mm.tables.has(block / PMD_SIZE)) rc = yield* ops.huge_fault!(vmf, PMD_ORDER)
    } else if (write && !pmd.writable) {
      // wp_huge_pmd(): a shared mapping asks for 2 MiB again, now to write; else the huge entry is split, which for a file
      // means that it goes (oracle fault.private_write).
      if (vma.shared && ops.huge_fault) rc = yield* ops.huge_fault(vmf, PMD_ORDER)
      if ((rc & VM_FAULT_FALLBACK) !== 0) {
        zap_page_range(mm, block, block + PMD_SIZE, true)
        mm.tables.set(block / PMD_SIZE, true)
      }
    } else rc = 0
    if ((rc & VM_FAULT_FALLBACK) !== 0) rc = yield* handle_pte_fault(vmf)
    return counted(mm, rc)
  },
)

/** handle_pte_fault(): one page. */
const handle_pte_fault = kfn('handle_pte_fault', function* (vmf: vm_fault): Step<number> {
  const { vma } = vmf
  const { mm } = vma
  // pte_alloc_one(), for the first page of its 2 MiB.
  if (!mm.tables.has(roundDown(vmf.address, PMD_SIZE) / PMD_SIZE) && mm.k.enomem('page table')) return VM_FAULT_OOM
  const pte = mm.ptes.get(roundDown(vmf.address, PAGE_SIZE) / PAGE_SIZE)
  if (pte !== undefined) return vmf.write && !pte.writable ? yield* do_wp_page(vmf, pte) : 0
  if (vma.vm_ops === null) return do_anonymous_page(vmf)
  return yield* vmf.write && !vma.shared ? do_cow_fault(vmf) : do_file_fault(vmf)
})

/** mm_account_fault(): by process and by host. */
const counted = (mm: mm_struct, rc: number): number => {
  const major = (rc & VM_FAULT_MAJOR) !== 0
  const counter = major ? mm.maj_flt : mm.min_flt
  counter.poke(counter.peek() + 1)
  const { k } = mm
  k.count(k.vm_events, 'pgfault')
  if (major) k.count(k.vm_events, 'pgmajfault')
  return rc
}

/** access_error(): does the mapping forbid this access? */
export const access_error = (vma: VmArea, write: boolean): boolean =>
  (vma.vm_flags & (write ? VM_WRITE : VM_ACCESS)) === 0

/** do_user_addr_fault(): take the fault, or deliver SIGSEGV or SIGBUS. */
export const do_user_addr_fault = kfn(
  'do_user_addr_fault',
  function* (ts: task_struct, address: number, write: boolean): Step<void> {
    const mm = ts.mm!
    yield* down_read(mm.mmap_lock)
    const vma = mm.find_vma(address)
    if (vma === undefined || access_error(vma, write)) {
      yield* up_read(mm.mmap_lock)
      force_sig_fault(ts, 'SIGSEGV', vma === undefined ? 'SEGV_MAPERR' : 'SEGV_ACCERR', address)
    }
    const rc = yield* handle_mm_fault(vma!, address, write)
    yield* up_read(mm.mmap_lock)
    if ((rc & VM_FAULT_ERROR) !== 0) mm_fault_error(ts, rc, address)
  },
)

/** do_sigbus() and its like: what an error of a fault does to the task. */
const mm_fault_error = (ts: task_struct, rc: number, address: number): void => {
  // pagefault_out_of_memory(): whoever freed memory has done so; the access is tried again.
  if ((rc & VM_FAULT_OOM) !== 0) return
  if ((rc & VM_FAULT_HWPOISON) !== 0) force_sig_mceerr(ts, 'BUS_MCEERR_AR', address, PAGE_SHIFT)
  if ((rc & VM_FAULT_SIGBUS) !== 0) force_sig_fault(ts, 'SIGBUS', 'BUS_ADRERR', address)
  force_sig_fault(ts, 'SIGSEGV', 'SEGV_MAPERR', address)
}

/** A present entry that allows this access. */
const allows = (pte: Pte, write: boolean): boolean => (write ? pte.writable : pte.protnone !== true)

/** Where an address lies now: the entry, its size and its first address. */
export interface Translation {
  readonly pte: Pte
  /** Byte offset in the memory, or in the page. */
  readonly off: number
  /** Bytes that follow it there. */
  readonly run: number
}

const found = (pte: Pte, addr: number, size: number): Translation => {
  const within = addr % size
  return { pte, off: (pte.memory === null ? 0 : pte.off) + within, run: size - within }
}

/** follow_page(): where a user address lies now, and how many bytes follow it there; null when a fault is due. */
export const follow_page = (mm: mm_struct, addr: number, write: boolean): Translation | null => {
  const small = mm.ptes.get(roundDown(addr, PAGE_SIZE) / PAGE_SIZE)
  if (small !== undefined) return allows(small, write) ? found(small, addr, PAGE_SIZE) : null
  const huge = mm.pmds.get(roundDown(addr, PMD_SIZE) / PMD_SIZE)
  if (huge !== undefined) return allows(huge, write) ? found(huge, addr, PMD_SIZE) : null
  const giant = mm.puds.get(roundDown(addr, PUD_SIZE) / PUD_SIZE)
  return giant !== undefined && allows(giant, write) ? found(giant, addr, PUD_SIZE) : null
}

/**
 * fixup_user_fault(): make a user address accessible as a load or store would, without a signal. 0, or -errno as `fault` has it
 * for what came of it (VM_FAULT_ bits, or null: no mapping, or one that forbids it).
 */
export const fixup_user_fault = kfn('fixup_user_fault', function* (mm: mm_struct, addr: number, write: boolean): Step<
  number | null
> {
  const vma = mm.find_vma(addr)
  if (vma === undefined || access_error(vma, write)) return null
  return yield* handle_mm_fault(vma, addr, write)
})
