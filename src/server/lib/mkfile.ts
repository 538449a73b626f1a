// Making one famfs file in a session with the log: room, shadow file, entry (userspace.md c.3, c.9, f). The real one makes the
// shadow file and opens the new file before it logs it, so a full log leaves a ghost (Q38); the other logs first.
import { O_RDWR, type Sys } from '../../kernel/index.ts'
import { FILE_ALL_HOSTS_RW, textBytes } from '../../media/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { EEXIST, EINVAL, ENAMETOOLONG, EPERM, errnoName } from '../../wire/index.ts'
import type { Interleave } from '../alloc/index.ts'
import { die, type Proc } from '../proc.ts'
import { append_log } from './append.ts'
import { init_locked_log, type LockedLog, release_locked_log } from './locked-log.ts'
import { fits_log, in_directory, is_meta, RELPATH_MAX, relpath_of } from './relpath.ts'
import { write_shadow_file } from './shadow.ts'
import type { FileMeta } from './shadow-yaml.ts'
import { file_alloc } from './space.ts'
import { create_mapped } from './v1-file.ts'

/** What a new file or directory is to have. */
export interface NewAttr {
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** Is this a path that a file can be made at: 0 or -errno after a line. */
function check_relpath(p: Proc, path: string, relpath: string): number {
  const { server } = p.site
  if (server.has('Q14') && textBytes(relpath) >= RELPATH_MAX)
    die(p, 'SIGABRT', `${path}: assertion failed: a relative path of ${textBytes(relpath)} bytes`)
  if (!fits_log(relpath)) {
    p.err(`${path}: ${textBytes(relpath)} bytes below the mount point, the log holds ${RELPATH_MAX}`)
    return -ENAMETOOLONG
  }
  if (!server.has('Q27') && is_meta(relpath)) {
    p.err(`${path}: .meta is the file system's own`)
    return -EPERM
  }
  return 0
}

/** The file's entry, appended: 0 or -errno. */
const log_file_creation = kfn(
  'famfs_log_file_creation',
  function* (p: Proc, lp: LockedLog, meta: FileMeta): Step<number> {
    if (meta.path.startsWith('/')) die(p, 'SIGABRT', `${meta.path}: assertion failed: the relative path starts with /`)
    return yield* append_log(p, lp.log, seqnum => ({ type: 'file', seqnum, ...meta }))
  },
)

/** The file in the shadow tree, and what the daemon makes of it, open; or -errno. */
const create_shadow = kfn(
  'famfs_mkfile shadow',
  function* (sys: Sys, shadow: string, path: string, meta: FileMeta): Step<number> {
    const made = yield* write_shadow_file(sys, shadow, meta)
    return made < 0 ? made : yield* sys.open(path, O_RDWR)
  },
)

/** __famfs_mkfile(): a new file, open for reading and writing; or -errno after a line. */
export const mkfile_locked = kfn(
  '__famfs_mkfile',
  function* (p: Proc, lp: LockedLog, path: string, size: number, attr: NewAttr, how: Interleave | null): Step<number> {
    const { sys, site } = p
    const relpath = yield* relpath_of(p, lp.mpt, path)
    if (relpath === null) return -EINVAL
    const wrong = check_relpath(p, path, relpath)
    if (wrong < 0) return wrong
    if (typeof (yield* sys.stat(path)) !== 'number') {
      p.err(`${path}: is there already`)
      return -EEXIST
    }
    const ghosts = site.server.has('Q38')
    const dir = ghosts ? 0 : yield* in_directory(p, path)
    if (dir < 0) return dir
    const fmap = yield* file_alloc(p, lp, path, size, how ?? lp.defaults)
    if (typeof fmap === 'number') return -1
    const { mode, uid, gid } = attr
    const meta: FileMeta = { path: relpath, size, flags: FILE_ALL_HOSTS_RW, mode, uid, gid, fmap }
    if (!ghosts) {
      const logged = yield* log_file_creation(p, lp, meta)
      if (logged < 0) return logged
    }
    const fd = yield* lp.shadow === null
      ? create_mapped(p, path, size, fmap, attr)
      : create_shadow(sys, `${lp.shadow}/${relpath}`, path, meta)
    if (fd < 0) {
      p.err(`${path}: ${ghosts ? 'cannot be made' : 'is in the log, and cannot be opened here'} (${errnoName(-fd)})`)
      return fd
    }
    const logged = ghosts ? yield* log_file_creation(p, lp, meta) : 0
    if (logged === 0) return fd
    yield* sys.close(fd)
    return logged
  },
)

/** famfs_mkfile(): the same in a session of its own. */
export const mkfile = kfn(
  'famfs_mkfile',
  function* (p: Proc, path: string, size: number, attr: NewAttr, how: Interleave | null): Step<number> {
    const lp = yield* init_locked_log(p, path)
    if (lp === null) return -1
    const fd = yield* mkfile_locked(p, lp, path, size, attr, how)
    yield* release_locked_log(p, lp)
    return fd
  },
)
