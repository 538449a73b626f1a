// Making directories in a session with the log: one, and all that are missing above it (userspace.md c.3, f).
import { S_ISDIR } from '../../kernel/index.ts'
import { textBytes } from '../../media/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { EEXIST, EINVAL, ENAMETOOLONG, ENOTDIR, EPERM } from '../../wire/index.ts'
import type { Proc } from '../proc.ts'
import { append_log } from './append.ts'
import { init_locked_log, type LockedLog, release_locked_log } from './locked-log.ts'
import type { NewAttr } from './mkfile.ts'
import { basename, dirname, realpath } from './path.ts'
import { absolute, cut_for_log, fits_log, in_directory, is_meta, RELPATH_MAX } from './relpath.ts'
import { open_space } from './space.ts'

/** The shadow directory: 0 or -errno. Ids are set only when neither is root's, as log play does. */
const make_shadow_dir = kfn('famfs_dir_create', function* (p: Proc, path: string, attr: NewAttr): Step<number> {
  const rc = yield* p.sys.mkdir(path, attr.mode)
  if (rc === 0 && attr.uid !== 0 && attr.gid !== 0) yield* p.sys.chown(path, attr.uid, attr.gid)
  return rc
})

/** __famfs_mkdir(): one directory below one that is there; `path` resolved. 0 or -errno. */
export const mkdir_locked = kfn(
  '__famfs_mkdir',
  function* (p: Proc, lp: LockedLog, path: string, attr: NewAttr): Step<number> {
    const { server } = p.site
    if (!server.has('Q19') && (yield* open_space(p, lp)) === null) return -1
    if (path === lp.mpt || typeof (yield* p.sys.stat(path)) !== 'number') return -EEXIST
    const relpath = path.slice(lp.mpt.length + 1)
    if (!server.has('Q14') && !fits_log(relpath)) {
      p.err(`${path}: ${textBytes(relpath)} bytes below the mount point, the log holds ${RELPATH_MAX}`)
      return -ENAMETOOLONG
    }
    if (!server.has('Q27') && is_meta(relpath)) {
      p.err(`${path}: .meta is the file system's own`)
      return -EPERM
    }
    // Q14: the tree gets the whole name, the log what it holds of it.
    const shadow = `${lp.shadow ?? lp.mpt}/${relpath}`
    const entry = { type: 'mkdir' as const, path: cut_for_log(relpath), ...attr }
    const log = () => append_log(p, lp.log, seqnum => ({ ...entry, seqnum }))
    if (!server.has('Q38')) {
      const dir = yield* in_directory(p, path)
      if (dir < 0) return dir
      const logged = yield* log()
      return logged < 0 ? logged : yield* make_shadow_dir(p, shadow, attr)
    }
    const made = yield* make_shadow_dir(p, shadow, attr)
    if (made < 0) {
      p.err(`${path}: cannot be made`)
      return made
    }
    return yield* log()
  },
)

/** famfs_mkdir(): 0, or -1, or -errno of the log. That it is there already is no line. */
export const mkdir = kfn('famfs_mkdir', function* (p: Proc, given: string, attr: NewAttr): Step<number> {
  const path = absolute(p, given)
  const lp = yield* init_locked_log(p, path)
  if (lp === null) return -1
  const dir = yield* realpath(p.sys, dirname(path))
  const rc = dir.rc === 0 ? yield* mkdir_locked(p, lp, `${dir.path}/${basename(path)}`, attr) : dir.rc
  yield* release_locked_log(p, lp)
  return rc === -EEXIST || rc === -ENOTDIR ? -1 : rc
})

/** famfs_mkdir_parents(): 0 also when it is there. Every directory that is made gets the same attributes. */
export const mkdir_parents = kfn(
  'famfs_mkdir_parents',
  function* (p: Proc, given: string, attr: NewAttr): Step<number> {
    const { sys } = p
    const missing: string[] = []
    let at = absolute(p, given)
    let st = yield* sys.stat(at)
    for (; typeof st === 'number'; st = yield* sys.stat(at)) {
      missing.unshift(basename(at))
      at = dirname(at)
    }
    if (!S_ISDIR(st.mode)) {
      p.err(`${at}: not a directory`)
      return -1
    }
    const lp = yield* init_locked_log(p, at)
    if (lp === null) return -1
    let { path } = yield* realpath(sys, at)
    let rc = missing.includes('..') ? -EINVAL : 0
    for (const name of missing) {
      if (rc < 0) break
      path = `${path}/${name}`
      rc = name === '.' ? 0 : yield* mkdir_locked(p, lp, path, attr)
    }
    yield* release_locked_log(p, lp)
    return rc
  },
)
