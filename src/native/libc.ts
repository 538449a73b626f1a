/**
 * The C library, typed: the handful of calls the simulator needs to own real memory and real sockets.
 * Not core: devdax backings and live transports call it, nothing that must be deterministic does.
 * koffi is an optional package and is loaded at the first call, so importing this file costs nothing and works without it.
 * Units: lengths and offsets in bytes (whole numbers below 2^53), addresses as numbers (user space ends at 2^47 or 2^56
 * only on request), file descriptors as small integers.
 */
import { createRequire } from 'node:module'
import { constants as osConstants } from 'node:os'

/** Protection bits of `mmap`. */
export const PROT_NONE = 0
export const PROT_READ = 1
export const PROT_WRITE = 2

/** Flags of `mmap`; the values are those of x86-64 and arm64 Linux. */
export const MAP_SHARED = 0x01
export const MAP_PRIVATE = 0x02
export const MAP_FIXED = 0x10
export const MAP_ANONYMOUS = 0x20
export const MAP_NORESERVE = 0x4000

/** Flags of `memfd_create`. The page size is encoded as its log2 in the top six bits: 21 is 2 MiB. */
export const MFD_CLOEXEC = 0x1
export const MFD_ALLOW_SEALING = 0x2
export const MFD_HUGETLB = 0x4
export const MFD_HUGE_2MB = 21 * 0x4000000

/** `fcntl` that forbids changes of a memory file for good, and what it can forbid. */
export const F_ADD_SEALS = 1033
export const F_SEAL_SEAL = 0x1
export const F_SEAL_SHRINK = 0x2
export const F_SEAL_GROW = 0x4

/** Operations of `flock`. */
export const LOCK_EX = 2
export const LOCK_NB = 4

/** Modes of `fallocate`: bytes become a hole, the length stays. */
export const FALLOC_FL_KEEP_SIZE = 0x1
export const FALLOC_FL_PUNCH_HOLE = 0x2

/** `lseek` to the first data at or behind an offset. */
export const SEEK_DATA = 3

/** Advice of `madvise`. */
export const MADV_DONTNEED = 4
export const MADV_HUGEPAGE = 14
export const MADV_NOHUGEPAGE = 15

/** Domain and types of `socketpair`. */
export const AF_UNIX = 1
export const SOCK_STREAM = 1
export const SOCK_SEQPACKET = 5
export const SOCK_NONBLOCK = 0o4000
export const SOCK_CLOEXEC = 0o2000000

/** What `sysconf` would say and this code relies on: every offset handled here is a multiple of both. */
export const PAGE_SIZE = 4096
export const HUGE_PAGE_SIZE = 2 * 1024 * 1024

/** Ask `sysconf` for the page size of this machine. */
const SC_PAGESIZE = 30

/** The environment variable that switches native calls off (`off` or `0`), for trying the fallbacks. */
export const NATIVE_SWITCH = 'FAMSIM_NATIVE'

/** A failed call: `call` is the C function, `errno` the positive number, `code` its name (`ENOMEM`). */
export class SysError extends Error {
  readonly call: string
  readonly errno: number
  readonly code: string
  constructor(call: string, errno: number, detail: string) {
    const code = errnoName(errno)
    super(`${call}(${detail}): ${code} (errno ${errno})`)
    this.name = 'SysError'
    this.call = call
    this.errno = errno
    this.code = code
  }
}

/** The symbolic name of a positive errno, or `E?` when this machine has none for it. */
export const errnoName = (errno: number): string => {
  for (const [name, value] of Object.entries(osConstants.errno)) if (value === errno) return name
  return 'E?'
}

/** The little of koffi that is used here. */
type Koffi = {
  load(path: null): { func(definition: string): (...args: any[]) => any }
  view(address: number, length: number): ArrayBuffer
  errno(): number
}

/** The bound C functions, one property a symbol. */
type Libc = {
  koffi: Koffi
  memfd_create: (name: string, flags: number) => number
  ftruncate: (fd: number, length: number) => number
  mmap: (addr: number, length: number, prot: number, flags: number, fd: number, offset: number) => number
  munmap: (addr: number, length: number) => number
  madvise: (addr: number, length: number, advice: number) => number
  close: (fd: number) => number
  fcntl: (fd: number, command: number, type: string, arg: number) => number
  flock: (fd: number, operation: number) => number
  fallocate: (fd: number, mode: number, offset: number, length: number) => number
  lseek: (fd: number, offset: number, whence: number) => number
  ioctl: (fd: number, request: number, type: string, arg: unknown) => number
  socketpair: (domain: number, type: number, protocol: number, pair: Int32Array) => number
  sysconf: (name: number) => number
}

type Loaded = { libc: Libc; why: null } | { libc: null; why: string }

let loaded: Loaded | null = null

const bind = (koffi: Koffi): Libc => {
  const lib = koffi.load(null)
  return {
    koffi,
    memfd_create: lib.func('int memfd_create(const char *name, unsigned int flags)'),
    ftruncate: lib.func('int ftruncate(int fd, int64_t length)'),
    // Addresses travel as integers: a mapping is a number to us until koffi.view makes bytes of it.
    mmap: lib.func('int64_t mmap(uint64_t addr, uint64_t length, int prot, int flags, int fd, int64_t offset)'),
    munmap: lib.func('int munmap(uint64_t addr, uint64_t length)'),
    madvise: lib.func('int madvise(uint64_t addr, uint64_t length, int advice)'),
    close: lib.func('int close(int fd)'),
    fcntl: lib.func('int fcntl(int fd, int cmd, ...)'),
    flock: lib.func('int flock(int fd, int operation)'),
    fallocate: lib.func('int fallocate(int fd, int mode, int64_t offset, int64_t length)'),
    lseek: lib.func('int64_t lseek(int fd, int64_t offset, int whence)'),
    ioctl: lib.func('int ioctl(int fd, unsigned long request, ...)'),
    socketpair: lib.func('int socketpair(int domain, int type, int protocol, int *pair)'),
    sysconf: lib.func('long sysconf(int name)'),
  }
}

const load = (): Loaded => {
  const off = process.env[NATIVE_SWITCH]
  if (off === 'off' || off === '0') return { libc: null, why: `switched off by ${NATIVE_SWITCH}=${off}` }
  if (process.platform !== 'linux') return { libc: null, why: `needs Linux, this is ${process.platform}` }
  if (process.arch !== 'x64' && process.arch !== 'arm64')
    return { libc: null, why: `the call numbers and flags are known for x64 and arm64, this is ${process.arch}` }
  let koffi: Koffi
  try {
    koffi = createRequire(import.meta.url)('koffi') as Koffi
  } catch (error) {
    return { libc: null, why: `the package koffi does not load (${firstLine(error)}); npm install koffi` }
  }
  try {
    const libc = bind(koffi)
    const page = libc.sysconf(SC_PAGESIZE)
    if (page < PAGE_SIZE || HUGE_PAGE_SIZE % page !== 0)
      return { libc: null, why: `page size ${page}: expected a divisor of ${HUGE_PAGE_SIZE}` }
    return { libc, why: null }
  } catch (error) {
    return { libc: null, why: `the C library does not offer a call that is needed (${firstLine(error)})` }
  }
}

const firstLine = (error: unknown): string => String((error as Error)?.message ?? error).split('\n')[0]

const probe = (): Loaded => {
  loaded ??= load()
  return loaded
}

const need = (): Libc => {
  const { libc, why } = probe()
  if (libc === null) throw new Error(`native calls are not available: ${why}`)
  return libc
}

/** Can native calls be made here? Loads koffi at the first call and remembers the answer; never throws. */
export const nativeAvailable = (): { ok: true } | { ok: false; why: string } => {
  const { why } = probe()
  return why === null ? { ok: true } : { ok: false, why }
}

const check = (rc: number, call: string, detail: string): number => {
  if (rc < 0) throw new SysError(call, need().koffi.errno(), detail)
  return rc
}

/** An anonymous file that lives in memory, as a file descriptor. `flags`: `MFD_*`. Throws SysError. */
export const memfd_create = (name: string, flags: number): number =>
  check(need().memfd_create(name, flags), 'memfd_create', name)

/** Set the length of a file in bytes; a longer file gains a hole. Throws SysError. */
export const ftruncate = (fd: number, length: number): void => {
  check(need().ftruncate(fd, length), 'ftruncate', `fd ${fd}, ${length} bytes`)
}

/** Map `length` bytes; gives the address. `addr` 0 lets the kernel choose. Throws SysError. */
export const mmap = (addr: number, length: number, prot: number, flags: number, fd: number, offset: number): number =>
  check(need().mmap(addr, length, prot, flags, fd, offset), 'mmap', `${length} bytes at offset ${offset}`)

/** Undo `mmap` for a range of whole pages. Any view over it must be gone: touching one kills the process. Throws SysError. */
export const munmap = (addr: number, length: number): void => {
  check(need().munmap(addr, length), 'munmap', `${length} bytes`)
}

/** Tell the kernel how a mapped range will be used. `advice`: `MADV_*`. Throws SysError. */
export const madvise = (addr: number, length: number, advice: number): void => {
  check(need().madvise(addr, length, advice), 'madvise', `${length} bytes, advice ${advice}`)
}

/** Close a file descriptor. Throws SysError. */
export const close = (fd: number): void => {
  check(need().close(fd), 'close', `fd ${fd}`)
}

/** Forbid changes of a memory file for good (`F_SEAL_*`). It must have been made with MFD_ALLOW_SEALING. Throws SysError. */
export const addSeals = (fd: number, seals: number): void => {
  check(need().fcntl(fd, F_ADD_SEALS, 'int', seals), 'fcntl', `fd ${fd}, F_ADD_SEALS ${seals}`)
}

/** Lock the open file until it is closed, against others who lock; never waits. False: somebody else has it. Throws SysError. */
export const tryLock = (fd: number): boolean => {
  const rc = need().flock(fd, LOCK_EX | LOCK_NB)
  if (rc < 0 && errnoName(need().koffi.errno()) === 'EAGAIN') return false
  check(rc, 'flock', `fd ${fd}`)
  return true
}

/** Make a hole of `length` bytes at `offset`; they read as zeros. Throws SysError: EOPNOTSUPP where the file system cannot. */
export const punchHole = (fd: number, offset: number, length: number): void => {
  const rc = need().fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length)
  check(rc, 'fallocate', `hole of ${length} bytes at ${offset}`)
}

/** Where data begins, at `offset` or behind it; null: from there to the end of the file there is only a hole. Throws SysError. */
export const nextData = (fd: number, offset: number): number | null => {
  const at = need().lseek(fd, offset, SEEK_DATA)
  if (at < 0 && errnoName(need().koffi.errno()) === 'ENXIO') return null
  return check(at, 'lseek', `data at or behind ${offset}`)
}

/**
 * `ioctl` with one argument that points to `arg` (any typed array; the kernel may read and write it), or no argument.
 * Gives the non-negative answer of the driver. Throws SysError.
 */
export const ioctl = (fd: number, request: number, arg: NodeJS.TypedArray | null): number =>
  check(need().ioctl(fd, request, 'void *', arg), 'ioctl', `fd ${fd}, request 0x${request.toString(16)}`)

/** Two connected sockets as file descriptors. Throws SysError. */
export const socketpair = (domain: number, type: number, protocol = 0): [number, number] => {
  const pair = new Int32Array(2)
  check(need().socketpair(domain, type, protocol, pair), 'socketpair', `domain ${domain}, type ${type}`)
  return [pair[0], pair[1]]
}

/**
 * The bytes at `address` as a Uint8Array, without a copy. `length` at most 4 GiB - 1: Node 20 aborts the process above.
 * The view does not keep the mapping alive; `Mapping` is the only caller and owns both.
 */
export const viewOf = (address: number, length: number): Uint8Array<ArrayBuffer> => {
  if (!(length > 0 && length < 0x1_0000_0000))
    throw new RangeError(`a view of ${length} bytes: expected 1 to ${0xffff_ffff}; map in windows`)
  return new Uint8Array(need().koffi.view(address, length))
}
