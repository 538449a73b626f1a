// struct mm_struct: the address space of a process and its page tables; and what a fault is told and answers.
// Locking: mmap_lock (read) across a fault, (write) across whatever changes a mapping.
import type { DaxMemory, dev_dax } from '../../devdax/index.ts'
import { Cell, JList, JMap, max, type Op, RwSemaphore } from '../../sim/index.ts'
import type { Kernel } from '../kernel.ts'
import type { HostPage } from './page.ts'
import type { VmArea } from './vma.ts'

export const PAGE_SHIFT = 12
export const PAGE_SIZE = 0x1000
export const PMD_SIZE = 0x200000
export const PUD_SIZE = 0x40000000
/** Orders of huge faults, in pages. */
export const PMD_ORDER = 9
export const PUD_ORDER = 18

export const PROT_NONE = 0
export const PROT_READ = 1
export const PROT_WRITE = 2
export const PROT_EXEC = 4

/** Of every entry of a page table. Never changed in place. */
interface Present {
  readonly writable: boolean
  /** Somebody wrote through it: it may become writable again without a fault. */
  readonly dirty: boolean
  /** The mapping allows no access now (PROT_NONE). */
  readonly protnone?: boolean
}
/** An entry that points to a device's page. */
export interface DaxPte extends Present {
  readonly memory: DaxMemory
  /** Byte offset of the page's start in the memory. */
  readonly off: number
  /** Whose struct pages count it. */
  readonly dev: dev_dax
}
/** An entry that points to a page of the host's own memory. */
export interface HostPte extends Present {
  readonly memory: null
  readonly page: HostPage
}
/** A present translation. */
export type Pte = DaxPte | HostPte

/** Results of a fault handler, as the kernel's bits. */
export const VM_FAULT_OOM = 0x1
export const VM_FAULT_SIGBUS = 0x2
export const VM_FAULT_MAJOR = 0x4
export const VM_FAULT_HWPOISON = 0x10
export const VM_FAULT_SIGSEGV = 0x40
export const VM_FAULT_NOPAGE = 0x100
export const VM_FAULT_FALLBACK = 0x800
export const VM_FAULT_DONE_COW = 0x1000
/** Any of these: no page. */
export const VM_FAULT_ERROR = VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_HWPOISON | VM_FAULT_SIGSEGV

/** struct vm_fault */
export interface vm_fault {
  readonly vma: VmArea
  /** Faulting address. */
  readonly address: number
  /** Page of the file. */
  readonly pgoff: number
  readonly write: boolean
  /** A private store: a handler that has no page of its own copies the bytes here and answers VM_FAULT_DONE_COW. */
  cow_page: Uint8Array | null
  /** A page of the host's memory that the handler found; it answers 0 (or VM_FAULT_MAJOR) and mm maps it. */
  page: HostPage | null
}

export interface VmOps {
  /** One page. */
  fault(vmf: vm_fault): Op<number>
  /** PMD_ORDER or PUD_ORDER. */
  huge_fault?(vmf: vm_fault, order: number): Op<number>
  /** A shared page of the host's memory, which is mapped for reading, is about to be written. 0, or VM_FAULT_ bits. */
  page_mkwrite?(vmf: vm_fault): Op<number>
  /** May the mapping be cut at this address: 0 or -EINVAL. */
  may_split?(vma: VmArea, addr: number): number
}

/** Where the kernel looks for room, from the top down, and the lowest address it gives away. */
const MMAP_BASE = 0x7f0000000000
const MMAP_MIN = 0x10000
/** TASK_SIZE: the end of user addresses. */
export const TASK_SIZE = 0x7ffffffff000
/** sysctl vm.max_map_count */
export const MAX_MAP_COUNT = 65530

export class mm_struct {
  readonly k: Kernel
  /** Mappings; in no order. */
  readonly vmas: JList<VmArea>
  readonly mmap_lock: RwSemaphore
  /** Page table: virtual page number to entry. */
  readonly ptes: JMap<number, Pte>
  /** Huge entries: virtual address / 2 MiB to entry. */
  readonly pmds: JMap<number, Pte>
  /** 1 GiB entries: virtual address / 1 GiB to entry. Only a raw device of that align has them. */
  readonly puds: JMap<number, Pte>
  /** 2 MiB blocks that have a table of small pages: no huge entry goes there until they are unmapped. */
  readonly tables: JMap<number, true>
  readonly maj_flt: Cell<number>
  readonly min_flt: Cell<number>

  constructor(k: Kernel) {
    const m = k.m
    this.k = k
    this.vmas = new JList(m.journal)
    this.mmap_lock = new RwSemaphore(m, 'mmap_lock')
    this.ptes = new JMap(m.journal)
    this.pmds = new JMap(m.journal)
    this.puds = new JMap(m.journal)
    this.tables = new JMap(m.journal)
    this.maj_flt = new Cell(m, 'maj_flt', 0)
    this.min_flt = new Cell(m, 'min_flt', 0)
  }

  /** The mapping of an address. */
  find_vma(addr: number): VmArea | undefined {
    return this.vmas.items.find(v => addr >= v.vm_start && addr < v.vm_end)
  }
  /** Mappings that have some of [start, end), lowest first. */
  vmas_in(start: number, end: number): VmArea[] {
    return this.vmas.items.filter(v => v.vm_start < end && v.vm_end > start).sort((a, b) => a.vm_start - b.vm_start)
  }

  /**
   * A free range of `len` bytes, the highest there is; 2 MiB-aligned when it could hold a huge page, as the kernel picks (oracle
   * fault.pmd), or to what the device asks. 0: there is none.
   */
  get_unmapped_area(len: number, asked = 0): number {
    const align = max(asked, len >= PMD_SIZE ? PMD_SIZE : PAGE_SIZE)
    let top = MMAP_BASE
    const down = this.vmas_in(0, MMAP_BASE).reverse()
    for (const v of [...down, null]) {
      const at = top - len
      const addr = at - (at % align)
      if (addr < MMAP_MIN) return 0
      if (v === null || addr >= v.vm_end) return addr
      if (v.vm_start < top) top = v.vm_start
    }
    return 0
  }
}
