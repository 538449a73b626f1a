// struct mm_struct and vm_area_struct: the address space of a process and its page tables.
// Locking: mmap_lock (read) across a fault, (write) across mmap and munmap.
import type { DaxMemory, dev_dax } from '../../devdax/index.ts'
import { Cell, JList, JMap, max, type Op, RwSemaphore } from '../../sim/index.ts'
import type { Kernel } from '../kernel.ts'
import type { File } from '../vfs/file.ts'

export const PAGE_SHIFT = 12
export const PMD_SIZE = 0x200000
export const PUD_SIZE = 0x40000000
/** Orders of huge faults, in pages. */
export const PMD_ORDER = 9
export const PUD_ORDER = 18

export const PROT_READ = 1
export const PROT_WRITE = 2
export const MAP_SHARED = 1
export const MAP_PRIVATE = 2
export const MAP_FIXED = 16

/** A present translation: where in which memory the page lies. */
export interface Pte {
  readonly memory: DaxMemory
  /** Byte offset of the page's start in the memory. */
  readonly off: number
  readonly writable: boolean
  /** Whose struct pages count it. */
  readonly dev: dev_dax
}

/** Results of a fault handler, as the kernel's bits. */
export const VM_FAULT_OOM = 0x1
export const VM_FAULT_SIGBUS = 0x2
export const VM_FAULT_MAJOR = 0x4
export const VM_FAULT_NOPAGE = 0x100
export const VM_FAULT_FALLBACK = 0x800

/** struct vm_fault */
export interface vm_fault {
  readonly vma: VmArea
  /** Faulting address. */
  readonly address: number
  /** Page of the file. */
  readonly pgoff: number
  readonly write: boolean
}

export interface VmOps {
  /** One page. */
  fault(vmf: vm_fault): Op<number>
  /** PMD_ORDER or PUD_ORDER. */
  huge_fault?(vmf: vm_fault, order: number): Op<number>
}

/** struct vm_area_struct */
export class VmArea {
  readonly mm: mm_struct
  readonly vm_start: number
  readonly vm_end: number
  /** Page of the file at vm_start. */
  readonly vm_pgoff: number
  readonly prot: number
  readonly shared: boolean
  readonly vm_file: File
  vm_ops: VmOps | null = null
  /** VM_HUGEPAGE: the order that its first fault asks for; 0: single pages. */
  huge: 0 | typeof PMD_ORDER | typeof PUD_ORDER = 0

  constructor(mm: mm_struct, start: number, end: number, pgoff: number, prot: number, shared: boolean, file: File) {
    this.mm = mm
    this.vm_start = start
    this.vm_end = end
    this.vm_pgoff = pgoff
    this.prot = prot
    this.shared = shared
    this.vm_file = file
  }
}

const MMAP_BASE = 0x7f0000000000

export class mm_struct {
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
  /** Copies made for private stores: virtual page number to bytes. */
  readonly anon: JMap<number, Uint8Array>
  readonly maj_flt: Cell<number>
  readonly min_flt: Cell<number>
  private readonly top: Cell<number>

  constructor(k: Kernel) {
    const m = k.m
    this.vmas = new JList(m.journal)
    this.mmap_lock = new RwSemaphore(m, 'mmap_lock')
    this.ptes = new JMap(m.journal)
    this.pmds = new JMap(m.journal)
    this.puds = new JMap(m.journal)
    this.tables = new JMap(m.journal)
    this.anon = new JMap(m.journal)
    this.maj_flt = new Cell(m, 'maj_flt', 0)
    this.min_flt = new Cell(m, 'min_flt', 0)
    this.top = new Cell(m, 'mmap_base', MMAP_BASE)
  }

  find_vma(addr: number): VmArea | undefined {
    return this.vmas.items.find(v => addr >= v.vm_start && addr < v.vm_end)
  }

  /**
   * A free range of `len` bytes; 2 MiB-aligned when it could hold a huge page, as the kernel picks (oracle fault.pmd), or
   * to what the device asks.
   */
  get_unmapped_area(len: number, asked = 0): number {
    const align = max(asked, len >= PMD_SIZE ? PMD_SIZE : 1 << PAGE_SHIFT)
    const at = this.top.peek() - len
    const addr = at - (at % align)
    this.top.poke(addr)
    return addr
  }
}
