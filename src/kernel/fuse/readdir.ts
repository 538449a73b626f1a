// fs/fuse/readdir.c: listing a directory. READDIRPLUS brings each name with what a LOOKUP would have said, counted as one.
import { kfn, type Step, wait_event } from '../../sim/index.ts'
import {
  EIO,
  ENOMEM,
  ENOSYS,
  FUSE_ROOT_ID,
  fuse_open_out,
  type ReadDirentPlus,
  unpackDirents,
  unpackDirentsPlus,
  viewOf,
} from '../../wire/index.ts'
import { fuse_lookup_fmap } from '../famfs/famfs_fmap.ts'
import { Dentry } from '../vfs/dcache.ts'
import type { File } from '../vfs/file.ts'
import {
  type DirEntry,
  type FileOps,
  type Inode,
  inode_lock_shared,
  inode_unlock_shared,
  S_IFMT,
} from '../vfs/inode.ts'
import { fuse_fsync_common, fuse_release_end, NO_FILE } from './file.ts'
import type { fuse_args, fuse_conn, fuse_mount } from './fuse_i.ts'
import { fuse_change_attributes, fuse_has, fuse_iget, fuse_invalid_attr, fuse_is_bad, time_to_ns } from './iget.ts'
import { fuse_invalidate_entry } from './namespace.ts'
import { fuse_optional_request, fuse_queue_forget, fuse_simple_background, fuse_simple_request } from './request.ts'

/** What glibc reads a directory with, bytes (golden/fused_debug_unmodified.txt). */
const READDIR_BUF = 32768

const fuse_dir_open = kfn('fuse_dir_open', function* (inode: Inode, file: File): Step<number> {
  const { fc, fm, nodeid } = inode.fuse!
  if (fuse_is_bad(inode)) return -EIO
  const alloc = yield* fc.k.kzalloc('fuse_file', 120)
  if (alloc === null) return -ENOMEM
  const args: fuse_args = { op: fc.k.opcodes.op.OPENDIR, nodeid, arg: { flags: file.f_flags } }
  const rc = yield* fuse_optional_request(fm, args, -ENOSYS)
  if (rc < 0 && rc !== -ENOSYS) {
    yield* fc.k.kfree(alloc)
    return rc
  }
  const o = rc < 0 ? NO_FILE : fuse_open_out.read(viewOf(args.out!), args.out!.byteOffset)
  file.fuse = { fh: o.fh, open_flags: o.open_flags, alloc }
  return 0
})

const fuse_dir_release = kfn('fuse_dir_release', function* (inode: Inode, file: File): Step<number> {
  const { fc, fm, nodeid } = inode.fuse!
  const ff = file.fuse!
  if (!fc.no_op.has('OPENDIR'))
    yield* fuse_simple_background(fm, {
      op: fc.k.opcodes.op.RELEASEDIR,
      nodeid,
      arg: { fh: ff.fh, flags: file.f_flags },
      nocreds: true,
      force: true,
      end: fuse_release_end,
    })
  yield* fc.k.kfree(ff.alloc)
  return 0
})

/** fuse_use_readdirplus(): always, or with READDIRPLUS_AUTO only at the beginning. */
const fuse_use_readdirplus = (fc: fuse_conn, offset: number): boolean =>
  fuse_has(fc, 'DO_READDIRPLUS') && (!fuse_has(fc, 'READDIRPLUS_AUTO') || offset === 0)

/** Is it the file that an entry is of? */
const is_this = (inode: Inode, nodeid: number, mode: number): boolean =>
  inode.fuse!.nodeid === nodeid && ((inode.i_mode ^ mode) & S_IFMT) === 0

/** fuse_direntplus_link(): the name and its inode go into the caches. 0, or -EIO when they cannot be that. */
const fuse_direntplus_link = kfn(
  'fuse_direntplus_link',
  function* (fm: fuse_mount, parent: Dentry, { name, entry }: ReadDirentPlus): Step<number> {
    const { k } = fm.fc
    const { nodeid, attr } = entry
    if (nodeid === 0 || name === '.' || name === '..') return 0
    if (nodeid === FUSE_ROOT_ID || fuse_invalid_attr(attr)) return -EIO
    let d = parent.children.get(name)
    while (d !== undefined) {
      const there = d
      if (there.in_lookup.peek()) yield* wait_event(there.wq, () => !there.in_lookup.peek())
      else if (!there.d_is_negative && is_this(there.d_inode.peek()!, nodeid, attr.mode)) break
      else yield* fuse_invalidate_entry(there)
      d = parent.children.get(name)
    }
    const known = d?.d_inode.peek()
    if (known && fuse_is_bad(known)) return -EIO
    const inode = known ?? fuse_iget(fm, nodeid, entry.generation, attr)
    if (inode === null) return -ENOMEM
    // A name that is known is not compared by generation.
    if (known) known.fuse!.nlookup.poke(known.fuse!.nlookup.peek() + 1)
    yield* fuse_change_attributes(inode, attr, time_to_ns(k, entry.attr_valid, entry.attr_valid_nsec))
    if (d === undefined) {
      d = new Dentry(k, name, parent, inode)
      parent.children.set(name, d)
    }
    d.d_time.poke(time_to_ns(k, entry.entry_valid, entry.entry_valid_nsec))
    if (k.profile.has('B11') && !k.profile.has('B58')) yield* fuse_lookup_fmap(fm, inode)
    return 0
  },
)

/** READDIR or READDIRPLUS until the server has no more. 0 or -errno. */
const readdir_uncached = kfn('fuse_readdir_uncached', function* (file: File, out: DirEntry[]): Step<number> {
  const { fc, fm, nodeid } = file.f_inode.fuse!
  const { READDIR, READDIRPLUS } = fc.k.opcodes.op
  const size = READDIR_BUF
  for (let offset = 0; ; ) {
    const plus = fuse_use_readdirplus(fc, offset)
    const arg = { fh: file.fuse!.fh, offset, size, flags: file.f_flags }
    const args: fuse_args = { op: plus ? READDIRPLUS : READDIR, nodeid, arg, room: size }
    const rc = yield* fuse_simple_request(fm, args)
    if (rc <= 0) return rc
    const list = plus ? unpackDirentsPlus(args.out!) : unpackDirents(args.out!)
    if (!Array.isArray(list) || list.length === 0) return -EIO
    for (const e of list) {
      out.push({ name: e.name, ino: e.ino, type: e.type })
      offset = e.off
      if (!plus) continue
      const err = yield* fuse_direntplus_link(fm, file.f_dentry, e as ReadDirentPlus)
      // fuse_force_forget()
      if (err < 0) yield* fuse_queue_forget(fc, (e as ReadDirentPlus).entry.nodeid, 1)
    }
  }
})

/** fuse_readdir(): every name. Where it may bring inodes with it, nobody makes or removes names meanwhile. */
const fuse_readdir = kfn('fuse_readdir', function* (file: File, out: DirEntry[]): Step<number> {
  const inode = file.f_inode
  if (fuse_is_bad(inode)) return -EIO
  if (!fuse_has(inode.fuse!.fc, 'DO_READDIRPLUS')) return yield* readdir_uncached(file, out)
  yield* inode_lock_shared(inode)
  const rc = yield* readdir_uncached(file, out)
  yield* inode_unlock_shared(inode)
  return rc
})

/** fuse_dir_fsync() */
const fuse_dir_fsync = (file: File, datasync = false) => fuse_fsync_common(file, datasync, 'FSYNCDIR')

export const fuse_dir_operations: FileOps = {
  open: fuse_dir_open,
  release: fuse_dir_release,
  iterate: fuse_readdir,
  fsync: fuse_dir_fsync,
}
