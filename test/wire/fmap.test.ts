import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeDaxdev,
  decodeFmap,
  type Extent,
  encodeDaxdev,
  encodeFmap,
  type FileMap,
  fmapLength,
  type StripGroup,
} from '../../src/wire/index.ts'
import vectors from '../vectors/wire-famfs.json' with { type: 'json' }
import { hex, mutated, unhex } from './arbitrary.ts'

const size = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const u32 = fc.integer({ min: 0, max: 0xffffffff })
const extent: fc.Arbitrary<Extent> = fc.record({ dev: u32, offset: size, len: size })
const group: fc.Arbitrary<StripGroup> = fc.record({
  chunkSize: u32,
  nbytes: size,
  strips: fc.array(extent, { maxLength: 6 }),
})
const head = {
  fileSize: size,
  fileType: fc.integer({ min: 0, max: 255 }),
  version: fc.integer({ min: 0, max: 65535 }),
}
const map: fc.Arbitrary<FileMap> = fc
  .oneof(
    fc.record({ ...head, kind: fc.constant('simple' as const), extents: fc.array(extent, { maxLength: 8 }) }),
    fc.record({ ...head, kind: fc.constant('interleaved' as const), groups: fc.array(group, { maxLength: 4 }) }),
  )
  .chain(m => fc.boolean().map(sized => (sized ? { ...m, fmapSize: fmapLength(m) } : m)))

describe('GET_FMAP body (kernel.md 1.1)', () => {
  it.each(Object.entries(vectors.fmaps))('%s is what the real server wrote', (_, v) => {
    expect(hex(encodeFmap(v.map as FileMap))).toBe(v.hex)
    expect(decodeFmap(unhex(v.hex))).toEqual(v.map)
  })

  it('file type and version need not be said', () => {
    const { fileType: _t, version: _v, ...rest } = vectors.fmaps.fmap_simple4k.map
    expect(hex(encodeFmap(rest as FileMap))).toBe(vectors.fmaps.fmap_simple4k.hex)
  })

  it.each(vectors.accepted.hex.map((bytes, i) => [i, bytes] as const))(
    'map %i that a running kernel took survives',
    (_, bytes) => {
      const m = decodeFmap(unhex(bytes))
      if ('error' in m) throw new Error(m.error)
      expect(hex(encodeFmap(m))).toBe(bytes)
    },
  )

  it('decode(encode(map)) is the map, and its length is known before', () => {
    fc.assert(
      fc.property(map, m => {
        const bytes = encodeFmap(m)
        expect(bytes).toHaveLength(fmapLength(m))
        expect(decodeFmap(bytes)).toEqual(m)
      }),
    )
  })

  it('the sizes of the spec: 56 smallest, 800 for 32 extents, 3992 for 5 x 32 strips', () => {
    const e: Extent = { dev: 0, offset: 0, len: 1 }
    const strips = Array.from({ length: 32 }, () => e)
    const g = { chunkSize: 2097152, nbytes: 1, strips }
    expect(fmapLength({ kind: 'simple', fileSize: 1, extents: [e] })).toBe(56)
    expect(fmapLength({ kind: 'simple', fileSize: 1, extents: strips })).toBe(800)
    expect(fmapLength({ kind: 'interleaved', fileSize: 1, groups: [g, g, g, g, g] })).toBe(3992)
  })

  it('the real server puts a strip index into the upper half of the word, and leaves simple extents alone', () => {
    const strips = [0, 1, 2].map(dev => ({ dev, offset: 0, len: 2097152 }))
    const interleaved: FileMap = { kind: 'interleaved', fileSize: 1, groups: [{ chunkSize: 4096, nbytes: 1, strips }] }
    const read = decodeFmap(encodeFmap(interleaved, { stripIndexShifted: true }))
    expect((read as any).groups[0].strips.map((s: Extent) => s.dev)).toEqual([0, 65536, 131072])
    const simple: FileMap = { kind: 'simple', fileSize: 1, extents: strips }
    expect(encodeFmap(simple, { stripIndexShifted: true })).toEqual(encodeFmap(simple))
  })

  it('a chunk of 4 GiB wraps to 0, as the 32-bit field does', () => {
    const m = decodeFmap(
      encodeFmap({ kind: 'interleaved', fileSize: 1, groups: [{ chunkSize: 2 ** 32, nbytes: 1, strips: [] }] }),
    )
    expect((m as any).groups[0].chunkSize).toBe(0)
  })

  it('padding behind the map is left alone', () => {
    const padded = new Uint8Array(4096)
    padded.set(unhex(vectors.fmaps.fmap_inter7.hex))
    expect(decodeFmap(padded)).toEqual(vectors.fmaps.fmap_inter7.map)
  })

  const cut = (name: keyof typeof vectors.fmaps, n: number) => unhex(vectors.fmaps[name].hex).slice(0, n)
  const edit = (bytes: Uint8Array, at: number, value: number) => {
    bytes[at] = value
    return bytes
  }
  it.each([
    ['half a header', cut('fmap_simple4k', 31), 'fmap: 31 bytes, the header takes 32'],
    ['an extent cut off', cut('fmap_simple3', 103), 'fmap: 103 bytes, 3 simple extents take 104'],
    ['type 2', edit(cut('fmap_log', 56), 4, 2), 'fmap: extent type 2, known are 0 (simple) and 1 (interleaved)'],
    ['a group cut off', cut('fmap_inter7', 55), 'fmap: 55 bytes end before group 0 of 1'],
    ['a strip cut off', cut('fmap_inter7', 223), 'fmap: 223 bytes, the 7 strips of group 0 end at 224'],
    ['4 G extents', edit(cut('fmap_log', 56), 11, 255), 'fmap: 56 bytes, 4278190081 simple extents take 102676561976'],
  ])('refuses %s', (_, bytes, line) => {
    expect(decodeFmap(bytes)).toEqual({ error: line })
  })

  it('never throws, whatever comes', () => {
    const real = map.map(m => encodeFmap(m))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated(real)), bytes => {
        const m = decodeFmap(bytes)
        if ('error' in m) expect(m.error).toMatch(/^fmap: /)
        else expect(fmapLength(m)).toBeLessThanOrEqual(bytes.length)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('GET_DAXDEV body', () => {
  it('is what the real server wrote', () => {
    const { index, name, hex: bytes } = vectors.daxdev
    expect(hex(encodeDaxdev(index, name))).toBe(bytes)
    expect(decodeDaxdev(unhex(bytes))).toEqual({ index, name })
  })

  it('a name may take all 256 bytes and then has no NUL; 257 do not fit', () => {
    const name = 'd'.repeat(256)
    expect(decodeDaxdev(encodeDaxdev(7, name))).toEqual({ index: 7, name })
    expect(encodeDaxdev(7, name).indexOf(0, 24)).toBe(-1)
    expect(() => encodeDaxdev(7, 'd'.repeat(257))).toThrow('name: 257 bytes of text, the field holds 256')
  })

  it('has one length', () => {
    expect(decodeDaxdev(new Uint8Array(279))).toEqual({ error: 'daxdev: 279 bytes, the reply takes 280' })
  })
})
