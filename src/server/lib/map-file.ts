// mmap_whole_file() of famfs user space: a file mapped shared from its first byte to its last, its descriptor closed again.
import { MAP_SHARED, O_RDONLY, O_RDWR, PROT_READ, PROT_WRITE, S_ISREG, type Sys } from '../../kernel/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { EINVAL } from '../../wire/index.ts'

/** A mapped file. */
export interface Mapped {
  readonly addr: number
  /** Bytes. */
  readonly len: number
}

/** Map what `fd` is open on and close it; -errno, also of what is no regular file or empty (-EINVAL). */
export const mmap_fd = kfn('mmap fd', function* (sys: Sys, fd: number, write: boolean): Step<Mapped | number> {
  const st = yield* sys.fstat(fd)
  let addr = typeof st === 'number' ? st : -EINVAL
  let len = 0
  if (typeof st !== 'number' && S_ISREG(st.mode) && st.size > 0) {
    len = st.size
    addr = yield* sys.mmap(0, len, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, fd)
  }
  yield* sys.close(fd)
  return addr < 0 ? addr : { addr, len }
})

/** Open and map a whole file. */
export const mmap_whole_file = kfn('mmap_whole_file', function* (sys: Sys, path: string, write: boolean): Step<
  Mapped | number
> {
  const fd = yield* sys.open(path, write ? O_RDWR : O_RDONLY)
  return fd < 0 ? fd : yield* mmap_fd(sys, fd, write)
})
