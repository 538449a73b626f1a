/**
 * The half that hugetlb, memfd, file and dax share: a file descriptor seen through 1 GiB windows that are mapped when touched.
 * Mapping a window makes V8 collect garbage once (it counts the view as external memory), about a millisecond.
 * Not exported from the folder: each kind is its own file.
 */
import { fstatSync } from 'node:fs'
import { close, MADV_HUGEPAGE, MADV_NOHUGEPAGE, Mapping, SysError } from '../../native/index.ts'
import { type Backing, BackingError, type BackingKind, MAPPED_WINDOW, reasonOf, SIZE_UNIT } from './backing.ts'

/** How to treat the descriptor once it is mapped. */
export type MappedOptions = {
  /** Map every window now: the kernel then promises the memory, or refuses. Otherwise only the first. */
  eager?: boolean
  /** true: advise huge pages; false: advise against them; absent: say nothing. Refusal is no error. */
  hugePageAdvice?: boolean
  /** What messages begin with. */
  where?: string
  /** Map pages that cannot be written. */
  readOnly?: boolean
  /** Address and length of a mapping are multiples of this, a multiple of 2 MiB that divides the window. */
  align?: number
  /** Pages (4 KiB) that must not be touched: ordinary memory stands in for the aligned pieces they lie in. */
  badPages?: readonly number[]
  /** Others can cut the file: look at its length at each `check` and before a window is mapped. */
  cuttable?: boolean
  /** Called once, when everything is given back. */
  onClose?: () => void
}

/** A backing over a file descriptor, which it owns from the constructor on (a throwing constructor closes it). */
export class MappedBacking implements Backing {
  readonly kind: BackingKind
  readonly size: number
  readonly why: string
  readonly windowSize = MAPPED_WINDOW
  readonly badPages: readonly number[]
  readonly readOnly: boolean
  private fd: number
  private readonly options: MappedOptions
  private readonly where: string
  private readonly mappings: Mapping[] = []
  private readonly views: (Uint8Array | null)[]

  constructor(kind: BackingKind, fd: number, size: number, why: string, options: MappedOptions = {}) {
    this.kind = kind
    this.size = size
    this.why = why
    this.fd = fd
    this.options = options
    this.where = options.where ?? `${kind} backing`
    this.badPages = options.badPages ?? []
    this.readOnly = options.readOnly ?? false
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

  check(): void {
    if (!this.options.cuttable || this.fd < 0) return
    const { size } = fstatSync(this.fd)
    if (size < this.size)
      throw new BackingError(
        `${this.where}: somebody cut it to ${size} bytes, this run uses ${this.size}; run again, and leave it alone meanwhile`,
      )
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
    this.options.onClose?.()
  }

  private map(i: number): Uint8Array {
    if (this.fd < 0) throw new BackingError(`${this.where}: used after close`)
    if (!(Number.isInteger(i) && i >= 0 && i < this.views.length))
      throw new RangeError(`window ${i}: expected 0 to ${this.views.length - 1} of a ${this.kind} backing`)
    this.check()
    const { readOnly, align = SIZE_UNIT, hugePageAdvice } = this.options
    const offset = i * MAPPED_WINDOW
    const length = Math.min(MAPPED_WINDOW, this.size - offset)
    let mapping: Mapping
    try {
      mapping = new Mapping(this.fd, offset, Math.ceil(length / align) * align, { readOnly, align })
      this.mappings.push(mapping)
      for (const at of this.standIns(i, align)) mapping.standIn(at, align)
    } catch (error) {
      const full = error instanceof SysError && error.code === 'ENOMEM'
      const more =
        this.kind === 'hugetlb'
          ? 'too few huge pages; raise vm.nr_hugepages'
          : 'no address space left; ulimit -v unlimited'
      const hint = full ? `; ${more}` : ''
      throw new BackingError(`${this.where}, window ${i}: ${reasonOf(error)}${hint}`)
    }
    if (hugePageAdvice !== undefined) mapping.advise(hugePageAdvice ? MADV_HUGEPAGE : MADV_NOHUGEPAGE)
    const view = mapping.view.length === length ? mapping.view : mapping.view.subarray(0, length)
    this.views[i] = view
    return view
  }

  /** Where in window `i` pieces lie that hold a bad page. */
  private standIns(i: number, align: number): Set<number> {
    const out = new Set<number>()
    for (const page of this.badPages) {
      const at = page * 4096 - i * MAPPED_WINDOW
      if (at >= 0 && at < MAPPED_WINDOW) out.add(at - (at % align))
    }
    return out
  }
}
