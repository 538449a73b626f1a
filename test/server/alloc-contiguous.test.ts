import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { newUnitMap, openAccount, setUnits, takenRuns, unitTaken } from '../../src/media/index.ts'
import { allocContiguous, allocFile, CONTIGUOUS, openSession } from '../../src/server/alloc/index.ts'
import { noDraws } from './alloc-draws.ts'

const M = 1 << 20
const AU = 2 * M
const ENOMEM = -12
const EINVAL = -22
const fresh = (size = 256 * M) => openSession(openAccount(size, AU, 8 * M).map)

test('first fit behind superblock and log; the position follows', () => {
  const s = fresh()
  expect([1, AU, AU + 1, 1].map(size => allocContiguous(s, size))).toEqual([10 * M, 12 * M, 14 * M, 18 * M])
  expect(s.curPos).toBe(20 * M)
})

test('a session does not look back; the next one fills the hole', () => {
  const s = fresh()
  for (let i = 0; i < 3; i++) allocContiguous(s, AU)
  setUnits(s.map, 6, 1, false)
  expect(allocContiguous(s, AU)).toBe(16 * M)
  expect(allocContiguous(openSession(s.map), AU)).toBe(12 * M)
})

test('a hole too small is passed over', () => {
  const s = fresh()
  setUnits(s.map, 7, 1, true)
  expect(allocContiguous(s, 6 * M)).toBe(16 * M)
})

test('256 MiB hold 123 units of files, then no more', () => {
  const s = fresh()
  for (let i = 0; i < 123; i++) expect(allocContiguous(s, 1)).toBe(10 * M + i * AU)
  expect(allocContiguous(s, 1)).toBe(ENOMEM)
  expect(takenRuns(s.map)).toEqual([[0, 128]])
})

test.each([0, -1, 1.5, Number.NaN])('size %d is refused', size => {
  expect(allocContiguous(fresh(), size)).toBe(EINVAL)
})

test.each<[string, number, number]>([
  ['more than the device', 257 * M, ENOMEM],
  ['one unit more than is left', 247 * M, ENOMEM],
  ['all that is left', 246 * M, 10 * M],
])('%s', (_name, size, result) => {
  const s = fresh()
  expect(allocContiguous(s, size)).toBe(result)
  if (result < 0) {
    expect(s.curPos).toBe(0)
    expect(takenRuns(s.map)).toEqual([[0, 5]])
  }
})

test('lengths are multiples of 2 MiB, also where units are 4 KiB', () => {
  const s = openSession(openAccount(64 * M, 4096, 8 * M).map)
  const files = [1, 5000].map(size => allocFile(s, size, CONTIGUOUS, 64 * M, noDraws))
  expect(files).toEqual([
    { ok: true, fmap: { kind: 'simple', extents: [{ dev: 0, offset: 10 * M, len: AU }] } },
    { ok: true, fmap: { kind: 'simple', extents: [{ dev: 0, offset: 10 * M + 4096, len: AU }] } },
  ])
})

describe('Q5: what is left is counted from the wrong end', () => {
  const nearlyFull = () => {
    const s = fresh()
    expect(allocContiguous(s, 240 * M)).toBe(10 * M)
    return s
  }
  test('off: 20 MiB do not fit into the last 6', () => {
    expect(allocContiguous(nearlyFull(), 20 * M)).toBe(ENOMEM)
  })
  test('on: they are handed out, past the end of the device', () => {
    const s = nearlyFull()
    expect(allocContiguous(s, 20 * M, { Q5: true })).toBe(250 * M)
    expect(s.curPos).toBe(270 * M)
    expect(allocContiguous(s, 1, { Q5: true })).toBe(ENOMEM)
  })
  test('on, in a new session: the count is right, whatever the size', () => {
    const s = openSession(nearlyFull().map)
    expect(allocContiguous(s, 20 * M, { Q5: true })).toBe(ENOMEM)
    expect(allocContiguous(s, 6 * M, { Q5: true })).toBe(250 * M)
  })
})

test('what comes back was free, lies inside the device, and is the first such place', () => {
  const taken = fc.array(fc.boolean(), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(taken, fc.nat(59), fc.integer({ min: 1, max: 8 }), (bits, from, need) => {
      const map = newUnitMap(bits.length * AU, AU)
      bits.forEach((b, i) => {
        if (b) setUnits(map, i, 1, true)
      })
      const s = { map, curPos: from * AU }
      const fits = (i: number) => i + need <= bits.length && bits.slice(i, i + need).every(b => !b)
      // The reference gives up at the first clear unit with too little room behind it: no later one could do better.
      let want = ENOMEM
      for (let i = from; i < bits.length && want < 0; i++) if (fits(i)) want = i * AU
      expect(allocContiguous(s, need * AU)).toBe(want)
      bits.forEach((b, i) => {
        expect(unitTaken(map, i)).toBe(b || (want >= 0 && i * AU >= want && i * AU < want + need * AU))
      })
    }),
    { numRuns: 500 },
  )
})

test('no two files of a session share a unit', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 * M }), { maxLength: 20 }), sizes => {
      const s = fresh()
      let end = 10 * M
      for (const size of sizes) {
        const at = allocContiguous(s, size)
        if (at < 0) continue
        expect(at % AU).toBe(0)
        expect(at).toBe(end)
        end = at + Math.ceil(size / AU) * AU
        expect(end).toBeLessThanOrEqual(256 * M)
      }
    }),
  )
})
