// fs/fuse/iomode.c: an inode is open for cached I/O, or has uncached writes side by side, or is open for passthrough; one keeps the
// others out. What has a map takes no part, and neither does what was opened without asking.
// Locking: iocachectr is changed within a step: how many files are open for cached I/O, or, below 0, how many uncached writes run.
import { kfn, type Step, wait_event, wake_up_all } from '../../sim/index.ts'
import {
  EIO,
  FOPEN_DIRECT_IO,
  FOPEN_KEEP_CACHE,
  FOPEN_NONSEEKABLE,
  FOPEN_PASSTHROUGH,
  FOPEN_STREAM,
} from '../../wire/index.ts'
import { type File, nonseekable_open } from '../vfs/file.ts'
import { type Inode, S_ISREG } from '../vfs/inode.ts'
import { if_regular, regular } from './fuse_inode.ts'
import { trusts_itself } from './iget.ts'
import { fuse_invalidate_pages } from './writeback.ts'

/** fuse_file_cached_io_open(): uncached writes that run are waited for, once for each open file. */
export const fuse_file_cached_io_open = kfn(
  'fuse_file_cached_io_open',
  function* (inode: Inode, file: File): Step<void> {
    const { iocachectr, direct_io_waitq, cached_files } = regular(inode)
    const { id } = file.fuse!.alloc
    if (cached_files.has(id)) return
    // Seen by those who would start one from here on (FUSE_I_CACHE_IO_MODE).
    cached_files.set(id, true)
    if (iocachectr.peek() < 0) yield* wait_event(direct_io_waitq, () => iocachectr.peek() >= 0)
    iocachectr.poke(iocachectr.peek() + 1)
  },
)

/** fuse_inode_uncached_io_start(): false where somebody has it open for cached I/O. */
export const fuse_inode_uncached_io_start = (inode: Inode): boolean => {
  const { iocachectr, cached_files } = regular(inode)
  if (cached_files.size > 0 || iocachectr.peek() > 0) return false
  iocachectr.poke(iocachectr.peek() - 1)
  return true
}

/** fuse_inode_uncached_io_end() */
export const fuse_inode_uncached_io_end = kfn('fuse_inode_uncached_io_end', function* (inode: Inode): Step<void> {
  const { iocachectr, direct_io_waitq } = regular(inode)
  iocachectr.poke(iocachectr.peek() + 1)
  if (iocachectr.peek() === 0) yield* wake_up_all(direct_io_waitq)
})

/** fuse_file_io_open(): 0, or -EIO: passthrough is for files that the server gave a backing file for, and there are none here. */
const fuse_file_io_open = kfn('fuse_file_io_open', function* (inode: Inode, file: File): Step<number> {
  const ff = file.fuse!
  if (inode.fuse!.fc.no_op.has('OPEN')) return 0
  if ((ff.open_flags & FOPEN_DIRECT_IO) !== 0 && (ff.open_flags & FOPEN_PASSTHROUGH) === 0) return 0
  if ((ff.open_flags & FOPEN_PASSTHROUGH) !== 0) return -EIO
  yield* fuse_file_cached_io_open(inode, file)
  return 0
})

/**
 * fuse_finish_open(): 0, or -EIO (fuse_file_io_open()). A file with a map has part in none of it but its seeking. Cached pages of
 * another go, unless the server wants them kept.
 */
export const fuse_finish_open = kfn('fuse_finish_open', function* (inode: Inode, file: File): Step<number> {
  const ff = file.fuse!
  if ((ff.open_flags & (FOPEN_STREAM | FOPEN_NONSEEKABLE)) !== 0)
    nonseekable_open(file, (ff.open_flags & FOPEN_STREAM) !== 0)
  const classic = S_ISREG(inode.i_mode) && inode.fuse!.famfs_meta.peek() === null
  if (classic) {
    const rc = yield* fuse_file_io_open(inode, file)
    if (rc < 0) return rc
  }
  if (file.writable && (classic || trusts_itself(inode))) regular(inode).write_files.push(ff)
  if (classic && (ff.open_flags & FOPEN_KEEP_CACHE) === 0) yield* fuse_invalidate_pages(inode)
  return 0
})

/** fuse_file_io_release() */
export const fuse_file_io_release = (inode: Inode, file: File): void => {
  const r = if_regular(inode)
  r?.write_files.remove(file.fuse!)
  if (r?.cached_files.delete(file.fuse!.alloc.id)) r.iocachectr.poke(r.iocachectr.peek() - 1)
}
