import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fsckReport, type ImageDump, newUnitMap, setUnits, takenRuns } from '../../src/media/index.ts'
import { image } from './images.ts'

const basic = image('basic4g').expected
const MiB = 1 << 20

/** The reference dump with another bitmap of units of 2 MiB: taken where `units` says so. */
function dumpOf(units: readonly boolean[]): ImageDump {
  const map = newUnitMap(units.length * 2 * MiB, 2 * MiB)
  for (const [i, taken] of units.entries()) setUnits(map, i, 1, taken)
  return { ...basic, bitmap: { ...basic.bitmap!, nbits: units.length, runs: takenRuns(map) } }
}

test('the buckets say what counting unit by unit says', () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 64 }),
      (units, n) => {
        const { overhang, list } = fsckReport(dumpOf(units), null, n)!.buckets!
        const each = Math.floor(units.length / n)
        expect(overhang).toBe((units.length - n * each) * 2 * MiB)
        for (const [i, b] of list.entries()) {
          const mine = units.slice(i * each, (i + 1) * each)
          const gaps = mine.map(taken => (taken ? ' ' : '.')).join('')
          const free = gaps.split(/ +/).flatMap(g => (g === '' ? [] : [g.length * 2 * MiB]))
          const sum = free.reduce((a, c) => a + c, 0)
          expect(b).toEqual({
            size: each * 2 * MiB,
            in_use: each * 2 * MiB - sum,
            free: sum,
            fragments: free.length,
            largest: Math.max(0, ...free),
            smallest: free.length === 0 ? 0 : Math.min(...free),
          })
        }
      },
    ),
  )
})

describe('who asks', () => {
  test.each([
    ['the host that made it', basic.superblock!.system_uuid, 'Owner'],
    ['another', 'd467a39b-6a90-4a00-91df-4b46647c9a05', 'Client'],
    ['one without a uuid', null, 'Client'],
  ])('%s', (_name, uuid, role) => {
    expect(fsckReport(basic, uuid)).toMatchObject({ role, buckets: null })
  })
})

test('nothing is said of a device without a good superblock or log', () => {
  expect(fsckReport({ ...basic, bitmap: null, stats: null }, null)).toBeNull()
})

test('an empty bitmap divides nothing by nothing', () => {
  const { capacity } = fsckReport({ ...dumpOf([]), bitmap: { ...dumpOf([]).bitmap!, fsize_total: 0 } }, null)!
  expect([capacity.amplification, capacity.percent_used]).toEqual([null, 0])
})
