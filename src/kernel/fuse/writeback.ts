// fs/fuse/file.c: dirty pages go back to the server (fuse_writepages()), and so does a time that was set here (fuse_flush_times()).
// Pages are dirty where the server asked for WRITEBACK_CACHE, or a mapping was written to.
import { divDown, kfn, max, min, type Op, type Step } from '../../sim/index.ts'
import { EIO, FATTR_CTIME, FATTR_FH, FATTR_MTIME, FUSE_WRITE_CACHE, fuse_write_out, viewOf } from '../../wire/index.ts'
import { type Folio, filemap_invalidate_pages, filemap_write_and_wait_range } from '../mm/filemap.ts'
import { PAGE_SIZE } from '../mm/mm_struct.ts'
import { END_OF_FILE } from '../mm/zap.ts'
import type { Inode } from '../vfs/inode.ts'
import type { fuse_conn } from './fuse_i.ts'
import { regular } from './fuse_inode.ts'
import { trusts_itself } from './iget.ts'
import { fuse_simple_request } from './request.ts'

export const END = END_OF_FILE

/** Pages of one WRITE. */
const wr_pages = (fc: fuse_conn): number => max(1, min(fc.max_pages.peek(), divDown(fc.max_write.peek(), PAGE_SIZE)))

/** fuse_writepages_send(): one WRITE of pages that follow each other, through a file that is open for writing. 0 or -errno. */
const write_pages = (inode: Inode) =>
  function* (folios: readonly Folio[]): Step<number> {
    const { fm, nodeid } = inode.fuse!
    const ff = regular(inode).write_files.at(0)
    if (ff === undefined) return -EIO
    const offset = folios[0]!.index * PAGE_SIZE
    const size = min(folios.length * PAGE_SIZE, inode.i_size.peek() - offset)
    // Truncated meanwhile.
    if (size <= 0) return 0
    const data = new Uint8Array(size)
    for (const [i, f] of folios.entries()) {
      const at = i * PAGE_SIZE
      if (at < size) data.set(f.bytes.subarray(0, min(PAGE_SIZE, size - at)), at)
    }
    const arg = { fh: ff.fh, offset, size, write_flags: FUSE_WRITE_CACHE }
    const args = {
      op: inode.k.opcodes.op.WRITE,
      nodeid,
      arg,
      data,
      nocreds: true,
      out: undefined as Uint8Array | undefined,
    }
    const rc = yield* fuse_simple_request(fm, args)
    if (rc < 0) return rc
    return fuse_write_out.read(viewOf(args.out!), args.out!.byteOffset).size < size ? -EIO : 0
  }

/** file_write_and_wait_range() of pages [first, end): 0 or -errno. */
export const fuse_writeback = (inode: Inode, first = 0, end = END): Op<number> =>
  filemap_write_and_wait_range(regular(inode).pages, first, end, wr_pages(inode.fuse!.fc), write_pages(inode))

/** filemap_invalidate_pages() of pages [first, end) of a file without a map. */
export const fuse_invalidate_pages = (inode: Inode, first = 0, end = END): Op<number> =>
  filemap_invalidate_pages(regular(inode).pages, first, end, wr_pages(inode.fuse!.fc), write_pages(inode))

/** file_update_time(), with write-back caching: the time of a change is set here, and the server hears of it later. */
export const fuse_update_time = (inode: Inode): void => {
  if (!trusts_itself(inode)) return
  const now = inode.k.m.clock()
  inode.i_attr.poke({ ...inode.i_attr.peek(), mtime: now, ctime: now })
  regular(inode).times_dirty.poke(true)
}

/** fuse_flush_times(): SETATTR of the times that were set here. 0 or -errno. */
const fuse_flush_times = kfn('fuse_flush_times', function* (inode: Inode): Step<number> {
  const { fc, fm, nodeid } = inode.fuse!
  const { times_dirty, write_files } = regular(inode)
  times_dirty.poke(false)
  const { mtime, ctime } = inode.i_attr.peek()
  const ff = write_files.at(0)
  const has_ctime = fc.minor.peek() >= 23
  const arg = {
    valid: FATTR_MTIME | (has_ctime ? FATTR_CTIME : 0) | (ff === undefined ? 0 : FATTR_FH),
    fh: ff?.fh ?? 0,
    mtime: divDown(mtime, 1e9),
    mtimensec: mtime % 1e9,
    ...(has_ctime ? { ctime: divDown(ctime, 1e9), ctimensec: ctime % 1e9 } : {}),
  }
  const rc = yield* fuse_simple_request(fm, { op: fc.k.opcodes.op.SETATTR, nodeid, arg })
  return rc < 0 ? rc : 0
})

/** write_inode_now(): pages, then times. 0 or -errno. */
export const fuse_write_inode = kfn('write_inode_now', function* (inode: Inode): Step<number> {
  const rc = yield* fuse_writeback(inode)
  const err = regular(inode).times_dirty.peek() ? yield* fuse_flush_times(inode) : 0
  return rc < 0 ? rc : err
})
