/**
 * One mapped window of a file descriptor and the only owner of its bytes: who wants them asks `view` each time.
 * Rule: no view outlives its mapping. `unmap` drops the view held here; a copy of it kept elsewhere points at nothing
 * afterwards, and touching that kills the process. So holders hand out slices for the length of a call only.
 * Units: bytes; offset and length are multiples of 2 MiB, and so is the address (a PMD can map each 2 MiB of it).
 */
import {
  HUGE_PAGE_SIZE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  madvise,
  mmap,
  munmap,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  viewOf,
} from './libc.ts'

/** A 2 MiB-aligned, shared, writable mapping of part of a file. */
export class Mapping {
  /** Where it starts in this process; another thread may build its own view from the number. */
  readonly address: number
  /** Where it starts in the file, bytes. */
  readonly offset: number
  /** How long it is, bytes. */
  readonly length: number
  private bytes: Uint8Array | null

  /** Map `length` bytes of `fd` from `offset`. Throws SysError when the kernel refuses (ENOMEM: no huge pages left). */
  constructor(fd: number, offset: number, length: number) {
    if (length <= 0 || length % HUGE_PAGE_SIZE !== 0 || offset < 0 || offset % HUGE_PAGE_SIZE !== 0)
      throw new RangeError(`mapping of ${length} bytes at ${offset}: expected multiples of ${HUGE_PAGE_SIZE}`)
    this.address = alignedMap(fd, offset, length)
    this.offset = offset
    this.length = length
    try {
      this.bytes = viewOf(this.address, length)
    } catch (error) {
      munmap(this.address, length)
      throw error
    }
  }

  /** Is it still mapped? */
  get mapped(): boolean {
    return this.bytes !== null
  }

  /** The bytes. Do not keep it past the call that asked. Throws after `unmap`. */
  get view(): Uint8Array {
    if (this.bytes === null) throw new Error(`mapping at offset ${this.offset}: used after unmap`)
    return this.bytes
  }

  /** `madvise` the whole window; false when the kernel refuses (advice is never needed to be right). */
  advise(advice: number): boolean {
    if (this.bytes === null) return false
    try {
      madvise(this.address, this.length, advice)
      return true
    } catch {
      return false
    }
  }

  /** Forget the view and give the address range back. Harmless when done before. */
  unmap(): void {
    if (this.bytes === null) return
    this.bytes = null
    munmap(this.address, this.length)
  }
}

/**
 * mmap aligns to 4 KiB only. So reserve 2 MiB more than needed, map the file over the aligned part of the reservation
 * (nothing else can have taken that range meanwhile), and give the ends back.
 */
const alignedMap = (fd: number, offset: number, length: number): number => {
  const total = length + HUGE_PAGE_SIZE
  const base = mmap(0, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
  const past = base % HUGE_PAGE_SIZE
  const start = past === 0 ? base : base + HUGE_PAGE_SIZE - past
  try {
    mmap(start, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, offset)
  } catch (error) {
    munmap(base, total)
    throw error
  }
  if (start > base) munmap(base, start - base)
  const end = start + length
  if (base + total > end) munmap(end, base + total - end)
  return start
}
