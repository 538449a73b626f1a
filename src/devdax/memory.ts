/**
 * The bytes of one device over a backing, with undo so that a simulated world can be rewound.
 * Called by whoever moves bytes for a host or a tool; bounds, poison and cost are the caller's business.
 * Units: bytes from the start of the device; pages are 4 KiB, chunks 2 MiB.
 *
 * Undo works in epochs, one for each open mark, stacked by age. The first write to a page in the newest epoch saves the
 * page there, with its stamp. The stamp of a page is the id of the newest epoch that had saved it, and ids only grow; so
 *   - stamp >= newest id   the page is saved, a write costs nothing more;
 *   - rewind               puts bytes and stamps back, newest epoch first, as if the writes had not been;
 *   - release              hands each saved run to the next older epoch, unless the stamp kept with it says that one (or
 *                          one merged into it) has an older copy; with no older epoch the run is forgotten.
 * Invariant: an epoch holds each page at most once, and what it holds is the page as it was when the mark was made.
 * Saved bytes are bounded by (open marks) x (pages written under them); stamp tables by 4 KiB for each chunk so written.
 */
import { crc32 } from 'node:zlib'
import type { Backing } from './backing/index.ts'

/** The grain of undo, bytes. */
export const UNDO_PAGE = 4096

const PAGE_SHIFT = 12
const CHUNK = 2 * 1024 * 1024
const CHUNK_PAGES = CHUNK / UNDO_PAGE
/** Chunks of one directory of stamp tables: 1 GiB. */
const DIR_SHIFT = 9
const DIR_CHUNKS = 1 << DIR_SHIFT
/** A long write under a mark goes in pieces of this size, so that a page just saved is still in the cache when overwritten. */
const PIECE = 128 * 1024
const PIECE_PAGES = PIECE / UNDO_PAGE
/** Up to this many bytes a loop is faster than making a view for `set`. */
const SMALL = 32
/** How many marks may be open at once. */
export const MAX_MARKS = 65536

/** Smallest class of page buffer for a run: buffers hold 2^class pages. */
const CLASS_OF = new Uint8Array(PIECE_PAGES + 1)
for (let pages = 1, sizeClass = 0; pages <= PIECE_PAGES; pages++) {
  if (pages > 1 << sizeClass) sizeClass++
  CLASS_OF[pages] = sizeClass
}

/** Recycled buffers of 1, 2, 4 ... pages. Never shrinks: the next execution saves about as much as the last. */
class PagePool {
  /** Bytes out on loan. */
  lent = 0
  /** Bytes ever allocated. */
  held = 0
  private readonly free: Uint8Array[][] = []

  constructor() {
    for (let c = 0; c <= CLASS_OF[PIECE_PAGES]; c++) this.free.push([])
  }

  take(pages: number): Uint8Array {
    const list = this.free[CLASS_OF[pages]]
    if (list.length === 0) this.grow(list, UNDO_PAGE << CLASS_OF[pages])
    const buffer = list.pop()!
    this.lent += buffer.length
    return buffer
  }

  give(buffer: Uint8Array, pages: number): void {
    this.lent -= buffer.length
    this.free[CLASS_OF[pages]].push(buffer)
  }

  /** One allocation a piece, cut up: an ArrayBuffer for each page would burden the collector. */
  private grow(list: Uint8Array[], length: number): void {
    const slab = new Uint8Array(PIECE)
    for (let at = 0; at < PIECE; at += length) list.push(slab.subarray(at, at + length))
    this.held += PIECE
  }
}

/** What one mark has saved: runs of pages that carried the same stamp. Columns, so that a run costs no object. */
class Epoch {
  id = 0
  runs = 0
  readonly chunk: number[] = []
  readonly page: number[] = []
  readonly pages: number[] = []
  readonly stamp: number[] = []
  readonly bytes: Uint8Array[] = []

  /** Entries beyond `runs` are left in place to be overwritten: cutting the arrays would make them grow again each time. */
  push(chunk: number, page: number, pages: number, stamp: number, bytes: Uint8Array): void {
    const i = this.runs++
    this.chunk[i] = chunk
    this.page[i] = page
    this.pages[i] = pages
    this.stamp[i] = stamp
    this.bytes[i] = bytes
  }
}

const NOTHING: Uint8Array = new Uint8Array(0)
const ZEROS = Buffer.alloc(CHUNK)

const outside = (what: string, off: number, len: number, size: number): never => {
  throw new RangeError(`memory ${what} of ${len} bytes at ${off}: expected whole bytes inside 0 to ${size}`)
}

/** Device bytes with nested marks. Owns its backing. */
export class Memory {
  /** Length in bytes. */
  readonly size: number
  readonly backing: Backing
  private readonly windowSize: number
  /** The newest epoch, or null when no mark is open. */
  private top: Epoch | null = null
  /** Open epochs, oldest first. */
  private readonly stack: Epoch[] = []
  private readonly spare: Epoch[] = []
  private readonly pool = new PagePool()
  private lastId = 0
  /** Stamps of pages, one table a chunk, 512 tables a directory; both appear when a page there is first saved. */
  private readonly stamps: Float64Array[][] = []
  /** Chunks ever written, of this execution or one that was rewound: what is not in it holds what the backing came with. */
  private readonly written = new Set<number>()
  /** The chunk written last, so that a run of writes costs one comparison each. */
  private lastWritten = -1

  constructor(backing: Backing) {
    if (backing.size % CHUNK !== 0 || backing.windowSize % CHUNK !== 0)
      throw new RangeError(
        `memory over ${backing.size} bytes in windows of ${backing.windowSize}: expected multiples of ${CHUNK}`,
      )
    if (backing.readOnly) throw new RangeError(`memory over ${backing.why}: it cannot be written`)
    this.backing = backing
    this.size = backing.size
    this.windowSize = backing.windowSize
  }

  /** Copy the bytes at `off` into all of `dst`. Throws RangeError outside the device. */
  read(off: number, dst: Uint8Array): void {
    const n = dst.length
    if (!(off >= 0 && off + n <= this.size && Number.isInteger(off))) outside('read', off, n, this.size)
    const size = this.windowSize
    let i = (off / size) | 0
    let at = off - i * size
    if (n <= SMALL && at + n <= size) {
      if (n === 0) return
      const bytes = this.backing.window(i)
      for (let k = 0; k < n; k++) dst[k] = bytes[at + k]
      return
    }
    for (let done = 0; done < n; ) {
      const left = n - done
      const len = left < size - at ? left : size - at
      const part = this.backing.window(i).subarray(at, at + len)
      dst.set(part, done)
      done += len
      at = 0
      i++
    }
  }

  /** Copy all of `src` to `off`. Throws RangeError outside the device. */
  write(off: number, src: Uint8Array): void {
    const n = src.length
    if (!(off >= 0 && off + n <= this.size && Number.isInteger(off))) outside('write', off, n, this.size)
    const size = this.windowSize
    const i = (off / size) | 0
    const at = off - i * size
    if (n <= SMALL && (at & (PIECE - 1)) + n <= PIECE) {
      if (n === 0) return
      const bytes = this.backing.window(i)
      const chunk = (off / CHUNK) | 0
      if (chunk !== this.lastWritten) this.note(chunk, chunk)
      if (this.top !== null) this.save(this.top, bytes, off, n)
      for (let k = 0; k < n; k++) bytes[at + k] = src[k]
      return
    }
    for (let done = 0; done < n; ) {
      const len = this.openRun(off + done, n - done)
      const part = len === n ? src : src.subarray(done, done + len)
      this.runWindow.set(part, this.runAt)
      done += len
    }
  }

  /** Set `len` bytes at `off` to `byte`. Throws RangeError outside the device. */
  fill(off: number, len: number, byte: number): void {
    if (!(off >= 0 && len >= 0 && off + len <= this.size && Number.isInteger(off) && Number.isInteger(len)))
      outside('fill', off, len, this.size)
    for (let done = 0; done < len; ) {
      const n = this.openRun(off + done, len - done)
      this.runWindow.fill(byte, this.runAt, this.runAt + n)
      done += n
    }
  }

  private note(first: number, last: number): void {
    for (let chunk = first; chunk <= last; chunk++) this.written.add(chunk)
    this.lastWritten = last
  }

  /**
   * The parts of a range, whole chunks or pieces of them, that may hold anything but zeros: off and length of each,
   * ascending. A backing that outlives the process is looked at, the others are known by what was written.
   * Throws RangeError outside the device.
   */
  used(off: number, len: number): [number, number][] {
    if (!(off >= 0 && len >= 0 && off + len <= this.size && Number.isInteger(off) && Number.isInteger(len)))
      outside('used', off, len, this.size)
    const { kind } = this.backing
    const blank = kind === 'memfd' || kind === 'hugetlb' || kind === 'arraybuffer'
    const out: [number, number][] = []
    for (let at = off; at < off + len; ) {
      const chunk = (at / CHUNK) | 0
      const end = (chunk + 1) * CHUNK < off + len ? (chunk + 1) * CHUNK : off + len
      if (this.written.has(chunk) || (!blank && !this.isZero(at, end - at))) out.push([at, end - at])
      at = end
    }
    return out
  }

  /** A range of one chunk holds zeros only. */
  private isZero(off: number, len: number): boolean {
    const i = (off / this.windowSize) | 0
    const at = off - i * this.windowSize
    return ZEROS.subarray(0, len).equals(this.backing.window(i).subarray(at, at + len))
  }

  /** CRC-32 (the zip one) of a range. Reading a hole of a memory file makes its pages resident. Throws RangeError outside the device. */
  digest(off: number, len: number): number {
    if (!(off >= 0 && len >= 0 && off + len <= this.size && Number.isInteger(off) && Number.isInteger(len)))
      outside('digest', off, len, this.size)
    let crc = 0
    for (let done = 0; done < len; ) {
      const i = ((off + done) / this.windowSize) | 0
      const at = off + done - i * this.windowSize
      const n = len - done < this.windowSize - at ? len - done : this.windowSize - at
      crc = crc32(this.backing.window(i).subarray(at, at + n), crc)
      done += n
    }
    return crc
  }

  /** Open a mark; gives its token. Marks nest to MAX_MARKS. Throws BackingError when the storage is no longer what it was. */
  mark(): number {
    this.backing.check?.()
    if (this.stack.length >= MAX_MARKS) throw new RangeError(`memory mark: ${MAX_MARKS} are open; release some`)
    const epoch = this.spare.pop() ?? new Epoch()
    epoch.id = ++this.lastId
    this.stack.push(epoch)
    this.top = epoch
    return epoch.id
  }

  /**
   * Put back every byte written since the mark, which stays open and can be rewound to again. Younger marks are gone.
   * Throws RangeError when the token is no open mark, BackingError when the storage is no longer what it was.
   */
  rewind(token: number): void {
    this.backing.check?.()
    const depth = this.depthOf(token, 'rewind')
    for (let d = this.stack.length - 1; d >= depth; d--) {
      const epoch = this.stack[d]
      this.restore(epoch)
      if (d > depth) this.spare.push(epoch)
    }
    this.stack.length = depth + 1
    this.top = this.stack[depth]
  }

  /**
   * Forget one mark and keep the bytes; other marks, older and younger, stay as they are.
   * Throws RangeError when the token is no open mark.
   */
  release(token: number): void {
    const depth = this.depthOf(token, 'release')
    const epoch = this.stack[depth]
    if (depth === 0) this.drop(epoch)
    else this.merge(epoch, this.stack[depth - 1])
    if (depth === this.stack.length - 1) this.stack.pop()
    else this.stack.splice(depth, 1)
    this.spare.push(epoch)
    const open = this.stack.length
    this.top = open === 0 ? null : this.stack[open - 1]
  }

  /** What undo costs now: open marks, bytes saved under them, bytes of buffers allocated so far. */
  undoStats(): { marks: number; savedBytes: number; pooledBytes: number } {
    return { marks: this.stack.length, savedBytes: this.pool.lent, pooledBytes: this.pool.held }
  }

  /** Forget all marks and close the backing. */
  close(): void {
    this.runWindow = NOTHING
    for (const epoch of this.stack) this.drop(epoch)
    this.stack.length = 0
    this.top = null
    this.backing.close()
  }

  /** Window and place of the run that `openRun` opened last; fields, so that a run costs no object. */
  private runWindow = NOTHING
  private runAt = 0

  /**
   * Get the bytes from `off` on ready to be overwritten: at most `len`, within one window, saved if a mark is open.
   * Leaves window and place in `runWindow` and `runAt`; gives the length.
   */
  private openRun(off: number, len: number): number {
    const size = this.windowSize
    const i = (off / size) | 0
    const at = off - i * size
    const bytes = this.backing.window(i)
    let n = len < size - at ? len : size - at
    if (this.top !== null) {
      const room = PIECE - (at & (PIECE - 1))
      if (n > room) n = room
      this.save(this.top, bytes, off, n)
    }
    const first = (off / CHUNK) | 0
    const last = ((off + n - 1) / CHUNK) | 0
    if (first !== this.lastWritten || last !== first) this.note(first, last)
    this.runWindow = bytes
    this.runAt = at
    return n
  }

  /** Save the pages of a range that lies within one piece, as far as the newest epoch has not got them. */
  private save(top: Epoch, bytes: Uint8Array, off: number, len: number): void {
    const chunk = (off / CHUNK) | 0
    const at = off - chunk * CHUNK
    const stamps = this.stamps[chunk >>> DIR_SHIFT]?.[chunk & (DIR_CHUNKS - 1)] ?? this.newStamps(chunk)
    const id = top.id
    const last = (at + len - 1) >>> PAGE_SHIFT
    for (let page = at >>> PAGE_SHIFT; page <= last; ) {
      const stamp = stamps[page]
      if (stamp >= id) {
        page++
        continue
      }
      let end = page + 1
      while (end <= last && stamps[end] === stamp) end++
      this.saveRun(top, bytes, chunk, stamps, page, end, stamp)
      page = end
    }
  }

  private saveRun(
    top: Epoch,
    bytes: Uint8Array,
    chunk: number,
    stamps: Float64Array,
    page: number,
    end: number,
    stamp: number,
  ): void {
    const pages = end - page
    const buffer = this.pool.take(pages)
    const start = ((chunk * CHUNK) % this.windowSize) + page * UNDO_PAGE
    buffer.set(bytes.subarray(start, start + pages * UNDO_PAGE))
    top.push(chunk, page, pages, stamp, buffer)
    for (let p = page; p < end; p++) stamps[p] = top.id
  }

  private newStamps(chunk: number): Float64Array {
    this.stamps[chunk >>> DIR_SHIFT] ??= new Array(DIR_CHUNKS)
    const table = new Float64Array(CHUNK_PAGES)
    this.stamps[chunk >>> DIR_SHIFT][chunk & (DIR_CHUNKS - 1)] = table
    return table
  }

  /** Put all runs of an epoch back and leave it empty. Each page is in it once, so any order is right; the run saved last is still in the cache. */
  private restore(epoch: Epoch): void {
    for (let r = epoch.runs - 1; r >= 0; r--) {
      const chunk = epoch.chunk[r]
      const page = epoch.page[r]
      const pages = epoch.pages[r]
      const buffer = epoch.bytes[r]
      const off = chunk * CHUNK + page * UNDO_PAGE
      const i = (off / this.windowSize) | 0
      const length = pages * UNDO_PAGE
      this.backing
        .window(i)
        .set(buffer.length === length ? buffer : buffer.subarray(0, length), off - i * this.windowSize)
      const stamps = this.stamps[chunk >>> DIR_SHIFT][chunk & (DIR_CHUNKS - 1)]
      const stamp = epoch.stamp[r]
      for (let p = page; p < page + pages; p++) stamps[p] = stamp
      this.pool.give(buffer, pages)
    }
    epoch.runs = 0
  }

  /** Give an epoch's buffers back and leave it empty. Its stamps stay: they are older than any epoch that can come. */
  private drop(epoch: Epoch): void {
    for (let r = 0; r < epoch.runs; r++) this.pool.give(epoch.bytes[r], epoch.pages[r])
    epoch.runs = 0
  }

  /** Move to the older epoch what it has not got. */
  private merge(epoch: Epoch, older: Epoch): void {
    for (let r = 0; r < epoch.runs; r++) {
      const stamp = epoch.stamp[r]
      if (stamp >= older.id) this.pool.give(epoch.bytes[r], epoch.pages[r])
      else older.push(epoch.chunk[r], epoch.page[r], epoch.pages[r], stamp, epoch.bytes[r])
    }
    epoch.runs = 0
  }

  /** Where in the stack a token is; usually on top. */
  private depthOf(token: number, what: string): number {
    for (let d = this.stack.length - 1; d >= 0 && this.stack[d].id >= token; d--)
      if (this.stack[d].id === token) return d
    throw new RangeError(
      `memory ${what} of mark ${token}: not open (${this.stack.length} are); it was released, or an older one rewound`,
    )
  }
}
