/**
 * Which pages of one device are poisoned: reading them is a machine check (kernel.md 2.14 is what follows from that).
 * Sparse and sorted: a handful of pages on a device of any size. Changes go to the owner's undo journal, if there is one.
 * Units: pages are 4 KiB and numbered from the start of the device; ranges are in bytes.
 */

/** The grain of poison, bytes. */
export const POISON_PAGE = 4096

/** What can take a change back when a world is rewound. */
export interface Undoable {
  /** Make the state at `key` what it was: `old`. */
  undo(key: any, old: any): void
}

/** The owner's undo journal: every change pushes its inverse. */
export interface UndoJournal {
  push(target: Undoable, key: any, old: any): void
  /** Who wants to know what is looked at and what changes; null: nobody. */
  readonly watch?: {
    touch(o: { readonly id: number }, write: boolean): void
    saw(v: unknown): void
    add(id: number, v: unknown, key: unknown): void
    remove(id: number, v: unknown, key: unknown): void
  } | null
}

/** The poisoned pages of one device. */
export class PoisonMap implements Undoable {
  /** Page numbers, ascending, each once. */
  private readonly sorted: number[] = []
  private readonly journal: UndoJournal | null

  /** Id of the device: to a watch its poison is part of it. */
  readonly id: number
  constructor(journal: UndoJournal | null = null, id = 0) {
    this.journal = journal
    this.id = id
  }

  /** Somebody learns `v` of it. */
  private looked<T>(v: T): T {
    const watch = this.journal?.watch
    if (watch) {
      watch.touch(this, false)
      watch.saw(v)
    }
    return v
  }

  /** How many pages are poisoned. */
  get count(): number {
    return this.looked(this.sorted.length)
  }

  /** Poison a page; false when it was. Throws RangeError when it is no page number. */
  add(page: number): boolean {
    return this.change(page, true)
  }

  /** Heal a page; false when it was sound. Throws RangeError when it is no page number. */
  clear(page: number): boolean {
    return this.change(page, false)
  }

  /** Is any byte of `len` bytes at `off` poisoned? An empty range holds none. */
  has(off: number, len: number): boolean {
    return this.first(off, len) >= 0
  }

  /** The lowest poisoned page that a range of bytes touches, or -1: where a copy has to stop. */
  first(off: number, len: number): number {
    if (this.sorted.length === 0 || !(len > 0)) return this.looked(-1)
    const i = this.find(pageOf(off))
    return this.looked(i < this.sorted.length && this.sorted[i] <= pageOf(off + len - 1) ? this.sorted[i] : -1)
  }

  /** All poisoned pages, ascending; a copy. */
  pages(): number[] {
    return this.looked(this.sorted.slice())
  }

  /** Called by the journal: `key` is a page, `old` whether it was poisoned. Pushes nothing. */
  undo(key: number, old: boolean): void {
    this.set(key, old)
  }

  private change(page: number, poisoned: boolean): boolean {
    if (!(Number.isSafeInteger(page) && page >= 0))
      throw new RangeError(
        `poison: page ${page}: expected a whole number from 0 up (a byte offset divided by ${POISON_PAGE})`,
      )
    if (!this.set(page, poisoned)) return false
    this.journal?.push(this, page, !poisoned)
    const watch = this.journal?.watch
    if (watch) {
      watch.touch(this, true)
      if (poisoned) watch.add(this.id, 'poison', page)
      else watch.remove(this.id, 'poison', page)
    }
    return true
  }

  /** Make one page so; false when it is. */
  private set(page: number, poisoned: boolean): boolean {
    const i = this.find(page)
    const found = i < this.sorted.length && this.sorted[i] === page
    if (found === poisoned) return false
    if (poisoned) this.sorted.splice(i, 0, page)
    else this.sorted.splice(i, 1)
    return true
  }

  /** Index of the first entry not below `page`. */
  private find(page: number): number {
    let low = 0
    let high = this.sorted.length
    while (low < high) {
      const mid = (low + high) >>> 1
      if (this.sorted[mid] < page) low = mid + 1
      else high = mid
    }
    return low
  }
}

/** The page of a byte, without rounding up at sizes where a shift would overflow. */
const pageOf = (byte: number): number => (byte - (byte % POISON_PAGE)) / POISON_PAGE
