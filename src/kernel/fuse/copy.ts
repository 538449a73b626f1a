// fs/fuse/file.c: copy_file_range, which the server may do for us.
import { kfn, min, type Step } from '../../sim/index.ts'
import { EIO, EOPNOTSUPP, EXDEV, fuse_copy_file_range_out, fuse_write_out, viewOf } from '../../wire/index.ts'
import type { File } from '../vfs/file.ts'
import { inode_lock, inode_unlock } from '../vfs/inode.ts'
import { FUSE_STATX_MODSIZE, fuse_invalidate_attr } from './attr.ts'
import type { fuse_args } from './fuse_i.ts'
import { fuse_optional_request } from './request.ts'

/** The older message counts its bytes in 32 bits, whole pages. */
const MAX_COPY_LEN = 0xfffff000

/**
 * fuse_copy_file_range(): COPY_FILE_RANGE_64 where the kernel has it, else COPY_FILE_RANGE. Bytes or -errno; -EOPNOTSUPP: this
 * server does not. A file that got longer by it has the size that follows.
 */
export const fuse_copy_file_range = kfn(
  'fuse_copy_file_range',
  function* (from: File, pos: number, to: File, to_pos: number, len: number): Step<number> {
    const [a, b] = [from.f_inode.fuse!, to.f_inode.fuse!]
    if (a.fc !== b.fc) return -EXDEV
    const { op } = a.fc.k.opcodes
    const ask = function* (name: 'COPY_FILE_RANGE' | 'COPY_FILE_RANGE_64', n: number): Step<number> {
      const arg = {
        fh_in: from.fuse!.fh,
        off_in: pos,
        nodeid_out: b.nodeid,
        fh_out: to.fuse!.fh,
        off_out: to_pos,
        len: n,
        flags: 0,
      }
      const args: fuse_args = { op: op[name], nodeid: a.nodeid, arg }
      const rc = yield* fuse_optional_request(a.fm, args, -EOPNOTSUPP)
      if (rc < 0) return rc
      const v = viewOf(args.out!)
      const at = args.out!.byteOffset
      return name === 'COPY_FILE_RANGE'
        ? fuse_write_out.read(v, at).size
        : fuse_copy_file_range_out.read(v, at).bytes_copied
    }
    yield* inode_lock(to.f_inode)
    let n = op.COPY_FILE_RANGE_64 === undefined ? -EOPNOTSUPP : yield* ask('COPY_FILE_RANGE_64', len)
    if (n === -EOPNOTSUPP) n = yield* ask('COPY_FILE_RANGE', min(len, MAX_COPY_LEN))
    if (n > len) n = -EIO
    if (n > 0) {
      const { i_size } = to.f_inode
      if (to_pos + n > i_size.peek()) i_size.poke(to_pos + n)
      fuse_invalidate_attr(to.f_inode, FUSE_STATX_MODSIZE)
    }
    yield* inode_unlock(to.f_inode)
    return n
  },
)
