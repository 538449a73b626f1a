// readv(2), writev(2) and their kin: several buffers in one call, of which some may be named by their address in the process.
import { kfn, type Step } from '../../sim/index.ts'
import { EFAULT, EINVAL, EOPNOTSUPP } from '../../wire/index.ts'
import { copy_from_user, copy_to_user, fault_in_writeable } from '../mm/uaccess.ts'
import type { task_struct } from '../task_struct.ts'
import { type File, FMODE_NOWAIT, FMODE_STREAM, fdget } from './file.ts'
import { IOCB_DSYNC, type Kiocb } from './inode.ts'
import { iocb_flags, rw_iter } from './read_write.ts'

/** A buffer of the process by its address: what of it is not mapped ends a copy, and raises no signal. */
export interface UserRange {
  readonly addr: number
  /** Bytes. */
  readonly len: number
}
/** A buffer the program holds, or one in its mapped memory. */
export type UserBuffer = Uint8Array | UserRange

/** The most buffers that one call takes. */
const UIO_MAXIOV = 1024

export const RWF_HIPRI = 0x1
export const RWF_DSYNC = 0x2
export const RWF_SYNC = 0x4
export const RWF_NOWAIT = 0x8
export const RWF_APPEND = 0x10
export const RWF_NOAPPEND = 0x20
const RWF_SUPPORTED = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND

/** kiocb_set_rw_flags(): the ki_flags of a call with these RWF_ flags, or -errno. Their bits are the same. */
const kiocb_set_rw_flags = (f: File, rwf: number): number => {
  if ((rwf & ~RWF_SUPPORTED) !== 0) return -EOPNOTSUPP
  if ((rwf & RWF_APPEND) !== 0 && (rwf & RWF_NOAPPEND) !== 0) return -EINVAL
  if ((rwf & RWF_NOWAIT) !== 0 && (f.f_mode & FMODE_NOWAIT) === 0) return -EOPNOTSUPP
  let flags = iocb_flags(f) | (rwf & ~RWF_NOAPPEND)
  if ((rwf & RWF_SYNC) !== 0) flags |= IOCB_DSYNC
  if ((rwf & RWF_NOAPPEND) !== 0) flags &= ~RWF_APPEND
  return flags
}

const sizeOf = (b: UserBuffer): number => (b instanceof Uint8Array ? b.length : b.len)

/** What is to be written, in one piece, up to what cannot be had. */
const gather = kfn(
  'copy_from_iter',
  function* (ts: task_struct, iov: readonly UserBuffer[], total: number): Step<Uint8Array> {
    const all = new Uint8Array(total)
    let at = 0
    for (const b of iov) {
      const n = sizeOf(b)
      if (b instanceof Uint8Array) all.set(b, at)
      else {
        const got = yield* copy_from_user(ts, b.addr, all.subarray(at, at + n))
        if (got < n) return all.subarray(0, at + got)
      }
      at += n
    }
    return all
  },
)

/** How many bytes of these buffers can be filled, from the first on. */
const writeable = kfn(
  'fault_in_iov_iter_writeable',
  function* (ts: task_struct, iov: readonly UserBuffer[]): Step<number> {
    let room = 0
    for (const b of iov) {
      const n = sizeOf(b)
      const here = b instanceof Uint8Array ? n : yield* fault_in_writeable(ts, b.addr, n)
      room += here
      if (here < n) break
    }
    return room
  },
)

/** Fill the buffers, one after the other. The bytes they took. */
const scatter = kfn(
  'copy_to_iter',
  function* (ts: task_struct, iov: readonly UserBuffer[], from: Uint8Array): Step<number> {
    let at = 0
    for (const b of iov) {
      const part = from.subarray(at, at + sizeOf(b))
      if (b instanceof Uint8Array) b.set(part)
      const took = b instanceof Uint8Array ? part.length : yield* copy_to_user(ts, b.addr, part)
      at += took
      if (took < part.length) break
    }
    return at
  },
)

/**
 * preadv2(2), pwritev2(2): bytes, or -errno. `pos` null: at and moving the file position. The file system sees one read or write,
 * of all buffers.
 */
export const do_readv_writev = kfn(
  'do_iter_readv_writev',
  function* (
    ts: task_struct,
    fd: number,
    iov: readonly UserBuffer[],
    pos: number | null,
    write: boolean,
    rwf: number,
  ): Step<number> {
    if (pos !== null && pos < 0) return -EINVAL
    const f = fdget(ts, fd)
    if (typeof f === 'number') return f
    const iter = rw_iter(f, pos !== null, write)
    if (typeof iter === 'number') return iter
    if (iov.length > UIO_MAXIOV) return -EINVAL
    const count = iov.reduce((n, b) => n + sizeOf(b), 0)
    if (count === 0) return 0
    const ki_flags = kiocb_set_rw_flags(f, rwf)
    if (ki_flags < 0) return ki_flags
    const buf = write ? yield* gather(ts, iov, count) : new Uint8Array(yield* writeable(ts, iov))
    const own = pos === null && (f.f_mode & FMODE_STREAM) === 0
    const at = own ? yield* f.f_pos.load() : (pos ?? 0)
    const iocb: Kiocb = { file: f, pos: at, ki_flags, buf, count }
    let n = yield* iter(iocb)
    // A page may have gone while the file was read.
    if (!write && n > 0) n = (yield* scatter(ts, iov, buf.subarray(0, n))) || -EFAULT
    if (n > 0 && own) yield* f.f_pos.store(iocb.pos + n)
    return n
  },
)
