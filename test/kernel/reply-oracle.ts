// What write(2) on /dev/fuse must answer, and what whoever waits gets: kernel.md 1.7 and 1.8 written down once more, without the
// model's codec and tables. Pure: bytes in, verdict out.

/** Body of a successful reply: one length; from..to; 0 is no body. GETXATTR, LISTXATTR: of a request that asked for bytes. */
const BODY: Readonly<Record<string, number | readonly [number, number]>> = {
  LOOKUP: 128,
  GETATTR: 104,
  SETATTR: 104,
  READLINK: [0, 4095],
  SYMLINK: 128,
  MKNOD: 128,
  MKDIR: 128,
  UNLINK: 0,
  RMDIR: 0,
  RENAME: 0,
  LINK: 128,
  OPEN: 16,
  READ: [0, 512],
  WRITE: 8,
  STATFS: 80,
  RELEASE: 0,
  FSYNC: 0,
  SETXATTR: 0,
  GETXATTR: [0, 512],
  LISTXATTR: [0, 512],
  REMOVEXATTR: 0,
  FLUSH: 0,
  INIT: [0, 64],
  OPENDIR: 16,
  READDIR: [0, 512],
  RELEASEDIR: 0,
  FSYNCDIR: 0,
  GETLK: 24,
  SETLK: 0,
  SETLKW: 0,
  ACCESS: 0,
  CREATE: 144,
  BMAP: 8,
  DESTROY: 0,
  IOCTL: [16, 512],
  POLL: 8,
  FALLOCATE: 0,
  READDIRPLUS: [0, 512],
  RENAME2: 0,
  LSEEK: 8,
  COPY_FILE_RANGE: 8,
  SETUPMAPPING: 0,
  REMOVEMAPPING: 0,
  SYNCFS: 0,
  TMPFILE: 144,
  STATX: 288,
  COPY_FILE_RANGE_64: 8,
  GET_FMAP: [0, 4096],
  GET_DAXDEV: 280,
}
/** What a request asks for that says how much. */
export const ROOM = 512

export const OPS = Object.keys(BODY)

/** Shortest and longest body of a good reply. */
export const bodyOf = (op: string): readonly [number, number] => {
  const b = BODY[op]!
  return typeof b === 'number' ? [b, b] : b
}

const EIO = 5
const ENOENT = 2
const EINVAL = 22
const ENAMETOOLONG = 36
const EAGAIN = 11

export interface Verdict {
  /** Bytes, or a negative errno. */
  readonly writer: number
  /** Bytes or a negative errno; it waits on; the request is to be read again (RESEND). */
  readonly waiter: number | 'waits' | 'resent'
}

const u32 = (b: Uint8Array, at: number): number =>
  (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0
const same8 = (a: Uint8Array, at: number, b: Uint8Array, from: number): boolean => {
  for (let i = 0; i < 8; i++) if (a[at + i] !== b[from + i]) return false
  return true
}

/** A notification on a connection that knows the root and no name in it. */
const notified = (code: number, body: Uint8Array): number => {
  const n = body.length
  const known = (at: number): boolean => u32(body, at) === 1 && u32(body, at + 4) === 0
  const named = (head: number, namelen: number): number => {
    if (namelen > 1024) return -ENAMETOOLONG
    return n === head + namelen + 1 ? -ENOENT : -EINVAL
  }
  if (code === 1) return n === 8 ? 0 : -EINVAL
  if (code === 2) return n !== 24 ? -EINVAL : known(0) ? 0 : -ENOENT
  if (code === 3) return n < 16 ? -EINVAL : named(16, u32(body, 8))
  if (code === 4) return n < 24 || n - 24 !== u32(body, 16) ? -EINVAL : known(0) ? 0 : -ENOENT
  if (code === 5) return n !== 32 ? -EINVAL : known(8) ? 0 : -ENOENT
  if (code === 6) return n < 24 ? -EINVAL : named(24, u32(body, 16))
  if (code === 7 || code === 8) return 0
  if (code === 9) return n < 16 || n - 16 !== u32(body, 0) * 8 ? -EINVAL : 0
  return -EINVAL
}

/** `request`: the message that is to be answered, as it was read. */
export function verdictOf(op: string, request: Uint8Array, bytes: Uint8Array): Verdict {
  const size = bytes.length
  const waits = (writer: number): Verdict => ({ writer, waiter: 'waits' })
  if (size < 16 || u32(bytes, 0) !== size) return waits(-EINVAL)
  const error = u32(bytes, 4) | 0
  if (u32(bytes, 8) === 0 && u32(bytes, 12) === 0) {
    const rc = notified(error, bytes.subarray(16))
    return rc === 0 && error === 7 ? { writer: size, waiter: 'resent' } : waits(rc < 0 ? rc : size)
  }
  if (error > 0 || error <= -512) return waits(-EINVAL)
  const id = bytes.slice(8, 16)
  const interrupt = (id[0]! & 1) === 1
  id[0]! &= 0xfe
  if (!same8(id, 0, request, 8)) return waits(-ENOENT)
  // No signal came: nothing is to be sent once more.
  if (interrupt) return waits(size !== 16 || error === -EAGAIN ? -EINVAL : size)
  if (error !== 0) return size === 16 ? { writer: 16, waiter: error } : { writer: -EINVAL, waiter: -EIO }
  const [least, most] = bodyOf(op)
  const body = size - 16
  return body >= least && body <= most ? { writer: size, waiter: body } : { writer: -EINVAL, waiter: -EIO }
}
