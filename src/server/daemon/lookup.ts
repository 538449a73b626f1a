// LOOKUP (userspace.md e.3): a name of the shadow tree becomes an inode of the daemon. A directory is what it is; a regular file is
// read as YAML and becomes the famfs file that the YAML tells of; nothing else is anything.
import { O_NOFOLLOW, O_PATH, O_RDONLY, S_IFREG, S_ISDIR, S_ISREG, type Stat } from '../../kernel/index.ts'
import { MAX_EXTENTS, MAX_STRIPS } from '../../media/index.ts'
import { kfn, min, type Step } from '../../sim/index.ts'
import { EIO, getText } from '../../wire/index.ts'
import { type FileMeta, parse_file_yaml, YAML_MAX } from '../lib/shadow-yaml.ts'
import type { Fused, Worker } from './fused.ts'
import type { FusedAttr, FusedInode, NewInode } from './icache.ts'
import { LOG_ERR } from './log.ts'
import { push_daxdevs } from './push.ts'

const LIMITS = { extents: MAX_EXTENTS, strips: MAX_STRIPS }

/** A system call of this thread failed: errno is set. What a handler then answers with, positive. */
export const fail = (w: Worker, rc: number): number => {
  w.errno.poke(-rc)
  return -rc
}

/** Attributes as a shadow directory, or a file of the shadow tree, has them. */
export const attr_of = (st: Stat): FusedAttr => {
  const { ino, mode, uid, gid, nlink, size, blocks, blksize, atime, mtime, ctime } = st
  return { ino, mode, uid, gid, nlink, size, blocks, blksize, atime, mtime, ctime }
}

/** The file that a shadow file stands for. What its YAML does not tell is the shadow file's own. */
const file_inode = (name: string, st: Stat, meta: FileMeta): NewInode => {
  const { ino, nlink, blocks, blksize, atime, mtime, ctime } = st
  const { uid, gid, size, fmap } = meta
  const mode = S_IFREG | (meta.mode & 0o7777)
  return { name, attr: { ino, mode, uid, gid, nlink, size, blocks, blksize, atime, mtime, ctime }, fmap, fd: -1 }
}

/** Read a shadow file of an open directory: what it tells, why it tells nothing, or -errno. */
export const read_shadow = kfn('famfs_shadow_to_stat', function* (w: Worker, dir: number, name: string, st: Stat): Step<
  FileMeta | string | number
> {
  const fd = yield* w.sys.openat(dir, name, O_RDONLY | O_NOFOLLOW)
  if (fd < 0) return fd
  const buf = new Uint8Array(min(st.size, YAML_MAX))
  const n = yield* w.sys.pread(fd, buf, 0)
  yield* w.sys.close(fd)
  if (n < 0) return n
  const parsed = parse_file_yaml(getText(buf, 0, n), LIMITS)
  return parsed.ok ? parsed.meta : parsed.why
})

/**
 * What the name of a shadow tree's node stands for: an inode with one more reference, or the errno to answer with. The inode of
 * a number that is known is taken as it is, whatever the shadow file says by now.
 */
export const famfs_do_lookup = kfn(
  'famfs_do_lookup',
  function* (d: Fused, w: Worker, parent: FusedInode, name: string): Step<FusedInode | number> {
    const fd = yield* w.sys.openat(parent.fd, name, O_PATH | O_NOFOLLOW)
    if (fd < 0) return fail(w, fd)
    const st = yield* w.sys.fstat(fd)
    const known = typeof st === 'number' ? null : d.icache.get(st.ino)
    if (known === null && typeof st !== 'number' && S_ISDIR(st.mode))
      return d.icache.insert(parent, { name, attr: attr_of(st), fmap: null, fd })
    yield* w.sys.close(fd)
    if (typeof st === 'number') return fail(w, st)
    const inode = known ?? (yield* new_file(d, w, parent, name, st))
    if (d.pusher !== null && typeof inode !== 'number' && inode.fmap !== null) yield* push_for(d, inode)
    return inode
  },
)

const new_file = kfn(
  'famfs_new_file',
  function* (d: Fused, w: Worker, parent: FusedInode, name: string, st: Stat): Step<FusedInode | number> {
    const meta = S_ISREG(st.mode) ? yield* read_shadow(w, parent.fd, name, st) : 'neither a file nor a directory'
    if (typeof meta === 'number') return fail(w, meta)
    if (typeof meta !== 'string') {
      // Another thread may have been faster while this one read.
      return d.icache.get(st.ino) ?? d.icache.insert(parent, file_inode(name, st, meta))
    }
    d.log.say(LOG_ERR, `${name}: ${meta}`)
    // The errno is whatever the last call that failed left; when none did, the name is answered as known not to be there (Q29).
    return d.server.has('Q29') ? w.errno.peek() : EIO
  },
)

/** Before it is answered for, a file's devices are pushed, for a kernel that does not ask. */
const push_for = kfn('famfs_push_for', function* (d: Fused, inode: FusedInode): Step<void> {
  const { fmap } = inode
  let need = 0
  for (const e of fmap!.kind === 'simple' ? fmap!.extents : fmap!.strips) if (e.dev >= need) need = e.dev + 1
  yield* push_daxdevs(d.pusher!, need)
})
