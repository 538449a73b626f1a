// struct folio of a device's pages as one host has them: what drivers and file systems leave behind is read off here.
// Sparse: a page nobody touched has the idle folio of its pgmap. Pages are 4 KiB, numbered from the start of the device.
// Locking: mapping and index are changed under the lock of the dax entry; a driver's reset takes none (kernel.md 3.1).
import { Cell, JMap, type Machine, Panic, roundDown } from '../sim/index.ts'

/** What of a struct folio matters to DAX. Never changed in place. */
export interface Folio {
  /** 2^order pages: 0, 9 (2 MiB) or 18 (1 GiB). */
  readonly order: number
  /** The address space that has it: of a file, or of the device node. */
  readonly mapping: object | null
  /** Page of that mapping. */
  readonly index: number
  /** How many mappings share it. */
  readonly share: number
  readonly refcount: number
  /** Entries of page tables that point to it; below zero when somebody forgot some (L21). */
  readonly mapcount: number
  /** Who pinned it (pin_user_pages), counted; each has a reference too. */
  readonly pincount: number
}

/** Orders there are, largest first. */
const ORDERS = [18, 9, 0]

const idle = (order: number, refcount: number): Folio => ({
  order,
  mapping: null,
  index: 0,
  share: 0,
  refcount,
  mapcount: 0,
  pincount: 0,
})

/**
 * Where the struct pages of a host's devices lie: in its own memory, in the device itself (so that hosts that share the
 * device share them, and write each other's), or in a memory of their own that nobody shares.
 */
export const STRUCT_PAGES = ['mem', 'dev', 'separate'] as const
export type StructPages = (typeof STRUCT_PAGES)[number]

/** struct page in one 4 KiB of them: what one bad page of that memory takes along. */
const STRUCT_PAGES_PER_PAGE = 64

/** The bytes of struct pages: one host's, or shared. */
export class StructPageMemory {
  readonly touched: JMap<number, Folio>
  /** PG_hwpoison, by page: it survives a reset. */
  readonly hwpoison: JMap<number, true>
  /** Pages of this very memory that are bad, by number. */
  readonly bad: JMap<number, true>
  constructor(m: Machine) {
    this.touched = new JMap(m.journal)
    this.hwpoison = new JMap(m.journal)
    this.bad = new JMap(m.journal)
  }
}

/** The struct pages of one device on one host. */
export class Folios {
  /** What an untouched folio is; null while the device has no struct pages. */
  private readonly idle: Cell<Folio | null>
  private readonly bytes: StructPageMemory

  constructor(m: Machine, bytes = new StructPageMemory(m)) {
    this.idle = new Cell<Folio | null>(m, 'struct page[]', null)
    this.bytes = bytes
  }
  private get touched(): JMap<number, Folio> {
    return this.bytes.touched
  }
  get hwpoison(): JMap<number, true> {
    return this.bytes.hwpoison
  }

  /** The memory that holds the struct page of `page` goes bad there: the kernel that looks dies. */
  poison(page: number): void {
    this.bytes.bad.set((page - (page % STRUCT_PAGES_PER_PAGE)) / STRUCT_PAGES_PER_PAGE, true)
  }

  /** memremap_pages(): struct pages appear. What an earlier driver left in them is still there. */
  appear(order: number, refcount: number): void {
    this.idle.poke(idle(order, refcount))
  }
  /** memunmap_pages(): they go. */
  vanish(): void {
    this.idle.poke(null)
  }
  /** Are there struct pages? */
  get present(): boolean {
    return this.idle.peek() !== null
  }

  /** References that a page nobody uses has: what its driver keeps. */
  get idle_refcount(): number {
    return this.idle.peek()?.refcount ?? 0
  }

  /** First page of the folio that covers `page`, and the folio. */
  of(page: number): { readonly head: number; readonly folio: Folio } {
    const { bad } = this.bytes
    if (bad.size > 0 && bad.has((page - (page % STRUCT_PAGES_PER_PAGE)) / STRUCT_PAGES_PER_PAGE))
      throw new Panic(`machine check in the kernel: the struct page of page ${page} is poisoned`)
    const rest = this.idle.peek() ?? idle(0, 0)
    for (const order of ORDERS) {
      const head = roundDown(page, 2 ** order)
      const folio = this.touched.get(head)
      if (folio !== undefined && folio.order >= order) return { head, folio }
    }
    return { head: roundDown(page, 2 ** rest.order), folio: rest }
  }

  /** Folios that begin inside the 2^order pages from `head` on, but not at it. */
  inside(head: number, order: number): Folio[] {
    const end = head + 2 ** order
    return this.touched
      .entries()
      .filter(([p]) => p > head && p < end)
      .map(([, folio]) => folio)
  }

  /** Change the folio whose first page is `head`; smaller ones inside it are part of it from now on. */
  set(head: number, folio: Folio): void {
    if (folio.order > 0 && this.touched.get(head)?.order !== folio.order && this.touched.size > 0)
      for (const p of this.touched.keys()) if (p > head && p < head + 2 ** folio.order) this.touched.delete(p)
    const rest = this.idle.peek()
    if (rest !== null && same(folio, rest)) this.touched.delete(head)
    else this.touched.set(head, folio)
  }

  /** Change the folio that covers `page` in place. */
  update(page: number, change: Partial<Folio>): void {
    const { head, folio } = this.of(page)
    this.set(head, { ...folio, ...change })
  }

  /** Every folio that is not idle, by its first page. */
  entries(): [number, Folio][] {
    return this.touched.entries().sort((a, b) => a[0] - b[0])
  }

  /** fsdev_clear_folio_state(): order 0, no mapping, nothing shared, whoever maps it. Gives how many were not so. */
  clear(): number {
    const n = this.touched.size
    for (const p of this.touched.keys()) this.touched.delete(p)
    return n
  }

  /** The allocator takes the folio whose first page is `head` as it takes any page. */
  forget(head: number): void {
    this.touched.delete(head)
  }

  /** Put what users had of them: the idle state again, but for those that are still mapped. */
  free(): void {
    for (const [p, f] of this.touched.entries()) if (f.mapcount === 0 && f.pincount === 0) this.touched.delete(p)
  }
}

const same = (a: Folio, b: Folio): boolean =>
  a.order === b.order &&
  a.mapping === b.mapping &&
  a.index === b.index &&
  a.share === b.share &&
  a.refcount === b.refcount &&
  a.mapcount === b.mapcount &&
  a.pincount === b.pincount
