// fs/fuse/file.c: lseek. Where data and holes are only the server knows; a server without LSEEK has files without holes.
import { kfn, type Step } from '../../sim/index.ts'
import { ENOSYS, fuse_lseek_out, viewOf } from '../../wire/index.ts'
import type { File } from '../vfs/file.ts'
import { inode_lock, inode_unlock } from '../vfs/inode.ts'
import { generic_file_llseek, SEEK_CUR, SEEK_END, SEEK_SET, vfs_setpos } from '../vfs/llseek.ts'
import { fuse_update_attributes } from './attr.ts'
import type { fuse_args } from './fuse_i.ts'
import { fuse_optional_request } from './request.ts'

/** The end of the file as it is now: attributes that have run out are asked for first. */
const seek_by_size = kfn('fuse_lseek by size', function* (file: File, offset: number, whence: number): Step<number> {
  const rc = yield* fuse_update_attributes(file.f_inode)
  return rc < 0 ? rc : yield* generic_file_llseek(file, offset, whence)
})

/** fuse_lseek(): SEEK_DATA, SEEK_HOLE. */
const fuse_lseek = kfn('fuse_lseek', function* (file: File, offset: number, whence: number): Step<number> {
  const { k, fuse } = file.f_inode
  const { fm, nodeid } = fuse!
  const args: fuse_args = { op: k.opcodes.op.LSEEK, nodeid, arg: { fh: file.fuse!.fh, offset, whence } }
  const rc = yield* fuse_optional_request(fm, args, -ENOSYS)
  if (rc === -ENOSYS) return yield* seek_by_size(file, offset, whence)
  if (rc < 0) return rc
  return yield* vfs_setpos(file, fuse_lseek_out.read(viewOf(args.out!), args.out!.byteOffset).offset)
})

/** fuse_file_llseek(): the new position or -errno. */
export const fuse_file_llseek = kfn(
  'fuse_file_llseek',
  function* (file: File, off: number, whence: number): Step<number> {
    if (whence === SEEK_SET || whence === SEEK_CUR) return yield* generic_file_llseek(file, off, whence)
    const inode = file.f_inode
    yield* inode_lock(inode)
    const to = yield* whence === SEEK_END ? seek_by_size(file, off, whence) : fuse_lseek(file, off, whence)
    yield* inode_unlock(inode)
    return to
  },
)
