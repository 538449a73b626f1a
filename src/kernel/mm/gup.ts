// Pages of a process that somebody else uses (mm/gup.c): pinned for an I/O or a pipe, and faulted in ahead of time. A pinned page
// stays the caller's whatever happens to the mapping; a file waits at eviction until it is let go (R15).
// Locking: mmap_lock for reading across looking up and faulting.
import type { DaxMemory, dev_dax } from '../../devdax/index.ts'
import { fabric_read } from '../../fabric/index.ts'
import { down_read, kfn, min, roundDown, type Step, up_read, wake_up_all } from '../../sim/index.ts'
import { EFAULT, EHWPOISON, ENOMEM, EOPNOTSUPP } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import { S_ISCHR } from '../vfs/inode.ts'
import { access_error, fixup_user_fault, follow_page, type Translation } from './memory.ts'
import { type mm_struct, PAGE_SIZE, PROT_NONE, VM_FAULT_ERROR, VM_FAULT_HWPOISON, VM_FAULT_OOM } from './mm_struct.ts'
import type { HostPage } from './page.ts'
import { VM_WRITE, type VmArea, vma_is_dax } from './vma.ts'

/** The pages will be written to. */
export const FOLL_WRITE = 0x1
/** They are kept for as long as somebody likes (io_uring buffers, RDMA), which a file system cannot have. */
export const FOLL_LONGTERM = 0x100

/** One pinned page: of a device, or of the host's own memory. */
export type PinnedPage =
  | { readonly dev: dev_dax; readonly memory: DaxMemory; readonly off: number }
  | { readonly dev: null; readonly page: HostPage }

/** What pin_user_pages() pinned: `len` bytes from byte `offset` of the first page on. */
export interface Pinned {
  readonly ts: task_struct
  readonly pages: readonly PinnedPage[]
  readonly offset: number
  readonly len: number
}

/** vma_is_fsdax(): a file's pages, not those of a device's node. */
const vma_is_fsdax = (vma: VmArea): boolean => vma_is_dax(vma) && !S_ISCHR(vma.vm_file!.f_inode.i_mode)

/** vm_fault_to_errno() */
const vm_fault_to_errno = (rc: number): number => {
  if ((rc & VM_FAULT_OOM) !== 0) return -ENOMEM
  return (rc & VM_FAULT_HWPOISON) !== 0 ? -EHWPOISON : -EFAULT
}

/** One page of __get_user_pages(): where it lies, faulted in if need be; or -errno. */
const get_user_page = kfn('get_user_pages', function* (mm: mm_struct, addr: number, gup_flags: number): Step<
  Translation | number
> {
  const write = (gup_flags & FOLL_WRITE) !== 0
  for (;;) {
    const vma = mm.find_vma(addr)
    if (vma === undefined) return -EFAULT
    if ((gup_flags & FOLL_LONGTERM) !== 0 && vma_is_fsdax(vma)) return -EOPNOTSUPP
    if (access_error(vma, write)) return -EFAULT
    const t = follow_page(mm, addr, write)
    if (t !== null) return t
    const rc = yield* fixup_user_fault(mm, addr, write)
    if (rc === null) return -EFAULT
    if ((rc & VM_FAULT_ERROR) !== 0) return vm_fault_to_errno(rc)
  }
})

/** Count a pin of the page at a translation. */
const pin = ({ pte, off }: Translation): PinnedPage => {
  if (pte.memory === null) {
    pte.page.pincount.poke(pte.page.pincount.peek() + 1)
    return { dev: null, page: pte.page }
  }
  const at = roundDown(off, PAGE_SIZE)
  const { folios } = pte.dev
  const { refcount, pincount } = folios.of(at / PAGE_SIZE).folio
  folios.update(at / PAGE_SIZE, { refcount: refcount + 1, pincount: pincount + 1 })
  return { dev: pte.dev, memory: pte.memory, off: at }
}

/** unpin_user_page(): who waits for an idle page looks again. */
const unpin = (p: PinnedPage): void => {
  if (p.dev === null) {
    p.page.pincount.poke(p.page.pincount.peek() - 1)
    return
  }
  const { folios } = p.dev
  if (!folios.present) return
  const { refcount, pincount } = folios.of(p.off / PAGE_SIZE).folio
  if (pincount > 0) folios.update(p.off / PAGE_SIZE, { refcount: refcount - 1, pincount: pincount - 1 })
}

/**
 * pin_user_pages(): the pages behind [addr, addr + len) of a process, as many as could be had from the start on; `len` says how
 * many bytes that is. -errno when the first cannot be had: -EFAULT, -ENOMEM, -EHWPOISON, -EOPNOTSUPP (FOLL_LONGTERM of a DAX file).
 */
export const pin_user_pages = kfn(
  'pin_user_pages',
  function* (ts: task_struct, addr: number, len: number, gup_flags = 0): Step<Pinned | number> {
    const mm = ts.mm!
    const offset = addr % PAGE_SIZE
    const pages: PinnedPage[] = []
    let rc = -EFAULT
    yield* down_read(mm.mmap_lock)
    for (let at = addr - offset; at < addr + len; at += PAGE_SIZE) {
      const t = yield* get_user_page(mm, at, gup_flags)
      if (typeof t === 'number') {
        rc = t
        break
      }
      pages.push(pin(t))
    }
    yield* up_read(mm.mmap_lock)
    if (pages.length === 0) return rc
    return { ts, pages, offset, len: min(len, pages.length * PAGE_SIZE - offset) }
  },
)

/** unpin_user_pages() */
export const unpin_user_pages = kfn('unpin_user_pages', function* (p: Pinned): Step<void> {
  for (const page of p.pages) unpin(page)
  yield* wake_up_all(p.ts.k.page_idle_wq)
})

/**
 * Copy what lies in pinned pages now, from byte `from` of them on, into `to`: as a pipe's reader sees it, not as it was when
 * they were pinned. Bytes copied; fewer: the next is lost.
 */
export const read_pinned = kfn(
  'copy from pinned pages',
  function* (p: Pinned, from: number, to: Uint8Array): Step<number> {
    let done = 0
    while (done < to.length) {
      const at = p.offset + from + done
      const page = p.pages[roundDown(at, PAGE_SIZE) / PAGE_SIZE]
      if (page === undefined) break
      const n = min(PAGE_SIZE - (at % PAGE_SIZE), to.length - done)
      const part = to.subarray(done, done + n)
      if (page.dev === null) part.set(page.page.bytes.peek().subarray(at % PAGE_SIZE, (at % PAGE_SIZE) + n))
      else {
        const got = yield* fabric_read(page.memory, page.off + (at % PAGE_SIZE), part, 'read')
        if (got < n) return done + got
      }
      done += n
    }
    return done
  },
)

/** get_user_pages_fast() of one address: where it lies, faulted in if need be, or -errno. */
export const user_page = kfn('get_user_pages_fast', function* (ts: task_struct, addr: number): Step<
  Translation | number
> {
  const mm = ts.mm!
  const there = follow_page(mm, addr, false)
  if (there !== null) return there
  yield* down_read(mm.mmap_lock)
  const t = yield* get_user_page(mm, addr, 0)
  yield* up_read(mm.mmap_lock)
  return t
})

/** populate_vma_page_range(): pages are faulted in; for storing where that breaks a copy off, for reading else. */
const populate_vma_page_range = kfn(
  'populate_vma_page_range',
  function* (vma: VmArea, start: number, end: number): Step<number> {
    if (vma.prot === PROT_NONE) return 0
    const write = (vma.vm_flags & VM_WRITE) !== 0 && !vma.shared
    for (let at = start; at < end; at += PAGE_SIZE) {
      const t = yield* get_user_page(vma.mm, at, write ? FOLL_WRITE : 0)
      if (typeof t === 'number') return t
    }
    return 0
  },
)

/** __mm_populate(): fault in [start, start + len), until something cannot be had: 0 or -errno (-EFAULT, -ENOMEM, -EHWPOISON). */
export const mm_populate = kfn('__mm_populate', function* (mm: mm_struct, start: number, len: number): Step<number> {
  yield* down_read(mm.mmap_lock)
  let rc = 0
  for (const vma of mm.vmas_in(start, start + len)) {
    if (rc !== 0) break
    const from = vma.vm_start > start ? vma.vm_start : start
    rc = yield* populate_vma_page_range(vma, from, min(vma.vm_end, start + len))
  }
  yield* up_read(mm.mmap_lock)
  return rc
})

/** faultin_page_range() of MADV_POPULATE_READ and _WRITE: 0, -EINVAL where the mapping forbids it, or -errno of the fault. */
export const faultin_page_range = kfn(
  'faultin_page_range',
  function* (mm: mm_struct, start: number, end: number, write: boolean): Step<number> {
    for (let at = start; at < end; at += PAGE_SIZE) {
      const t = yield* get_user_page(mm, at, write ? FOLL_WRITE : 0)
      if (typeof t === 'number') return t
    }
    return 0
  },
)
