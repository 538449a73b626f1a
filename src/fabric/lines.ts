// What one host's CPU cache holds of one memory: 64-byte lines, valid or not, dirty or not, write-back. Kept by pages of 4 KiB
// with a mask of each kind, so that copies go in runs. Journaled: under a mark, what is overwritten or dropped is saved.
//
// The size is bounded, so that a stream over a terabyte costs what a cache costs. What goes when it is full depends on what is
// in it and on nothing else (the next 2 MiB above the page that comes in, round to the lowest): a real cache keeps an order of
// use, but that would be state that keeps searches apart. All other evictions are choices (chance.ts).
import type { DaxMemory } from '../devdax/index.ts'
import { divDown, type Journal, max, min, type Undoable } from '../sim/index.ts'
import type { Cause } from './cause.ts'
import { CACHE_SIZE } from './costs.ts'

export const LINE = 64
export const PAGE = 4096
const PAGE_LINES = PAGE / LINE
/** Pages of one entry of the directory: 2 MiB. */
const CHUNK_PAGES = 512
const CAPACITY = CACHE_SIZE / PAGE

/** Bits `from` to `to` of a word; none when there are none. */
const bits = (from: number, to: number): number =>
  from > to ? 0 : to - from === 31 ? -1 : ((1 << (to - from + 1)) - 1) << from
/** The words for lines `a` to `b` of a page: lines 0 to 31, and 32 to 63. */
const low = (a: number, b: number): number => bits(a, min(b, 31))
const high = (a: number, b: number): number => bits(max(a, 32) - 32, b - 32)

/** Calls `f` with the first line and the number of lines of each run in a mask. */
export function eachRun(lo: number, hi: number, f: (line: number, lines: number) => void): void {
  if ((lo & hi) === -1) {
    f(0, PAGE_LINES)
    return
  }
  for (let i = 0; i < PAGE_LINES; i++) {
    if (!bit(lo, hi, i)) continue
    const first = i
    while (i < PAGE_LINES && bit(lo, hi, i)) i++
    f(first, i - first)
  }
}
const bit = (lo: number, hi: number, i: number): boolean => ((i < 32 ? lo >>> i : hi >>> (i - 32)) & 1) !== 0

/** What stands in a state's name for the line at `at` of `bytes`. Most are zeroes, and a number is named sooner than bytes. */
export function content(bytes: Uint8Array, at: number): Uint8Array | 0 {
  for (let i = at; i < at + LINE; i++) if (bytes[i] !== 0) return bytes.subarray(at, at + LINE)
  return 0
}

/** The pages of a range, each with the mask of its lines in it. */
export function pagesOf(off: number, len: number): { no: number; lo: number; hi: number }[] {
  const out: { no: number; lo: number; hi: number }[] = []
  for (let at = off; at < off + len; ) {
    const from = at - (at % PAGE)
    const end = min(from + PAGE, off + len)
    const a = ((at - from) / LINE) | 0
    const b = ((end - from - 1) / LINE) | 0
    out.push({ no: from / PAGE, lo: low(a, b), hi: high(a, b) })
    at = end
  }
  return out
}

/** Which word of a page a change was of; from BYTES on it is bytes. */
const VALID_LO = 0
const VALID_HI = 1
const DIRTY_LO = 2
const DIRTY_HI = 3
const BYTES = 4

/** The lines of one page. A line that is not valid has no bytes. */
export class Page implements Undoable {
  /** The page, and behind it a byte for each line: the cause of the last store to it. */
  readonly bytes: Uint8Array
  /** Valid and dirty, two words each. */
  readonly mask = new Int32Array(4)
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
  undo(key: number, old: any): void {
    if (key < BYTES) this.mask[key] = old
    else this.bytes.set(old, key - BYTES)
  }
}

export const validOf = (p: Page): readonly [number, number] => [p.mask[VALID_LO]!, p.mask[VALID_HI]!]
export const dirtyOf = (p: Page): readonly [number, number] => [p.mask[DIRTY_LO]!, p.mask[DIRTY_HI]!]

interface Chunk {
  readonly pages: (Page | undefined)[]
  n: number
}

/** What a cache asks of its surroundings. */
export interface Backend {
  /** The lines at `off` come from the memory: fill `into`. */
  fetch(off: number, into: Uint8Array, cause: Cause): void
  /** They go back to it, dirtied by `cause`. */
  writeBack(off: number, bytes: Uint8Array, cause: Cause): void
}

export class Lines implements Undoable {
  readonly id: number
  readonly memory: DaxMemory
  private readonly j: Journal
  private readonly backend: Backend
  private readonly causes: readonly Cause[]
  private readonly chunks = new Map<number, Chunk>()
  /** Their keys, lowest first. */
  private readonly keys: number[] = []
  /** Pages in it. */
  private n = 0
  /** Buffers to use again. */
  private readonly spare: Uint8Array[] = []

  constructor(id: number, memory: DaxMemory, j: Journal, causes: readonly Cause[], backend: Backend) {
    this.id = id
    this.memory = memory
    this.j = j
    this.causes = causes
    this.backend = backend
  }

  /** Page number `no`, if any line of it is here. */
  page(no: number): Page | undefined {
    return this.n === 0 ? undefined : this.chunks.get(divDown(no, CHUNK_PAGES))?.pages[no % CHUNK_PAGES]
  }

  /** Copy from `off` into `buf`, fetching what is missing. Gives how many bytes were fetched. */
  load(off: number, buf: Uint8Array, cause: Cause): number {
    let fetched = 0
    for (let done = 0; done < buf.length; ) {
      const at = (off + done) % PAGE
      const n = min(PAGE - at, buf.length - done)
      const no = (off + done - at) / PAGE
      const page = this.page(no) ?? this.make(no)
      const a = (at / LINE) | 0
      const b = ((at + n - 1) / LINE) | 0
      fetched += this.fetch(no, page, low(a, b), high(a, b), cause)
      buf.set(page.bytes.subarray(at, at + n), done)
      done += n
    }
    return fetched
  }

  /** Copy `src` to `off`. Lines that it covers in part are fetched first. Gives how many bytes were fetched. */
  store(off: number, src: Uint8Array, cause: Cause): number {
    let fetched = 0
    for (let done = 0; done < src.length; ) {
      const at = (off + done) % PAGE
      const n = min(PAGE - at, src.length - done)
      const no = (off + done - at) / PAGE
      const page = this.page(no) ?? this.make(no)
      const a = (at / LINE) | 0
      const b = ((at + n - 1) / LINE) | 0
      if (at % LINE !== 0) fetched += this.fetch(no, page, low(a, a), high(a, a), cause)
      if ((at + n) % LINE !== 0) fetched += this.fetch(no, page, low(b, b), high(b, b), cause)
      this.put(no, page, a, b, at, n === src.length ? src : src.subarray(done, done + n), cause)
      done += n
    }
    return fetched
  }

  /** The bytes of lines `a` to `b` of a page change, and the lines are valid and dirty. */
  private put(no: number, page: Page, a: number, b: number, at: number, src: Uint8Array, cause: Cause): void {
    const { mask, bytes } = page
    const lo = low(a, b)
    const hi = high(a, b)
    const { watch } = this.j
    if (watch !== null) this.name(no, page, lo, hi, false)
    const old = (mask[VALID_LO]! & lo) | (mask[VALID_HI]! & hi)
    if (this.j.marked && old !== 0) {
      this.save(page, at, src.length)
      this.save(page, PAGE + a, b - a + 1)
    }
    bytes.set(src, at)
    bytes.fill(this.causes.indexOf(cause), PAGE + a, PAGE + b + 1)
    this.mark(page, VALID_LO, mask[VALID_LO]! | lo)
    this.mark(page, VALID_HI, mask[VALID_HI]! | hi)
    this.mark(page, DIRTY_LO, mask[DIRTY_LO]! | lo)
    this.mark(page, DIRTY_HI, mask[DIRTY_HI]! | hi)
    if (watch !== null) this.name(no, page, lo, hi, true)
  }

  /** Get the lines of a mask that are not valid. Gives how many bytes that were. */
  private fetch(no: number, page: Page, lo: number, hi: number, cause: Cause): number {
    const { mask, bytes } = page
    const missingLo = lo & ~mask[VALID_LO]!
    const missingHi = hi & ~mask[VALID_HI]!
    if ((missingLo | missingHi) === 0) return 0
    let fetched = 0
    eachRun(missingLo, missingHi, (line, lines) => {
      const at = line * LINE
      this.backend.fetch(no * PAGE + at, bytes.subarray(at, at + lines * LINE), cause)
      fetched += lines * LINE
    })
    this.mark(page, VALID_LO, mask[VALID_LO]! | missingLo)
    this.mark(page, VALID_HI, mask[VALID_HI]! | missingHi)
    if (this.j.watch !== null) this.name(no, page, missingLo, missingHi, true)
    return fetched
  }

  /** Write the dirty lines of a mask back; they stay, clean. Gives how many bytes that were. */
  clean(no: number, page: Page, lo: number, hi: number): number {
    const { mask, bytes } = page
    const dirtyLo = lo & mask[DIRTY_LO]!
    const dirtyHi = hi & mask[DIRTY_HI]!
    if ((dirtyLo | dirtyHi) === 0) return 0
    let written = 0
    const { watch } = this.j
    if (watch !== null) this.name(no, page, dirtyLo, dirtyHi, false)
    eachRun(dirtyLo, dirtyHi, (first, lines) => {
      // Lines that were dirtied by different causes go one after the other.
      for (let line = first; line < first + lines; ) {
        const cause = bytes[PAGE + line]!
        let end = line + 1
        while (end < first + lines && bytes[PAGE + end] === cause) end++
        this.backend.writeBack(no * PAGE + line * LINE, bytes.subarray(line * LINE, end * LINE), this.causes[cause]!)
        line = end
      }
      written += lines * LINE
    })
    this.mark(page, DIRTY_LO, mask[DIRTY_LO]! & ~dirtyLo)
    this.mark(page, DIRTY_HI, mask[DIRTY_HI]! & ~dirtyHi)
    if (watch !== null) this.name(no, page, dirtyLo, dirtyHi, true)
    return written
  }

  /** Write the dirty lines of a mask back, and forget all of the mask. Gives how many bytes were written. */
  drop(no: number, page: Page, lo: number, hi: number): number {
    const { mask } = page
    const written = this.clean(no, page, lo, hi)
    const goneLo = lo & mask[VALID_LO]!
    const goneHi = hi & mask[VALID_HI]!
    if ((goneLo | goneHi) === 0) return written
    if (this.j.watch !== null) this.name(no, page, goneLo, goneHi, false)
    if (goneLo === mask[VALID_LO] && goneHi === mask[VALID_HI]) this.remove(no, page)
    else {
      if (this.j.marked) eachRun(goneLo, goneHi, (line, lines) => this.save(page, line * LINE, lines * LINE))
      this.mark(page, VALID_LO, mask[VALID_LO]! & ~goneLo)
      this.mark(page, VALID_HI, mask[VALID_HI]! & ~goneHi)
    }
    return written
  }

  /** All of it is gone, and nothing is written back. */
  lose(): void {
    for (const [key, c] of [...this.chunks])
      for (const [i, page] of [...c.pages.entries()]) {
        if (page === undefined) continue
        const no = key * CHUNK_PAGES + i
        if (this.j.watch !== null) this.name(no, page, -1, -1, false)
        this.remove(no, page)
      }
  }

  /** Calls `f` for each page that a range touches and that is here, with the mask of the range's lines in it. */
  within(off: number, len: number, f: (no: number, page: Page, lo: number, hi: number) => void): void {
    if (this.n === 0 || len === 0) return
    const first = off - (off % LINE)
    const end = off + len
    const last = divDown(end - 1, PAGE)
    for (let no = divDown(first, PAGE); no <= last; no++) {
      const page = this.page(no)
      if (page === undefined) continue
      const from = no * PAGE
      const a = first > from ? (first - from) / LINE : 0
      const b = end < from + PAGE ? ((end - from - 1) / LINE) | 0 : PAGE_LINES - 1
      f(no, page, low(a, b), high(a, b))
    }
  }

  /** Calls `f` for each valid line of a mask that differs from the memory, which is clean and so stale. */
  stale(no: number, page: Page, lo: number, hi: number, f: (line: number) => void): void {
    const { mask, bytes } = page
    const now = new Uint8Array(LINE)
    eachRun(lo & mask[VALID_LO]! & ~mask[DIRTY_LO]!, hi & mask[VALID_HI]! & ~mask[DIRTY_HI]!, (first, lines) => {
      for (let line = first; line < first + lines; line++) {
        this.memory.memory.read(no * PAGE + line * LINE, now)
        let i = 0
        while (i < LINE && now[i] === bytes[line * LINE + i]) i++
        if (i < LINE) f(line)
      }
    })
  }

  /** Lines and dirty lines in it. */
  count(): { lines: number; dirty: number } {
    let lines = 0
    let dirty = 0
    for (const c of this.chunks.values())
      for (const p of c.pages)
        if (p !== undefined) {
          eachRun(p.mask[VALID_LO]!, p.mask[VALID_HI]!, (_, n) => {
            lines += n
          })
          eachRun(p.mask[DIRTY_LO]!, p.mask[DIRTY_HI]!, (_, n) => {
            dirty += n
          })
        }
    return { lines, dirty }
  }

  /** Key: a page; the page that was there or, when it was made, nothing. */
  undo(no: number, old: Page | undefined): void {
    const page = this.page(no)
    if (old !== undefined) this.join(no, old)
    else {
      this.leave(no)
      this.spare.push(page!.bytes)
    }
  }

  private make(no: number): Page {
    if (this.n >= CAPACITY) this.replace(no)
    const page = new Page(this.spare.pop() ?? new Uint8Array(PAGE + PAGE_LINES))
    this.j.push(this, no, undefined)
    this.join(no, page)
    return page
  }
  private remove(no: number, page: Page): void {
    // With a mark open the page as it is may come back.
    if (this.j.marked) this.j.push(this, no, page)
    else this.spare.push(page.bytes)
    this.leave(no)
  }
  private join(no: number, page: Page): void {
    const key = divDown(no, CHUNK_PAGES)
    let c = this.chunks.get(key)
    if (c === undefined) {
      c = { pages: new Array(CHUNK_PAGES), n: 0 }
      this.chunks.set(key, c)
      this.keys.splice(this.above(key), 0, key)
    }
    c.pages[no % CHUNK_PAGES] = page
    c.n++
    this.n++
  }
  private leave(no: number): void {
    const key = divDown(no, CHUNK_PAGES)
    const c = this.chunks.get(key)!
    c.pages[no % CHUNK_PAGES] = undefined
    this.n--
    if (--c.n > 0) return
    this.chunks.delete(key)
    this.keys.splice(this.above(key) - 1, 1)
  }
  /** Where in `keys` the first one above this stands. */
  private above(key: number): number {
    let lo = 0
    let hi = this.keys.length
    while (lo < hi) {
      const mid = (lo + hi) >>> 1
      if (this.keys[mid]! > key) hi = mid
      else lo = mid + 1
    }
    return lo
  }

  /** It is full and page `no` comes in: the next 2 MiB above it go, round to the lowest. */
  private replace(no: number): void {
    const key = this.keys[this.above(divDown(no, CHUNK_PAGES)) % this.keys.length]!
    for (const [i, page] of [...this.chunks.get(key)!.pages].entries())
      if (page !== undefined) this.drop(key * CHUNK_PAGES + i, page, -1, -1)
  }

  private mark(page: Page, word: number, v: number): void {
    if (page.mask[word] === v) return
    this.j.push(page, word, page.mask[word])
    page.mask[word] = v
  }
  private save(page: Page, at: number, len: number): void {
    this.j.push(page, BYTES + at, page.bytes.slice(at, at + len))
  }

  /** Valid lines of a mask join the name of the state, or leave it. */
  private name(no: number, page: Page, lo: number, hi: number, join: boolean): void {
    const { mask, bytes } = page
    const watch = this.j.watch!
    eachRun(lo & mask[VALID_LO]!, hi & mask[VALID_HI]!, (first, lines) => {
      for (let line = first; line < first + lines; line++) {
        const dirty = bit(mask[DIRTY_LO]!, mask[DIRTY_HI]!, line) ? 1 + bytes[PAGE + line]! : 0
        const b = content(bytes, line * LINE)
        if (join) watch.add(this.id, b, no * PAGE_LINES + line, dirty)
        else watch.remove(this.id, b, no * PAGE_LINES + line, dirty)
      }
    })
  }
}
