// Changing attributes (fs/attr.c, fs/open.c): chmod, chown, utimes, truncate.
import { kfn, type Step } from '../../sim/index.ts'
import { EBADF, EINVAL, EISDIR, EPERM } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import { fdget } from './file.ts'
import {
  type Iattr,
  type Inode,
  inode_lock,
  inode_unlock,
  MAY_WRITE,
  S_ISDIR,
  S_ISGID,
  S_ISREG,
  S_ISUID,
  S_IXGRP,
} from './inode.ts'
import { inode_permission, kern_path } from './namei.ts'

/** in_group_or_capable() */
const in_group_or_capable = (inode: Inode, gid: number): boolean => {
  const ts = inode.k.current
  return ts.cred.gid === gid || ts.capable('CAP_FSETID')
}

/** setattr_prepare(): may the running task change this: 0 or -EPERM. */
export function setattr_prepare(inode: Inode, attr: Iattr): number {
  const ts = inode.k.current
  const { uid } = inode.i_attr.peek()
  const owner = ts.cred.uid === uid
  if ((attr.uid !== undefined || attr.gid !== undefined) && !ts.capable('CAP_CHOWN')) {
    const same = (attr.uid ?? uid) === uid && owner && (attr.gid ?? ts.cred.gid) === ts.cred.gid
    if (!same) return -EPERM
  }
  if (((attr.mode !== undefined && !attr.kill) || attr.atime !== undefined || attr.mtime !== undefined) && !owner)
    if (!ts.capable('CAP_FOWNER')) return -EPERM
  return 0
}

/** notify_change(): the file system's answer, with the inode locked; -EPERM where it has none. */
export const notify_change = kfn('notify_change', function* (inode: Inode, attr: Iattr): Step<number> {
  if (!inode.i_op.setattr) return -EPERM
  yield* inode_lock(inode)
  const rc = yield* inode.i_op.setattr(inode, attr)
  yield* inode_unlock(inode)
  return rc
})

/**
 * file_remove_privs(), dentry_needs_remove_privs(): before a file changes hands, or what is in it changes, its file system is asked for the capability
 * that would go (security.capability). The model runs no such files, so whatever comes back will do.
 */
export const file_remove_privs = kfn('file_remove_privs', function* (inode: Inode): Step<void> {
  if (inode.i_op.getxattr) yield* inode.i_op.getxattr(inode, 'security.capability', 0)
})

/** do_truncate(): also for O_TRUNC (`open`). */
export const do_truncate = kfn(
  'do_truncate',
  function* (inode: Inode, size: number, o: Pick<Iattr, 'file' | 'open'>): Step<number> {
    yield* file_remove_privs(inode)
    return yield* notify_change(inode, { size, ...o })
  },
)

/** setattr_copy(): the permission bits that a chmod leaves: set-group-id is for members of the group. */
export const mode_to_set = (inode: Inode, mode: number): number =>
  in_group_or_capable(inode, inode.i_attr.peek().gid) ? mode : mode & ~S_ISGID

/** chown_common(): what is no directory and changes hands loses set-user-id, and set-group-id that means one. */
export const do_fchownat = kfn(
  'do_fchownat',
  function* (ts: task_struct, path: string, uid?: number, gid?: number): Step<number> {
    const d = yield* kern_path(ts.k, path, true)
    if (typeof d === 'number') return d
    const inode = d.d_inode.peek()!
    const { mode, gid: old } = inode.i_attr.peek()
    const group = (mode & S_IXGRP) !== 0 || !in_group_or_capable(inode, old) ? S_ISGID : 0
    if (!S_ISDIR(mode)) yield* file_remove_privs(inode)
    const kept = S_ISDIR(mode) ? mode : mode & ~(S_ISUID | group)
    return yield* notify_change(inode, { uid, gid, ...(kept === mode ? {} : { mode: kept & 0o7777, kill: true }) })
  },
)

/** chmod(2), utimensat(2) by path. */
export const do_setattr = kfn('do_setattr', function* (ts: task_struct, path: string, attr: Iattr): Step<number> {
  const d = yield* kern_path(ts.k, path, true)
  return typeof d === 'number' ? d : yield* notify_change(d.d_inode.peek()!, attr)
})

/** truncate(2): 0, -EISDIR, -EINVAL (no regular file, negative), and what permission and file system say. */
export const vfs_truncate = kfn('vfs_truncate', function* (ts: task_struct, path: string, size: number): Step<number> {
  if (size < 0) return -EINVAL
  const d = yield* kern_path(ts.k, path, true)
  if (typeof d === 'number') return d
  const inode = d.d_inode.peek()!
  if (S_ISDIR(inode.i_mode)) return -EISDIR
  if (!S_ISREG(inode.i_mode)) return -EINVAL
  const may = yield* inode_permission(inode, MAY_WRITE)
  return may < 0 ? may : yield* do_truncate(inode, size, {})
})

/** ftruncate(2) */
export const vfs_ftruncate = kfn('do_ftruncate', function* (ts: task_struct, fd: number, size: number): Step<number> {
  if (size < 0) return -EINVAL
  const file = fdget(ts, fd)
  if (typeof file === 'number') return -EBADF
  if (!S_ISREG(file.f_inode.i_mode) || !file.writable) return -EINVAL
  return yield* do_truncate(file.f_inode, size, { file })
})
