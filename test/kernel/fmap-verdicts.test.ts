// What open(2) says of a map, by the table of parser verdicts (kernel.md 9.1, columns V3, V7-V10 and NEWb; RFC and V2 are not in
// it: what their limits make of it, inferred), and where the resolver sends each byte (kernel.md 9.2), both through open, pread
// and faults.
import { describe, expect, it } from 'vitest'
import { DEVICE_SIZE, fmapOf, patched, Rig, runsOf, simpleMap, wordBacking } from '../../src/conform/index.ts'
import { MAP_SHARED, O_RDONLY, PROT_READ } from '../../src/kernel/index.ts'
import type { DefectSwitches } from '../../src/profile/index.ts'
import { MiB } from '../../src/sim/index.ts'
import { errnoName } from '../../src/wire/index.ts'

const TWO = MiB(2)

const hostWith = (fmap: Uint8Array, switches: DefectSwitches = {}, kernel = 'v10'): Rig => {
  const rig = new Rig({ kernel, switches, devices: [0, 1].map(i => ({ backing: wordBacking(i, DEVICE_SIZE) })) })
  const s = rig.server()
  s.files.set('f', { nodeid: 100, size: 4096, fmap })
  rig.mount(s)
  return rig
}
const verdict = (fmap: Uint8Array, switches: DefectSwitches = {}, kernel = 'v10'): string => {
  const rig = hostWith(fmap, switches, kernel)
  const rc = rig.run(function* (sys) {
    return yield* sys.open('/mnt/f', O_RDONLY)
  })
  expect(rig.problems()).toEqual([])
  return rc < 0 ? errnoName(-rc) : 'OK'
}

const SIMPLE = simpleMap([[0, 0, TWO]])
const IDX = 32
const OFF = 40
const LEN = 48
const FILE_SIZE = 16
const n = (count: number): Uint8Array => simpleMap(Array.from({ length: count }, (_, i) => [0, TWO * i, TWO] as const))
const interleaved = (o: {
  size: number
  chunk?: number
  groups: { nbytes: number; strips: (readonly [number, number, number])[] }[]
}): Uint8Array =>
  fmapOf({
    kind: 'interleaved',
    fileSize: o.size,
    groups: o.groups.map(g => ({
      chunkSize: o.chunk ?? TWO,
      nbytes: g.nbytes,
      strips: g.strips.map(([dev, offset, len]) => ({ dev, offset, len })),
    })),
  })
const strips = (dev: (i: number) => number, count: number, len: number): (readonly [number, number, number])[] =>
  Array.from({ length: count }, (_, i) => [dev(i), MiB(16) * i, len] as const)
const FOUR = interleaved({ size: MiB(8), groups: [{ nbytes: MiB(8), strips: strips(() => 0, 4, TWO) }] })
const chunk = (size: number): Uint8Array =>
  interleaved({ size: MiB(8), chunk: size, groups: [{ nbytes: MiB(8), strips: strips(() => 0, 2, MiB(4)) }] })
const NSTRIPS = 32
const NBYTES = 40
const twoGroups = interleaved({
  size: MiB(7),
  groups: [
    { nbytes: MiB(3), strips: [[0, 0, MiB(4)] as const, [0, 0, MiB(4)] as const] },
    { nbytes: MiB(4), strips: [[0, MiB(8), MiB(4)] as const, [0, MiB(8), MiB(4)] as const] },
  ],
})

describe('parser verdicts', () => {
  /** Name, map, V10, V10 without B44 where that is another. */
  const table: [string, Uint8Array, string, string?][] = [
    ['minimal simple 2 MiB', SIMPLE, 'OK'],
    ['31-byte reply', SIMPLE.slice(0, 31), 'EINVAL'],
    ['header only, n=1', SIMPLE.slice(0, 32), 'EINVAL'],
    ['n=0', patched(SIMPLE, [8, 0, 4]), 'ERANGE'],
    ['n=33 simple, all present', n(33), 'ERANGE'],
    ['n=32 simple', n(32), 'OK'],
    ['ext_type 2', patched(SIMPLE, [4, 2, 4]), 'EINVAL'],
    ['version 7', patched(SIMPLE, [2, 7, 2]), 'OK'],
    ['file_type 9', patched(SIMPLE, [0, 9, 1]), 'OK'],
    ['device index 1', patched(SIMPLE, [IDX, 1, 4]), 'EINVAL', 'OK'],
    ['device index 63', patched(SIMPLE, [IDX, 63, 4]), 'EINVAL', 'OK'],
    ['device index 64', patched(SIMPLE, [IDX, 64, 4]), 'EINVAL', 'OK'],
    ['offset 1 MiB', patched(SIMPLE, [OFF, MiB(1), 8]), 'EINVAL'],
    ['len 1 MiB, size 1 MiB', patched(SIMPLE, [LEN, MiB(1), 8], [FILE_SIZE, MiB(1), 8]), 'EINVAL'],
    ['len 4100', patched(SIMPLE, [LEN, 4100, 8], [FILE_SIZE, 4096, 8]), 'EINVAL'],
    ['file size 0', patched(SIMPLE, [FILE_SIZE, 0, 8]), 'OK'],
    [
      'zero-length extent first',
      simpleMap([
        [0, 0, 0],
        [0, 0, TWO],
      ]),
      'OK',
    ],
    ['size > map', patched(SIMPLE, [FILE_SIZE, TWO + 1, 8]), 'EINVAL'],
    [
      'lengths wrap to 2 MiB',
      patched(n(2), [LEN, 2n ** 64n - BigInt(TWO), 8], [72, MiB(4), 8], [FILE_SIZE, TWO, 8]),
      'OK',
    ],
    ['size 2^63', patched(SIMPLE, [FILE_SIZE, 2n ** 63n, 8]), 'EINVAL'],
    ['trailing garbage', Uint8Array.from([...SIMPLE, 1, 2, 3]), 'OK'],
    [
      'overlapping extents',
      simpleMap([
        [0, 0, TWO],
        [0, 0, TWO],
      ]),
      'OK',
    ],
    ['interleave 4x2MiB, one device', FOUR, 'OK'],
    [
      'interleave 2 devices',
      interleaved({ size: MiB(8), groups: [{ nbytes: MiB(8), strips: strips(i => i % 2, 4, TWO) }] }),
      'EINVAL',
      'OK',
    ],
    ['chunk 0', chunk(0), 'OK'],
    ['chunk 64 KiB', chunk(65536), 'EINVAL'],
    ['chunk 4 MiB', chunk(MiB(4)), 'OK'],
    ['chunk 4 KiB', chunk(4096), 'EINVAL'],
    ['nstrips 0', patched(FOUR, [NSTRIPS, 0, 4]), 'EINVAL'],
    [
      'nstrips 33',
      interleaved({ size: MiB(66), groups: [{ nbytes: MiB(66), strips: strips(() => 0, 33, TWO) }] }),
      'EINVAL',
    ],
    ['nbytes 0', patched(FOUR, [NBYTES, 0, 8]), 'EINVAL'],
    [
      'uneven strips 2+6 MiB for 8 MiB',
      interleaved({ size: MiB(8), groups: [{ nbytes: MiB(8), strips: [[0, 0, TWO] as const, [0, MiB(8), MiB(6)]] }] }),
      'OK',
    ],
    ['nbytes < size', patched(FOUR, [NBYTES, TWO, 8]), 'OK'],
    ['strip list truncated', FOUR.slice(0, -8), 'EINVAL'],
    ['two groups 3 MiB + 4 MiB', twoGroups, 'OK'],
  ]
  /** Where NEWb says otherwise than V10. */
  const NEWB: Record<string, string> = {
    '31-byte reply': 'EIO',
    'n=33 simple, all present': 'OK',
    'device index 1': 'OK',
    'device index 63': 'OK',
    'offset 1 MiB': 'OK',
    'len 1 MiB, size 1 MiB': 'OK',
    'lengths wrap to 2 MiB': 'EINVAL',
    'interleave 2 devices': 'OK',
    'chunk 0': 'EINVAL',
    'chunk 4 MiB': 'EINVAL',
    'chunk 4 KiB': 'OK',
    'uneven strips 2+6 MiB for 8 MiB': 'EINVAL',
    'nbytes < size': 'EINVAL',
  }
  it.each(table)('%s', (_name, fmap, want, withoutB44 = want) => {
    expect(verdict(fmap)).toBe(want)
    expect(verdict(fmap, { noDefect: ['B44'] })).toBe(withoutB44)
  })
  it.each(table)('NEWb: %s', (name, fmap, v10) => {
    expect(verdict(fmap, {}, 'new')).toBe(NEWB[name] ?? v10)
  })
  /** Where V3 says otherwise than V10: the errno of counts (B23), and chunks of any size (B19). */
  const V3: Record<string, string> = {
    'n=0': 'EINVAL',
    'n=33 simple, all present': 'E2BIG',
    'chunk 64 KiB': 'OK',
    'chunk 4 KiB': 'OK',
  }
  /** And RFC and V2, with two extents or groups and 16 strips at most. */
  const OLDER: Record<string, string> = { ...V3, 'n=33 simple, all present': 'EINVAL', 'n=32 simple': 'EINVAL' }
  it.each(table)('V3: %s', (name, fmap, v10) => {
    expect(verdict(fmap, {}, 'v3')).toBe(V3[name] ?? v10)
  })
  it.each(table)('RFC, V2: %s', (name, fmap, v10) => {
    // What the parser says does not come out of open(2) there: B11 asks earlier, B10 drops it.
    for (const kernel of ['rfc', 'v2'])
      expect(verdict(fmap, { noDefect: ['B10', 'B11'] }, kernel), kernel).toBe(OLDER[name] ?? v10)
  })
  it('what is told otherwise is in the table', () => {
    const names = table.map(([name]) => name)
    expect([NEWB, V3, OLDER].flatMap(o => Object.keys(o)).filter(name => !names.includes(name))).toEqual([])
  })
  it('a short strip is refused by a V10 without B47', () => {
    const uneven = table.find(([name]) => name.startsWith('uneven'))![1]
    expect(verdict(uneven, { noDefect: ['B47'] })).toBe('EINVAL')
    expect(verdict(FOUR, { noDefect: ['B47'] })).toBe('OK')
    expect(verdict(twoGroups, { noDefect: ['B47'] })).toBe('OK')
  })
  it('chunk 0 is refused on a kernel without L10', () => {
    expect(verdict(chunk(0), { noDefect: ['L10'] })).toBe('EINVAL')
  })
})

/** Where pread(off, len) came from: the runs, merged when they go on in the device. */
const reads = (
  fmap: Uint8Array,
  off: number,
  len: number,
  switches: DefectSwitches = {},
  kernel = 'v10',
): number[][] | string => {
  const rig = hostWith(fmap, switches, kernel)
  return rig.run(function* (sys) {
    const fd = yield* sys.open('/mnt/f', O_RDONLY)
    const buf = new Uint8Array(len)
    const got = yield* sys.pread(fd, buf, off)
    if (got < 0) return errnoName(-got)
    // Whole words only: runs start at the first multiple of 8.
    const skip = (8 - (off % 8)) % 8
    const runs = runsOf(buf.subarray(skip, got), got - skip)
    return runs.map(([pos, , at], i) => [at - (i === 0 ? skip : 0), (runs[i + 1]?.[0] ?? got - skip) - pos])
  })
}
/** Device offset that a load of one aligned word faults in. */
const loads = (fmap: Uint8Array, off: number, switches: DefectSwitches = {}): number | string => {
  const rig = hostWith(fmap, switches)
  return rig.run(function* (sys) {
    const fd = yield* sys.open('/mnt/f', O_RDONLY)
    const at = yield* sys.mmap(0, MiB(64), PROT_READ, MAP_SHARED, fd)
    const buf = new Uint8Array(8)
    const sig = yield* sys.load_or_signal(at + off, buf)
    return sig ? sig.si_code : runsOf(buf, 8)[0]![2]
  })
}

describe('resolver', () => {
  // 4 strips of 2 MiB chunks at 0, 64, 128, 192 MiB; 24 MiB.
  const wide = interleaved({
    size: MiB(24),
    groups: [{ nbytes: MiB(24), strips: [0, 64, 128, 192].map(at => [0, MiB(at), MiB(6)] as const) }],
  })
  const WIDE: [number, number, number, number][] = [
    [0x0, 0x200000, 0x0, 0x200000],
    [0x200000, 0x200000, 0x4000000, 0x200000],
    [0x400000, 0x200000, 0x8000000, 0x200000],
    [0x800000, 0x1000, 0x200000, 0x1000],
    [0xf00000, 0x400000, 0xc300000, 0x100000],
    [0x17ff000, 0x2000, 0xc5ff000, 0x1000],
  ]
  it.each(WIDE)('4 strips: 0x%x, 0x%x', (off, len, dev, run) => {
    expect((reads(wide, off, len) as number[][])[0]).toEqual([dev, run])
    expect(loads(wide, off)).toBe(dev)
  })
  it('4 strips: two bytes over a chunk border come from two strips, one each', () => {
    const rig = hostWith(wide)
    const bytes = rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDONLY)
      const two = new Uint8Array(2)
      expect(yield* sys.pread(fd, two, 0x7fffff)).toBe(2)
      return [...two]
    })
    const at = (off: number): number => {
      const b = new Uint8Array(1)
      rig.mems[0]!.memory.read(off, b)
      return b[0]!
    }
    expect(bytes).toEqual([at(0xc1fffff), at(0x200000)])
  })
  it('4 strips: nothing lies at the end of the file', () => {
    expect(reads(wide, 0x1800000, 0x1000)).toEqual([])
    expect(loads(wide, 0x1800000)).toBe('BUS_ADRERR')
  })

  // 3 strips, a file of 7 MiB whose last chunk is half full; strips at 0, 64, 128 MiB.
  const seven = interleaved({
    size: MiB(7),
    groups: [{ nbytes: MiB(7), strips: [0, 64, 128].map(at => [0, MiB(at), MiB(4)] as const) }],
  })
  const SEVEN: [number, number, number, number][] = [
    [0x0, 0x200000, 0x0, 0x200000],
    [0x600000, 0x200000, 0x200000, 0x100000],
    [0x680000, 0x200000, 0x280000, 0x80000],
    [0x6ffff8, 0x200000, 0x2ffff8, 0x8],
  ]
  it.each(SEVEN)('3 strips, cut at the end of the file: 0x%x, 0x%x', (off, len, dev, run) => {
    expect(reads(seven, off, len)).toEqual([[dev, run]])
  })

  // Groups of 3 and 4 MiB, 2 strips each; the strips lie apart so that every place has one name.
  const two = interleaved({
    size: MiB(7),
    groups: [
      { nbytes: MiB(3), strips: [[0, 0, MiB(4)] as const, [0, MiB(64), MiB(4)]] },
      { nbytes: MiB(4), strips: [[0, MiB(128), MiB(4)] as const, [0, MiB(192), MiB(4)]] },
    ],
  })
  const second = 0x8000000
  const TWO_GROUPS: [string, number, number, number, number, number][] = [
    ['one chunk of group 0 to its end', 0x200000, 0x200000, 0x4000000, 0x200000, 0x100000],
    ['over the end of group 0', 0x2ff000, 0x2000, 0x40ff000, 0x2000, 0x1000],
    ['start of group 1', 0x300000, 0x200000, second, 0x200000, 0x200000],
    ['second chunk of group 1', 0x500000, 0x200000, 0xc000000, 0x200000, 0x200000],
  ]
  it.each(TWO_GROUPS)('two groups: %s', (_what, off, len, dev, asIs, ideal) => {
    expect((reads(two, off, len) as number[][])[0]).toEqual([dev, asIs])
    expect((reads(two, off, len, { noDefect: ['L09'] }) as number[][])[0]).toEqual([dev, ideal])
  })
  it.each(['rfc', 'v2', 'v3', 'new'])('%s resolves as V10 does', kernel => {
    for (const [off, len, dev, run] of WIDE)
      expect((reads(wide, off, len, {}, kernel) as number[][])[0]).toEqual([dev, run])
    for (const [off, len, dev, run] of SEVEN) expect(reads(seven, off, len, {}, kernel)).toEqual([[dev, run]])
    for (const [, off, len, dev, asIs, ideal] of TWO_GROUPS) {
      expect((reads(two, off, len, {}, kernel) as number[][])[0]).toEqual([dev, asIs])
      expect((reads(two, off, len, { noDefect: ['L09'] }, kernel) as number[][])[0]).toEqual([dev, ideal])
    }
  })
  it('a group of 2^64-1 bytes is as long as the file', () => {
    expect(reads(patched(wide, [NBYTES, 2n ** 64n - 1n, 8]), 0x800000, 8)).toEqual([[0x200000, 8]])
  })
  it('L09 in data: the byte after group 0 is read from the wrong place when the read starts before it, and only then', () => {
    expect(reads(two, 0x300000, 8)).toEqual([[second, 8]])
    expect(reads(two, 0x2ffff8, 16)).toEqual([[0x40ffff8, 16]])
    expect(reads(two, 0x2ffff8, 16, { noDefect: ['L09'] })).toEqual([
      [0x40ffff8, 8],
      [second, 8],
    ])
  })
})
