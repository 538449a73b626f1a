import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  claimEntry,
  claimRange,
  countTaken,
  type LogEntry,
  MAX_BITS,
  MAX_DAXDEVS,
  newUnitMap,
  openAccount,
  setUnits,
  takenRuns,
  unitMapCrc,
  unitTaken,
} from '../../src/media/index.ts'

const M = 1 << 20

test('superblock and log are taken from the start', () => {
  const acc = openAccount(256 * M, 2 * M, 8 * M)
  expect(takenRuns(acc.map)).toEqual([[0, 5]])
  expect(acc).toMatchObject({ allocSum: 10 * M, collisions: 0, outside: 0, misaligned: 0 })
  expect(takenRuns(openAccount(256 * M, 4096, 8 * M).map)).toEqual([[0, 2560]])
})

test('a last part of a unit counts as one', () => {
  expect(newUnitMap(5 * M, 2 * M).nbits).toBe(3)
  expect(() => newUnitMap(2 ** 50, 4096)).toThrow('at most 2147483648 units are mapped')
})

test('claims are counted unit by unit: new, taken, not there', () => {
  const acc = openAccount(64 * M, 2 * M, 8 * M)
  expect(claimRange(acc, 10 * M, 4 * M)).toBe(0)
  expect(claimRange(acc, 8 * M, 4 * M)).toBe(2)
  expect(acc).toMatchObject({ collisions: 2, allocSum: 14 * M })
  claimRange(acc, 60 * M, 8 * M)
  expect(acc).toMatchObject({ outside: 2, allocSum: 18 * M })
  claimRange(acc, 640 * M, 2 * M)
  expect(acc.outside).toBe(3)
  claimRange(acc, 31 * M, 1)
  expect(acc).toMatchObject({ misaligned: 1, allocSum: 20 * M })
  expect(takenRuns(acc.map)).toEqual([
    [0, 7],
    [15, 1],
    [30, 2],
  ])
})

test('the map is a set of unit numbers', () => {
  const op = fc.tuple(fc.nat(70), fc.nat(20), fc.boolean())
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.array(op, { maxLength: 20 }), (nbits, ops) => {
      const m = newUnitMap(nbits, 1)
      const model = new Set<number>()
      for (const [i, n, taken] of ops) {
        setUnits(m, i, n, taken)
        for (let k = i; k < i + n && k < nbits; k++) taken ? model.add(k) : model.delete(k)
      }
      for (let k = 0; k < 80; k++) expect(unitTaken(m, k)).toBe(model.has(k))
      expect(countTaken(m)).toBe(model.size)
      expect(takenRuns(m).flatMap(([s, n]) => Array.from({ length: n }, (_, k) => s + k))).toEqual(
        [...model].sort((a, b) => a - b),
      )
    }),
  )
})

test('the lowest bit of a byte is its first unit', () => {
  const m = newUnitMap(16, 1)
  setUnits(m, 0, 1, true)
  setUnits(m, 9, 1, true)
  expect([...m.bytes]).toEqual([1, 2])
  expect(unitMapCrc(m)).toBe(0xb6cc4292)
})

test('a device that the log adds has a map of its own; its first 2 MiB are for its superblock', () => {
  const acc = openAccount(64 * M, 2 * M, 8 * M)
  const uuid = '00000000-0000-4000-8000-000000000001'
  const file = (dev: number, offset: number): LogEntry => {
    const fmap = { kind: 'simple' as const, extents: [{ dev, offset, len: 4 * M }] }
    return { type: 'file', seqnum: 0, path: 'f', size: 4 * M, flags: 2, uid: 0, gid: 0, mode: 0o644, fmap }
  }
  claimEntry(acc, { type: 'add_daxdev', seqnum: 0, size: 128 * M, uuid, index: 2 })
  expect(acc.further).toEqual([])
  claimEntry(acc, { type: 'add_daxdev', seqnum: 0, size: 128 * M, uuid, index: 1 })
  for (const dev of [0, 1, 1]) claimEntry(acc, file(dev, 20 * M))
  expect(takenRuns(acc.map)).toEqual([
    [0, 5],
    [10, 2],
  ])
  expect(takenRuns(acc.further[0]!.map)).toEqual([
    [0, 1],
    [10, 2],
  ])
  expect([acc.collisions, acc.further[0]!.collisions, acc.filesLogged]).toEqual([0, 2, 3])
  // A device nobody added: the reference knows one map.
  claimEntry(acc, file(2, 20 * M))
  expect(acc.collisions).toBe(2)
})

test('added devices: no more than a kernel knows, and no larger together than what can be mapped', () => {
  const uuid = '00000000-0000-4000-8000-000000000001'
  const acc = openAccount(64 * M, 2 * M, 8 * M)
  const add = (size: number): number => {
    claimEntry(acc, { type: 'add_daxdev', seqnum: 0, size, uuid, index: acc.further.length + 1 })
    return acc.further.length
  }
  const most = (MAX_BITS - 32) * 2 * M
  expect([add(most + 1), add(2 ** 53 - 1), add(2 * M), add(most)]).toEqual([0, 0, 1, 1])
  for (let i = 2; i < MAX_DAXDEVS; i++) expect(add(0)).toBe(i)
  expect(add(0)).toBe(MAX_DAXDEVS - 1)
})

test('famfs_daxdev_table_accumulate: devices come in order, each once, no more than fit; else the table stays as it is', () => {
  const uuid = '00000000-0000-4000-8000-000000000001'
  const acc = openAccount(64 * M, 2 * M, 8 * M)
  const add = (index: number): number => {
    claimEntry(acc, { type: 'add_daxdev', seqnum: 0, size: 64 * M, uuid, index })
    return acc.further.length
  }
  // A gap, the first device again, one that is there, one beyond all that fit.
  expect([add(1), add(3), add(0), add(1), add(MAX_DAXDEVS), add(2 ** 32 - 1)]).toEqual([1, 1, 1, 1, 1, 1])
  for (let i = 2; i < MAX_DAXDEVS; i++) expect(add(i)).toBe(i)
  expect(add(MAX_DAXDEVS)).toBe(MAX_DAXDEVS - 1)
})
