// The allocator over several devices: one strip on each, first fit in its own map (userspace.md i.4).
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countTaken, openAccount, takenRuns } from '../../src/media/index.ts'
import { allocStriped } from '../../src/server/alloc/index.ts'

const M = 1 << 20
const G = 1 << 30
const AU = 2 * M
/** Superblock and log on the first device; the area of a superblock on the others. */
const fresh = (n: number, size = G) =>
  Array.from({ length: n }, (_, i) => openAccount(size, AU, i === 0 ? 8 * M : 0).map)

test('four devices: equal strips, each at the first free place of its device', () => {
  expect(allocStriped(fresh(4), 20 * M, { devices: 4, chunkSize: 2 * M })).toEqual({
    ok: true,
    fmap: {
      kind: 'interleaved',
      chunkSize: 2 * M,
      strips: [{ dev: 0, offset: 10 * M, len: 6 * M }, ...[1, 2, 3].map(dev => ({ dev, offset: 2 * M, len: 6 * M }))],
    },
  })
})

test('strips never meet, whatever the files; what does not fit takes nothing', () => {
  const file = fc.record({
    size: fc.integer({ min: 1, max: 200 * M }),
    devices: fc.integer({ min: 1, max: 4 }),
    chunkSize: fc.constantFrom(2 * M, 4 * M, 16 * M),
  })
  fc.assert(
    fc.property(fc.array(file, { minLength: 1, maxLength: 25 }), files => {
      const maps = fresh(4, 256 * M)
      const used = maps.map((_, i) => new Set(Array.from({ length: i === 0 ? 5 : 1 }, (_, u) => u)))
      for (const f of files) {
        const a = allocStriped(maps, f.size, f)
        if (!a.ok) {
          expect(a.code).toBe(-12)
          continue
        }
        const list = a.fmap.kind === 'simple' ? a.fmap.extents : a.fmap.strips
        expect(list.map(x => x.dev)).toEqual(f.size < f.chunkSize ? [0] : list.map((_, i) => i))
        for (const x of list) {
          for (let u = x.offset / AU; u < (x.offset + x.len) / AU; u++) {
            expect(used[x.dev]!.has(u)).toBe(false)
            expect(u).toBeLessThan((256 * M) / AU)
            used[x.dev]!.add(u)
          }
        }
        if (a.fmap.kind === 'simple') continue
        expect(list).toHaveLength(f.devices)
        expect(new Set(list.map(x => x.len)).size).toBe(1)
        expect(list[0]!.len % f.chunkSize).toBe(0)
        expect(f.devices * list[0]!.len).toBeGreaterThanOrEqual(f.size)
        expect(f.devices * (list[0]!.len - f.chunkSize)).toBeLessThan(f.size)
      }
      expect(maps.map(countTaken)).toEqual(used.map(u => u.size))
    }),
  )
})

test('no room on one device: everything is given back', () => {
  const maps = [...fresh(2), openAccount(8 * M, AU, 0).map]
  const before = maps.map(takenRuns)
  expect(allocStriped(maps, 96 * M, { devices: 3, chunkSize: 2 * M })).toEqual({
    ok: false,
    code: -12,
    why: 'a strip of 33554432 bytes: no room on device 2',
  })
  expect(maps.map(takenRuns)).toEqual(before)
})

describe('refuses', () => {
  test.each([
    ['more devices than there are', 8 * M, 5, 2 * M, '5 devices: expected 1 to 4, as many as the file system has'],
    ['no device', 8 * M, 0, 2 * M, '0 devices: expected 1 to 4, as many as the file system has'],
    ['half a device', 8 * M, 1.5, 2 * M, '1.5 devices: expected 1 to 4, as many as the file system has'],
    ['an odd chunk', 8 * M, 4, 6 * M, 'chunk size 6291456: expected a power of two that is a multiple of 2097152'],
    ['a small chunk', 8 * M, 4, 4096, 'chunk size 4096: expected a power of two that is a multiple of 2097152'],
    ['no chunk', 8 * M, 4, 0, 'chunk size 0: expected a power of two that is a multiple of 2097152'],
    ['no size', 0, 4, 2 * M, 'size 0: expected a positive integer'],
  ])('%s', (_what, size, devices, chunkSize, why) => {
    expect(allocStriped(fresh(4), size, { devices, chunkSize })).toEqual({ ok: false, code: -22, why })
  })
})
