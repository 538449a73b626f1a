import { describe, expect, test } from 'vitest'
import {
  decodeLogHeader,
  decodeSuperblock,
  LOG_OFFSET,
  type MkfsArgs,
  type MkfsPlan,
  mkfsPlan,
} from '../../src/media/index.ts'
import { image } from './images.ts'

const MiB = 1 << 20
const basic = image('basic4g')
const args: MkfsArgs = {
  deviceSize: 4096 * MiB,
  logLen: 8 * MiB,
  devName: '/dev/dax0.0',
  fsUuid: 'b4f9137b-5729-463f-9557-2a63cdf8bb5d',
  devUuid: 'a565d7bd-0ad6-439e-90f0-22aad32c4503',
  systemUuid: 'a8a0d478-c8ad-41d6-908f-0a759fcf8eea',
}

function plan(change: Partial<MkfsArgs> = {}): MkfsPlan {
  const p = mkfsPlan({ ...args, ...change })
  if ('error' in p) throw new Error(p.error)
  return p
}

/** The first `bytes` of a device after the first `n` steps, on memory that held `fill` before. */
function carriedOut(p: MkfsPlan, n: number, fill: number): Uint8Array {
  const m = new Uint8Array(LOG_OFFSET + 4096).fill(fill)
  for (const s of p.steps.slice(0, n)) {
    if (s.do === 'write') m.set(s.bytes, s.at)
    if (s.do === 'zero') m.fill(0, s.at, s.at + s.len)
    if (s.do === 'readback') expect(m.subarray(s.at, s.at + s.bytes.length)).toEqual(s.bytes)
  }
  return m
}

test('on fresh memory it leaves the reference superblock and an empty log of the reference kind', () => {
  const p = plan()
  const m = carriedOut(p, p.steps.length, 0)
  expect(m.subarray(0, 200)).toEqual(basic.superblock)
  expect(decodeSuperblock(m)).toMatchObject({ ok: true, sb: p.superblock })
  expect(m.subarray(LOG_OFFSET, LOG_OFFSET + 32)).toEqual(basic.logHeader.subarray(0, 32))
  expect(decodeLogHeader(m.subarray(LOG_OFFSET))).toMatchObject({ ok: true, header: p.logHeader })
  expect(m.subarray(LOG_OFFSET + 32).every(v => v === 0)).toBe(true)
})

test('on used memory it leaves flags, device uuid and everything behind the superblock as they were', () => {
  const p = plan({ sbFlagsBefore: 0x55555555, daxdevUuidBefore: '55555555-5555-5555-5555-555555555555' })
  const m = carriedOut(p, p.steps.length, 0x55)
  for (const [from, to] of [
    [104, 112],
    [120, 136],
    [200, LOG_OFFSET],
  ] as const) {
    expect(m.subarray(from, to).every(v => v === 0x55)).toBe(true)
  }
  expect(decodeSuperblock(m)).toMatchObject({ ok: true, sb: p.superblock })
})

test('cut short at any step, fresh memory has a valid superblock only once the CRC is stored', () => {
  const p = plan()
  const crc = p.steps.findIndex(s => s.what === 'superblock crc')
  for (let n = 0; n <= p.steps.length; n++) {
    expect(decodeSuperblock(carriedOut(p, n, 0)).ok, `after ${n} steps`).toBe(n > crc)
  }
})

test('the log is flushed whole, then the superblock area, and nothing is stored after the first flush', () => {
  const { steps } = plan({ logLen: 16 * MiB })
  expect(steps.filter(s => s.do === 'flush')).toEqual([
    { do: 'flush', at: 2 * MiB, len: 16 * MiB, what: 'log' },
    { do: 'flush', at: 0, len: 2 * MiB, what: 'superblock' },
  ])
  expect(steps.slice(-2).every(s => s.do === 'flush')).toBe(true)
  expect(steps.filter(s => s.do === 'zero')).toEqual([{ do: 'zero', at: 2 * MiB, len: 16 * MiB, what: 'log' }])
})

describe('arguments', () => {
  test.each<[string, Partial<MkfsArgs>, string]>([
    [
      'log of 11 MiB',
      { logLen: 11 * MiB },
      'log length 11534336: expected a power of two of at least 8388608; try --loglen 8m',
    ],
    ['log of 1 MiB', { logLen: MiB }, 'log length 1048576: expected a power of two'],
    ['log of nothing', { logLen: 0 }, 'log length 0: expected'],
    ['log before device', { logLen: 1, deviceSize: 0 }, 'log length 1: expected'],
    ['small device', { deviceSize: 4094 * MiB }, 'device size 4292870144: expected at least 4294967296 bytes'],
    ['unaligned device', { deviceSize: 4097 * MiB }, 'device size 4296015872: expected a multiple of 2097152'],
    ['log larger than the device', { logLen: 4096 * MiB }, 'has room for 4292870144; try --loglen 8m'],
    ['no fs uuid', { fsUuid: 'new' }, 'fsUuid "new": expected a uuid'],
    ['no name', { devName: '' }, 'device name "": expected a path such as /dev/dax0.0'],
  ])('%s', (_name, change, error) => {
    const p = mkfsPlan({ ...args, ...change })
    expect('error' in p && p.error).toContain(error)
    expect('error' in p && p.error).not.toContain('\n')
  })
  test('a small world may lower the limit', () => {
    expect(plan({ deviceSize: 64 * MiB, minDeviceSize: 16 * MiB }).superblock.daxdevSize).toBe(64 * MiB)
  })
})
