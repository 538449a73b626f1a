// fs/fuse/file.c: open, release, flush, fsync, fallocate, flock, and where reads, writes and mmap part ways (kernel.md 2.2, 2.10).
import { divDown, divUp, kfn, type Step } from '../../sim/index.ts'
import {
  EIO,
  ENOMEM,
  ENOSYS,
  EOPNOTSUPP,
  FOPEN_NOFLUSH,
  FUSE_FSYNC_FDATASYNC,
  FUSE_LK_FLOCK,
  FUSE_RELEASE_FLOCK_UNLOCK,
  fuse_open_out,
  viewOf,
} from '../../wire/index.ts'
import { famfs_file_mmap, famfs_fuse_read_iter, famfs_fuse_write_iter } from '../famfs/famfs_file.ts'
import { fuse_get_fmap } from '../famfs/famfs_fmap.ts'
import { mark } from '../marks.ts'
import { PAGE_SIZE } from '../mm/mm_struct.ts'
import { invalidate_inode_pages2, truncate_pagecache, truncate_pagecache_range } from '../mm/truncate.ts'
import type { VmArea } from '../mm/vma.ts'
import { file_remove_privs } from '../vfs/attr.ts'
import { type File, LOCK_EX, LOCK_NB, LOCK_SH, O_CREAT, O_EXCL, O_TRUNC } from '../vfs/file.ts'
import { flock_lock_inode_wait } from '../vfs/flock.ts'
import { type FileOps, type Inode, inode_lock, inode_unlock, type Kiocb, S_ISREG } from '../vfs/inode.ts'
import type { pipe_inode_info } from '../vfs/pipe.ts'
import { iter_file_splice_write } from '../vfs/splice.ts'
import { FUSE_STATX_MODSIZE, fuse_invalidate_attr } from './attr.ts'
import { fuse_copy_file_range } from './copy.ts'
import { f_flags, fuse_mmap, fuse_read_iter, fuse_write_iter } from './file_io.ts'
import type { fuse_args } from './fuse_i.ts'
import { type fuse_file, if_regular } from './fuse_inode.ts'
import { fuse_has, fuse_is_bad } from './iget.ts'
import { fuse_file_io_release, fuse_finish_open } from './iomode.ts'
import { fuse_file_llseek } from './llseek.ts'
import { fuse_optional_request, fuse_simple_background, fuse_simple_request } from './request.ts'
import { fuse_invalidate_pages, fuse_write_inode, fuse_writeback } from './writeback.ts'

/** What a file has that was opened without asking. */
export const NO_FILE = { fh: 0, open_flags: 0 }

/** Is this inode a famfs file: has it a map? (fuse_file_famfs()) */
const fuse_file_famfs = (inode: Inode) => inode.fuse!.famfs_meta.READ_ONCE()

/** fuse_do_open(): OPEN, unless the server said once that it wants none. */
const fuse_do_open = kfn('fuse_do_open', function* (inode: Inode, file: File): Step<fuse_file | number> {
  const fi = inode.fuse!
  const { fc } = fi
  const alloc = yield* fc.k.kzalloc('fuse_file', 120)
  if (alloc === null) return -ENOMEM
  // Only ATOMIC_O_TRUNC leaves O_TRUNC to the server.
  const flags = fuse_has(fc, 'ATOMIC_O_TRUNC') ? file.f_flags & ~(O_CREAT | O_EXCL) : f_flags(file)
  const args: fuse_args = { op: fc.k.opcodes.op.OPEN, nodeid: fi.nodeid, arg: { flags } }
  const rc = fc.no_op.has('OPEN') ? -ENOSYS : yield* fuse_simple_request(fi.fm, args)
  if (rc >= 0) {
    const o = fuse_open_out.read(viewOf(args.out!), args.out!.byteOffset)
    return { fh: o.fh, open_flags: o.open_flags, alloc }
  }
  // Whatever INIT flags the server asked for (oracle open.no_open).
  if (rc === -ENOSYS) {
    fc.no_op.set('OPEN', true)
    return { ...NO_FILE, alloc }
  }
  yield* fc.k.kfree(alloc)
  return rc
})

/** RELEASE of an open file; the lock that it had from the server goes with it. */
const release_args = (inode: Inode, ff: fuse_file, flags: number): fuse_args => {
  const locked = inode.fuse!.fc.flock.delete(ff.alloc.id)
  const release_flags = locked ? FUSE_RELEASE_FLOCK_UNLOCK : 0
  return {
    op: inode.k.opcodes.op.RELEASE,
    nodeid: inode.fuse!.nodeid,
    arg: { fh: ff.fh, flags, release_flags, lock_owner: locked ? ff.alloc.id : 0 },
    nocreds: true,
    force: true,
    end: fuse_release_end,
  }
}

/** Nobody waits for the answer. */
export const fuse_release_end = kfn('fuse_release_end', function* (): Step<void> {})

/** fuse_sync_release(): an open that failed half-way tells the server, and waits for it. */
const fuse_sync_release = kfn('fuse_sync_release', function* (inode: Inode, ff: fuse_file, flags: number): Step<void> {
  const { fc, fm } = inode.fuse!
  if (!fc.no_op.has('OPEN')) yield* fuse_simple_request(fm, { ...release_args(inode, ff, flags), end: undefined })
  yield* inode.k.kfree(ff.alloc)
})

/** Does this open set the size to 0 itself? Of a famfs file it does with L11 only: its size is the map's. */
const truncates = (inode: Inode, file: File): boolean =>
  (file.f_flags & O_TRUNC) !== 0 &&
  fuse_has(inode.fuse!.fc, 'ATOMIC_O_TRUNC') &&
  (inode.k.profile.has('L11') || inode.fuse!.famfs_meta.peek() === null)

/** fuse_open(): what truncates under write-back caching holds the inode all through it (L11: also while the map is installed). */
const fuse_open = kfn('fuse_open', function* (inode: Inode, file: File): Step<number> {
  const { fc } = inode.fuse!
  const locked =
    truncates(inode, file) && fuse_has(fc, 'WRITEBACK_CACHE') && (inode.k.profile.has('L11') || !fc.famfs_iomap.peek())
  if (locked) yield* inode_lock(inode)
  const rc = yield* open_and_map(inode, file)
  if (locked) yield* inode_unlock(inode)
  return rc
})

/** fuse_open() but for its lock: OPEN, then the map (kernel.md 2.2). 0 or -errno. */
function* open_and_map(inode: Inode, file: File): Step<number> {
  const fi = inode.fuse!
  const { fc, fm } = fi
  if (fuse_is_bad(inode)) return -EIO
  const ff = yield* fuse_do_open(inode, file)
  if (typeof ff === 'number') return ff
  if ((yield* fc.famfs_iomap.load()) && S_ISREG(inode.i_mode)) {
    const { profile } = fc.k
    const err = profile.has('B11') ? 0 : yield* fuse_get_fmap(fm, inode)
    // B10: it is printed, and the file goes on as one without a map.
    if (err < 0 && !profile.has('B10')) {
      mark(fc.k.m, 'fuse_open', 'map failed')
      yield* fuse_sync_release(inode, ff, f_flags(file))
      return err
    }
  }
  file.fuse = ff
  const err = yield* fuse_finish_open(inode, file)
  if (err < 0) {
    yield* fuse_sync_release(inode, ff, f_flags(file))
    return err
  }
  // O_TRUNC with ATOMIC_O_TRUNC sets the size here; a famfs file then no longer fits its map.
  if (truncates(inode, file)) {
    inode.i_size.poke(0)
    fuse_invalidate_attr(inode, FUSE_STATX_MODSIZE)
    if_regular(inode)?.pages.truncate(0)
    yield* truncate_pagecache(inode, 0)
    yield* invalidate_inode_pages2(inode.i_mapping)
  }
  return 0
}

/** fuse_flush(): on every close of a descriptor. ENOSYS once turns it off for good. */
const fuse_flush = kfn('fuse_flush', function* (file: File): Step<number> {
  const inode = file.f_inode
  const { fc, fm, nodeid } = inode.fuse!
  const ff = file.fuse!
  if (fuse_is_bad(inode)) return -EIO
  const noflush = (ff.open_flags & FOPEN_NOFLUSH) !== 0
  if (noflush && !fuse_has(fc, 'WRITEBACK_CACHE')) return 0
  const err = if_regular(inode) === undefined ? 0 : yield* fuse_write_inode(inode)
  if (err < 0) return err
  if (noflush || fc.no_op.has('FLUSH')) return 0
  const arg = { fh: ff.fh, lock_owner: inode.k.current.pid }
  const rc = yield* fuse_simple_request(fm, { op: fc.k.opcodes.op.FLUSH, nodeid, arg, force: true })
  if (rc === -ENOSYS) fc.no_op.set('FLUSH', true)
  return rc === -ENOSYS ? 0 : rc
})

/** fuse_release(): the last reference to an open file went; RELEASE goes out and nobody waits. */
const fuse_release = kfn('fuse_release', function* (inode: Inode, file: File): Step<number> {
  const ff = file.fuse
  if (ff === null) return 0
  const { fc, fm } = inode.fuse!
  // What a mapping left dirty; the kernel writes that when it is unmapped.
  if (if_regular(inode) !== undefined && file.writable) yield* fuse_write_inode(inode)
  fuse_file_io_release(inode, file)
  if (!fc.no_op.has('OPEN')) yield* fuse_simple_background(fm, release_args(inode, ff, f_flags(file)))
  yield* inode.k.kfree(ff.alloc)
  return 0
})

/** fuse_fsync(), fuse_dir_fsync(): 0 or -errno. A server without it has nothing to wait for. */
export const fuse_fsync_common = kfn(
  'fuse_fsync_common',
  function* (file: File, datasync: boolean, name: 'FSYNC' | 'FSYNCDIR'): Step<number> {
    const inode = file.f_inode
    const { fm, nodeid } = inode.fuse!
    if (fuse_is_bad(inode)) return -EIO
    const arg = { fh: file.fuse!.fh, fsync_flags: datasync ? FUSE_FSYNC_FDATASYNC : 0 }
    yield* inode_lock(inode)
    const err = if_regular(inode) === undefined ? 0 : yield* fuse_write_inode(inode)
    const rc = err < 0 ? err : yield* fuse_optional_request(fm, { op: inode.k.opcodes.op[name], nodeid, arg }, 0)
    yield* inode_unlock(inode)
    return rc
  },
)

const fuse_fsync = (file: File, datasync = false) => fuse_fsync_common(file, datasync, 'FSYNC')

/** What FALLOCATE may be asked for. */
const FALLOC_FL_KEEP_SIZE = 0x01
const FALLOC_FL_PUNCH_HOLE = 0x02
const FALLOC_FL_ZERO_RANGE = 0x10

/** fuse_file_fallocate(): 0 or -errno. What makes a famfs file longer makes it bad, like any other new size. */
const fuse_file_fallocate = kfn(
  'fuse_file_fallocate',
  function* (file: File, mode: number, offset: number, length: number): Step<number> {
    const inode = file.f_inode
    const { fc, fm, nodeid } = inode.fuse!
    if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) !== 0) return -EOPNOTSUPP
    if (fc.no_op.has('FALLOCATE')) return -EOPNOTSUPP
    const arg = { fh: file.fuse!.fh, offset, length, mode }
    yield* inode_lock(inode)
    yield* file_remove_privs(inode)
    const pages = [divDown(offset, PAGE_SIZE), divUp(offset + length, PAGE_SIZE)] as const
    const hole = (mode & ~FALLOC_FL_KEEP_SIZE) !== 0 && if_regular(inode) !== undefined
    if (hole) yield* fuse_writeback(inode, ...pages)
    const rc = yield* fuse_optional_request(fm, { op: fc.k.opcodes.op.FALLOCATE, nodeid, arg }, -EOPNOTSUPP)
    if (rc === 0) {
      const end = offset + length
      if ((mode & FALLOC_FL_KEEP_SIZE) === 0 && end > inode.i_size.peek()) inode.i_size.poke(end)
      if (hole) yield* fuse_invalidate_pages(inode, ...pages)
      if ((mode & ~FALLOC_FL_KEEP_SIZE) !== 0) yield* truncate_pagecache_range(inode, offset, end)
      fuse_invalidate_attr(inode, FUSE_STATX_MODSIZE)
    }
    yield* inode_unlock(inode)
    return rc
  },
)

const F_RDLCK = 0
const F_WRLCK = 1
const F_UNLCK = 2
/** The last byte of a file, as near as a number comes to it. */
const OFFSET_MAX = 0x7ffffffffffffc00

/**
 * fuse_file_flock(): by the server, if it asked for that (FLOCK_LOCKS): SETLKW, or SETLK with LOCK_NB; the open file is the owner.
 * Else the kernel's own lock.
 */
const fuse_file_flock = kfn('fuse_file_flock', function* (file: File, cmd: number): Step<number> {
  const inode = file.f_inode
  const { fc, fm, nodeid } = inode.fuse!
  if (!fuse_has(fc, 'FLOCK_LOCKS')) return yield* flock_lock_inode_wait(file, cmd)
  const { fh, alloc } = file.fuse!
  const { SETLK, SETLKW } = fc.k.opcodes.op
  const how = cmd & ~LOCK_NB
  const type = how === LOCK_EX ? F_WRLCK : how === LOCK_SH ? F_RDLCK : F_UNLCK
  const lk = { start: 0, end: OFFSET_MAX, type, pid: type === F_UNLCK ? 0 : fc.k.current.pid }
  const arg = { fh, owner: alloc.id, lk, lk_flags: FUSE_LK_FLOCK }
  fc.flock.set(alloc.id, true)
  return yield* fuse_simple_request(fm, { op: (cmd & LOCK_NB) !== 0 ? SETLK : SETLKW, nodeid, arg })
})

/** fuse_file_read_iter(): famfs first, whatever the open flags say. */
const fuse_file_read_iter = kfn('fuse_file_read_iter', function* (iocb: Kiocb): Step<number> {
  if (fuse_is_bad(iocb.file.f_inode)) return -EIO
  if ((yield* fuse_file_famfs(iocb.file.f_inode)) !== null) return yield* famfs_fuse_read_iter(iocb)
  return yield* fuse_read_iter(iocb)
})

const fuse_file_write_iter = kfn('fuse_file_write_iter', function* (iocb: Kiocb): Step<number> {
  if (fuse_is_bad(iocb.file.f_inode)) return -EIO
  if ((yield* fuse_file_famfs(iocb.file.f_inode)) !== null) return yield* famfs_fuse_write_iter(iocb)
  return yield* fuse_write_iter(iocb)
})

const fuse_file_mmap = kfn('fuse_file_mmap', function* (file: File, vma: VmArea): Step<number> {
  if ((yield* fuse_file_famfs(file.f_inode)) !== null) return yield* famfs_file_mmap(file, vma)
  return yield* fuse_mmap(file, vma)
})

/** fuse_splice_write(): nothing goes into a famfs file so. */
const fuse_splice_write = kfn(
  'fuse_splice_write',
  function* (pipe: pipe_inode_info, file: File, pos: number, len: number, nonblock: boolean): Step<number> {
    if ((yield* fuse_file_famfs(file.f_inode)) !== null) return -EIO
    return yield* iter_file_splice_write(pipe, file, pos, len, nonblock)
  },
)

export const fuse_file_operations: FileOps = {
  open: fuse_open,
  flush: fuse_flush,
  release: fuse_release,
  read_iter: fuse_file_read_iter,
  write_iter: fuse_file_write_iter,
  splice_write: fuse_splice_write,
  copy_file_range: fuse_copy_file_range,
  llseek: fuse_file_llseek,
  mmap: fuse_file_mmap,
  fsync: fuse_fsync,
  fallocate: fuse_file_fallocate,
  flock: fuse_file_flock,
}
