import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crc32, decodeSuperblock, encodeSuperblock, type Superblock } from '../../src/media/index.ts'
import { superblock } from './arbitraries.ts'
import { hexBytes, image } from './images.ts'

const golden = image('basic4g').superblock
const good = decodeSuperblock(golden).sb!

test('the reference superblock: bytes and values', () => {
  expect(Buffer.from(golden.subarray(0, 48)).toString('hex')).toBe(
    'ff82b2870000000030000000000000000000200000000000000080000000000000002000000000000200000002000000',
  )
  const d = decodeSuperblock(golden)
  expect(d).toMatchObject({ ok: true, crc: 0x3eda7f2d, crcComputed: 0x3eda7f2d })
  expect(d.sb).toEqual({
    magic: 0x87b282ff,
    version: 48,
    logOffset: 0x200000,
    logLen: 0x800000,
    allocUnit: 0x200000,
    omfMajor: 2,
    omfMinor: 2,
    fsUuid: 'b4f9137b-5729-463f-9557-2a63cdf8bb5d',
    devUuid: 'a565d7bd-0ad6-439e-90f0-22aad32c4503',
    systemUuid: 'a8a0d478-c8ad-41d6-908f-0a759fcf8eea',
    sbFlags: 0,
    daxdevSize: 0x100000000,
    daxdevUuid: '00000000-0000-0000-0000-000000000000',
    daxdevName: '/dev/dax0.0',
  })
})

test('the CRC is the zlib one', () => {
  expect(crc32(hexBytes('313233343536373839'))).toBe(0xcbf43926)
  expect(crc32(hexBytes('ff313233343536373839ff'), 1, 10)).toBe(0xcbf43926)
})

describe('check order and codes', () => {
  const broken = (change: Partial<Superblock>, spoilCrc = false): Uint8Array => {
    const b = encodeSuperblock({ ...good, ...change })
    if (spoilCrc) b[96]! ^= 1
    return b
  }
  test.each<[string, Uint8Array, number, string]>([
    [
      'magic before version',
      broken({ magic: 1, version: 47 }, true),
      -1,
      'superblock: magic 0x1 at byte 0, expected 0x87b282ff',
    ],
    ['version before crc', broken({ version: 47 }, true), 1, 'superblock: version 47 at byte 8, expected 48'],
    ['crc before alloc unit', broken({ allocUnit: 8192 }, true), -1, 'superblock: crc 0x'],
    [
      'alloc unit',
      broken({ allocUnit: 8192 }),
      -1,
      'superblock: allocation unit 8192 at byte 32, expected 4096 or 2097152',
    ],
    ['too short', golden.subarray(0, 199), -1, 'superblock: only 199 bytes, expected 200'],
    ['nothing', new Uint8Array(0), -1, 'superblock: only 0 bytes, expected 200'],
    ['zeroes', new Uint8Array(200), -1, 'superblock: magic 0x0 at byte 0'],
  ])('%s', (_name, bytes, code, why) => {
    const d = decodeSuperblock(bytes)
    expect(d).toMatchObject({ ok: false, code })
    expect(!d.ok && d.why).toContain(why)
  })
  test('a 4 KiB unit is accepted', () => {
    expect(decodeSuperblock(broken({ allocUnit: 4096 })).ok).toBe(true)
  })
})

test('every one-byte change of bytes 0 to 103 is refused, with the code of what it hits', () => {
  for (let at = 0; at < 104; at++) {
    for (let v = 0; v < 256; v++) {
      if (v === golden[at]) continue
      const b = golden.slice()
      b[at] = v
      const d = decodeSuperblock(b)
      expect(d.ok ? 0 : d.code, `byte ${at} = ${v}`).toBe(at >= 8 && at < 16 ? 1 : -1)
    }
  }
})

test('the device part is outside the CRC: a lie about the size is accepted (Q17)', () => {
  for (let at = 104; at < 200; at++) {
    const b = golden.slice()
    b[at]! ^= 0xff
    expect(decodeSuperblock(b).ok).toBe(true)
  }
})

test('decode undoes encode', () => {
  fc.assert(
    fc.property(superblock, sb => {
      expect(decodeSuperblock(encodeSuperblock(sb))).toMatchObject({ ok: true, sb })
    }),
  )
})

test('a name over 64 bytes is cut; one of 64 has no NUL and survives', () => {
  const name = `/dev/${'x'.repeat(59)}`
  expect(decodeSuperblock(encodeSuperblock({ ...good, daxdevName: `${name}yz` })).sb!.daxdevName).toBe(name)
})

test('random bytes are refused without an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), b => {
      expect(decodeSuperblock(b).ok).toBe(false)
    }),
  )
})
