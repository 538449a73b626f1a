// Sizes and numbers as famfs user space reads them; famfs_misc of the reference tests has the multiplier.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { get_multiplier, parse_size, strtoull } from '../../../src/server/lib/size.ts'

const MOST = Number.MAX_SAFE_INTEGER

test.each([
  ['', 1],
  ['k', 1024],
  ['K', 1024],
  ['m', 1048576],
  ['M', 1048576],
  ['g', 1073741824],
  ['G', 1073741824],
  ['T', 1],
  ['x', 1],
  ['mm', -1],
  ['kb', -1],
])('famfs_misc: multiplier %j is %i', (suffix, by) => {
  expect(get_multiplier(suffix)).toBe(by)
})

describe('a size: as the real tools read it, and strictly', () => {
  test.each<[string, number, number]>([
    ['4096', 4096, 4096],
    ['0', 0, 0],
    ['0x1000', 4096, 4096],
    ['010', 8, 8],
    ['10000k', 10240000, 10240000],
    ['2M', 2097152, 2097152],
    ['100m', 104857600, 104857600],
    ['5G', 5368709120, 5368709120],
    ['9007199254740991', MOST, MOST],
    ['9007199254740993', MOST, MOST],
    ['99999999g', MOST, MOST],
    ['10T', 10, -1],
    ['8mm', 8, -1],
    ['8 m', 8, -1],
    ['1.5G', 1, -1],
    [' 7', 7, -1],
    ['-1', MOST, -1],
    ['-0', 0, -1],
    ['', 0, -1],
    ['m', 0, -1],
    ['abc', 0, -1],
    ['0x', 0, -1],
    ['0xg', 0, -1],
  ])('%j', (text, loose, strict) => {
    expect([parse_size(text, true), parse_size(text, false)]).toEqual([loose, strict])
  })
})

test.each([
  ['0644', 0o644],
  ['0x8e00000', 0x8e00000],
  ['0XfF', 255],
  ['12 apples', 12],
  ['089', 0],
  ['+3', 3],
  ['seven', 0],
])('strtoull(%j) is %i', (text, value) => {
  expect(strtoull(text)).toBe(value)
})

test('any number that fits comes back from each of its three forms', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), n => {
      for (const text of [String(n), `0x${n.toString(16)}`, `0${n.toString(8)}`]) expect(strtoull(text)).toBe(n)
    }),
  )
})
