import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checkEntry,
  crc32,
  decodeEntry,
  decodeLogHeader,
  decodeSuperblock,
  encodeEntry,
  encodeLogHeader,
  type FileEntry,
  freshLogHeader,
  type LogEntry,
  pathTerminated,
} from '../../src/media/index.ts'
import { entry, header } from './arbitraries.ts'
import { image } from './images.ts'

const basic = image('basic4g')
const striped = image('interleave8g')

/** Patch a copy of an entry and make its CRC right again. */
function patched(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const b = bytes.slice()
  b.set(values, at)
  new DataView(b.buffer).setUint32(536, crc32(b, 0, 536), true)
  return b
}

describe('header', () => {
  test('reference headers decode and come back', () => {
    for (const im of [basic, striped]) {
      const d = decodeLogHeader(im.logHeader)
      expect(d.ok).toBe(true)
      expect(encodeLogHeader(d.header!)).toEqual(im.logHeader)
    }
    expect(decodeLogHeader(basic.logHeader)).toEqual({
      ok: true,
      header: { magic: 0xbadcafef00d, logLen: 0x800000, lastIndex: 15419, nextSeqnum: 21, nextIndex: 21 },
      crc: 0xa5875078,
      crcComputed: 0xa5875078,
    })
  })
  test('a fresh header of the same length differs in the counters only', () => {
    const fresh = encodeLogHeader(freshLogHeader(0x800000))
    expect(fresh.subarray(0, 32)).toEqual(basic.logHeader.subarray(0, 32))
    expect(fresh.subarray(32)).toEqual(new Uint8Array(16))
  })
  test('every one-byte change of bytes 0 to 31 is refused; the counters are not covered', () => {
    for (let at = 0; at < 48; at++) {
      for (let v = 0; v < 256; v++) {
        if (v === basic.logHeader[at]) continue
        const b = basic.logHeader.slice()
        b[at] = v
        const d = decodeLogHeader(b)
        expect(d.ok ? 0 : d.code, `byte ${at} = ${v}`).toBe(at < 32 ? -1 : 0)
      }
    }
  })
  test('magic is looked at before the CRC', () => {
    const b = basic.logHeader.slice()
    b[0] = 0x34
    const d = decodeLogHeader(b)
    expect(!d.ok && d.why).toBe('log header: magic 0xbadcafef034 at byte 0, expected 0xbadcafef00d')
  })
  test('decode undoes encode; random and short bytes never throw', () => {
    fc.assert(
      fc.property(header, h => {
        expect(decodeLogHeader(encodeLogHeader(h))).toMatchObject({ ok: true, header: h })
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), b => {
        expect(decodeLogHeader(b).ok).toBe(false)
      }),
    )
  })
})

describe('entries', () => {
  test.each([
    ['basic4g', basic],
    ['interleave8g', striped],
  ])('all of %s check, and encode to the same 544 bytes', (_name, im) => {
    im.entries.forEach((bytes, i) => {
      expect(checkEntry(bytes, i)).toMatchObject({ errs: 0, why: '' })
      expect(encodeEntry(decodeEntry(bytes))).toEqual(bytes)
    })
  })

  test.each<[string, Uint8Array, LogEntry]>([
    [
      'a simple file',
      basic.entries[4]!,
      {
        type: 'file',
        seqnum: 4,
        path: 'f100m',
        size: 104857600,
        flags: 2,
        uid: 1000,
        gid: 1000,
        mode: 0o600,
        fmap: { kind: 'simple', extents: [{ dev: 0, offset: 0x1400000, len: 0x6400000 }] },
      },
    ],
    ['a directory', basic.entries[9]!, { type: 'mkdir', seqnum: 9, path: 'a/b/c/d', uid: 7, gid: 8, mode: 0o750 }],
    [
      'an interleaved file',
      striped.entries[8]!,
      {
        type: 'file',
        seqnum: 8,
        path: 'striped/seeded_cp',
        size: 31457280,
        flags: 2,
        uid: 0,
        gid: 0,
        mode: 0o644,
        fmap: {
          kind: 'interleaved',
          chunkSize: 0x200000,
          strips: [
            { dev: 0, offset: 0x1c7400000, len: 0x1000000 },
            { dev: 0, offset: 0xc4400000, len: 0x1000000 },
          ],
        },
      },
    ],
  ])('%s, field by field', (_name, bytes, value) => {
    expect(decodeEntry(bytes)).toEqual(value)
  })

  test('a path of 78 bytes', () => {
    const e = decodeEntry(basic.entries[20]!) as FileEntry
    expect(e.path).toHaveLength(78)
    expect(e.path).toMatch(/^this_is_a_path_name_.*_abcd$/)
  })

  test('every one-byte change is caught', () => {
    const bytes = striped.entries[1]!
    for (let at = 0; at < 544; at++) {
      const b = bytes.slice()
      b[at]! ^= 0x40
      // The sequence number comes into both checks, anything else into one.
      expect(checkEntry(b, 1).errs, `byte ${at}`).toBe(at < 8 ? 2 : 1)
    }
  })
  test('a good entry in the wrong place', () => {
    expect(checkEntry(basic.entries[5]!, 6)).toMatchObject({ errs: 1, why: 'log entry 6: seqnum 5, expected 6' })
    expect(checkEntry(new Uint8Array(544), 21).errs).toBe(2)
    expect(checkEntry(new Uint8Array(10), 0)).toMatchObject({
      errs: 1,
      why: 'log entry 0: only 10 bytes, expected 544',
    })
  })

  const simple = basic.entries[0]!
  const inter = striped.entries[1]!
  test.each<[string, Uint8Array, string]>([
    ['17 extents', patched(simple, 128, 17), '17 extents, at most 16 fit'],
    ['4 billion extents', patched(simple, 128, 255, 255, 255, 255), '4294967295 extents, at most 16 fit'],
    ['extent type 7', patched(simple, 120, 7), 'extent type 7, expected 0 or 1'],
    ['an offset over 2^53', patched(simple, 151, 0x80), 'an extent holds a number over 2^53'],
    ['17 strips', patched(inter, 136, 17), '17 strips, at most 16 fit'],
    ['2 interleaved extents', patched(inter, 128, 2), '2 interleaved extents, expected 1'],
    ['no interleaved extent', patched(inter, 128, 0), '0 interleaved extents, expected 1'],
    ['a chunk over 2^53', patched(inter, 151, 1), 'an extent holds a number over 2^53'],
  ])('%s: the map is kept, not followed', (_name, bytes, why) => {
    const e = decodeEntry(bytes) as FileEntry
    expect(e.type).toBe('file')
    expect(e.fmap).toMatchObject({ kind: 'bad', why })
    expect(encodeEntry(e)).toEqual(bytes)
  })

  test.each<[string, Uint8Array, string]>([
    ['type 9', patched(simple, 8, 9), 'entry type 9, expected 0, 1 or 3'],
    ['the reserved delete', patched(simple, 8, 2), 'entry type 2, expected 0, 1 or 3'],
    ['a size over 2^53', patched(simple, 22, 0x20), 'file size 0x20000000000001 is over 2^53'],
    ['a seqnum over 2^53', patched(simple, 7, 1), 'seqnum 0x100000000000000 is over 2^53'],
  ])('%s: kept whole', (_name, bytes, why) => {
    const e = decodeEntry(bytes)
    expect(e).toMatchObject({ type: 'other', why })
    expect(encodeEntry(e)).toEqual(bytes)
  })

  test('a path without NUL ends with its field', () => {
    const b = patched(simple, 40, ...new Array(80).fill(0x50))
    expect(decodeEntry(b)).toMatchObject({ type: 'file', path: 'P'.repeat(80) })
    expect(pathTerminated(b)).toBe(false)
    expect(pathTerminated(simple)).toBe(true)
    expect(() => encodeEntry(decodeEntry(b))).toThrow('path of 80 bytes, at most 79')
  })

  test('decode undoes encode, and what was encoded checks', () => {
    fc.assert(
      fc.property(entry, e => {
        const b = encodeEntry(e)
        expect(b).toHaveLength(544)
        expect(decodeEntry(b)).toEqual(e)
        expect(checkEntry(b, e.seqnum).errs).toBe(0)
      }),
    )
  })

  test('random bytes never throw, and never name more than the format holds', () => {
    const raw = fc.tuple(fc.uint8Array({ minLength: 544, maxLength: 600 }), fc.nat(4), fc.nat(2), fc.nat(20))
    fc.assert(
      fc.property(raw, ([b, type, ext, count]) => {
        b.fill(0, 7, 16)
        b[8] = type
        b.fill(0, 120, 136)
        b[120] = ext
        b[128] = count
        const e = decodeEntry(b)
        if (e.type === 'file' && e.fmap.kind === 'simple') expect(e.fmap.extents.length).toBeLessThanOrEqual(16)
        if (e.type === 'file' && e.fmap.kind === 'interleaved') expect(e.fmap.strips.length).toBeLessThanOrEqual(16)
        expect(checkEntry(b, 0).errs).toBeGreaterThan(0)
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 543 }), b => {
        expect(decodeEntry(b).type).toBe('other')
      }),
    )
  })

  test.each<[string, LogEntry, string]>([
    [
      'a path of 80 bytes',
      { type: 'mkdir', seqnum: 0, path: 'é'.repeat(40), uid: 0, gid: 0, mode: 0 },
      'path of 80 bytes',
    ],
    ['a NUL in a path', { type: 'mkdir', seqnum: 0, path: 'a\0b', uid: 0, gid: 0, mode: 0 }, 'NUL at character 1'],
    ['a negative uid', { type: 'mkdir', seqnum: 0, path: 'a', uid: -1, gid: 0, mode: 0 }, 'value -1 does not fit'],
    [
      'a fractional size',
      { type: 'add_daxdev', seqnum: 0, size: 0.5, uuid: 'x', index: 0 },
      'value 0.5 is not an integer',
    ],
    ['no uuid', { type: 'add_daxdev', seqnum: 0, size: 1, uuid: 'x', index: 0 }, '"x" is not a uuid'],
  ])('encoding refuses %s', (_name, e, why) => {
    expect(() => encodeEntry(e)).toThrow(why)
  })
  test('encoding refuses 17 extents', () => {
    const extents = new Array(17).fill({ dev: 0, offset: 0, len: 0 })
    const e = { ...(decodeEntry(simple) as FileEntry), fmap: { kind: 'simple' as const, extents } }
    expect(() => encodeEntry(e)).toThrow('17 extents or strips, at most 16 fit')
  })
})

test('famfs_log_add_daxdev_entry: of OMF 2.2 and version 48; its fields, its check, and a CRC that is wrong', () => {
  const sb = decodeSuperblock(basic.superblock).sb!
  expect([sb.version, sb.omfMajor, sb.omfMinor]).toEqual([48, 2, 2])
  const uuid = '12345678-9abc-4def-8123-456789abcdef'
  const entry: LogEntry = { type: 'add_daxdev', seqnum: 7, size: 2 ** 33, uuid, index: 1 }
  const bytes = encodeEntry(entry)
  const view = new DataView(bytes.buffer)
  expect([view.getUint32(0, true), view.getUint32(8, true)]).toEqual([7, 3])
  expect([view.getBigUint64(16, true), view.getUint32(40, true)]).toEqual([2n ** 33n, 1])
  expect([...bytes.subarray(24, 28)]).toEqual([0x12, 0x34, 0x56, 0x78])
  expect(decodeEntry(bytes)).toEqual(entry)
  expect(checkEntry(bytes, 7).errs).toBe(0)
  bytes[536]! ^= 1
  expect(checkEntry(bytes, 7).errs).toBe(1)
})
