import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  claimRange,
  countTaken,
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
