// The rules of the measured kernel for a map, once more and shorter: from what was observed, not from the model. Lengths and
// sums are of 64 bits. Index 0 is insisted on or not, as the measuring machine could be told.
const MiB2 = 0x200000n
const U64 = (1n << 64n) - 1n

interface Extent {
  readonly dev: number
  readonly off: bigint
  readonly len: bigint
}
interface Group {
  readonly chunk: bigint
  readonly nbytes: bigint
  readonly strips: readonly Extent[]
}
export interface ReferenceMap {
  readonly size: bigint
  readonly extents: readonly Extent[]
  readonly groups: readonly Group[]
}

/** The map, or the errno's name. */
export function referenceMap(b: Uint8Array, index0: boolean): ReferenceMap | string {
  if (b.length > 4096) return 'EIO'
  if (b.length < 32) return 'EINVAL'
  const v = new DataView(b.buffer, b.byteOffset, b.length)
  const u32 = (at: number): number => v.getUint32(at, true)
  const u64 = (at: number): bigint => v.getBigUint64(at, true)
  const n = u32(8)
  if (n === 0 || n > 32) return 'ERANGE'
  const size = u64(16)
  let wrong = 0
  const extent = (at: number): Extent => {
    const e = { dev: u32(at), off: u64(at + 8), len: u64(at + 16) }
    if ((index0 && e.dev !== 0) || e.off % MiB2 !== 0n || e.len % MiB2 !== 0n) wrong++
    return e
  }
  const sum = (all: readonly Extent[]): bigint => all.reduce((s, e) => (s + e.len) & U64, 0n)
  const type = u32(4)
  if (type === 0) {
    if (32 + 24 * n > b.length) return 'EINVAL'
    const extents = Array.from({ length: n }, (_, i) => extent(32 + 24 * i))
    return wrong > 0 || sum(extents) < size ? 'EINVAL' : { size, extents, groups: [] }
  }
  if (type !== 1) return 'EINVAL'
  const groups: Group[] = []
  let at = 32
  for (let i = 0; i < n; i++) {
    if (at + 24 > b.length) return 'EINVAL'
    const [nstrips, chunk, nbytes] = [u32(at), BigInt(u32(at + 4)), u64(at + 8)]
    at += 24
    if (chunk % MiB2 !== 0n || nbytes === 0n || at + 24 * nstrips > b.length) return 'EINVAL'
    if (nstrips === 0 || nstrips > 32) wrong++
    groups.push({ chunk, nbytes, strips: Array.from({ length: nstrips }, (_, j) => extent(at + 24 * j)) })
    at += 24 * nstrips
  }
  // What is left of the size is a signed number there, and so is the sum an unsigned one.
  const strips = sum(groups.flatMap(g => g.strips))
  const left = BigInt.asIntN(64, size - strips)
  return wrong > 0 || left > 0n || strips < size ? 'EINVAL' : { size, extents: [], groups }
}

export interface ReferencePlace {
  readonly device: number
  readonly addr: number
  readonly length: number
}

/** Where a range begins, and how far that place goes; null: past the end of the map (EIO). */
export function referencePlace(m: ReferenceMap, offset: number, length: number): ReferencePlace | null {
  let at = BigInt(offset)
  const place = (e: Extent, into: bigint, run: bigint): ReferencePlace => ({
    device: e.dev,
    addr: Number(e.off + into),
    length: run < BigInt(length) ? Number(run) : length,
  })
  for (const e of m.extents) {
    // Lengths are signed here (oracle okfmap.size_2^63).
    const len = BigInt.asIntN(64, e.len)
    if (at < len) return place(e, at, len - at)
    at -= len
  }
  for (const g of m.groups) {
    const span = g.nbytes < m.size ? g.nbytes : m.size
    if (at < span) {
      const [chunk, within] = [at / g.chunk, at % g.chunk]
      const n = BigInt(g.strips.length)
      return place(g.strips[Number(chunk % n)]!, (chunk / n) * g.chunk + within, g.chunk - within)
    }
    at -= span
  }
  return null
}
