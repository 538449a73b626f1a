/**
 * The half that hugetlb, memfd and file share: a file descriptor seen through 1 GiB windows that are mapped when touched.
 * Mapping a window makes V8 collect garbage once (it counts the view as external memory), about a millisecond.
 * Not exported from the folder: each kind is its own file.
 */
import { fstatSync } from 'node:fs'
import { close, MADV_HUGEPAGE, MADV_NOHUGEPAGE, Mapping } from '../../native/index.ts'
import { type Backing, BackingError, type BackingKind, MAPPED_WINDOW, reasonOf } from './backing.ts'

/** How to treat the descriptor once it is mapped. */
export type MappedOptions = {
  /** Map every window now: the kernel then promises the memory, or refuses. Otherwise only the first. */
  eager?: boolean
  /** true: advise huge pages; false: advise against them; absent: say nothing. Refusal is no error. */
  hugePageAdvice?: boolean
}

/** A backing over a file descriptor, which it owns from the constructor on (a throwing constructor closes it). */
export class MappedBacking implements Backing {
  readonly kind: BackingKind
  readonly size: number
  readonly why: string
  readonly windowSize = MAPPED_WINDOW
  private fd: number
  private readonly hugePageAdvice: boolean | undefined
  private readonly mappings: Mapping[] = []
  private readonly views: (Uint8Array | null)[]

  constructor(kind: BackingKind, fd: number, size: number, why: string, options: MappedOptions = {}) {
    this.kind = kind
    this.size = size
    this.why = why
    this.fd = fd
    this.hugePageAdvice = options.hugePageAdvice
    const count = Math.ceil(size / MAPPED_WINDOW)
    this.views = new Array(count).fill(null)
    try {
      // The first window at least, so that a refusal shows while there is still another kind to choose.
      for (let i = 0; i < (options.eager ? count : 1); i++) this.map(i)
    } catch (error) {
      this.close()
      throw error
    }
  }

  window(i: number): Uint8Array {
    return this.views[i] ?? this.map(i)
  }

  /** Storage in use: for memory files the pages allocated, for a file on disk its blocks. */
  residentBytes(): number {
    if (this.fd < 0) return 0
    return fstatSync(this.fd).blocks * 512
  }

  close(): void {
    if (this.fd < 0) return
    this.views.length = 0
    for (const mapping of this.mappings) mapping.unmap()
    this.mappings.length = 0
    close(this.fd)
    this.fd = -1
  }

  private map(i: number): Uint8Array {
    if (this.fd < 0) throw new BackingError(`${this.kind} backing: used after close`)
    if (!(Number.isInteger(i) && i >= 0 && i < this.views.length))
      throw new RangeError(`window ${i}: expected 0 to ${this.views.length - 1} of a ${this.kind} backing`)
    const offset = i * MAPPED_WINDOW
    let mapping: Mapping
    try {
      mapping = new Mapping(this.fd, offset, Math.min(MAPPED_WINDOW, this.size - offset))
    } catch (error) {
      throw new BackingError(`${this.kind} backing, window ${i}: ${reasonOf(error)}`)
    }
    if (this.hugePageAdvice !== undefined) mapping.advise(this.hugePageAdvice ? MADV_HUGEPAGE : MADV_NOHUGEPAGE)
    this.mappings.push(mapping)
    const view = mapping.view
    this.views[i] = view
    return view
  }
}
