// What file systems without a disk have in common (fs/libfs.c): a name is there because its dentry is. tmpfs and the standalone
// famfs are made of it. Locking: the caller holds the i_rwsem of the directories.
import { kfn, type Step } from '../../sim/index.ts'
import { ENOTEMPTY, RENAME_EXCHANGE } from '../../wire/index.ts'
import type { Dentry } from './dcache.ts'
import { type Inode, iget, S_ISDIR, S_ISGID } from './inode.ts'
import { iput } from './iput.ts'

/** What a name adds to the size of its directory on tmpfs, bytes; elsewhere a directory has none. */
export const BOGO_DIRENT_SIZE = 20
const dirent_size = (dir: Inode): number => (dir.tmpfs === null ? 0 : BOGO_DIRENT_SIZE)

/** mtime and ctime are now; link count and blocks (of 512 bytes) as given. */
export const touch = (inode: Inode, o: { nlink?: number; blocks?: number } = {}): void => {
  const now = inode.k.m.current === null ? 0 : inode.k.m.clock()
  const { mode, uid, gid, atime, nlink, blocks } = inode.i_attr.peek()
  inode.i_attr.poke({
    mode,
    uid,
    gid,
    nlink: o.nlink ?? nlink,
    atime,
    mtime: now,
    ctime: now,
    blocks: o.blocks ?? blocks,
  })
}

/** A name appears in a directory. */
export function d_add(dir: Dentry, d: Dentry): void {
  dir.children.set(d.d_name, d)
  const inode = dir.d_inode.peek()!
  inode.i_size.poke(inode.i_size.peek() + dirent_size(inode))
  const sub = S_ISDIR(d.d_inode.peek()!.i_mode) ? 1 : 0
  touch(inode, { nlink: inode.i_attr.peek().nlink + sub })
}

/** A name goes out of a directory; its inode keeps the reference. */
function d_delete(dir: Dentry, d: Dentry): void {
  dir.children.delete(d.d_name)
  const inode = dir.d_inode.peek()!
  inode.i_size.poke(inode.i_size.peek() - dirent_size(inode))
  const sub = S_ISDIR(d.d_inode.peek()!.i_mode) ? 1 : 0
  touch(inode, { nlink: inode.i_attr.peek().nlink - sub })
}

/** Give `dentry`, which the VFS made, a new inode, and hang it into its directory. */
export const instantiate = (dentry: Dentry, inode: Inode): number => {
  dentry.d_inode.poke(inode)
  iget(inode)
  d_add(dentry.d_parent!, dentry)
  return 0
}

/** inode_init_owner(): what a task makes is its own, and of its group, unless the directory has set-group-id. */
export const init_owner = (dir: Inode, mode: number): { uid: number; gid: number; mode: number } => {
  const { uid, gid } = dir.k.current.cred
  if ((dir.i_mode & S_ISGID) === 0) return { uid, gid, mode }
  return { uid, gid: dir.i_attr.peek().gid, mode: S_ISDIR(mode) ? mode | S_ISGID : mode }
}

/** fsync(2) of what lies in memory. */
export const noop_fsync = kfn('noop_fsync', function* (): Step<number> {
  return 0
})

export const simple_link = kfn('simple_link', function* (old: Dentry, _dir: Inode, dentry: Dentry): Step<number> {
  const inode = old.d_inode.peek()!
  touch(inode, { nlink: inode.i_attr.peek().nlink + 1 })
  return instantiate(dentry, inode)
})

export const simple_unlink = kfn('simple_unlink', function* (_dir: Inode, dentry: Dentry): Step<number> {
  const inode = dentry.d_inode.peek()!
  d_delete(dentry.d_parent!, dentry)
  touch(inode, { nlink: inode.i_attr.peek().nlink - (S_ISDIR(inode.i_mode) ? 2 : 1) })
  yield* iput(inode)
  return 0
})

export const simple_rmdir = kfn('simple_rmdir', function* (dir: Inode, dentry: Dentry): Step<number> {
  return dentry.children.size > 0 ? -ENOTEMPTY : yield* simple_unlink(dir, dentry)
})

export const simple_rename = kfn(
  'simple_rename',
  function* (from: Dentry, to_dir: Inode, to: Dentry, flags = 0): Step<number> {
    const replaced = to.d_inode.peek()
    if ((flags & RENAME_EXCHANGE) !== 0) {
      for (const d of [from, to]) d_delete(d.d_parent!, d)
      const at = from.place.peek()
      from.place.poke(to.place.peek())
      to.place.poke(at)
      for (const d of [from, to]) d_add(d.d_parent!, d)
      return 0
    }
    if (replaced !== null) {
      if (to.children.size > 0) return -ENOTEMPTY
      yield* simple_unlink(to_dir, to)
    }
    d_delete(from.d_parent!, from)
    from.place.poke(to.place.peek())
    d_add(from.d_parent!, from)
    return 0
  },
)
