// famsim fsck against the real one: its figures and verdict on damaged images, bad input. Its text: test/server/lib/.
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { fsck } from '../../src/cli/fsck.ts'
import { info } from '../../src/cli/info.ts'
import { crc32, LOG_OFFSET } from '../../src/media/index.ts'
import { hexBytes, image, vectors } from '../media/images.ts'
import { call } from './call.ts'
import { famsim } from './famsim.ts'

const dir = mkdtempSync(join(tmpdir(), 'famsim-fsck-'))
afterAll(() => rmSync(dir, { recursive: true }))

const file = (name: string, bytes: Uint8Array): string => {
  const path = join(dir, name)
  writeFileSync(path, bytes)
  return path
}
const basic = image('basic4g')
/** The first MiBs of the smaller reference image, after `spoil`. */
const spoilt = (name: string, spoil: (b: Uint8Array) => void): string => {
  const b = basic.bytes.slice()
  spoil(b)
  return file(name, b)
}

describe('damaged images', () => {
  const { cases } = vectors<{ cases: { name: string; patches: [number, string][]; expected: any }[] }>('media-corrupt')
  /** What is said of the damage, in one line, and of what follows from it. Nothing: it is harmless, and why. */
  const SAID: Record<
    string,
    string[] | 'nothing is damaged' | 'a unit of 4096 is one of the two a superblock may carry'
  > = {
    good: 'nothing is damaged',
    ver47: ['superblock: version 47 at byte 8, expected 48'],
    badmagic: ['superblock: magic 0x0 at byte 0, expected 0x87b282ff'],
    badsbcrc: ['superblock: crc 0x1 at byte 96, expected 0x3eda7f2d'],
    au4096: 'a unit of 4096 is one of the two a superblock may carry',
    au8192: ['superblock: allocation unit 8192 at byte 32, expected 4096 or 2097152'],
    logmagic: ['log header: magic 0x1234 at byte 0, expected 0xbadcafef00d'],
    loghdrcrc: ['log header: crc 0x7 at byte 24, expected 0xa5875078'],
    entry5_crc: ['log entry 5: crc 0x7f385bf8, expected 0xb12bdb09', 'log entry 11: dir', 'log entry 12: dir'],
    entry5_seq: ['log entry 5: seqnum 6, expected 5', 'log entry 11: dir', 'log entry 12: dir'],
    torn_append: ['log entry 21: seqnum 0, expected 21; crc 0x0, expected 0x11e5c2a9'],
    index_rollback: ['log header: next_seqnum 21, expected 20 as next_index'],
    abspath: ['log entry 0: path is not relative, so log play passes over it'],
    dotdot: ['log entry 0: path "../../dotdot_evil" climbs out with "..", expected none'],
    zero_offset: [
      'log entry 0: 1 of 1 extents with offset 0',
      'log entry 0 extent 0: 1 units from 0x0 on are already taken',
    ],
    type9: ['log entry 0: entry type 9, expected 0, 1 or 3'],
    type_delete: ['log entry 0: entry type 2, expected 0, 1 or 3'],
    mkdir_noparent: [
      'log entry 5: directory "no/such" was not logged before',
      'log entry 11: dir',
      'log entry 12: dir',
    ],
    dup_path: ['log entry 1: path "onebyte" was logged before, expected a new one'],
    exttype7: ['log entry 0: map: extent type 7, expected 0 or 1'],
    nextents17: ['log entry 0: 16 of 17 extents with offset 0', 'log entry 0: map: 17 extents, at most 16 fit'],
    path_no_nul: ['log entry 0: path without a NUL in its 80 bytes, expected one'],
    loghdr_len_mismatch: [
      'log header: log_len 16777216, expected 8388608 as in',
      'log header: last_index 15419, expected 30839',
    ],
  }
  it('are those of the table', () => expect(cases.map(c => c.name)).toEqual(Object.keys(SAID)))

  it.each(cases.map(c => [c.name, c] as const))(
    '%s: the figures of the real one, one line on the damage, code 1, and the file as it was',
    (name, c) => {
      const path = spoilt(`${name}.img`, b => {
        for (const [at, hex] of c.patches) b.set(hexBytes(hex), at)
      })
      const before = readFileSync(path)
      const r = call(fsck, path)
      const shown = call(info, path, { json: true })
      expect(readFileSync(path).equals(before)).toBe(true)
      const said = SAID[name]!
      const harmless = typeof said === 'string'
      expect(r.code).toBe(harmless ? 0 : 1)
      const { super: sb, header, entries, bad, files, dirs, collisions, alloc } = c.expected
      if (sb !== 0 || header !== 0) {
        // The real one ends with 1 too; info, which has nothing to show, with 2.
        expect([r.out, r.err, shown.code]).toEqual([[], [`famsim: ${path}: ${said[0]}`], 2])
        expect(r.err[0]).toBe(`famsim: ${shown.err[0]}`)
        const json = JSON.parse(call(fsck, path, { json: true }).out[0]!)
        expect(json).toMatchObject({ check_super_rc: sb, log_header_rc: header, entries: null })
        return
      }
      const at = r.out.indexOf('Famfs log:')
      expect(r.out[at + 1]).toMatch(new RegExp(`^ {2}${entries} of 15420 entries used$`))
      expect(r.out.slice(at + 2, at + 5)).toEqual([
        `  ${bad} bad log entries detected`,
        `  ${files} files`,
        `  ${dirs} directories`,
      ])
      if (collisions > 0) {
        expect(r.out).toContain(`ERROR: ${collisions} ALLOCATION COLLISIONS FOUND`)
        expect(r.out).not.toContain('Capacity:')
      } else if (collisions === 0) expect(r.out).toContain('  No allocation errors found')
      if (collisions === 0 && alloc !== null) expect(r.out).toContain(`  Allocated bytes:        ${alloc}`)
      const { problems } = JSON.parse(shown.out[0]!)
      expect(problems).toEqual(
        harmless ? [] : said.map(l => expect.stringMatching(new RegExp(`^${literal(l)}[^\n]*$`))),
      )
      expect(r.out).toContain(harmless ? 'check: nothing wrong' : call(info, path).out.find(isCheck))
    },
  )
  const isCheck = (l: string): boolean => l.startsWith('check: ')
  const literal = (s: string): string => s.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
})

it('of very many problems the first are told, and how many more there are', () => {
  const path = spoilt('many.img', b => b.fill(0xff, LOG_OFFSET + 40, LOG_OFFSET + 44))
  truncateSync(path, 16 << 20)
  const lines = call(fsck, path).out
  const at = lines.indexOf('check: 15401 problems')
  expect(lines.slice(at).length).toBeLessThan(100)
  expect(lines.at(-1)).toBe('  and 15351 more; --json tells all')
  expect(JSON.parse(call(fsck, path, { json: true }).out[0]!).problems.length).toBe(15401)
})

it('no name in an image reaches the terminal as it is, if it could steer that', () => {
  const path = spoilt('steer.img', b => {
    b.set(Buffer.from('\x1b[2J\n'), 136)
    b.set(Buffer.from('a\x1b[31m\nb\0'), LOG_OFFSET + 48 + 40)
    new DataView(b.buffer).setUint32(LOG_OFFSET + 48 + 536, crc32(b, LOG_OFFSET + 48, LOG_OFFSET + 48 + 536), true)
  })
  for (const command of [fsck, info]) for (const l of call(command, path).out) expect(l).toMatch(/^[ -~]*$/)
  expect(call(info, path).out.join('\n')).toContain('1 a\\u001b[31m\\u000ab')
})

it('any damage to a file is told with code 0, 1 or 2, in lines', () => {
  const hurt = fc.array(fc.tuple(fc.constantFrom(0, LOG_OFFSET, LOG_OFFSET + 48), fc.nat(600), fc.nat(255)), {
    minLength: 1,
    maxLength: 6,
  })
  fc.assert(
    fc.property(hurt, fc.nat(15), (marks, cut) => {
      const b = basic.bytes.slice(0, cut === 0 ? LOG_OFFSET + 7000 : undefined)
      for (const [from, at, value] of marks) b[from + at] = value
      new DataView(b.buffer).setUint32(96, crc32(b, 0, 96), true)
      const path = file('hurt.img', b)
      for (const command of [fsck, info]) {
        const { code, out, err } = call(command, path)
        expect([0, 1, 2]).toContain(code)
        expect(out.length + err.length).toBeGreaterThan(0)
        for (const l of [...out, ...err]) expect(l).not.toMatch(/\n/)
      }
    }),
    { numRuns: 50 },
  )
})

describe('bad input is one line, code 2, and nothing is written', () => {
  const big = spoilt('big.img', b => b.fill(0xff, 112, 119))
  it.each<[string, string, object, RegExp]>([
    ['no file', join(dir, 'nowhere'), {}, /nowhere: ENOENT/],
    ['a directory', dir, {}, /famsim-fsck-\S+: EISDIR/],
    ['no superblock in it', file('short', new Uint8Array(100)), {}, /short: 100 bytes; a superblock takes 200$/],
    [
      'cut in the log',
      file('cut', basic.bytes.subarray(0, LOG_OFFSET + 5000)),
      {},
      /cut: truncated: 2102152 bytes; superblock and the part of the log in use end at 2108624$/,
    ],
    [
      'cut before the log',
      file('head', basic.bytes.subarray(0, 4096)),
      {},
      /head: truncated: 4096 bytes; superblock and the part of the log in use end at 2097200$/,
    ],
    ['half a gzip', file('half.gz', gzipSync(basic.bytes).subarray(0, 300)), {}, /half\.gz: not a whole gzip file: /],
    ['a size that cannot be mapped', big, {}, /big\.img: superblock: device size 7\d{16}, expected at most 2147483648/],
    ['a device node', '/dev/null', {}, /^\/dev\/null: a device, expected an image; .* dax:\/dev\/null$/],
    ['no devdax device', 'dax:/dev/null', {}, /^dax backing \/dev\/null: device 1:3 is no devdax device/],
    ['no buckets', big, { nbuckets: '0' }, /^--nbuckets '0': expected a whole number from 1$/],
    ['too many buckets', big, { nbuckets: '65' }, /^--nbuckets '65': expected at most 64$/],
  ])('%s', (_name, path, o, want) => {
    const r = call(fsck, path, o)
    expect([r.code, r.out, r.err.length]).toEqual([2, [], 1])
    expect(r.err[0]).toMatch(want)
    expect(r.err[0]).not.toContain('\n')
  })
})

it('reads a gzip file as what is in it, and file:PATH as the file', () => {
  const plain = file('plain.img', basic.bytes)
  const want = call(fsck, plain, { nbuckets: '4', verbose: true })
  expect(want.code).toBe(0)
  expect(call(fsck, file('plain.gz', gzipSync(basic.bytes)), { nbuckets: '4', verbose: true })).toEqual(want)
  expect(call(fsck, `file:${plain}`, { nbuckets: '4', verbose: true })).toEqual(want)
})

it('checks what a run left in a file, agrees with info, and changes nothing', async () => {
  const path = join(dir, 'left')
  expect((await famsim(['run', 'scenarios/races/torn-slot.ts', '--quiet', '--backing', `file:${path}`])).code).toBe(0)
  const head = (): Buffer => {
    const fd = openSync(path, 'r')
    const b = Buffer.alloc(2 * LOG_OFFSET)
    readSync(fd, b)
    closeSync(fd)
    return b
  }
  const before = head()
  const r = await famsim(['fsck', `file:${path}`, '-h', '-B', '4'])
  expect([r.code, r.err]).toEqual([0, ''])
  expect(r.out).toMatch(/^Famfs Superblock:\n/)
  expect(r.out).toContain('\n  Device capacity:        4.00G\n')
  expect(r.out).toContain('\n  Bitmap range 3\n')
  expect(r.out).toMatch(/\ncheck: nothing wrong\n$/)
  const fscked = JSON.parse(call(fsck, `file:${path}`, { json: true }).out[0]!)
  const informed = JSON.parse(call(info, `file:${path}`, { json: true }).out[0]!)
  expect(fscked).toEqual({
    ...informed,
    role: 'Client',
    log_in_use: 48 + 2 * 544,
    capacity: fscked.capacity,
    buckets: null,
  })
  expect(head().equals(before)).toBe(true)
})
