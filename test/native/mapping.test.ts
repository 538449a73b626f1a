import { readFileSync, readSync, writeSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  close,
  ftruncate,
  HUGE_PAGE_SIZE,
  MADV_HUGEPAGE,
  Mapping,
  MFD_CLOEXEC,
  memfd_create,
  nativeAvailable,
  SysError,
} from '../../src/native/index.ts'

const UNIT = HUGE_PAGE_SIZE

/** The lines of our address space that lie in or touch [start, end). */
const mapsOver = (start: number, end: number): string[] =>
  readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter(line => {
      const range = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line)
      return range !== null && Number.parseInt(range[1], 16) < end && Number.parseInt(range[2], 16) > start
    })

describe.skipIf(!nativeAvailable().ok)('Mapping', () => {
  let fd = -1
  beforeAll(() => {
    fd = memfd_create('famsim-test', MFD_CLOEXEC)
    ftruncate(fd, 8 * UNIT)
  })
  afterAll(() => close(fd))

  it.each([
    [0, UNIT],
    [UNIT, 3 * UNIT],
    [0, 8 * UNIT],
  ])('maps at offset %i, %i bytes, on a 2 MiB boundary', (offset, length) => {
    const mapping = new Mapping(fd, offset, length)
    expect(mapping.address % UNIT).toBe(0)
    expect(mapping.view.length).toBe(length)
    expect(mapping).toMatchObject({ offset, length, mapped: true })
    mapping.unmap()
  })

  it('shows what the descriptor shows, both ways, and two mappings alias', () => {
    const a = new Mapping(fd, 0, 2 * UNIT)
    const b = new Mapping(fd, UNIT, UNIT)
    writeSync(fd, Buffer.from('from the fd'), 0, 11, UNIT + 5)
    expect(Buffer.from(b.view.subarray(5, 16)).toString()).toBe('from the fd')
    a.view[UNIT + 5] = 0x46
    expect(b.view[5]).toBe(0x46)
    const got = Buffer.alloc(4)
    readSync(fd, got, 0, 4, UNIT + 5)
    expect(got.toString()).toBe('From')
    a.unmap()
    expect(b.view[5]).toBe(0x46)
    b.unmap()
  })

  it('leaves nothing behind: the reservation is trimmed, unmap empties the range, twice is harmless', () => {
    const mapping = new Mapping(fd, 0, UNIT)
    const { address } = mapping
    const mine = mapsOver(address, address + UNIT)
    expect(mine).toHaveLength(1)
    expect(mine[0]).toMatch(/ rw-s .*famsim-test/)
    mapping.unmap()
    mapping.unmap()
    expect(mapping.mapped).toBe(false)
    expect(mapsOver(address, address + UNIT).filter(line => line.includes('famsim-test'))).toEqual([])
    expect(() => mapping.view).toThrow('used after unmap')
  })

  it('empties every view on unmap: one that was kept touches nothing', () => {
    const mapping = new Mapping(fd, 0, UNIT)
    mapping.view[5] = 9
    const { view } = mapping
    const part = view.subarray(0, 16)
    const words = new DataView(view.buffer, 0, 8)
    mapping.unmap()
    expect([view.length, part.length, view[5]]).toEqual([0, 0, undefined])
    part[0] = 1
    expect(() => view.set([1])).toThrow()
    expect(() => words.getUint8(5)).toThrow(TypeError)
    const again = new Mapping(fd, 0, UNIT)
    expect(again.view[5]).toBe(9)
    again.view[5] = 0
    again.unmap()
  })

  it('read only: the pages of the mapping cannot be written', () => {
    const mapping = new Mapping(fd, 0, UNIT, { readOnly: true })
    expect(mapsOver(mapping.address, mapping.address + UNIT)[0]).toMatch(/ r--s .*famsim-test/)
    mapping.unmap()
  })

  it('starts where a larger alignment wants it', () => {
    const align = 2 ** 30
    for (let i = 0; i < 3; i++) {
      const mapping = new Mapping(fd, 0, UNIT, { align })
      expect(mapping.address % align).toBe(0)
      mapping.unmap()
    }
  })

  it('puts ordinary memory in the place of a part, and the file keeps what it had there', () => {
    const other = new Mapping(fd, 0, 3 * UNIT)
    other.view.fill(7)
    const mapping = new Mapping(fd, 0, 3 * UNIT)
    mapping.standIn(UNIT, UNIT)
    expect([mapping.view[UNIT - 1], mapping.view[UNIT], mapping.view[2 * UNIT]]).toEqual([7, 0, 7])
    mapping.view[UNIT] = 1
    expect(other.view[UNIT]).toBe(7)
    for (const [at, length] of [
      [3 * UNIT, UNIT],
      [0, 4096],
      [0, 4 * UNIT],
    ])
      expect(() => mapping.standIn(at!, length!)).toThrow(RangeError)
    other.view.fill(0)
    other.unmap()
    mapping.unmap()
    expect(readFileSync('/proc/self/maps', 'utf8')).not.toContain('famsim-test')
  })

  it('takes advice while mapped only', () => {
    const mapping = new Mapping(fd, 0, UNIT)
    expect(typeof mapping.advise(MADV_HUGEPAGE)).toBe('boolean')
    expect(mapping.advise(9999)).toBe(false)
    mapping.unmap()
    expect(mapping.advise(MADV_HUGEPAGE)).toBe(false)
  })

  it.each([
    [0, 0],
    [0, 4096],
    [4096, UNIT],
    [-UNIT, UNIT],
  ])('refuses offset %i, length %i', (offset, length) => {
    expect(() => new Mapping(fd, offset, length)).toThrow(RangeError)
  })

  it('costs no address space once unmapped, or refused', () => {
    const size = () => Number(/^VmSize:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024
    const runs: (() => void)[] = [
      () => new Mapping(fd, 0, 3 * UNIT).unmap(),
      () => expect(() => new Mapping(1_000_000, 0, 3 * UNIT)).toThrow(SysError),
    ]
    for (const run of runs) {
      const before = size()
      for (let i = 0; i < 200; i++) run()
      // A reservation that stays, or the 2 MiB around a mapping, would add up to 400 MiB and more.
      expect(size() - before).toBeLessThan(64 * 1024 * 1024)
    }
  })

  it('refuses a view that would abort the process, and leaves it unmapped', () => {
    expect(() => new Mapping(fd, 0, 4 * 1024 * 1024 * 1024)).toThrow('map in windows')
    expect(readFileSync('/proc/self/maps', 'utf8')).not.toContain('famsim-test')
  })
})
