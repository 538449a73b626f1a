// Page faults and user loads and stores. A user access goes through the page table; what is missing there faults.
import { type fabric_clwb, fabric_read, fabric_write, local_access } from '../../fabric/index.ts'
import { down_read, Killed, kfn, min, roundDown, type Step, up_read } from '../../sim/index.ts'
import { force_sig_fault, get_signal } from '../signal.ts'
import type { task_struct } from '../task_struct.ts'
import { kill_me_maybe } from './machine_check.ts'
import {
  type mm_struct,
  PAGE_SHIFT,
  PMD_ORDER,
  PMD_SIZE,
  PROT_WRITE,
  type Pte,
  PUD_ORDER,
  PUD_SIZE,
  VM_FAULT_FALLBACK,
  VM_FAULT_MAJOR,
  VM_FAULT_OOM,
  VM_FAULT_SIGBUS,
  type VmArea,
  type vm_fault,
} from './mm_struct.ts'
import { zap_page_range } from './mmap.ts'

const PAGE_SIZE = 1 << PAGE_SHIFT

/** handle_mm_fault(): 2 MiB first where the mapping allows it and nothing is there yet, else one page. VM_FAULT_ bits. */
export const handle_mm_fault = kfn(
  'handle_mm_fault',
  function* (vma: VmArea, address: number, write: boolean): Step<number> {
    const { mm } = vma
    const vmf: vm_fault = {
      vma,
      address,
      pgoff: vma.vm_pgoff + (roundDown(address, PAGE_SIZE) - vma.vm_start) / PAGE_SIZE,
      write,
    }
    const ops = vma.vm_ops!
    if (vma.huge === PUD_ORDER) return counted(mm, yield* ops.huge_fault!(vmf, PUD_ORDER))
    const block = roundDown(address, PMD_SIZE)
    const room = block >= vma.vm_start && block + PMD_SIZE <= vma.vm_end
    let rc = VM_FAULT_FALLBACK
    const pmd = mm.pmds.get(block / PMD_SIZE)
    if (pmd === undefined) {
      if (ops.huge_fault && vma.huge === PMD_ORDER && room && !mm.tables.has(block / PMD_SIZE))
        rc = yield* ops.huge_fault(vmf, PMD_ORDER)
    } else if (write && !pmd.writable) {
      // wp_huge_pmd(): a shared mapping asks for 2 MiB again, now to write; else the huge entry is split, which for a file
      // means that it goes (oracle fault.private_write).
      if (vma.shared && ops.huge_fault) rc = yield* ops.huge_fault(vmf, PMD_ORDER)
      if ((rc & VM_FAULT_FALLBACK) !== 0) {
        zap_page_range(mm, block, block + PMD_SIZE)
        mm.tables.set(block / PMD_SIZE, true)
      }
    }
    if ((rc & VM_FAULT_FALLBACK) !== 0) rc = yield* ops.fault(vmf)
    return counted(mm, rc)
  },
)

/** mm_account_fault() */
const counted = (mm: mm_struct, rc: number): number => {
  const counter = (rc & VM_FAULT_MAJOR) !== 0 ? mm.maj_flt : mm.min_flt
  counter.poke(counter.peek() + 1)
  return rc
}

/** do_user_addr_fault(): take the fault, or deliver SIGSEGV or SIGBUS. */
const do_user_addr_fault = kfn(
  'do_user_addr_fault',
  function* (ts: task_struct, address: number, write: boolean): Step<void> {
    const mm = ts.mm!
    yield* down_read(mm.mmap_lock)
    const vma = mm.find_vma(address)
    if (vma === undefined || (write && (vma.prot & PROT_WRITE) === 0)) {
      yield* up_read(mm.mmap_lock)
      force_sig_fault(ts, 'SIGSEGV', vma === undefined ? 'SEGV_MAPERR' : 'SEGV_ACCERR', address)
    }
    const rc = yield* handle_mm_fault(vma!, address, write)
    yield* up_read(mm.mmap_lock)
    if ((rc & VM_FAULT_SIGBUS) !== 0) force_sig_fault(ts, 'SIGBUS', 'BUS_ADRERR', address)
    if ((rc & VM_FAULT_OOM) !== 0) force_sig_fault(ts, 'SIGKILL', 'OOM', address)
  },
)

const pmdAt = (ts: task_struct, address: number): Pte | undefined =>
  ts.mm!.pmds.get(roundDown(address, PMD_SIZE) / PMD_SIZE)

/** Where a user address lies now, and how many bytes follow it there; null when a fault is due. */
export const translate = (
  ts: task_struct,
  addr: number,
  write: boolean,
): { pte: Pte; off: number; run: number } | null => {
  const mm = ts.mm!
  const page = roundDown(addr, PAGE_SIZE)
  const small = mm.ptes.get(page / PAGE_SIZE)
  if (small !== undefined && (small.writable || !write))
    return { pte: small, off: small.off + (addr - page), run: page + PAGE_SIZE - addr }
  const huge = pmdAt(ts, addr)
  const block = roundDown(addr, PMD_SIZE)
  if (huge !== undefined && (huge.writable || !write))
    return { pte: huge, off: huge.off + (addr - block), run: block + PMD_SIZE - addr }
  const giant = ts.mm!.puds.get(roundDown(addr, PUD_SIZE) / PUD_SIZE)
  const giga = roundDown(addr, PUD_SIZE)
  if (giant !== undefined && (giant.writable || !write))
    return { pte: giant, off: giant.off + (addr - giga), run: giga + PUD_SIZE - addr }
  return null
}

/** get_user_pages() of one address: where it lies, faulting it in if need be. Null when it cannot be had. */
export const user_page = kfn('get_user_pages', function* (ts: task_struct, addr: number): Step<
  ReturnType<typeof translate>
> {
  const there = translate(ts, addr, false)
  const vma = ts.mm!.find_vma(addr)
  if (there !== null || vma === undefined) return there
  yield* down_read(ts.mm!.mmap_lock)
  yield* handle_mm_fault(vma, addr, false)
  yield* up_read(ts.mm!.mmap_lock)
  return translate(ts, addr, false)
})

/**
 * The same load was checked twice: memory_failure() says that it dealt with the page, and nothing unmapped it, so the task
 * would take the machine check for ever. It is ended as an operator would end it.
 */
const machine_check_storm = (ts: task_struct, addr: number): never => {
  ts.k.m.problem(
    'machine check storm',
    `${ts.k.name}/${ts.comm} takes the machine check of its load at 0x${addr.toString(16)} again and again: memory_failure() counts it as dealt with and nobody unmaps the page (L02)`,
  )
  throw new Killed('SIGKILL', null)
}

/** Copy between a user address and a buffer, page run by page run, faulting where needed. */
const user_access = kfn(
  'user access',
  function* (ts: task_struct, addr: number, buf: Uint8Array, write: boolean): Step<void> {
    let done = 0
    /** Where the last machine check was. */
    let checked = -1
    get_signal(ts)
    while (done < buf.length) {
      const at = addr + done
      const own = ts.mm!.anon.get(roundDown(at, PAGE_SIZE) / PAGE_SIZE)
      if (own !== undefined) {
        const from = at % PAGE_SIZE
        const n = min(PAGE_SIZE - from, buf.length - done)
        if (write) {
          const copy = own.slice()
          copy.set(buf.subarray(done, done + n), from)
          ts.mm!.anon.set(roundDown(at, PAGE_SIZE) / PAGE_SIZE, copy)
        } else buf.set(own.subarray(from, from + n), done)
        yield* local_access(n)
        done += n
        continue
      }
      const t = translate(ts, at, write)
      if (t === null) {
        yield* do_user_addr_fault(ts, at, write)
        continue
      }
      const n = min(t.run, buf.length - done)
      const part = done === 0 && n === buf.length ? buf : buf.subarray(done, done + n)
      const { memory } = t.pte
      const got = yield* write ? fabric_write(memory, t.off, part, 'store') : fabric_read(memory, t.off, part, 'load')
      done += got
      if (got === n) continue
      if (checked === done) machine_check_storm(ts, addr + done)
      checked = done
      yield* kill_me_maybe(ts, memory, t.off + got)
      get_signal(ts)
    }
  },
)

/**
 * A cache instruction for each line of a range of user addresses: faults like a load. A page of the process's own is not shared
 * with anybody, so there nothing is to be done.
 */
export const user_lines = kfn(
  'user cache lines',
  function* (ts: task_struct, addr: number, len: number, instruction: typeof fabric_clwb): Step<void> {
    get_signal(ts)
    for (let done = 0; done < len; ) {
      const at = addr + done
      if (ts.mm!.anon.get(roundDown(at, PAGE_SIZE) / PAGE_SIZE) !== undefined) {
        done += PAGE_SIZE - (at % PAGE_SIZE)
        continue
      }
      const t = translate(ts, at, false)
      if (t === null) {
        yield* do_user_addr_fault(ts, at, false)
        continue
      }
      const n = min(t.run, len - done)
      yield* instruction(t.pte.memory, t.off, n, 'load')
      done += n
    }
  },
)

/** A user task loads `buf.length` bytes at `addr`. */
export const user_load = (ts: task_struct, addr: number, buf: Uint8Array) => user_access(ts, addr, buf, false)
/** A user task stores `buf` at `addr`. */
export const user_store = (ts: task_struct, addr: number, buf: Uint8Array) => user_access(ts, addr, buf, true)
