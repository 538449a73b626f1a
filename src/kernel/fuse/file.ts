// fs/fuse/file.c: open, release, flush, and where reads, writes and mmap part ways (kernel.md 2.2, 2.10).
import { kfn, type Step } from '../../sim/index.ts'
import {
  EINVAL,
  ENODEV,
  ENOMEM,
  ENOSYS,
  FOPEN_NOFLUSH,
  FUSE_RELEASE_FLUSH,
  fuse_open_out,
  fuse_write_out,
  viewOf,
} from '../../wire/index.ts'
import { dax_delete_mapping_entries } from '../dax/dax.ts'
import { famfs_file_mmap, famfs_fuse_read_iter, famfs_fuse_write_iter } from '../famfs/famfs_file.ts'
import { fuse_get_fmap } from '../famfs/famfs_fmap.ts'
import { mark } from '../marks.ts'
import type { VmArea } from '../mm/mm_struct.ts'
import { unmap_mapping_pages } from '../mm/mmap.ts'
import { type File, O_DIRECT, O_TRUNC } from '../vfs/file.ts'
import { type FileOps, type Inode, type InodeOps, IS_DAX, type Kiocb, S_ISREG } from '../vfs/inode.ts'
import { fuse_simple_background, fuse_simple_request } from './dev.ts'
import { fuse_permission, fuse_release_end, fuse_update_attributes } from './dir.ts'
import type { fuse_args } from './fuse_i.ts'
import type { fuse_file } from './fuse_inode.ts'
import { fuse_has } from './iget.ts'

/** Is this inode a famfs file: has it a map? (fuse_file_famfs()) */
const fuse_file_famfs = (inode: Inode) => inode.fuse!.famfs_meta.READ_ONCE()

/** fuse_do_open(): OPEN, unless the server said once that it wants none. */
const fuse_do_open = kfn('fuse_do_open', function* (inode: Inode, file: File): Step<fuse_file | number> {
  const fi = inode.fuse!
  const { fc } = fi
  const alloc = yield* fc.k.kzalloc('fuse_file', 120)
  if (alloc === null) return -ENOMEM
  if (fc.no_open.peek()) return { fh: 0, open_flags: 0, alloc }
  const args: fuse_args = { op: fc.k.opcodes.op.OPEN, nodeid: fi.nodeid, arg: { flags: file.f_flags } }
  const rc = yield* fuse_simple_request(fi.fm, args)
  if (rc >= 0) {
    const o = fuse_open_out.read(viewOf(args.out!), args.out!.byteOffset)
    return { fh: o.fh, open_flags: o.open_flags, alloc }
  }
  // Whatever INIT flags the server asked for (oracle open.no_open).
  if (rc === -ENOSYS) {
    fc.no_open.poke(true)
    return { fh: 0, open_flags: 0, alloc }
  }
  yield* fc.k.kfree(alloc)
  return rc
})

const release_args = (inode: Inode, ff: fuse_file, flags: number, flush: boolean): fuse_args => ({
  op: inode.k.opcodes.op.RELEASE,
  nodeid: inode.fuse!.nodeid,
  arg: { fh: ff.fh, flags, release_flags: flush ? FUSE_RELEASE_FLUSH : 0 },
  nocreds: true,
  force: true,
  end: flush ? undefined : fuse_release_end,
})

/** fuse_sync_release(): an open that failed half-way tells the server, and waits for it. */
const fuse_sync_release = kfn('fuse_sync_release', function* (inode: Inode, ff: fuse_file, flags: number): Step<void> {
  if (!inode.fuse!.fc.no_open.peek())
    yield* fuse_simple_request(inode.fuse!.fm, { ...release_args(inode, ff, flags, false), end: undefined })
  yield* inode.k.kfree(ff.alloc)
})

/** fuse_open(): OPEN, then the map (kernel.md 2.2). 0 or -errno. */
const fuse_open = kfn('fuse_open', function* (inode: Inode, file: File): Step<number> {
  const fi = inode.fuse!
  const { fc, fm } = fi
  const ff = yield* fuse_do_open(inode, file)
  if (typeof ff === 'number') return ff
  if ((yield* fc.famfs_iomap.load()) && S_ISREG(inode.i_mode)) {
    const err = yield* fuse_get_fmap(fm, inode)
    if (err < 0) {
      mark(fc.k.m, 'fuse_open', 'map failed')
      yield* fuse_sync_release(inode, ff, file.f_flags)
      return err
    }
    // A DAX file takes no O_DIRECT (oracle rw.odirect); the map stays.
    if ((file.f_flags & O_DIRECT) !== 0 && IS_DAX(inode)) {
      mark(fc.k.m, 'fuse_open', 'O_DIRECT refused')
      yield* fuse_sync_release(inode, ff, file.f_flags)
      return -EINVAL
    }
  }
  file.fuse = ff
  // fuse_finish_open(): O_TRUNC with ATOMIC_O_TRUNC sets the size here; a famfs file then no longer fits its map.
  if ((file.f_flags & O_TRUNC) !== 0 && fuse_has(fc, 'ATOMIC_O_TRUNC')) {
    inode.i_size.poke(0)
    fi.i_time.poke(0)
    dax_delete_mapping_entries(inode.i_mapping)
    unmap_mapping_pages(inode.i_mapping, 0, Number.MAX_SAFE_INTEGER / 4096)
  }
  return 0
})

/** fuse_flush(): on every close of a descriptor. ENOSYS once turns it off for good. */
const fuse_flush = kfn('fuse_flush', function* (file: File): Step<number> {
  const inode = file.f_inode
  const fi = inode.fuse!
  const { fc, fm } = fi
  if ((file.fuse!.open_flags & FOPEN_NOFLUSH) !== 0 || fc.no_flush.peek()) return 0
  const rc = yield* fuse_simple_request(fm, {
    op: fc.k.opcodes.op.FLUSH,
    nodeid: fi.nodeid,
    arg: { fh: file.fuse!.fh, lock_owner: inode.k.current.pid },
    force: true,
  })
  if (rc === -ENOSYS) {
    fc.no_flush.poke(true)
    return 0
  }
  return rc < 0 ? rc : 0
})

/** fuse_release(): the last reference to an open file went; RELEASE goes out and nobody waits. */
const fuse_release = kfn('fuse_release', function* (inode: Inode, file: File): Step<number> {
  const ff = file.fuse
  if (ff === null) return 0
  const { fc, fm } = inode.fuse!
  if (!fc.no_open.peek()) yield* fuse_simple_background(fm, release_args(inode, ff, file.f_flags, false))
  yield* inode.k.kfree(ff.alloc)
  return 0
})

/** READ and WRITE requests for a file without a map, uncached. Bytes or -errno. */
const fuse_direct_io = kfn('fuse_direct_io', function* (iocb: Kiocb, write: boolean): Step<number> {
  const inode = iocb.file.f_inode
  const { fc, fm, nodeid } = inode.fuse!
  const op = write ? fc.k.opcodes.op.WRITE : fc.k.opcodes.op.READ
  const base = { fh: iocb.file.fuse!.fh, offset: iocb.pos, size: iocb.count, flags: iocb.file.f_flags }
  const args: fuse_args = write
    ? { op, nodeid, arg: base, data: iocb.buf.subarray(0, iocb.count) }
    : { op, nodeid, arg: base, room: iocb.count }
  const rc = yield* fuse_simple_request(fm, args)
  if (rc < 0) return rc
  if (write) return fuse_write_out.read(viewOf(args.out!), args.out!.byteOffset).size
  iocb.buf.set(args.out!)
  return rc
})

/** fuse_file_read_iter(): famfs first, whatever the open flags say. */
const fuse_file_read_iter = kfn('fuse_file_read_iter', function* (iocb: Kiocb): Step<number> {
  if ((yield* fuse_file_famfs(iocb.file.f_inode)) !== null) return yield* famfs_fuse_read_iter(iocb)
  return yield* fuse_direct_io(iocb, false)
})

const fuse_file_write_iter = kfn('fuse_file_write_iter', function* (iocb: Kiocb): Step<number> {
  if ((yield* fuse_file_famfs(iocb.file.f_inode)) !== null) return yield* famfs_fuse_write_iter(iocb)
  return yield* fuse_direct_io(iocb, true)
})

const fuse_file_mmap = kfn('fuse_file_mmap', function* (file: File, vma: VmArea): Step<number> {
  if ((yield* fuse_file_famfs(file.f_inode)) !== null) return yield* famfs_file_mmap(file, vma)
  return -ENODEV // mapping through a page cache belongs to the classic path
})

export const fuse_file_inode_operations: InodeOps = { permission: fuse_permission, getattr: fuse_update_attributes }

export const fuse_file_operations: FileOps = {
  open: fuse_open,
  flush: fuse_flush,
  release: fuse_release,
  read_iter: fuse_file_read_iter,
  write_iter: fuse_file_write_iter,
  mmap: fuse_file_mmap,
}
