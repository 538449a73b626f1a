/**
 * Which 64-byte lines of one device are poisoned: reading them is a machine check (kernel.md 2.14 is what follows from that).
 * Kept as runs of lines, sorted and apart: a handful on a device of any size, and one for a device that lost its power.
 * Changes go to the owner's undo journal, if there is one.
 * Units: lines are 64 bytes and pages 4 KiB, both numbered from the start of the device; ranges are in bytes.
 */

/** The grain of poison, bytes: what a memory controller can tell apart. */
export const POISON_LINE = 64
/** The grain in which a kernel hears of it, bytes. */
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

/** First line of each run, and the first line after it, in turn. Replaced, never changed. */
type Runs = readonly number[]

/** The poisoned lines of one device. */
export class PoisonMap implements Undoable {
  private runs: Runs = []
  private readonly journal: UndoJournal | null

  /** Id of the device: to a watch its poison is part of it. */
  readonly id: number
  constructor(journal: UndoJournal | null = null, id = 0) {
    this.journal = journal
    this.id = id
  }

  /** Is anything poisoned at all? What every access asks first; the answer of `first` is what a watch is told. */
  get any(): boolean {
    return this.runs.length > 0
  }

  /** Poison a page; false when all of it was. Throws RangeError when it is no page number. */
  add(page: number): boolean {
    return this.change(page * POISON_PAGE, POISON_PAGE, true)
  }

  /** Heal a page; false when all of it was sound. Throws RangeError when it is no page number. */
  clear(page: number): boolean {
    return this.change(page * POISON_PAGE, POISON_PAGE, false)
  }

  /** Poison every line that a range of bytes touches; false when all were. Throws RangeError for a range that is none. */
  addRange(off: number, len: number): boolean {
    return this.change(off, len, true)
  }

  /** Heal every line that a range touches; false when all were sound. Throws RangeError for a range that is none. */
  clearRange(off: number, len: number): boolean {
    return this.change(off, len, false)
  }

  /** Is any byte of `len` bytes at `off` poisoned? An empty range holds none. */
  has(off: number, len: number): boolean {
    return this.first(off, len) >= 0
  }

  /** Where in a range of bytes the poison starts, or -1: where a copy has to stop. */
  first(off: number, len: number): number {
    if (this.runs.length === 0 || !(len > 0)) return this.looked(-1)
    const line = lineOf(off)
    const i = after(this.runs, line)
    if (i % 2 === 1) return this.looked(off)
    const start = this.runs[i]
    return this.looked(start !== undefined && start <= lineOf(off + len - 1) ? start * POISON_LINE : -1)
  }

  /** How many pages have a poisoned line. */
  get count(): number {
    return this.pages().length
  }

  /** All pages with a poisoned line, ascending. */
  pages(): number[] {
    const out: number[] = []
    for (const { off, len } of this.ranges())
      for (let page = pageOf(off); page <= pageOf(off + len - 1); page++) if (out.at(-1) !== page) out.push(page)
    return out
  }

  /** All poisoned ranges of bytes, ascending, apart. */
  ranges(): { readonly off: number; readonly len: number }[] {
    const out: { off: number; len: number }[] = []
    for (let i = 0; i < this.runs.length; i += 2)
      out.push({ off: this.runs[i]! * POISON_LINE, len: (this.runs[i + 1]! - this.runs[i]!) * POISON_LINE })
    return this.looked(out)
  }

  /** Called by the journal. Pushes nothing. */
  undo(_key: null, old: Runs): void {
    this.runs = old
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

  private change(off: number, len: number, poisoned: boolean): boolean {
    if (!(Number.isSafeInteger(off) && off >= 0 && Number.isSafeInteger(len) && len > 0))
      throw new RangeError(
        `poison: ${len} bytes at ${off}: expected whole numbers, a length above 0 and an offset from 0 up`,
      )
    const old = this.runs
    const next = replaced(old, lineOf(off), lineOf(off + len - 1) + 1, poisoned)
    if (next.length === old.length && next.every((line, i) => line === old[i])) return false
    this.journal?.push(this, null, old)
    this.runs = next
    const watch = this.journal?.watch
    if (watch) {
      watch.touch(this, true)
      for (let i = 0; i < old.length; i += 2) watch.remove(this.id, ['poison', old[i + 1]], old[i])
      for (let i = 0; i < next.length; i += 2) watch.add(this.id, ['poison', next[i + 1]], next[i])
    }
    return true
  }
}

/** How many entries are not above `line`: odd inside a run. */
const after = (runs: Runs, line: number): number => {
  let low = 0
  let high = runs.length
  while (low < high) {
    const mid = (low + high) >>> 1
    if (runs[mid]! <= line) low = mid + 1
    else high = mid
  }
  return low
}

/** The runs with [from, to) made poisoned or sound; runs that meet become one. */
const replaced = (runs: Runs, from: number, to: number, poisoned: boolean): Runs => {
  const out: number[] = []
  for (const line of runs) if (line < from) out.push(line)
  if ((out.length % 2 === 1) !== poisoned) out.push(from)
  const rest = runs.filter(line => line > to)
  if ((rest.length % 2 === 1) !== poisoned) out.push(to)
  out.push(...rest)
  return out
}

/** The line of a byte, without rounding up at sizes where a shift would overflow. */
const lineOf = (byte: number): number => (byte - (byte % POISON_LINE)) / POISON_LINE
const pageOf = (byte: number): number => (byte - (byte % POISON_PAGE)) / POISON_PAGE
