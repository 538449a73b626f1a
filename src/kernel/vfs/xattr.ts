// Attributes by name (fs/xattr.c). `user.` ones are for files and directories only.
import { kfn, type Step } from '../../sim/index.ts'
import { E2BIG, EINVAL, ENODATA, EOPNOTSUPP, EPERM, ERANGE, textLength } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import { type Inode, MAY_READ, MAY_WRITE, S_ISDIR, S_ISREG } from './inode.ts'
import { inode_permission, kern_path } from './namei.ts'

const inode_of = kfn('xattr path', function* (ts: task_struct, path: string): Step<Inode | number> {
  const d = yield* kern_path(ts.k, path, true)
  return typeof d === 'number' ? d : d.d_inode.peek()!
})

/** Longest name, bytes. */
const XATTR_NAME_MAX = 255
/** Longest value, bytes. */
const XATTR_SIZE_MAX = 65536
const XATTR_CREATE = 1
const XATTR_REPLACE = 2

/** xattr_permission(): 0 or -errno. */
const xattr_permission = kfn('xattr_permission', function* (inode: Inode, name: string, mask: number): Step<number> {
  const never = mask === MAY_WRITE ? -EPERM : -ENODATA
  if (name.startsWith('trusted.')) return inode.k.current.capable('CAP_SYS_ADMIN') ? 0 : never
  if (name.startsWith('security.')) return 0
  if (name.startsWith('user.') && !S_ISREG(inode.i_mode) && !S_ISDIR(inode.i_mode)) return never
  return yield* inode_permission(inode, mask)
})

/** What must be right with a name before any file is looked at: 0 or -ERANGE. */
const import_xattr_name = (name: string): number => (name === '' || textLength(name) > XATTR_NAME_MAX ? -ERANGE : 0)

/** getxattr(2): the value, or -errno (-ENODATA: no such name). */
export const vfs_getxattr = kfn('vfs_getxattr', function* (ts: task_struct, path: string, name: string): Step<
  Uint8Array | number
> {
  const bad = import_xattr_name(name)
  if (bad < 0) return bad
  const inode = yield* inode_of(ts, path)
  if (typeof inode === 'number') return inode
  const may = yield* xattr_permission(inode, name, MAY_READ)
  if (may < 0) return may
  return inode.i_op.getxattr ? yield* inode.i_op.getxattr(inode, name) : -EOPNOTSUPP
})

/** setxattr(2) */
export const vfs_setxattr = kfn(
  'vfs_setxattr',
  function* (ts: task_struct, path: string, name: string, value: Uint8Array, flags: number): Step<number> {
    if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) !== 0) return -EINVAL
    const bad = import_xattr_name(name)
    if (bad < 0) return bad
    if (value.length > XATTR_SIZE_MAX) return -E2BIG
    const inode = yield* inode_of(ts, path)
    if (typeof inode === 'number') return inode
    const may = yield* xattr_permission(inode, name, MAY_WRITE)
    if (may < 0) return may
    return inode.i_op.setxattr ? yield* inode.i_op.setxattr(inode, name, value, flags) : -EOPNOTSUPP
  },
)

/** removexattr(2) */
export const vfs_removexattr = kfn(
  'vfs_removexattr',
  function* (ts: task_struct, path: string, name: string): Step<number> {
    const bad = import_xattr_name(name)
    if (bad < 0) return bad
    const inode = yield* inode_of(ts, path)
    if (typeof inode === 'number') return inode
    const may = yield* xattr_permission(inode, name, MAY_WRITE)
    if (may < 0) return may
    return inode.i_op.removexattr ? yield* inode.i_op.removexattr(inode, name) : -EOPNOTSUPP
  },
)

/** listxattr(2): the names, or -errno. */
export const vfs_listxattr = kfn('vfs_listxattr', function* (ts: task_struct, path: string): Step<string[] | number> {
  const inode = yield* inode_of(ts, path)
  if (typeof inode === 'number') return inode
  return inode.i_op.listxattr ? yield* inode.i_op.listxattr(inode) : -EOPNOTSUPP
})
