import { encodeFmap, type FileMap } from '../wire/index.ts'

/** A file of these extents, or these groups. */
export const fmapOf = (map: FileMap): Uint8Array => encodeFmap(map)

/** A simple map: [device, offset, length] each; the size is their sum unless given. */
export const simpleMap = (extents: readonly (readonly [number, number, number])[], size?: number): Uint8Array =>
  encodeFmap({
    kind: 'simple',
    fileSize: size ?? extents.reduce((n, e) => n + e[2], 0),
    extents: extents.map(([dev, offset, len]) => ({ dev, offset, len })),
  })

/** A body with numbers written over it: offset, value, width in bytes. */
export const patched = (body: Uint8Array, ...at: (readonly [number, number | bigint, 1 | 2 | 4 | 8])[]): Uint8Array => {
  const b = body.slice()
  const dv = new DataView(b.buffer)
  for (const [off, v, width] of at) {
    if (width === 8) dv.setBigUint64(off, BigInt(v), true)
    else if (width === 4) dv.setUint32(off, Number(v), true)
    else if (width === 2) dv.setUint16(off, Number(v), true)
    else b[off] = Number(v)
  }
  return b
}
