// More descriptors for one open file (fs/file.c), and its status flags (fs/fcntl.c).
import { kfn, type Step } from '../../sim/index.ts'
import { EBADF, EINVAL, EPERM } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import {
  close_fd,
  type File,
  FMODE_CAN_ODIRECT,
  fd_install,
  fdget_raw,
  get_file,
  O_APPEND,
  O_DIRECT,
  O_NOATIME,
  O_NONBLOCK,
  O_PATH,
} from './file.ts'
import { inode_owner_or_capable } from './inode.ts'

export const F_DUPFD = 0
export const F_GETFL = 3
export const F_SETFL = 4

/** What F_SETFL changes; the rest of the flags stays as it was opened. */
const SETFL_MASK = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME

/** setfl(): 0, -EPERM (O_NOATIME on somebody else's file), -EINVAL (O_DIRECT where there is none). */
const setfl = (f: File, arg: number): number => {
  const on = arg & ~f.f_flags
  if ((on & O_NOATIME) !== 0 && !inode_owner_or_capable(f.f_inode)) return -EPERM
  if ((arg & O_DIRECT) !== 0 && (f.f_mode & FMODE_CAN_ODIRECT) === 0) return -EINVAL
  f.f_flags = (arg & SETFL_MASK) | (f.f_flags & ~SETFL_MASK)
  return 0
}

/** dup(2), F_DUPFD: the lowest free descriptor, of those from `from` on; -EBADF. */
export const do_dup = kfn('do_dup', function* (ts: task_struct, fd: number, from?: number): Step<number> {
  const f = fdget_raw(ts, fd)
  if (typeof f === 'number') return f
  get_file(f)
  return fd_install(ts, f, from)
})

/** dup2(2): `to`, which loses what it was open on; -EBADF. */
export const do_dup2 = kfn('do_dup2', function* (ts: task_struct, fd: number, to: number): Step<number> {
  const f = fdget_raw(ts, fd)
  if (typeof f === 'number' || to < 0) return -EBADF
  if (fd === to) return to
  get_file(f)
  const old = ts.files.get(to)
  if (old !== undefined) yield* close_fd(ts, to)
  ts.files.set(to, f)
  return to
})

/** fcntl(2): the new descriptor, the flags, 0; or -errno (-EINVAL: no such command). */
export const do_fcntl = kfn(
  'do_fcntl',
  function* (ts: task_struct, fd: number, cmd: number, arg: number): Step<number> {
    const f = fdget_raw(ts, fd)
    if (typeof f === 'number') return f
    if (cmd === F_GETFL) return f.f_flags
    if (cmd === F_DUPFD) return arg < 0 ? -EINVAL : yield* do_dup(ts, fd, arg)
    if ((f.f_flags & O_PATH) !== 0) return -EBADF
    return cmd === F_SETFL ? setfl(f, arg) : -EINVAL
  },
)
