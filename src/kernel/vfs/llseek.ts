// lseek(2) (fs/read_write.c).
import { kfn, type Step } from '../../sim/index.ts'
import { EINVAL, ENXIO, ESPIPE } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import { type File, FMODE_LSEEK, fdget } from './file.ts'

export const SEEK_SET = 0
export const SEEK_CUR = 1
export const SEEK_END = 2
export const SEEK_DATA = 3
export const SEEK_HOLE = 4

/** vfs_setpos(): the new position, or -EINVAL. */
export const vfs_setpos = kfn('vfs_setpos', function* (f: File, to: number): Step<number> {
  if (to < 0) return -EINVAL
  yield* f.f_pos.store(to)
  return to
})

/** generic_file_llseek(): a file that is all data, up to its size. */
export const generic_file_llseek = kfn(
  'generic_file_llseek',
  function* (f: File, off: number, whence: number): Step<number> {
    const { i_size } = f.f_inode
    switch (whence) {
      case SEEK_SET:
        return yield* vfs_setpos(f, off)
      case SEEK_CUR:
        return yield* vfs_setpos(f, (yield* f.f_pos.load()) + off)
      case SEEK_END:
        return yield* vfs_setpos(f, (yield* i_size.load()) + off)
      case SEEK_DATA:
      case SEEK_HOLE: {
        const size = yield* i_size.load()
        if (off < 0 || off >= size) return -ENXIO
        return yield* vfs_setpos(f, whence === SEEK_DATA ? off : size)
      }
      default:
        return -EINVAL
    }
  },
)

/** lseek(2): the new position, or -EBADF, -EINVAL, -ESPIPE, -ENXIO (no data, or no hole, from there on). */
export const vfs_llseek = kfn(
  'vfs_llseek',
  function* (ts: task_struct, fd: number, off: number, whence: number): Step<number> {
    const f = fdget(ts, fd)
    if (typeof f === 'number') return f
    if (whence < SEEK_SET || whence > SEEK_HOLE) return -EINVAL
    if ((f.f_mode & FMODE_LSEEK) === 0) return -ESPIPE
    return yield* (f.f_op.llseek ?? generic_file_llseek)(f, off, whence)
  },
)
