import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeEntry,
  decodeSuperblock,
  type Extent,
  encodeEntry,
  type FileEntry,
  type Fmap,
  LogValidator,
  mapOffset,
} from '../../src/media/index.ts'
import { image } from './images.ts'

const M = 1 << 20
const simple: Fmap = {
  kind: 'simple',
  extents: [
    { dev: 0, offset: 256 * M, len: 2 * M },
    { dev: 1, offset: 512 * M, len: 2 * M },
  ],
}
/** 100 MiB over seven strips, one in each GiB from the second on. */
const seven: Fmap = {
  kind: 'interleaved',
  chunkSize: 2 * M,
  strips: [1, 2, 3, 4, 5, 6, 7].map(g => ({ dev: 0, offset: g * 1024 * M + 16 * M, len: 16 * M })),
}

test.each<[string, Fmap, number, ReturnType<typeof mapOffset>]>([
  ['first byte', simple, 0, { dev: 0, offset: 256 * M, len: 2 * M }],
  ['inside', simple, 5, { dev: 0, offset: 256 * M + 5, len: 2 * M - 5 }],
  ['second extent', simple, 2 * M, { dev: 1, offset: 512 * M, len: 2 * M }],
  ['past the end', simple, 4 * M, null],
  ['chunk 0', seven, 1, { dev: 0, offset: 1040 * M + 1, len: 2 * M - 1 }],
  ['chunk 6, strip 6', seven, 12 * M, { dev: 0, offset: 7184 * M, len: 2 * M }],
  ['chunk 7 is back on strip 0, second stripe', seven, 14 * M, { dev: 0, offset: 1042 * M, len: 2 * M }],
  ['last byte', seven, 112 * M - 1, { dev: 0, offset: 7200 * M - 1, len: 1 }],
  ['past the strips', seven, 112 * M, null],
  ['no strips', { kind: 'interleaved', chunkSize: M, strips: [] }, 0, null],
  ['no chunk', { kind: 'interleaved', chunkSize: 0, strips: [{ dev: 0, offset: M, len: M }] }, 0, null],
])('%s', (_name, fmap, pos, where) => {
  expect(mapOffset(fmap, pos)).toEqual(where)
})

test('walking an interleaved file visits every byte of every strip once', () => {
  const shape = fc.record({
    n: fc.integer({ min: 1, max: 16 }),
    chunk: fc.constantFrom(1, 2, 4, 8),
    stripes: fc.integer({ min: 1, max: 6 }),
  })
  fc.assert(
    fc.property(shape, ({ n, chunk, stripes }) => {
      const strips = Array.from({ length: n }, (_, i) => ({ dev: 0, offset: 1000 * i, len: chunk * stripes }))
      const seen = new Set<number>()
      const total = n * chunk * stripes
      for (let pos = 0; pos < total; ) {
        const x = mapOffset({ kind: 'interleaved', chunkSize: chunk, strips }, pos)!
        for (let k = 0; k < x.len; k++) seen.add(x.offset + k)
        pos += x.len
      }
      expect(seen.size).toBe(total)
      for (const s of strips) for (let k = 0; k < s.len; k++) expect(seen.has(s.offset + k)).toBe(true)
    }),
  )
})

describe('famfs_fmap_alloc_verify: 1 to 16 extents or strips; none and 17 are refused', () => {
  const attr = { flags: 2, uid: 0, gid: 0, mode: 0o644 }
  const file = (fmap: Fmap, size: number): FileEntry => ({ type: 'file', seqnum: 0, path: 'f', size, ...attr, fmap })
  const runs = (n: number): Extent[] =>
    Array.from({ length: n }, (_, i) => ({ dev: 0, offset: (20 + 2 * i) * M, len: 2 * M }))
  const { sb } = decodeSuperblock(image('basic4g').superblock)
  const validate = (e: FileEntry): string[] => new LogValidator(sb!, 4096 * M).entry(0, encodeEntry(e))
  // The format has room for one interleaved extent, so there are 16 of them and not 16 times 16.
  const make: readonly [string, (n: number) => Fmap][] = [
    ['simple', n => ({ kind: 'simple', extents: runs(n) })],
    ['interleaved', n => ({ kind: 'interleaved', chunkSize: 2 * M, strips: runs(n) })],
  ]
  test.each(make)('%s', (_, of) => {
    for (let n = 1; n <= 16; n++) {
      const e = file(of(n), n * 2 * M)
      expect(decodeEntry(encodeEntry(e))).toEqual(e)
      expect(validate(e)).toEqual([])
    }
    expect(validate(file(of(0), 2 * M))).toHaveLength(1)
    expect(() => encodeEntry(file(of(17), 34 * M))).toThrow('at most 16 fit')
  })
})
