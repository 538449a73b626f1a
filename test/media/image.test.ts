import { describe, expect, test } from 'vitest'
import {
  decodeSuperblock,
  describeImage,
  encodeEntry,
  encodeLogHeader,
  encodeSuperblock,
  entryOffset,
  freshLogHeader,
  LOG_OFFSET,
  type LogEntry,
  type PlayStop,
  playLog,
  validateImage,
} from '../../src/media/index.ts'
import { hexBytes, image, reader, vectors } from './images.ts'

const images = (['basic4g', 'interleave8g'] as const).map(name => [name, image(name)] as const)
const basic = images[0]![1]

test.each(images)('%s is described exactly as by the reference dump', (_name, im) => {
  const dump = describeImage(im.read, im.deviceSize)
  expect(dump).toEqual(im.expected)
  expect(JSON.stringify(dump)).toBe(JSON.stringify(im.expected))
})

test.each(images)('%s has nothing wrong', (_name, im) => {
  expect(validateImage(im.read, im.deviceSize)).toEqual([])
})

test.each(images)('superblock of %s encodes to the same 200 bytes', (_name, im) => {
  expect(encodeSuperblock(decodeSuperblock(im.superblock).sb!)).toEqual(im.superblock)
})

type Case = {
  name: string
  patches: [number, string][]
  expected: {
    super: number
    header: number
    entries?: number
    bad?: number
    files?: number
    dirs?: number
    collisions?: number | null
    fsize?: number
    alloc?: number | null
    stop?: number | null
    errors?: number
  }
}
const { cases } = vectors<{ cases: Case[] }>('media-corrupt')

describe('damaged images: the numbers of the reference fsck and log play', () => {
  test.each(cases.map(c => [c.name, c] as const))('%s', (_name, c) => {
    const bytes = basic.bytes.slice()
    for (const [at, hex] of c.patches) bytes.set(hexBytes(hex), at)
    const dump = describeImage(reader(bytes), basic.deviceSize)
    const x = c.expected
    expect([dump.check_super_rc, dump.log_header_rc]).toEqual([x.super, x.header])
    const problems = validateImage(reader(bytes), basic.deviceSize)
    // A 4 KiB unit is legal; everything else here is seen, also what the tools themselves let pass.
    if (c.name === 'good') expect(problems).toEqual([])
    else if (c.name !== 'au4096') expect(problems.length).toBeGreaterThan(0)
    if (x.super !== 0 || x.header !== 0) {
      expect(dump.entries).toBeNull()
      return
    }
    expect(dump.stats).toEqual({ n_entries: x.entries, bad_entries: x.bad, f_logged: x.files, d_logged: x.dirs })
    expect(dump.bitmap!.fsize_total).toBe(x.fsize)
    if (x.collisions !== null) expect(dump.bitmap!.collisions).toBe(x.collisions)
    if (x.alloc !== null) expect(dump.bitmap!.alloc_sum).toBe(x.alloc)
    const walk = [...playLog(bytes.subarray(LOG_OFFSET))]
    const last = walk.at(-1)!
    expect('stop' in last ? last.stop : null).toBe(x.stop)
    expect(walk.reduce((n, w) => n + ('stop' in w ? 0 : w.errors), 0)).toBe(x.errors)
  })
})

/** A small device with these entries logged. */
function made(entries: LogEntry[], change: (b: Uint8Array) => void = () => {}) {
  const size = 64 << 20
  const bytes = new Uint8Array(LOG_OFFSET + entryOffset(entries.length))
  const sb = decodeSuperblock(basic.superblock).sb!
  bytes.set(encodeSuperblock({ ...sb, daxdevSize: size }))
  const n = entries.length
  bytes.set(encodeLogHeader({ ...freshLogHeader(0x800000), nextSeqnum: n, nextIndex: n }), LOG_OFFSET)
  entries.forEach((e, i) => {
    bytes.set(encodeEntry(e), LOG_OFFSET + entryOffset(i))
  })
  change(bytes)
  return validateImage(reader(bytes), size)
}
const M = 1 << 20
const file = (seqnum: number, path: string, offset: number, len: number, size = len): LogEntry => ({
  type: 'file',
  seqnum,
  path,
  size,
  flags: 2,
  uid: 0,
  gid: 0,
  mode: 0o644,
  fmap: { kind: 'simple', extents: [{ dev: 0, offset, len }] },
})
const dir = (seqnum: number, path: string): LogEntry => ({ type: 'mkdir', seqnum, path, uid: 0, gid: 0, mode: 0o755 })
const striped = (chunkSize: number, lens: number[], size: number): LogEntry => ({
  ...(file(0, 'f', 0, 0, size) as LogEntry & { type: 'file' }),
  fmap: { kind: 'interleaved', chunkSize, strips: lens.map((len, i) => ({ dev: 0, offset: (10 + 10 * i) * M, len })) },
})

/** Two strips of 4 MiB, one on each of two devices. */
const over = (seqnum: number, path: string, first: number, second = first): LogEntry => ({
  ...(file(seqnum, path, 0, 0, 8 * M) as LogEntry & { type: 'file' }),
  fmap: {
    kind: 'interleaved',
    chunkSize: 2 * M,
    strips: [first, second].map((offset, dev) => ({ dev, offset, len: 4 * M })),
  },
})
const added = (seqnum: number, index: number, size: number): LogEntry => ({
  type: 'add_daxdev',
  seqnum,
  size,
  uuid: '00000000-0000-4000-8000-000000000001',
  index,
})

describe('validateImage says what, where and what was expected', () => {
  test.each<[string, string[], string[]]>([
    ['nothing logged', made([]), []],
    ['a sound file', made([dir(0, 'd'), file(1, 'd/f', 10 * M, 2 * M, 5)]), []],
    [
      'past the end',
      made([file(0, 'f', 62 * M, 4 * M)]),
      ['log entry 0 extent 0: ends at 0x4200000, expected at most the device size 0x4000000'],
    ],
    [
      'over the log',
      made([file(0, 'f', 8 * M, 4 * M)]),
      ['log entry 0 extent 0: 1 units from 0x800000 on are already taken, expected them free'],
    ],
    [
      'two on one',
      made([file(0, 'f', 10 * M, 4 * M), file(1, 'g', 12 * M, 2 * M)]),
      ['log entry 1 extent 0: 1 units from 0xc00000 on are already taken, expected them free'],
    ],
    [
      'not on a unit',
      made([file(0, 'f', 11 * M, 2 * M)]),
      ['log entry 0 extent 0: offset 0xb00000, expected a multiple of 0x200000'],
    ],
    [
      'too little room',
      made([file(0, 'f', 10 * M, 2 * M, 3 * M)]),
      ['log entry 0: extents hold 2097152 bytes, expected 4194304 for a size of 3145728'],
    ],
    [
      'absolute path',
      made([dir(0, '/d')]),
      ['log entry 0: path is not relative, so log play passes over it; expected a relative path and real offsets'],
    ],
    ['dot dot', made([dir(0, 'a/../../d')]), ['log entry 0: path "a/../../d" climbs out with "..", expected none']],
    [
      'no such parent',
      made([dir(0, 'a'), dir(1, 'a/b/c')]),
      ['log entry 1: directory "a/b" was not logged before it, expected it to be'],
    ],
    [
      'a file for a parent',
      made([file(0, 'a', 10 * M, 2 * M), dir(1, 'a/b')]),
      ['log entry 1: directory "a" was not logged before it, expected it to be'],
    ],
    [
      'same path',
      made([file(0, 'f', 10 * M, 2 * M), dir(1, 'f')]),
      ['log entry 1: path "f" was logged before, expected a new one'],
    ],
    ['a directory twice', made([dir(0, 'd'), dir(1, 'd')]), []],
    ['sound strips', made([striped(2 * M, [4 * M, 4 * M], 5 * M)]), []],
    [
      'uneven strips',
      made([striped(2 * M, [4 * M, 2 * M], 5 * M)]),
      ['log entry 0 strip 1: length 0x200000, expected 0x400000'],
    ],
    [
      'odd chunk',
      made([striped(3 * M, [6 * M], 5 * M)]),
      ['log entry 0: chunk size 0x300000, expected a multiple of 0x200000'],
    ],
    [
      'over two devices, at one offset of each',
      made([added(0, 1, 64 * M), over(1, 'f', 30 * M), over(2, 'g', 40 * M)]),
      [],
    ],
    [
      'twice on the second device, and past its end',
      made([added(0, 1, 64 * M), over(1, 'f', 30 * M), over(2, 'g', 30 * M, 62 * M)]),
      [
        'log entry 2 strip 0: 2 units from 0x1e00000 on are already taken, expected them free',
        'log entry 2 strip 1: ends at 0x4200000, expected at most the device size 0x4000000',
      ],
    ],
    [
      'devices out of order, and one that is too large',
      made([added(0, 2, 64 * M), added(1, 1, 2 ** 53 - 1)]),
      [
        'log entry 0: adds device 2 of 67108864 bytes, expected device 1, the next, of a size to map',
        'log entry 1: adds device 1 of 9007199254740991 bytes, expected device 1, the next, of a size to map',
      ],
    ],
    ['no strips', made([striped(2 * M, [], 5 * M)]), ['log entry 0: no strips, expected 1 to 16']],
    ['seqnum', made([dir(3, 'd')]), ['log entry 0: seqnum 3, expected 0']],
    [
      'next_index',
      made([], b => b.fill(0xff, LOG_OFFSET + 32, LOG_OFFSET + 34)),
      ['log header: next_seqnum 65535, expected 0 as next_index'],
    ],
    [
      'magic and header',
      made([], b => b.fill(0)),
      [
        'superblock: magic 0x0 at byte 0, expected 0x87b282ff',
        'log header: magic 0x0 at byte 0, expected 0xbadcafef00d',
      ],
    ],
  ])('%s', (_name, found, expected) => {
    expect(found).toEqual(expected)
  })

  test('headers that disagree', () => {
    const found = made([], b => {
      b.set(encodeLogHeader({ ...freshLogHeader(0x1000000), lastIndex: 7, nextSeqnum: 9, nextIndex: 9 }), LOG_OFFSET)
      const sb = decodeSuperblock(basic.superblock).sb!
      b.set(encodeSuperblock({ ...sb, logOffset: 0x400000, logLen: 0x8000000 }))
    })
    expect(found.filter(l => !l.startsWith('log entry'))).toEqual([
      'superblock: log_offset 4194304, expected 2097152',
      'superblock: log_len 134217728 ends past the device, expected at most 65011712',
      'superblock: device size 4294967296, expected 67108864',
      'log header: log_len 16777216, expected 134217728 as in the superblock',
      'log header: last_index 7, expected 30839 for log_len 16777216',
    ])
  })
})

test('next_index beyond everything: only entries that are there are looked at', () => {
  const bytes = basic.bytes.slice()
  bytes.fill(0xff, LOG_OFFSET + 40, LOG_OFFSET + 44)
  const dump = describeImage(reader(bytes), 6 << 20)
  expect(dump.entries!.length).toBe(Math.floor(((4 << 20) - 48) / 544))
  const walk = [...playLog(bytes.subarray(LOG_OFFSET, LOG_OFFSET + entryOffset(21)))]
  expect((walk.at(-1) as PlayStop).why).toBe('log header: next_index 4294967295, but the log holds 21 entries')
  expect(validateImage(reader(basic.bytes), 4 << 20)).toContain(
    'superblock: log_len 8388608 ends past the device, expected at most 2097152',
  )
})
