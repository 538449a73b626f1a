/**
 * One mapped window of a file descriptor and the only owner of its bytes: who wants them asks `view` each time.
 * Rule: no view outlives its mapping. `unmap` first takes the bytes from every view there is (`detach.ts`), so one that was
 * kept is empty afterwards and does not point into memory that is gone.
 * Units: bytes; offset and length are multiples of 2 MiB, and so is the address (a PMD can map each 2 MiB of it).
 */
import { detach } from './detach.ts'
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

export type MappingOptions = {
  /** The pages cannot be written: a store through the view kills the process. */
  readOnly?: boolean
  /** The address is a multiple of this, a multiple of 2 MiB (the default). */
  align?: number
}

/** An aligned, shared mapping of part of a file, writable unless told otherwise. */
export class Mapping {
  /** Where it starts in this process; another thread may build its own view from the number. */
  readonly address: number
  /** Where it starts in the file, bytes. */
  readonly offset: number
  /** How long it is, bytes. */
  readonly length: number
  private bytes: Uint8Array<ArrayBuffer> | null

  /** Map `length` bytes of `fd` from `offset`. Throws SysError when the kernel refuses (ENOMEM: no huge pages left). */
  constructor(fd: number, offset: number, length: number, options: MappingOptions = {}) {
    checkRange(offset, length)
    const prot = options.readOnly ? PROT_READ : PROT_READ | PROT_WRITE
    this.address = alignedMap(fd, offset, length, prot, options.align ?? HUGE_PAGE_SIZE)
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

  /**
   * Put ordinary memory, zeroed, in the place of `length` bytes at `at` of the window: what lies there in the file cannot be
   * reached through it any more. Multiples of 2 MiB. Throws SysError.
   */
  standIn(at: number, length: number): void {
    checkRange(at, length)
    if (this.bytes === null || at + length > this.length)
      throw new RangeError(`mapping of ${this.length} bytes: no ${length} bytes at ${at} to replace`)
    mmap(this.address + at, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
  }

  /** Empty every view and give the address range back. Harmless when done before. */
  unmap(): void {
    if (this.bytes === null) return
    detach(this.bytes.buffer)
    this.bytes = null
    munmap(this.address, this.length)
  }
}

const checkRange = (offset: number, length: number): void => {
  if (length <= 0 || length % HUGE_PAGE_SIZE !== 0 || offset < 0 || offset % HUGE_PAGE_SIZE !== 0)
    throw new RangeError(`mapping of ${length} bytes at ${offset}: expected multiples of ${HUGE_PAGE_SIZE}`)
}

/**
 * mmap aligns to 4 KiB only. So reserve `align` more than needed, map the file over the aligned part of the reservation
 * (nothing else can have taken that range meanwhile), and give the ends back.
 */
const alignedMap = (fd: number, offset: number, length: number, prot: number, align: number): number => {
  const total = length + align
  const base = mmap(0, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
  const past = base % align
  const start = past === 0 ? base : base + align - past
  try {
    mmap(start, length, prot, MAP_SHARED | MAP_FIXED, fd, offset)
  } catch (error) {
    munmap(base, total)
    throw error
  }
  if (start > base) munmap(base, start - base)
  const end = start + length
  if (base + total > end) munmap(end, base + total - end)
  return start
}
