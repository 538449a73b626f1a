// drivers/char/mem.c: /dev/null and /dev/zero.
import { MINOR } from '../devdax/index.ts'
import { kfn, type Step } from '../sim/index.ts'
import { copyable, type FileOps, type Inode, type Kiocb } from './vfs/inode.ts'

export const MEM_MAJOR = 1
export const NULL_MINOR = 3
export const ZERO_MINOR = 5

const write_null = kfn('write_null', function* (iocb: Kiocb): Step<number> {
  return iocb.count
})
const read_null = kfn('read_null', function* (): Step<number> {
  return 0
})
const read_iter_zero = kfn('read_iter_zero', function* (iocb: Kiocb): Step<number> {
  const n = copyable(iocb, iocb.count)
  iocb.buf.fill(0, 0, n < 0 ? 0 : n)
  return n
})

/** Operations of a node of this driver; those it has no others for open, and nothing more. */
export function memory_fops(inode: Inode): FileOps {
  const minor = MINOR(inode.i_rdev)
  if (minor === NULL_MINOR) return { read_iter: read_null, write_iter: write_null }
  return minor === ZERO_MINOR ? { read_iter: read_iter_zero, write_iter: write_null } : {}
}
