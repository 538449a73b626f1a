// Where message bytes come from, and the DataView over them. A fresh ArrayBuffer with its view costs about 200 ns; a
// cut from a slab costs 20. Slabs are never reused, so a cut is always zeroed and belongs to whoever got it; the garbage
// collector takes the slab with its last message. Nothing here can be seen in the bytes. For this room only.

const SLAB = 65536
const BIG = 4096

let slab = new ArrayBuffer(SLAB)
let slabView: DataView = new DataView(slab)
let used = 0

let otherBuffer: ArrayBufferLike = slab
let otherView: DataView = slabView

/** `n` zeroed bytes, 8-byte aligned. */
export function alloc(n: number): Uint8Array {
  if (n > BIG) return new Uint8Array(n)
  if (used + n > SLAB) {
    slab = new ArrayBuffer(SLAB)
    slabView = new DataView(slab)
    used = 0
  }
  const bytes = new Uint8Array(slab, used, n)
  used += (n + 7) & ~7
  return bytes
}

/** A view over the WHOLE buffer under `bytes`: add `bytes.byteOffset` to every offset. The last buffer is remembered. */
export function viewOf(bytes: Uint8Array): DataView {
  const buffer = bytes.buffer
  if (buffer === slab) return slabView
  if (buffer === otherBuffer) return otherView
  otherBuffer = buffer
  otherView = new DataView(buffer)
  return otherView
}

/** Shared by every message without a payload. */
export const EMPTY: Uint8Array = new Uint8Array(0)
