// Device bytes that say where they are: every aligned 8-byte word holds its device and its offset, as on the measured
// machine. Windows are made when touched and shared by all worlds, so nothing may write here.
import type { Backing } from '../devdax/index.ts'
import { MiB } from '../sim/index.ts'

const WINDOW = MiB(2)
const made = new Map<number, Uint8Array>()

const fill = (dev: number, i: number): Uint8Array => {
  const words = new Uint32Array(WINDOW / 4)
  const first = (i * WINDOW) / 8
  for (let w = 0; w < words.length; w += 2) {
    words[w] = first + w / 2
    words[w + 1] = dev + 1
  }
  return new Uint8Array(words.buffer)
}

/** A backing of `size` bytes for device number `dev`. */
export const wordBacking = (dev: number, size: number): Backing => ({
  kind: 'arraybuffer',
  size,
  why: 'words that name their place',
  windowSize: WINDOW,
  window(i: number): Uint8Array {
    const key = dev * 1048576 + i
    let w = made.get(key)
    if (w === undefined) {
      w = fill(dev, i)
      made.set(key, w)
    }
    return w
  },
  close() {},
})

/** Where bytes came from: [position, device, device offset] of every run; only whole words at multiples of 8 are looked at. */
export function runsOf(bytes: Uint8Array, len: number): [number, number, number][] {
  const dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const out: [number, number, number][] = []
  let dev = -2
  let next = -1
  for (let pos = 0; pos + 8 <= len; pos += 8) {
    const off = dv.getUint32(pos, true) * 8
    const d = dv.getUint32(pos + 4, true) - 1
    if (d !== dev || off !== next) {
      out.push([pos, d, off])
      dev = d
    }
    next = off + 8
  }
  return out
}
