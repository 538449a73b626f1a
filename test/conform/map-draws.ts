// Maps as bytes, good ones and such with something wrong, for properties.
import fc from 'fast-check'
import { fmapOf } from '../../src/conform/index.ts'
import { MiB } from '../../src/sim/index.ts'

const TWO = MiB(2)
const device = fc.constantFrom(0, 0, 0, 1, 2, 5)
const blocks = (max: number) => fc.nat({ max }).map(n => n * TWO)
/** Mostly whole blocks. */
const aligned = (max: number) =>
  fc.oneof({ weight: 30, arbitrary: blocks(max) }, { weight: 1, arbitrary: fc.nat({ max: max * TWO }) })
const extent = fc.record({ dev: device, offset: aligned(100), len: aligned(6) })
const simple = fc.array(extent, { minLength: 1, maxLength: 6 }).chain(extents => {
  const sum = extents.reduce((n, e) => n + e.len, 0)
  return fc.record({ kind: fc.constant('simple' as const), fileSize: near(sum), extents: fc.constant(extents) })
})
/** Most often a size that fits. */
function near(sum: number): fc.Arbitrary<number> {
  return fc.oneof(
    { weight: 8, arbitrary: fc.nat({ max: sum }) },
    { weight: 4, arbitrary: fc.constant(sum) },
    { weight: 1, arbitrary: fc.nat({ max: 2 * sum + 1 }) },
  )
}
const group = fc.record({
  chunkSize: fc.constantFrom(TWO, TWO, 2 * TWO, 3 * TWO, 4096, 0),
  nbytes: fc.nat({ max: 12 * TWO }),
  strips: fc.array(extent, { minLength: 1, maxLength: 4 }),
})
const striped = fc.array(group, { minLength: 1, maxLength: 3 }).chain(groups => {
  const sum = groups.flatMap(g => g.strips).reduce((n, e) => n + e.len, 0)
  return fc.record({ kind: fc.constant('interleaved' as const), fileSize: near(sum), groups: fc.constant(groups) })
})
const good = fc.oneof(simple, striped).map(fmapOf)

/** Something written over a field, or the end cut off, or something behind it. */
const damage = fc.oneof(
  fc.record({ at: fc.nat({ max: 20 }), word: fc.constantFrom(0, 1, 2, 32, 33, 0x7fffffff, 0x80000001, 0xffffffff) }),
  fc.record({ cut: fc.nat({ max: 120 }) }),
  fc.record({ more: fc.nat({ max: 120 }) }),
  fc.record({ pad: fc.constantFrom(4096, 4097, 8192) }),
)

function damaged(b: Uint8Array, d: Record<string, number>): Uint8Array {
  if (d.cut !== undefined) return b.slice(0, Math.max(0, b.length - d.cut))
  if (d.more !== undefined || d.pad !== undefined) {
    const out = new Uint8Array(d.pad ?? b.length + d.more!).fill(0x5a)
    out.set(b.subarray(0, out.length))
    return out
  }
  const out = b.slice()
  if (d.at! * 4 + 4 <= out.length) new DataView(out.buffer).setUint32(d.at! * 4, d.word!, true)
  return out
}

/** Bodies of GET_FMAP replies: most as a server sends them, some with one thing wrong. */
export const maps: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 2, arbitrary: good },
  { weight: 1, arbitrary: fc.tuple(good, damage).map(([b, d]) => damaged(b, d as Record<string, number>)) },
)
