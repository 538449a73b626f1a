// Path walk (fs/namei.c). Directories' i_rwsem is held for reading across a lookup, so lookups of other names go on.
import { down_read, kfn, type Step, up_read, wait_event, wake_up_all } from '../../sim/index.ts'
import { EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, textLength } from '../../wire/index.ts'
import type { Kernel } from '../kernel.ts'
import { Dentry } from './dcache.ts'
import { type Inode, MAY_EXEC, S_ISDIR } from './inode.ts'
import { iput } from './iput.ts'
import { hold, path_get, path_put } from './path.ts'

/** How many links one walk follows. */
export const MAX_LINKS = 40
/** Longest name of a directory, and a path with its NUL, bytes. */
const NAME_MAX = 255
const PATH_MAX = 4096

/** getname(): 0, or why these words are no path; -ENOMEM. */
export const getname = (k: Kernel, path: string): number => {
  if (k.enomem('filename')) return -ENOMEM
  return path === '' ? -ENOENT : textLength(path) < PATH_MAX ? 0 : -ENAMETOOLONG
}

/** inode_permission(): the file system's answer, or the mode bits against the task's ids. */
export const inode_permission = kfn('inode_permission', function* (inode: Inode, mask: number): Step<number> {
  if (inode.i_op.permission) return yield* inode.i_op.permission(inode, mask)
  return generic_permission(inode, mask)
})

/** generic_permission(): 0 or -EACCES by mode bits; CAP_DAC_OVERRIDE passes. */
export function generic_permission(inode: Inode, mask: number): number {
  const ts = inode.k.current
  if (ts.capable('CAP_DAC_OVERRIDE')) return 0
  const { mode, uid, gid } = inode.i_attr.peek()
  const bits = ts.cred.uid === uid ? mode >> 6 : ts.cred.gid === gid ? mode >> 3 : mode
  return (bits & mask) === mask ? 0 : -EACCES
}

/** Follow what is mounted here, however deep. */
export const cross_mounts = (d: Dentry): Dentry => {
  let sb = d.mounted.peek()
  while (sb !== null) {
    d = sb.s_root
    sb = d.mounted.peek()
  }
  return d
}

/** follow_dotdot(): up one, out of what is mounted if need be; the root's parent is the root. */
const dotdot = (d: Dentry): Dentry => {
  while (d.is_root && d.d_parent !== null) d = d.d_parent
  return d.d_parent ?? d
}

/** lookup_fast(): the cached name, or -ENOENT for one known to be missing, when nothing need be asked or waited for; else undefined. */
const lookup_fast = (dir: Dentry, name: string): Dentry | number | undefined => {
  const d = dir.children.get(name)
  if (d === undefined || d.in_lookup.peek()) return undefined
  if (d.d_sb?.revalidate !== undefined && !d.d_sb.still_valid?.(d)) return undefined
  return d.d_is_negative ? -ENOENT : d
}

/**
 * One component below `dir`: the cached name if it is still good, else ask the file system. Dentry or -errno. `fresh`: that a name is
 * missing is not believed of the cache, because it is to be made (LOOKUP_EXCL, LOOKUP_RENAME_TARGET).
 */
const walk_component = kfn('walk_component', function* (k: Kernel, dir: Dentry, name: string, fresh: boolean): Step<
  Dentry | number
> {
  const dinode = dir.d_inode.peek()!
  for (;;) {
    const d = dir.children.get(name)
    if (d?.in_lookup.peek()) {
      yield* wait_event(d.wq, () => !d.in_lookup.peek())
      continue
    }
    if (d?.d_is_negative) {
      if (!fresh && d.d_sb?.still_valid?.(d)) return -ENOENT
      dir.children.delete(name)
    } else if (d !== undefined) {
      path_get(d)
      const good = d.d_sb?.revalidate ? yield* d.d_sb.revalidate(d) : 1
      if (good === 1) hold(k.current, d)
      else if (good === 0 && dir.children.get(name) === d) {
        dir.children.delete(name)
        yield* iput(d.d_inode.peek()!)
      }
      yield* path_put(d)
      if (good !== 0) return good < 0 ? good : d
    }
    // simple_lookup(): in memory every name is a dentry, so a new one says that it is missing.
    if (!dinode.i_op.lookup) return k.enomem('dentry') ? -ENOMEM : -ENOENT
    yield* down_read(dinode.i_rwsem)
    if (dir.children.has(name)) {
      yield* up_read(dinode.i_rwsem)
      continue
    }
    if (k.enomem('dentry')) {
      yield* up_read(dinode.i_rwsem)
      return -ENOMEM
    }
    const made = new Dentry(k, name, dir, null)
    made.in_lookup.poke(true)
    dir.children.set(name, made)
    const rc = yield* dinode.i_op.lookup(dinode, made)
    made.in_lookup.poke(false)
    // A name that is missing, and will be for a while, stays as such.
    if (rc < 0 && !(rc === -ENOENT && made.d_sb?.still_valid?.(made))) dir.children.delete(name)
    if (rc === 0) hold(k.current, made)
    yield* wake_up_all(made.wq)
    yield* up_read(dinode.i_rwsem)
    return rc < 0 ? rc : made
  }
})

/** The dentry of one name below `dir`, cached or asked for; -errno. What is mounted there is not entered. */
export const lookup_one = kfn('lookup_one', function* (k: Kernel, dir: Dentry, name: string, fresh = false): Step<
  Dentry | number
> {
  const d = lookup_fast(dir, name)
  if (d === undefined || (fresh && d === -ENOENT)) return yield* walk_component(k, dir, name, fresh)
  if (typeof d === 'number') return d
  hold(k.current, d)
  return d
})

/** How a walk goes. */
interface Walk {
  /** Where a relative path starts; the task's working directory unless given. */
  readonly from?: Dentry
  /** Follow a link in the last component. */
  readonly follow: boolean
}

/** The root of the host's name space, or where `w` starts. */
const start_of = (k: Kernel, path: string, w: Walk): Dentry =>
  path.startsWith('/') ? cross_mounts(k.root) : (w.from ?? k.current.cwd.peek() ?? cross_mounts(k.root))

/** kern_path(): the dentry of a path, or -errno. `follow` follows a link in the last component. */
export const kern_path = kfn('kern_path', function* (k: Kernel, path: string, follow: boolean, from?: Dentry): Step<
  Dentry | number
> {
  const bad = getname(k, path)
  if (bad < 0) return bad
  const p = yield* path_walk(k, start_of(k, path, { from, follow }), path, follow, 0)
  return typeof p === 'number' ? p : p.dir
})

/** filename_parentat(): the directory that a path's last name is in, and that name ('.', '..' and '/' among them); or -errno. */
export const filename_parentat = kfn('filename_parentat', function* (k: Kernel, path: string, from?: Dentry): Step<
  { dir: Dentry; name: string } | number
> {
  const bad = getname(k, path)
  return bad < 0 ? bad : yield* path_walk(k, start_of(k, path, { from, follow: false }), path, null, 0)
})

const SLASH = 47

/** A character is at most 3 bytes, so short names need no counting. */
const too_long = (name: string): boolean => name.length * 3 > NAME_MAX && textLength(name) > NAME_MAX

/** Where the last name of a path starts, and that name; '/' when there is none. */
function last_name(path: string): [number, string] {
  let stop = path.length
  while (stop > 0 && path.charCodeAt(stop - 1) === SLASH) stop--
  const start = stop === 0 ? 0 : path.lastIndexOf('/', stop - 1) + 1
  return [start, path.slice(start, stop) || '/']
}

/**
 * link_path_walk(): the components of a path from `d` on. With `follow` null the last one is not looked up: it comes back as a
 * name, and must not be missing.
 */
const path_walk = kfn(
  'link_path_walk',
  function* (
    k: Kernel,
    d: Dentry,
    path: string,
    follow: boolean | null,
    depth: number,
  ): Step<{ dir: Dentry; name: string } | number> {
    if (depth > MAX_LINKS) return -ELOOP
    hold(k.current, d)
    const [limit, last] = follow === null ? last_name(path) : [path.length, undefined]
    // What must be a directory is looked at like one that has a name below it.
    const dir_wanted = last !== undefined || path.endsWith('/') || path.endsWith('/.')
    for (let at = 0; ; ) {
      while (at < limit && path.charCodeAt(at) === SLASH) at++
      if (at >= limit && !dir_wanted) break
      const inode = d.d_inode.peek()!
      if (!S_ISDIR(inode.i_mode)) return -ENOTDIR
      const may = inode.i_op.permission ? yield* inode_permission(inode, MAY_EXEC) : generic_permission(inode, MAY_EXEC)
      if (may < 0) return may
      if (at >= limit) break
      const slash = path.indexOf('/', at)
      const end = slash < 0 || slash > limit ? limit : slash
      const name = path.slice(at, end)
      at = end
      if (name === '.') continue
      if (name === '..') {
        d = dotdot(d)
        continue
      }
      if (too_long(name)) return -ENAMETOOLONG
      const next = lookup_fast(d, name) ?? (yield* walk_component(k, d, name, false))
      if (typeof next === 'number') return next
      const there = cross_mounts(next)
      hold(k.current, there)
      const { i_link, i_op } = there.d_inode.peek()!
      if ((i_link !== null || i_op.get_link) && (follow !== false || dir_wanted || end < limit)) {
        const link = i_link ?? (yield* i_op.get_link!(there.d_inode.peek()!))
        if (typeof link === 'number') return link
        const start = link.startsWith('/') ? cross_mounts(k.root) : d
        return yield* path_walk(k, start, link + path.slice(end), follow, depth + 1)
      }
      d = there
    }
    if (last !== undefined && too_long(last)) return -ENAMETOOLONG
    return { dir: d, name: last ?? '' }
  },
)

/** may_open_dev(): device nodes on this mount may be used. */
export const may_open_dev = (d: Dentry): boolean => !d.d_sb?.nodev
