// famsim mkfs: what it makes is sound by fsck and info, what is there is kept unless it is told otherwise, bad input is one line.
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { fsck } from '../../src/cli/fsck.ts'
import { info } from '../../src/cli/info.ts'
import { mkfs } from '../../src/cli/mkfs.ts'
import { entryOffset, LOG_OFFSET } from '../../src/media/index.ts'
import { nativeAvailable, tryLock } from '../../src/native/index.ts'
import { image } from '../media/images.ts'
import { call } from './call.ts'

const dir = mkdtempSync(join(tmpdir(), 'famsim-mkfs-'))
afterAll(() => rmSync(dir, { recursive: true }))
const OWNER = 'a8a0d478-c8ad-41d6-908f-0a759fcf8eea'
let n = 0
/** A path of which there is no file yet. */
const path = (): string => join(dir, `img${n++}`)
/** A new file system of 4 GiB. */
const made = (o: object = {}): string => {
  const p = path()
  expect(call(mkfs, [p], { size: '4g', owner: OWNER, ...o }).code).toBe(0)
  return p
}
/** Superblock and log as far as it may be used, in hex: `[superblock, log]`. */
function head(p: string): [string, string] {
  const fd = openSync(p, 'r')
  const part = (at: number, length: number): string => {
    const b = Buffer.alloc(length)
    readSync(fd, b, 0, length, at)
    return b.toString('hex')
  }
  const both: [string, string] = [part(0, 4096), part(LOG_OFFSET, entryOffset(30))]
  closeSync(fd)
  return both
}
const json = (p: string) => JSON.parse(call(info, p, { json: true }).out[0]!)

it('makes a hole with a file system in it, and tells it as mkfs.famfs does', () => {
  const p = path()
  const r = call(mkfs, [p], { size: '4g', owner: OWNER })
  expect([r.code, r.err]).toEqual([0, []])
  expect(r.out.slice(0, 2)).toEqual(['devsize: 4294967296', 'Famfs Superblock:'])
  expect(r.out).toContain('  role of this node: Owner')
  expect(r.out).toContain('  # of log entries in use: 0 of 15420')
  expect(r.out).toContain('  Device capacity:        4.00G')
  expect(statSync(p)).toMatchObject({ size: 2 ** 32 })
  expect(statSync(p).blocks * 512).toBeLessThan(1 << 20)
  expect(json(p)).toMatchObject({
    check_super_rc: 0,
    superblock: {
      version: 48,
      log_len: 0x800000,
      system_uuid: OWNER,
      daxdev_size: 2 ** 32,
      daxdev_name: '/dev/dax0.0',
    },
    log: { log_len: 0x800000, last_index: 15419, next_seqnum: 0, next_index: 0 },
    entries: [],
    problems: [],
  })
  expect(call(fsck, p).code).toBe(0)
  // But for uuids and what they change in the CRC these are the bytes of the real one.
  const real = Buffer.from(image('basic4g').bytes)
  const [sb, log] = head(p)
  for (const [from, to] of [
    [0, 48],
    [80, 96],
    [104, 200],
  ] as const)
    expect(sb.slice(2 * from, 2 * to)).toBe(real.toString('hex', from, to))
  expect(log.slice(0, 64)).toBe(real.toString('hex', LOG_OFFSET, LOG_OFFSET + 32))
})

it.each<[string, number]>([
  ['8m', 0x800000],
  ['16M', 0x1000000],
  ['0x1000000', 0x1000000],
  ['256m', 0x10000000],
])('a log of %s', (loglen, bytes) => {
  expect(json(made({ loglen })).log.log_len).toBe(bytes)
})

describe('what is there', () => {
  it('is kept without --force, and lost with it, entries and all', () => {
    const p = path()
    writeFileSync(p, image('basic4g').bytes)
    truncateSync(p, 2 ** 32)
    const before = head(p)
    const r = call(mkfs, [p])
    expect([r.code, r.out, r.err]).toEqual([
      2,
      [],
      [`${p}: there is a famfs superblock already; --force writes over it`],
    ])
    expect(head(p)).toEqual(before)
    expect(call(mkfs, [p], { force: true }).code).toBe(0)
    expect(head(p)[1].slice(2 * 48)).toMatch(/^0+$/)
    expect(json(p)).toMatchObject({ entries: [], problems: [] })
    expect(json(p).superblock.fs_uuid).not.toBe(image('basic4g').expected.superblock!.fs_uuid)
  })

  it('is kept when it is no famfs', () => {
    const p = path()
    writeFileSync(p, 'precious')
    truncateSync(p, 2 ** 32)
    expect(call(mkfs, [p]).err).toEqual([`${p}: holds something; --force writes over it`])
    expect(call(mkfs, [p], { force: true }).code).toBe(0)
    expect(call(fsck, p).code).toBe(0)
  })

  it('is no file system any more after --kill --force, so that none is in the way', () => {
    const p = made()
    const before = head(p)
    expect(call(mkfs, [p], { kill: true })).toMatchObject({ code: 2, out: [] })
    expect(head(p)).toEqual(before)
    expect(call(mkfs, [p], { kill: true, force: true })).toEqual({
      code: 0,
      out: [`famfs superblock killed: ${p}`],
      err: [],
    })
    expect(head(p)).toEqual(['0'.repeat(16) + before[0].slice(16), before[1]])
    expect(call(fsck, p).err).toEqual([`famsim: ${p}: superblock: magic 0x0 at byte 0, expected 0x87b282ff`])
    expect(call(mkfs, [p]).code).toBe(0)
  })

  it.runIf(nativeAvailable().ok)('is not touched while a run has it', () => {
    const p = made()
    const fd = openSync(p, 'r+')
    expect(tryLock(fd)).toBe(true)
    expect(call(mkfs, [p], { force: true }).err).toEqual([`${p}: another famsim runs on it; wait for its end`])
    closeSync(fd)
    expect(call(mkfs, [p], { force: true }).code).toBe(0)
  })
})

it('one over several files: the first has the log, which adds the others', () => {
  const files = [path(), path(), path()]
  const r = call(mkfs, files, { size: '4g', owner: OWNER, json: true })
  expect(r.code).toBe(0)
  const told = JSON.parse(r.out[0]!)
  expect(told).toMatchObject({ role: 'Owner', problems: [], log: { next_seqnum: 2, next_index: 2 } })
  expect(told.entries.map((e: any) => [e.type, e.index, e.size])).toEqual([
    [3, 1, 2 ** 32],
    [3, 2, 2 ** 32],
  ])
  expect(call(fsck, files[0]!).code).toBe(0)
  for (const p of files.slice(1)) {
    const { code, err } = call(fsck, p)
    expect([code, err.length]).toEqual([1, 1])
    expect(err[0]).toContain(`a further device of file system ${told.superblock.fs_uuid}`)
  }
})

describe('bad input is one line, code 2, and nothing is written', () => {
  const good = made()
  const gz = path()
  writeFileSync(gz, gzipSync(image('basic4g').bytes))
  const small = path()
  writeFileSync(small, new Uint8Array(1 << 20))
  it.each<[string, string[], object, RegExp]>([
    ['no file and no size', [path()], {}, /^\S+: no such file; --size 4g makes one$/],
    ['no directory for it', [join(dir, 'none/img')], { size: '4g' }, /none\/img: ENOENT/],
    ['a directory', [dir], {}, /^\S+: not a plain file;/],
    [
      'a device node',
      ['/dev/null'],
      {},
      /^\/dev\/null: a device, expected a file; on a device type mkfs.famfs \/dev\/null$/,
    ],
    ['a devdax device', ['dax:/dev/dax0.0'], {}, /^dax:\/dev\/dax0\.0: a device, .* type mkfs.famfs \/dev\/dax0\.0$/],
    ['gzip', [gz], {}, /: device size \d+: expected at least 4294967296/],
    ['too small', [small], {}, /^\S+: device size 1048576: expected at least 4294967296 bytes/],
    ['too small to make', [path()], { size: '3g' }, /device size 3221225472: expected at least/],
    [
      'not a multiple of 2 MiB',
      [path()],
      { size: '4294967297' },
      /device size 4294967297: expected a multiple of 2097152/,
    ],
    [
      'another size than it has',
      [good],
      { size: '8g' },
      /: is there, with 4294967296 bytes, not 8589934592; leave out --size/,
    ],
    ['no size', [path()], { size: '4gb' }, /^--size '4gb': expected bytes, or a number with k, m or g behind it/],
    ['no length', [good], { loglen: '8mm' }, /^--loglen '8mm': expected bytes/],
    ['a log of 1', [good], { loglen: '1' }, /: log length 1: expected a power of two of at least 8388608/],
    ['a log of 11m', [good], { loglen: '11m' }, /: log length 11534336: expected a power of two/],
    [
      'a log that fills it',
      [path()],
      { size: '4g', loglen: '4g' },
      /: log length 4294967296: a device of 4294967296 bytes has room/,
    ],
    ['an owner', [good], { owner: 'me' }, /^--owner 'me': expected a uuid/],
    ['kill alone', [good], { kill: true }, /^--kill makes a file system unusable: type it together with --force$/],
    ['twice', [good, `file:${good}`], { force: true }, /^file:\S+: given twice$/],
    ['too many', Array.from({ length: 65 }, path), { size: '4g' }, /^65 images: expected at most 64 devices/],
    ['a later one', [path(), good], { size: '4g' }, /: there is a famfs superblock already/],
  ])('%s', (_name, names, o, want) => {
    const before = head(good)
    const there = names.filter(existsSync)
    const r = call(mkfs, names, o)
    expect([r.code, r.out, r.err.length]).toEqual([2, [], 1])
    expect(r.err[0]).toMatch(want)
    expect(names.filter(existsSync)).toEqual(there)
    expect(head(good)).toEqual(before)
  })

  it('gzip of any size, also with --force', () => {
    truncateSync(gz, 2 ** 32)
    for (const o of [{}, { force: true }])
      expect(call(mkfs, [gz], o).err).toEqual([`${gz}: gzip, which is only read; gunzip it first`])
  })
})
