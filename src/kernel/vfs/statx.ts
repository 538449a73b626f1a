// statx(2) (fs/stat.c): stat(2), and what kind of file and name it is.
import { kfn, type Step } from '../../sim/index.ts'
import { EINVAL, ENOENT } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import type { Dentry } from './dcache.ts'
import { AT_FDCWD, dirfd, fdget_raw } from './file.ts'
import { IS_DAX } from './inode.ts'
import { kern_path } from './namei.ts'
import { type Stat, vfs_getattr } from './stat.ts'

export const AT_SYMLINK_NOFOLLOW = 0x100
export const AT_EMPTY_PATH = 0x1000
const AT_STATX_FORCE_SYNC = 0x2000
const AT_STATX_DONT_SYNC = 0x4000
const AT_STATX_SYNC_TYPE = AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC
const STATX_FLAGS = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE

/** Every attribute that stat(2) knows. */
export const STATX_BASIC_STATS = 0x7ff
const STATX__RESERVED = 0x80000000

const STATX_ATTR_AUTOMOUNT = 0x1000
export const STATX_ATTR_MOUNT_ROOT = 0x2000
/** Its data is memory that is mapped as it is. */
export const STATX_ATTR_DAX = 0x200000
const KNOWN = STATX_ATTR_AUTOMOUNT | STATX_ATTR_MOUNT_ROOT | STATX_ATTR_DAX

/** What statx(2) fills in. */
export interface Statx extends Stat {
  /** Which attributes there are: STATX_ bits. */
  readonly mask: number
  /** STATX_ATTR_ bits, and those that can be told apart at all. */
  readonly attributes: number
  readonly attributes_mask: number
}

/** What `at` and `path` name: a descriptor itself with AT_EMPTY_PATH. */
const name_of = kfn('filename_lookup', function* (ts: task_struct, at: number, path: string, flags: number): Step<
  Dentry | number
> {
  if (path === '') {
    if ((flags & AT_EMPTY_PATH) === 0) return -ENOENT
    const f = fdget_raw(ts, at)
    return typeof f === 'number' ? f : f.f_dentry
  }
  const from = at === AT_FDCWD || path.startsWith('/') ? undefined : dirfd(ts, at)
  return typeof from === 'number' ? from : yield* kern_path(ts.k, path, (flags & AT_SYMLINK_NOFOLLOW) === 0, from)
})

/** statx(2): the attributes, or -EINVAL (unknown flags, both kinds of sync), and what walk and file system say. */
export const do_statx = kfn(
  'do_statx',
  function* (ts: task_struct, at: number, path: string, flags: number, mask: number): Step<Statx | number> {
    if ((mask & STATX__RESERVED) !== 0 || (flags & ~STATX_FLAGS) !== 0) return -EINVAL
    const sync = flags & AT_STATX_SYNC_TYPE
    if (sync === AT_STATX_SYNC_TYPE) return -EINVAL
    const d = yield* name_of(ts, at, path, flags)
    if (typeof d === 'number') return d
    const inode = d.d_inode.peek()!
    const st = yield* vfs_getattr(inode, mask, sync)
    if (typeof st === 'number') return st
    const attributes = (IS_DAX(inode) ? STATX_ATTR_DAX : 0) | (d.is_root ? STATX_ATTR_MOUNT_ROOT : 0)
    return { ...st, mask: STATX_BASIC_STATS, attributes, attributes_mask: KNOWN }
  },
)
