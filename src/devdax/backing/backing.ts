/**
 * What a device's bytes rest on, whatever it is: the interface all kinds share, its size rule and its error.
 * A backing hands out windows; it knows nothing of pages, hosts or undo (that is `memory.ts`).
 * Units: bytes. Not core: the mapped kinds make system calls.
 */

/** The kinds any machine may have, best first. */
export const BACKING_KINDS = ['hugetlb', 'memfd', 'file', 'arraybuffer'] as const
export type BackingKind = (typeof BACKING_KINDS)[number] | 'dax'

/** Every size is a multiple of this (a PMD): device alignment, chunk of the undo table, smallest window. */
export const SIZE_UNIT = 2 * 1024 * 1024

/** The largest size: window and chunk numbers then stay 31-bit integers. */
export const MAX_SIZE = 2 ** 50

/** The window of the mapped kinds: a view over 4 GiB aborts Node 20. */
export const MAPPED_WINDOW = 2 ** 30

/** The bytes of one device. */
export interface Backing {
  readonly kind: BackingKind
  /** Length in bytes, a positive multiple of 2 MiB. */
  readonly size: number
  /** One line: why this kind, and why not a better one. */
  readonly why: string
  /** Length of every window but the last, which may be shorter; a power of two, at least 2 MiB. */
  readonly windowSize: number
  /**
   * Window `i`, mapped or allocated at the first touch. Fresh windows read as zeros. Ask again for each use:
   * one kept past `close` is empty (mapped kinds). Throws BackingError once closed, RangeError past the end.
   */
  window(i: number): Uint8Array
  /**
   * Pages (4 KiB) the storage has lost, ascending: they are poisoned before anybody looks. Absent: none. Their bytes can be
   * read and written here, but they are not the storage's.
   */
  readonly badPages?: readonly number[]
  /** A write through a window kills the process. Absent: no. */
  readonly readOnly?: boolean
  /** Throw BackingError when the storage is no longer what was lent: a file that somebody has cut. Absent: cannot happen. */
  check?(): void
  /** Give everything back; harmless when done before. */
  close(): void
  /** Bytes of storage in use now, where that can be told. */
  residentBytes?(): number
}

/** Bytes could not be had as asked. The message is one line: what, why, and what to type instead. */
export class BackingError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'BackingError'
  }
}

/** Throw BackingError unless `size` is a positive multiple of 2 MiB, at most 1 PiB. */
export const checkSize = (size: number): void => {
  if (Number.isSafeInteger(size) && size > 0 && size % SIZE_UNIT === 0 && size <= MAX_SIZE) return
  const expected = `expected a positive multiple of ${SIZE_UNIT} bytes (2 MiB), at most ${MAX_SIZE} (1 PiB)`
  throw new BackingError(`backing size ${String(size)}: ${expected}; try ${nearestSize(size)}`)
}

const nearestSize = (size: number): number => {
  if (!(size > 0)) return SIZE_UNIT
  if (size >= MAX_SIZE) return MAX_SIZE
  return Math.ceil(size / SIZE_UNIT) * SIZE_UNIT
}

/** A byte count for people: `512 MiB`, `1.5 GiB`. */
export const bytesText = (bytes: number): string => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let n = bytes
  let unit = 0
  while (n >= 1024 && unit < units.length - 1) {
    n /= 1024
    unit++
  }
  return `${Number.isInteger(n) ? n : n.toFixed(1)} ${units[unit]}`
}

/** A `why` line: what this kind is, then what kept the better ones away. */
export const whyText = (own: string, refused: readonly string[] = []): string =>
  refused.length === 0 ? own : `${own}; better kinds refused: ${refused.join('; ')}`

/** The first line of whatever was thrown. */
export const reasonOf = (error: unknown): string => String((error as Error)?.message ?? error).split('\n')[0]
