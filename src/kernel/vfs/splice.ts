// splice(2), sendfile(2), vmsplice(2), copy_file_range(2) (fs/splice.c, fs/read_write.c): bytes move between files by way of a
// pipe. What the kernel passes on as pages is copied here; nobody sees the difference but who changes a page meanwhile.
import { kfn, max, min, type Op, type Step } from '../../sim/index.ts'
import { EAGAIN, EBADF, EFAULT, EINVAL, EISDIR, EOPNOTSUPP, EOVERFLOW, ESPIPE, EXDEV } from '../../wire/index.ts'
import { copy_from_user, copy_to_user } from '../mm/uaccess.ts'
import type { task_struct } from '../task_struct.ts'
import { type File, FMODE_PREAD, FMODE_PWRITE, fdget, O_APPEND, O_NONBLOCK } from './file.ts'
import { type Kiocb, S_ISDIR, S_ISREG } from './inode.ts'
import type { UserBuffer } from './iov.ts'
import { broken_pipe, pipe_inode_info, pipe_wait } from './pipe.ts'

const SPLICE_F_MOVE = 1
export const SPLICE_F_NONBLOCK = 2
const SPLICE_F_MORE = 4
const SPLICE_F_GIFT = 8
const SPLICE_F_ALL = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT

const iocb = (file: File, pos: number, buf: Uint8Array): Kiocb => ({ file, pos, ki_flags: 0, buf, count: buf.length })

/** copy_splice_read(): read a file into the pipe, as much as its free pages take. Bytes or -errno. */
const copy_splice_read = kfn(
  'copy_splice_read',
  function* (f: File, pos: number, pipe: pipe_inode_info, len: number): Step<number> {
    if (!f.f_op.read_iter) return -EINVAL
    const buf = new Uint8Array(min(len, pipe.room))
    const n = yield* f.f_op.read_iter(iocb(f, pos, buf))
    if (n > 0) pipe.push(buf.subarray(0, n))
    return n
  },
)

/** iter_file_splice_write(): write what is in the pipe to a file, `len` bytes at most, once there is something. */
export const iter_file_splice_write = kfn(
  'iter_file_splice_write',
  function* (pipe: pipe_inode_info, f: File, pos: number, len: number, nonblock: boolean): Step<number> {
    if (!f.f_op.write_iter) return -EINVAL
    const rc = yield* pipe_wait(pipe, nonblock, () => !pipe.empty || pipe.writers.peek() === 0)
    if (rc < 0) return rc
    let done = 0
    while (done < len && !pipe.empty) {
      const n = yield* f.f_op.write_iter(iocb(f, pos + done, pipe.peek(len - done)))
      if (n <= 0) return done > 0 ? done : n
      pipe.consume(n)
      done += n
    }
    return done
  },
)

/** do_splice_from(): the file system's own way (famfs: -EIO), or by writing. */
const do_splice_from = (pipe: pipe_inode_info, f: File, pos: number, len: number, nonblock: boolean): Op<number> =>
  (f.f_op.splice_write ?? iter_file_splice_write)(pipe, f, pos, len, nonblock)

/** splice_pipe_to_pipe() */
const splice_pipe_to_pipe = kfn(
  'splice_pipe_to_pipe',
  function* (from: pipe_inode_info, to: pipe_inode_info, len: number, nonblock: boolean, out: File): Step<number> {
    const data = yield* pipe_wait(from, nonblock, () => !from.empty || from.writers.peek() === 0)
    if (data < 0) return data
    const room = yield* pipe_wait(to, nonblock, () => to.room > 0 || to.readers.peek() === 0)
    if (room < 0) return room
    if (to.readers.peek() === 0) return broken_pipe(out.f_inode.k)
    const bytes = from.peek(min(len, to.room))
    if (bytes.length === 0) return 0
    to.push(bytes)
    from.consume(bytes.length)
    return bytes.length
  },
)

/** splice_file_to_pipe(): once the pipe has room. */
const splice_file_to_pipe = kfn(
  'splice_file_to_pipe',
  function* (f: File, pos: number, pipe: pipe_inode_info, len: number, nonblock: boolean): Step<number> {
    if (pipe.readers.peek() === 0) return broken_pipe(f.f_inode.k)
    const rc = yield* pipe_wait(pipe, nonblock, () => pipe.room > 0 || pipe.readers.peek() === 0)
    if (rc < 0) return rc
    if (pipe.readers.peek() === 0) return broken_pipe(f.f_inode.k)
    return yield* copy_splice_read(f, pos, pipe, len)
  },
)

/** do_splice_direct(): from file to file by a pipe that nobody else has. Bytes, or -errno if none went. */
const do_splice_direct = kfn(
  'do_splice_direct',
  function* (from: File, pos: number, to: File, to_pos: number, len: number): Step<number> {
    const pipe = new pipe_inode_info(from.f_inode.k)
    let done = 0
    while (done < len) {
      const n = yield* copy_splice_read(from, pos + done, pipe, len - done)
      if (n <= 0) return done > 0 ? done : n
      const put = yield* do_splice_from(pipe, to, to_pos + done, n, true)
      if (put <= 0) return done > 0 ? done : put
      done += put
      if (put < n) break
    }
    return done
  },
)

/** Where a file is read from or written to: the position it is told, or its own, which then moves. */
interface Place {
  readonly f: File
  readonly off: number | null
}
const start = kfn('file position', function* (p: Place): Step<number> {
  return p.off ?? (yield* p.f.f_pos.load())
})
const moved = kfn('file position moves', function* (p: Place, to: number): Step<void> {
  if (p.off === null && p.f.pipe === null) yield* p.f.f_pos.store(to)
})

/** Both files of a call that moves bytes, open as they must be; or -EBADF. */
const both = (ts: task_struct, fd_in: number, fd_out: number): [File, File] | number => {
  const f = fdget(ts, fd_in)
  const to = fdget(ts, fd_out)
  if (typeof f === 'number' || typeof to === 'number') return -EBADF
  return f.readable && to.writable ? [f, to] : -EBADF
}

/** splice(2): one of the two is a pipe. Bytes; 0 at the end; -EBADF, -EINVAL, -ESPIPE, -EAGAIN, -EINTR, and the files' errnos. */
export const do_splice = kfn(
  'do_splice',
  function* (
    ts: task_struct,
    fd_in: number,
    off_in: number | null,
    fd_out: number,
    off_out: number | null,
    len: number,
    flags: number,
  ): Step<number> {
    if (len === 0) return 0
    if ((flags & ~SPLICE_F_ALL) !== 0) return -EINVAL
    const files = both(ts, fd_in, fd_out)
    if (typeof files === 'number') return files
    const [from, to] = files
    const { pipe: ipipe } = from
    const { pipe: opipe } = to
    if ((ipipe !== null && off_in !== null) || (opipe !== null && off_out !== null)) return -ESPIPE
    const wait_not = (flags & SPLICE_F_NONBLOCK) !== 0 || ((from.f_flags | to.f_flags) & O_NONBLOCK) !== 0
    if (ipipe !== null && opipe !== null)
      return ipipe === opipe ? -EINVAL : yield* splice_pipe_to_pipe(ipipe, opipe, len, wait_not, to)
    if (ipipe !== null) {
      if (off_out !== null && (to.f_mode & FMODE_PWRITE) === 0) return -EINVAL
      if ((to.f_flags & O_APPEND) !== 0) return -EINVAL
      const place = { f: to, off: off_out }
      const pos = yield* start(place)
      const n = yield* do_splice_from(ipipe, to, pos, len, (flags & SPLICE_F_NONBLOCK) !== 0)
      if (n > 0) yield* moved(place, pos + n)
      return n
    }
    if (opipe === null) return -EINVAL
    if (off_in !== null && (from.f_mode & FMODE_PREAD) === 0) return -EINVAL
    const place = { f: from, off: off_in }
    const pos = yield* start(place)
    const n = yield* splice_file_to_pipe(from, pos, opipe, len, wait_not)
    if (n > 0) yield* moved(place, pos + n)
    return n
  },
)

/** sendfile(2): bytes, or -errno. `off` null: from the file position, which moves. */
export const do_sendfile = kfn(
  'do_sendfile',
  function* (ts: task_struct, fd_out: number, fd_in: number, off: number | null, count: number): Step<number> {
    const files = both(ts, fd_in, fd_out)
    if (typeof files === 'number') return files
    const [from, to] = files
    if (off !== null && (from.f_mode & FMODE_PREAD) === 0) return -ESPIPE
    if ((off ?? 0) < 0 || (to.f_flags & O_APPEND) !== 0) return -EINVAL
    const place = { f: from, off }
    const pos = yield* start(place)
    if (to.pipe !== null) {
      const n = yield* splice_file_to_pipe(from, pos, to.pipe, count, (to.f_flags & O_NONBLOCK) !== 0)
      if (n > 0) yield* moved(place, pos + n)
      return n
    }
    const to_place = { f: to, off: null }
    const to_pos = yield* start(to_place)
    const n = yield* do_splice_direct(from, pos, to, to_pos, count)
    if (n > 0) {
      yield* moved(place, pos + n)
      yield* moved(to_place, to_pos + n)
    }
    return n
  },
)

/** vmsplice(2): memory of the process into a pipe, or what is in a pipe into memory. Bytes, or -errno. */
export const do_vmsplice = kfn(
  'do_vmsplice',
  function* (ts: task_struct, fd: number, iov: readonly UserBuffer[], flags: number): Step<number> {
    if ((flags & ~SPLICE_F_ALL) !== 0) return -EINVAL
    const f = fdget(ts, fd)
    if (typeof f === 'number' || f.pipe === null) return -EBADF
    const { pipe } = f
    const nonblock = (flags & SPLICE_F_NONBLOCK) !== 0
    let done = 0
    for (const b of iov) {
      const held = b instanceof Uint8Array
      const len = held ? b.length : b.len
      for (let at = 0; at < len; ) {
        if (f.writable && pipe.readers.peek() === 0) return done > 0 ? done : broken_pipe(ts.k)
        const ready = f.writable
          ? () => pipe.room > 0 || pipe.readers.peek() === 0
          : () => !pipe.empty || pipe.writers.peek() === 0
        // What has been moved is not waited with.
        const rc = done > 0 && !f.writable && pipe.empty ? -EAGAIN : yield* pipe_wait(pipe, nonblock, ready)
        if (rc < 0) return done > 0 ? done : rc
        let n: number
        if (f.writable) {
          const part = held ? b.subarray(at, at + pipe.room) : new Uint8Array(min(len - at, pipe.room))
          n = held ? part.length : yield* copy_from_user(ts, b.addr + at, part)
          pipe.push(part.subarray(0, n))
        } else {
          const bytes = pipe.peek(len - at)
          if (bytes.length === 0) return done
          if (held) b.set(bytes, at)
          n = held ? bytes.length : yield* copy_to_user(ts, b.addr + at, bytes)
          pipe.consume(n)
        }
        if (n === 0) return done > 0 ? done : -EFAULT
        at += n
        done += n
      }
    }
    return done
  },
)

/** generic_copy_file_checks(): how much may be copied, or -errno. */
const generic_copy_file_checks = (from: File, pos: number, to: File, to_pos: number, len: number): number => {
  const [a, b] = [from.f_inode, to.f_inode]
  if (S_ISDIR(a.i_mode) || S_ISDIR(b.i_mode)) return -EISDIR
  if (!S_ISREG(a.i_mode) || !S_ISREG(b.i_mode)) return -EINVAL
  if ((to.f_flags & O_APPEND) !== 0) return -EBADF
  const own = to.f_op.copy_file_range
  if (own !== undefined ? from.f_op.copy_file_range !== own : from.f_dentry.d_sb !== to.f_dentry.d_sb) return -EXDEV
  if (pos + len > Number.MAX_SAFE_INTEGER || to_pos + len > Number.MAX_SAFE_INTEGER) return -EOVERFLOW
  const n = max(0, min(len, a.i_size.peek() - pos))
  return a === b && to_pos + n > pos && to_pos < pos + n ? -EINVAL : n
}

/**
 * copy_file_range(2): bytes, or -errno (-EXDEV: not from one file system to another). The file system's own way first; where it
 * has none for these files (-EOPNOTSUPP, -EXDEV), by a pipe.
 */
export const vfs_copy_file_range = kfn(
  'vfs_copy_file_range',
  function* (
    ts: task_struct,
    fd_in: number,
    off_in: number | null,
    fd_out: number,
    off_out: number | null,
    len: number,
    flags: number,
  ): Step<number> {
    if (flags !== 0) return -EINVAL
    const files = both(ts, fd_in, fd_out)
    if (typeof files === 'number') return files
    const [from, to] = files
    const [place, to_place] = [
      { f: from, off: off_in },
      { f: to, off: off_out },
    ]
    const pos = yield* start(place)
    const to_pos = yield* start(to_place)
    if (pos < 0 || to_pos < 0) return -EINVAL
    const count = generic_copy_file_checks(from, pos, to, to_pos, len)
    if (count <= 0) return count
    const own = to.f_op.copy_file_range
    let n = own ? yield* own(from, pos, to, to_pos, count) : -EOPNOTSUPP
    if (n === -EOPNOTSUPP || n === -EXDEV) n = yield* do_splice_direct(from, pos, to, to_pos, count)
    if (n > 0) {
      yield* moved(place, pos + n)
      yield* moved(to_place, to_pos + n)
    }
    return n
  },
)
