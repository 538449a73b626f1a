// fs/fuse/xattr.c: attributes by name. A server that answers ENOSYS to one of these is never asked it again: EOPNOTSUPP.
import { kfn, min, type Step } from '../../sim/index.ts'
import { EIO, EOPNOTSUPP, fuse_getxattr_out, getText, OPCODES, viewOf } from '../../wire/index.ts'
import { type Inode, XATTR_LIST_MAX, XATTR_SIZE_MAX } from '../vfs/inode.ts'
import { fuse_invalidate_attr, STATX_CTIME } from './attr.ts'
import type { fuse_args } from './fuse_i.ts'
import { fuse_has, fuse_is_bad } from './iget.ts'
import { fuse_optional_request } from './request.ts'

/** fuse_getxattr(): the value; with `size` 0 its length; or -errno (-ENODATA, -ERANGE: the server's). */
export const fuse_getxattr = kfn('fuse_getxattr', function* (inode: Inode, name: string, size = XATTR_SIZE_MAX): Step<
  Uint8Array | number
> {
  const { fm, nodeid } = inode.fuse!
  if (fuse_is_bad(inode)) return -EIO
  const { GETXATTR } = inode.k.opcodes.op
  const args: fuse_args = { op: GETXATTR, nodeid, arg: { size }, names: [name], room: size }
  const rc = yield* fuse_optional_request(fm, args, -EOPNOTSUPP)
  if (rc < 0) return rc
  const out = args.out!
  return size === 0 ? min(fuse_getxattr_out.read(viewOf(out), out.byteOffset).size, XATTR_SIZE_MAX) : out.slice()
})

/** fuse_setxattr(): 0 or -errno. Half of its struct goes to a server that did not ask for SETXATTR_EXT. */
export const fuse_setxattr = kfn(
  'fuse_setxattr',
  function* (inode: Inode, name: string, value: Uint8Array, flags: number): Step<number> {
    const { fc, fm, nodeid } = inode.fuse!
    if (fuse_is_bad(inode)) return -EIO
    const op = fuse_has(fc, 'SETXATTR_EXT') ? OPCODES.op.SETXATTR : fc.k.opcodes.op.SETXATTR
    const args: fuse_args = { op, nodeid, arg: { size: value.length, flags }, names: [name], data: value }
    const rc = yield* fuse_optional_request(fm, args, -EOPNOTSUPP)
    if (rc === 0) fuse_invalidate_attr(inode, STATX_CTIME)
    return rc
  },
)

/** fuse_listxattr(): every name, or -errno; -EIO for a list with an empty name or without its last NUL. */
export const fuse_listxattr = kfn('fuse_listxattr', function* (inode: Inode): Step<string[] | number> {
  const { fm, nodeid } = inode.fuse!
  if (fuse_is_bad(inode)) return -EIO
  const room = XATTR_LIST_MAX
  const args: fuse_args = { op: inode.k.opcodes.op.LISTXATTR, nodeid, arg: { size: room }, room }
  const rc = yield* fuse_optional_request(fm, args, -EOPNOTSUPP)
  if (rc < 0) return rc
  const names: string[] = []
  for (let at = 0; at < args.out!.length; ) {
    const nul = args.out!.indexOf(0, at)
    if (nul <= at) return -EIO
    names.push(getText(args.out!, at, nul))
    at = nul + 1
  }
  return names
})

/** fuse_removexattr(): 0 or -errno. */
export const fuse_removexattr = kfn('fuse_removexattr', function* (inode: Inode, name: string): Step<number> {
  const { fm, nodeid } = inode.fuse!
  if (fuse_is_bad(inode)) return -EIO
  const args: fuse_args = { op: inode.k.opcodes.op.REMOVEXATTR, nodeid, names: [name] }
  const rc = yield* fuse_optional_request(fm, args, -EOPNOTSUPP)
  if (rc === 0) fuse_invalidate_attr(inode, STATX_CTIME)
  return rc
})
