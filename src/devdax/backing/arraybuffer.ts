/**
 * Bytes on the JavaScript heap's side: the kind that works anywhere. 2 MiB at a time when touched, so it is sparse too;
 * no other process or kernel can map it.
 */
import { type Backing, BackingError, checkSize, SIZE_UNIT, whyText } from './backing.ts'

/** A backing of separately allocated 2 MiB windows. */
class ArrayBufferBacking implements Backing {
  readonly kind = 'arraybuffer'
  readonly size: number
  readonly why: string
  readonly windowSize = SIZE_UNIT
  private readonly windows: (Uint8Array | undefined)[]
  private readonly count: number
  private allocated = 0
  private closed = false

  constructor(size: number, why: string) {
    this.size = size
    this.why = why
    this.count = size / SIZE_UNIT
    // V8 stores a very long empty array as a table, so this costs at most 8 bytes a window and nothing beyond 2^25 windows.
    this.windows = new Array(this.count)
  }

  window(i: number): Uint8Array {
    return this.windows[i] ?? this.allocate(i)
  }

  residentBytes(): number {
    return this.allocated * SIZE_UNIT
  }

  close(): void {
    this.closed = true
    this.windows.length = 0
    this.allocated = 0
  }

  private allocate(i: number): Uint8Array {
    if (this.closed) throw new BackingError('arraybuffer backing: used after close')
    if (!(Number.isInteger(i) && i >= 0 && i < this.count))
      throw new RangeError(`window ${i}: expected 0 to ${this.count - 1} of an arraybuffer backing`)
    const window = new Uint8Array(SIZE_UNIT)
    this.windows[i] = window
    this.allocated++
    return window
  }
}

/** Open an ArrayBuffer backing of `size` bytes. `refused`: what kept better kinds away. Throws BackingError on a bad size. */
export const openArrayBuffer = (size: number, options: { refused?: readonly string[] } = {}): Backing => {
  checkSize(size)
  return new ArrayBufferBacking(size, whyText('needs no native calls, 2 MiB allocated at a time', options.refused))
}
