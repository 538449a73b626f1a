// ioctl(2) on an open file.
import { kfn, type Step } from '../../sim/index.ts'
import { ENOTTY, type UserMemory } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import { fdget } from './file.ts'

/** What the file makes of it, or -EBADF, -ENOTTY. */
export const vfs_ioctl = kfn(
  'vfs_ioctl',
  function* (ts: task_struct, fd: number, cmd: number, arg: Uint8Array, user: UserMemory): Step<number> {
    const f = fdget(ts, fd)
    if (typeof f === 'number') return f
    return f.f_op.unlocked_ioctl ? yield* f.f_op.unlocked_ioctl(f, cmd, arg, user) : -ENOTTY
  },
)
