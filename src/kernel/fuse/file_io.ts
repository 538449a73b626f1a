// fs/fuse/file.c: reads and writes of a file without a map: through the page cache (written through, or kept dirty with
// WRITEBACK_CACHE), or directly (FOPEN_DIRECT_IO, O_DIRECT).
import { divDown, divUp, kfn, max, min, type Step } from '../../sim/index.ts'
import { EIO, ENODEV, FOPEN_DIRECT_IO, FOPEN_PARALLEL_DIRECT_WRITES, fuse_write_out, viewOf } from '../../wire/index.ts'
import { type Folio, filemap_fault, filemap_read, folio_wait_locked } from '../mm/filemap.ts'
import { PAGE_SIZE, VM_FAULT_NOPAGE, type VmOps, type vm_fault } from '../mm/mm_struct.ts'
import type { VmArea } from '../mm/vma.ts'
import { type File, O_CREAT, O_DIRECT, O_EXCL, O_TRUNC } from '../vfs/file.ts'
import {
  copyable,
  type Inode,
  IOCB_APPEND,
  IOCB_DIRECT,
  inode_lock,
  inode_lock_shared,
  inode_unlock,
  inode_unlock_shared,
  type Kiocb,
} from '../vfs/inode.ts'
import { generic_write_checks, generic_write_sync } from '../vfs/read_write.ts'
import { fuse_update_size, fuse_write_update_attr } from './attr.ts'
import type { fuse_args } from './fuse_i.ts'
import { regular } from './fuse_inode.ts'
import { fuse_has, trusts_itself } from './iget.ts'
import { fuse_file_cached_io_open, fuse_inode_uncached_io_end, fuse_inode_uncached_io_start } from './iomode.ts'
import { fuse_simple_request } from './request.ts'
import { END, fuse_invalidate_pages, fuse_update_time, fuse_writeback } from './writeback.ts'

/** Pages that one who begins to read has read for him. */
const RA_PAGES = 4

/** f_flags of an open file: those that only open(2) looks at are gone. */
export const f_flags = (file: File): number => file.f_flags & ~(O_CREAT | O_EXCL | O_TRUNC)

/** READ: bytes, or -errno. */
const fuse_send_read = (file: File, args: { out?: Uint8Array }, offset: number, size: number) => {
  const { fm, nodeid } = file.f_inode.fuse!
  const arg = { fh: file.fuse!.fh, offset, size, flags: f_flags(file) }
  const req: fuse_args = Object.assign(args, { op: fm.fc.k.opcodes.op.READ, nodeid, arg, room: size })
  return fuse_simple_request(fm, req)
}

/** fuse_send_write(): WRITE: bytes the server took, or -errno; -EIO when it says that it took more than it got. */
const fuse_send_write = kfn('fuse_send_write', function* (file: File, offset: number, data: Uint8Array): Step<number> {
  const { fm, nodeid } = file.f_inode.fuse!
  const arg = { fh: file.fuse!.fh, offset, size: data.length, flags: f_flags(file) }
  const args: fuse_args = { op: fm.fc.k.opcodes.op.WRITE, nodeid, arg, data }
  const rc = yield* fuse_simple_request(fm, args)
  if (rc < 0) return rc
  const { size } = fuse_write_out.read(viewOf(args.out!), args.out!.byteOffset)
  return size > data.length ? -EIO : size
})

/** fuse_short_read(): the file ends where the server stopped, unless this kernel knows better. */
const fuse_short_read = (inode: Inode, end: number): void => {
  if (!trusts_itself(inode) && end < inode.i_size.peek()) inode.i_size.poke(end)
}

/** fuse_readahead(), fuse_read_folio(): pages [first, last] and some more that follow. 0 or -errno. */
const fuse_read_pages = kfn('fuse_readahead', function* (file: File, first: number, last: number): Step<number> {
  const inode = file.f_inode
  const { fc } = inode.fuse!
  const { pages } = regular(inode)
  const ahead = fc.ra_bytes.peek() > 0 ? RA_PAGES : 1
  const end = min(divUp(inode.i_size.peek(), PAGE_SIZE), first + min(fc.max_pages.peek(), max(last - first + 1, ahead)))
  const folios: Folio[] = []
  for (let i = first; i < end; i++) {
    const there = pages.get(i)
    if (there !== undefined && (there.uptodate || there.locked)) break
    const f = pages.grab(i)
    f.lock(true)
    folios.push(f)
  }
  if (folios.length === 0) return 0
  const args: { out?: Uint8Array } = {}
  const rc = yield* fuse_send_read(file, args, first * PAGE_SIZE, folios.length * PAGE_SIZE)
  for (const [i, f] of folios.entries()) {
    if (rc < 0) pages.drop(f)
    else {
      f.write(0, args.out!.subarray(min(rc, i * PAGE_SIZE), min(rc, (i + 1) * PAGE_SIZE)))
      f.mark_uptodate()
    }
  }
  if (rc >= 0 && rc < folios.length * PAGE_SIZE) fuse_short_read(inode, first * PAGE_SIZE + rc)
  pages.unlock(folios)
  return rc < 0 ? rc : 0
})

/** fuse_cache_read_iter(): the size is asked for first where it counts. */
const fuse_cache_read_iter = kfn('fuse_cache_read_iter', function* (iocb: Kiocb): Step<number> {
  const inode = iocb.file.f_inode
  const { fc } = inode.fuse!
  const { pages } = regular(inode)
  if (fuse_has(fc, 'AUTO_INVAL_DATA') || iocb.pos + iocb.count > inode.i_size.peek()) {
    const rc = yield* fuse_update_size(inode)
    if (rc < 0) return rc
  }
  return yield* filemap_read(iocb, pages, fuse_read_pages)
})

/** What is written is in the pages that are there, or that it fills. */
const fill_write_pages = (inode: Inode, pos: number, data: Uint8Array): Folio[] => {
  const { pages } = regular(inode)
  const touched: Folio[] = []
  for (let done = 0; done < data.length; ) {
    const from = (pos + done) % PAGE_SIZE
    const n = min(PAGE_SIZE - from, data.length - done)
    const index = divDown(pos + done, PAGE_SIZE)
    const there = pages.get(index)
    if (n === PAGE_SIZE || there?.uptodate) {
      const f = pages.grab(index)
      f.write(from, data.subarray(done, done + n))
      f.mark_uptodate()
      touched.push(f)
    }
    done += n
  }
  return touched
}

/** fuse_perform_write(): written through, as many pages at a time as one WRITE has. Bytes, or -errno when there are none. */
const fuse_perform_write = kfn('fuse_perform_write', function* (iocb: Kiocb, count: number): Step<number> {
  const { file } = iocb
  const inode = file.f_inode
  const { fc } = inode.fuse!
  const { pages } = regular(inode)
  const nr = fuse_has(fc, 'BIG_WRITES') ? fc.max_pages.peek() : 1
  let done = 0
  let err = 0
  while (done < count && err === 0) {
    const pos = iocb.pos + done
    const n = min(min(count - done, fc.max_write.peek()), nr * PAGE_SIZE - (pos % PAGE_SIZE))
    const busy = pages.range(divDown(pos, PAGE_SIZE), divUp(pos + n, PAGE_SIZE)).find(f => f.locked)
    if (busy !== undefined) {
      yield* folio_wait_locked(pages, busy)
      continue
    }
    const touched = fill_write_pages(inode, pos, iocb.buf.subarray(done, done + n))
    const rc = yield* fuse_send_write(file, pos, iocb.buf.subarray(done, done + n))
    // What the server did not take is read again.
    if (rc < n) for (const f of touched) pages.drop(f)
    if (rc < 0) err = rc
    else {
      done += rc
      if (rc < n) err = -EIO
    }
  }
  fuse_write_update_attr(inode, done > 0 ? iocb.pos + done : 0)
  return done > 0 ? done : err
})

/** Write-back caching: pages are made dirty; one that is written in part is read before. Bytes, or -errno when there are none. */
const fuse_dirty_pages = kfn('iomap_file_buffered_write', function* (iocb: Kiocb, count: number): Step<number> {
  const inode = iocb.file.f_inode
  const { pages } = regular(inode)
  let done = 0
  while (done < count) {
    const pos = iocb.pos + done
    const index = divDown(pos, PAGE_SIZE)
    const n = min(count - done, PAGE_SIZE - (pos % PAGE_SIZE))
    const f = pages.get(index)
    if (f?.locked) {
      yield* folio_wait_locked(pages, f)
      continue
    }
    if (n < PAGE_SIZE && !f?.uptodate) {
      if (index * PAGE_SIZE < inode.i_size.peek()) {
        const rc = yield* fuse_read_pages(iocb.file, index, index)
        if (rc < 0) return done > 0 ? done : rc
        continue
      }
      pages.grab(index).mark_uptodate()
    }
    fill_write_pages(inode, pos, iocb.buf.subarray(done, done + n))
    pages.grab(index).mark_dirty(true)
    done += n
    if (pos + n > inode.i_size.peek()) inode.i_size.poke(pos + n)
  }
  return done
})

/** fuse_cache_write_iter() */
const fuse_cache_write_iter = kfn('fuse_cache_write_iter', function* (iocb: Kiocb): Step<number> {
  const inode = iocb.file.f_inode
  const wb = trusts_itself(inode)
  if (wb) {
    const rc = yield* fuse_update_size(inode)
    if (rc < 0) return rc
  }
  yield* inode_lock(inode)
  yield* generic_write_checks(iocb)
  const count = copyable(iocb, iocb.count)
  if (count > 0) fuse_update_time(inode)
  const n = count <= 0 ? count : yield* wb ? fuse_dirty_pages(iocb, count) : fuse_perform_write(iocb, count)
  yield* inode_unlock(inode)
  return yield* generic_write_sync(iocb, n)
})

/** fuse_direct_io(): READ or WRITE by WRITE, as large as the server takes them. Bytes, or -errno when there are none. */
const fuse_direct_io = kfn('fuse_direct_io', function* (iocb: Kiocb, write: boolean): Step<number> {
  const { file } = iocb
  const { fc } = file.f_inode.fuse!
  const count = copyable(iocb, iocb.count)
  if (count <= 0) return count
  const most = min(write ? fc.max_write.peek() : END, fc.max_pages.peek() * PAGE_SIZE)
  let done = 0
  while (done < count) {
    const n = min(count - done, most)
    const args: { out?: Uint8Array } = {}
    const rc = yield* write
      ? fuse_send_write(file, iocb.pos + done, iocb.buf.subarray(done, done + n))
      : fuse_send_read(file, args, iocb.pos + done, n)
    if (rc < 0) return done > 0 ? done : rc
    if (!write) iocb.buf.set(args.out!, done)
    done += rc
    if (rc < n) break
  }
  return done
})

/** Is the page cache left out? */
const is_direct = ({ file, ki_flags }: Kiocb): boolean =>
  (file.fuse!.open_flags & FOPEN_DIRECT_IO) !== 0 || ((ki_flags & IOCB_DIRECT) !== 0 && (file.f_flags & O_DIRECT) !== 0)

/** Pages of an access: written back before a direct read, dropped before a direct write. */
const pages_of = (iocb: Kiocb): [number, number] => [
  divDown(iocb.pos, PAGE_SIZE),
  divUp(iocb.pos + max(iocb.count, 1), PAGE_SIZE),
]

/** fuse_dio_lock(): exclusive, unless the server wants direct writes side by side and this one makes the file no longer. */
const fuse_dio_wr_exclusive_lock = (iocb: Kiocb): boolean =>
  (iocb.file.fuse!.open_flags & (FOPEN_PARALLEL_DIRECT_WRITES | FOPEN_DIRECT_IO)) !==
    (FOPEN_PARALLEL_DIRECT_WRITES | FOPEN_DIRECT_IO) ||
  (iocb.ki_flags & IOCB_APPEND) !== 0 ||
  iocb.pos + iocb.count > iocb.file.f_inode.i_size.peek()

/** fuse_direct_write_iter() */
const fuse_direct_write_iter = kfn('fuse_direct_write_iter', function* (iocb: Kiocb): Step<number> {
  const inode = iocb.file.f_inode
  let exclusive = fuse_dio_wr_exclusive_lock(iocb)
  if (!exclusive) {
    yield* inode_lock_shared(inode)
    // Somebody has it open for cached I/O meanwhile, or it is shorter.
    if (fuse_dio_wr_exclusive_lock(iocb) || !fuse_inode_uncached_io_start(inode)) {
      yield* inode_unlock_shared(inode)
      exclusive = true
    }
  }
  if (exclusive) yield* inode_lock(inode)
  yield* generic_write_checks(iocb)
  yield* fuse_invalidate_pages(inode, ...pages_of(iocb))
  const n = yield* fuse_direct_io(iocb, true)
  if (n > 0) fuse_write_update_attr(inode, iocb.pos + n)
  if (exclusive) yield* inode_unlock(inode)
  else {
    yield* fuse_inode_uncached_io_end(inode)
    yield* inode_unlock_shared(inode)
  }
  return yield* generic_write_sync(iocb, n)
})

const fuse_direct_read_iter = kfn('fuse_direct_read_iter', function* (iocb: Kiocb): Step<number> {
  const rc = yield* fuse_writeback(iocb.file.f_inode, ...pages_of(iocb))
  return rc < 0 ? rc : yield* fuse_direct_io(iocb, false)
})

/** read(2) of a file without a map: bytes or -errno. */
export const fuse_read_iter = (iocb: Kiocb) =>
  is_direct(iocb) ? fuse_direct_read_iter(iocb) : fuse_cache_read_iter(iocb)
/** write(2) of one. */
export const fuse_write_iter = (iocb: Kiocb) =>
  is_direct(iocb) ? fuse_direct_write_iter(iocb) : fuse_cache_write_iter(iocb)

const fuse_fault = kfn('fuse_file_vm_ops fault', function* (vmf: vm_fault): Step<number> {
  return yield* filemap_fault(vmf, regular(vmf.vma.vm_file!.f_inode).pages, fuse_read_pages)
})

/** fuse_page_mkwrite(): a page that is mapped for reading is to be written: it is dirty from now on. */
const fuse_page_mkwrite = kfn('fuse_page_mkwrite', function* (vmf: vm_fault): Step<number> {
  const inode = vmf.vma.vm_file!.f_inode
  const { pages } = regular(inode)
  fuse_update_time(inode)
  const folio = pages.get(vmf.pgoff)
  if (folio?.locked) yield* folio_wait_locked(pages, folio)
  // Truncated meanwhile.
  if (folio === undefined || pages.get(vmf.pgoff) !== folio) return VM_FAULT_NOPAGE
  folio.mark_dirty(true)
  return 0
})

const fuse_file_vm_ops: VmOps = { fault: fuse_fault, page_mkwrite: fuse_page_mkwrite }

/** fuse_file_mmap() of a file without a map: 0, or -ENODEV for a shared mapping of one that is read and written directly. */
export const fuse_mmap = kfn('fuse_file_mmap classic', function* (file: File, vma: VmArea): Step<number> {
  const inode = file.f_inode
  if ((file.fuse!.open_flags & FOPEN_DIRECT_IO) !== 0) {
    if (vma.shared && !fuse_has(inode.fuse!.fc, 'DIRECT_IO_ALLOW_MMAP')) return -ENODEV
    yield* fuse_invalidate_pages(inode)
    if (vma.shared) yield* fuse_file_cached_io_open(inode, file)
  }
  vma.vm_ops = fuse_file_vm_ops
  return 0
})
