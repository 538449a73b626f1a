// The page cache of files that are no DAX files (mm/filemap.c): pages of a file in the host's memory, read from and written back
// to whoever has the file.
// What is mapped of a page that is written back or dropped is unmapped: who stores to it after that makes it dirty again.
// Locking: a page is locked while it is filled or written back; others wait. Bytes are replaced, never changed in place, so
// that they rewind.
import {
  Cell,
  divDown,
  divUp,
  JMap,
  kfn,
  type Machine,
  min,
  type Op,
  type Step,
  WaitQueue,
  wait_event,
} from '../../sim/index.ts'
import type { AddressSpace } from '../dax/address_space.ts'
import type { File } from '../vfs/file.ts'
import { copyable, type Kiocb } from '../vfs/inode.ts'
import { PAGE_SIZE, VM_FAULT_MAJOR, VM_FAULT_SIGBUS, type vm_fault } from './mm_struct.ts'
import { HostPage } from './page.ts'
import { unmap_mapping_pages } from './zap.ts'

const PG_locked = 1
const PG_uptodate = 2
const PG_dirty = 4

/** One page of a file. */
export class Folio {
  readonly index: number
  /** What processes map of it. */
  readonly page: HostPage
  private readonly flags: Cell<number>
  constructor(m: Machine, index: number) {
    this.index = index
    this.page = new HostPage(m, 'file')
    this.flags = new Cell(m, 'folio->flags', 0)
  }
  /** Its 4096 bytes, to look at only. */
  get bytes(): Uint8Array {
    return this.page.bytes.peek()
  }
  get locked(): boolean {
    return (this.flags.peek() & PG_locked) !== 0
  }
  get uptodate(): boolean {
    return (this.flags.peek() & PG_uptodate) !== 0
  }
  get dirty(): boolean {
    return (this.flags.peek() & PG_dirty) !== 0
  }
  private put(flag: number, on: boolean): void {
    const f = this.flags.peek()
    this.flags.poke(on ? f | flag : f & ~flag)
  }
  lock(on: boolean): void {
    this.put(PG_locked, on)
  }
  mark_uptodate(): void {
    this.put(PG_uptodate, true)
  }
  mark_dirty(on: boolean): void {
    this.put(PG_dirty, on)
  }
  /** Put `src` at byte `at`. */
  write(at: number, src: Uint8Array): void {
    this.page.write(at, src)
  }
}

/** The pages of one file. */
export class PageCache {
  readonly folios: JMap<number, Folio>
  readonly wq: WaitQueue
  private readonly mapping: AddressSpace
  private readonly m: Machine
  constructor(mapping: AddressSpace) {
    const { m } = mapping.k
    this.m = m
    this.mapping = mapping
    this.folios = new JMap(m.journal)
    this.wq = new WaitQueue(m, 'folio')
  }
  get(index: number): Folio | undefined {
    return this.folios.get(index)
  }
  /** filemap_grab_folio(): the page, made if it is not there; nothing is read. */
  grab(index: number): Folio {
    let f = this.folios.get(index)
    if (f === undefined) {
      f = new Folio(this.m, index)
      this.folios.set(index, f)
    }
    return f
  }
  /** folio_unlock(): whoever waits for one of these looks again. */
  unlock(folios: readonly Folio[]): void {
    for (const f of folios) f.lock(false)
    if (this.wq.waiters.length > 0) this.wq.wake_up()
  }
  /** Pages of [first, end) that are there, in order. */
  range(first: number, end: number): Folio[] {
    return this.folios
      .values()
      .filter(f => f.index >= first && f.index < end)
      .sort((a, b) => a.index - b.index)
  }
  /** Nobody maps pages [first, first + n) any more; copies of private stores stay. */
  unmap(first: number, n: number): void {
    if (this.mapping.i_mmap.length > 0) unmap_mapping_pages(this.mapping, first, n, false)
  }
  drop(f: Folio): void {
    this.unmap(f.index, 1)
    if (this.folios.get(f.index) === f) this.folios.delete(f.index)
  }
  /** invalidate_mapping_pages(): what nobody changed is read again. */
  invalidate(): void {
    if (this.folios.size === 0) return
    for (const f of this.folios.values()) if (!f.locked && !f.dirty) this.drop(f)
  }
  /** truncate_inode_pages(): what lies beyond `size` goes, written or not; the rest of the last page is zeros. */
  truncate(size: number): void {
    if (this.folios.size === 0) return
    for (const f of this.range(divUp(size, PAGE_SIZE), Number.MAX_SAFE_INTEGER)) this.drop(f)
    const last = this.get(divDown(size, PAGE_SIZE))
    const used = size % PAGE_SIZE
    if (last !== undefined && used > 0) last.write(used, new Uint8Array(PAGE_SIZE - used))
  }
}

/** Wait until nobody fills or writes the page. */
export const folio_wait_locked = (cache: PageCache, f: Folio) => wait_event(cache.wq, () => !f.locked)

/** Fill pages from `first` on, to `last` at least, unless they are there: 0 or -errno. It may read further. */
export type ReadPages = (file: File, first: number, last: number) => Op<number>

/** filemap_read(): bytes of the file as they are in memory, read where they are not. Bytes, or -errno when there are none. */
export const filemap_read = kfn(
  'filemap_read',
  function* (iocb: Kiocb, cache: PageCache, read: ReadPages): Step<number> {
    const { i_size } = iocb.file.f_inode
    let done = 0
    while (done < iocb.count) {
      const pos = iocb.pos + done
      const left = i_size.peek() - pos
      if (left <= 0) break
      const index = divDown(pos, PAGE_SIZE)
      const folio = cache.get(index)
      if (folio?.locked) {
        yield* folio_wait_locked(cache, folio)
        continue
      }
      if (!folio?.uptodate) {
        const rc = yield* read(iocb.file, index, divDown(pos + min(left, iocb.count - done) - 1, PAGE_SIZE))
        if (rc < 0) return done > 0 ? done : rc
        continue
      }
      const from = pos % PAGE_SIZE
      const n = copyable({ ...iocb, buf: iocb.buf.subarray(done) }, min(left, min(iocb.count - done, PAGE_SIZE - from)))
      if (n <= 0) return done > 0 ? done : n
      iocb.buf.set(folio.bytes.subarray(from, from + n), done)
      done += n
    }
    return done
  },
)

/** filemap_fault(): the page in memory, read if it is not there. What lies beyond the end of the file is SIGBUS. */
export const filemap_fault = kfn(
  'filemap_fault',
  function* (vmf: vm_fault, cache: PageCache, read: ReadPages): Step<number> {
    const file = vmf.vma.vm_file!
    for (let major = 0; ; ) {
      if (vmf.pgoff >= divUp(file.f_inode.i_size.peek(), PAGE_SIZE)) return VM_FAULT_SIGBUS
      const folio = cache.get(vmf.pgoff)
      if (folio?.locked) yield* folio_wait_locked(cache, folio)
      else if (folio?.uptodate) {
        vmf.page = folio.page
        return major
      } else {
        major = VM_FAULT_MAJOR
        if ((yield* read(file, vmf.pgoff, vmf.pgoff)) < 0) return VM_FAULT_SIGBUS
      }
    }
  },
)

/** Write one run of dirty, locked pages back: 0 or -errno. */
export type WritePages = (folios: readonly Folio[]) => Step<number>

/**
 * filemap_write_and_wait_range(): dirty pages of [first, end) are written, `most` that follow each other at a time. 0 or the
 * first -errno; what could not be written is dropped as if it had been.
 */
export const filemap_write_and_wait_range = kfn(
  'filemap_write_and_wait_range',
  function* (cache: PageCache, first: number, end: number, most: number, write: WritePages): Step<number> {
    let rc = 0
    for (let at = first; ; ) {
      const next = cache.range(at, end).find(f => f.dirty)
      if (next === undefined) return rc
      if (next.locked) {
        yield* folio_wait_locked(cache, next)
        continue
      }
      const run = [next]
      for (let f = cache.get(next.index + 1); run.length < most && f?.dirty && !f.locked; )
        f = cache.get(run.push(f) + next.index)
      // folio_clear_dirty_for_io()
      for (const f of run) {
        f.lock(true)
        f.mark_dirty(false)
      }
      cache.unmap(next.index, run.length)
      const err = yield* write(run)
      cache.unlock(run)
      if (rc === 0) rc = err
      at = next.index + run.length
    }
  },
)

/** filemap_invalidate_pages(): pages of [first, end) go; dirty ones are written before. 0 or -errno. */
export const filemap_invalidate_pages = kfn(
  'filemap_invalidate_pages',
  function* (cache: PageCache, first: number, end: number, most: number, write: WritePages): Step<number> {
    if (cache.folios.size === 0) return 0
    const rc = yield* filemap_write_and_wait_range(cache, first, end, most, write)
    for (const f of cache.range(first, end)) {
      if (f.locked) yield* folio_wait_locked(cache, f)
      if (!f.dirty) cache.drop(f)
    }
    return rc
  },
)
