// famsim fsck against the real one: its figures and verdict on damaged images, bad input. Its text: test/server/lib/.
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { UserError } from '../../src/cli/errors.ts'
import { fsck } from '../../src/cli/fsck.ts'
import { info } from '../../src/cli/info.ts'
import { BackingError } from '../../src/devdax/index.ts'
import { LOG_OFFSET } from '../../src/media/index.ts'
import { hexBytes, image, vectors } from '../media/images.ts'

const root = join(import.meta.dirname, '../..')
const dir = mkdtempSync(join(tmpdir(), 'famsim-fsck-'))
afterAll(() => rmSync(dir, { recursive: true }))
afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = undefined
})

/** What the command prints and how it ends, in this process. */
function call(command: (name: string, o: object) => void, name: string, o: object = {}) {
  const out: string[] = []
  const err: string[] = []
  vi.spyOn(console, 'log').mockImplementation(l => void out.push(l))
  vi.spyOn(console, 'error').mockImplementation(l => void err.push(l))
  process.exitCode = undefined
  try {
    command(name, o)
    return { code: process.exitCode ?? 0, out, err }
  } catch (e) {
    if (!(e instanceof UserError) && !(e instanceof BackingError)) throw e
    return { code: 2, out, err: [e.message] }
  } finally {
    vi.restoreAllMocks()
    process.exitCode = undefined
  }
}

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
  it.each(cases.map(c => [c.name, c] as const))(
    '%s: the figures of the real one, and the verdict of info',
    (name, c) => {
      const path = spoilt(`${name}.img`, b => {
        for (const [at, hex] of c.patches) b.set(hexBytes(hex), at)
      })
      const r = call(fsck, path)
      const { super: sb, header, entries, bad, files, dirs, collisions, alloc } = c.expected
      const shown = call(info, path, { json: true })
      if (sb !== 0 || header !== 0) {
        // The real one ends with 1 too; info, which has nothing to show, with 2.
        expect([r.code, r.out, r.err.length, shown.code]).toEqual([1, [], 1, 2])
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
      expect(r.code).toBe(problems.length === 0 ? 0 : 1)
      expect(r.out).toContain(problems.length === 0 ? 'check: nothing wrong' : call(info, path).out.find(isCheck))
    },
  )
  const isCheck = (l: string): boolean => l.startsWith('check: ')
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

it('checks what a run left in a file, agrees with info, and changes nothing', () => {
  const famsim = (...args: string[]) => {
    const r = spawnSync(process.execPath, [join(root, 'bin/famsim.mjs'), ...args], { cwd: root, encoding: 'utf8' })
    return { code: r.status, out: r.stdout, err: r.stderr }
  }
  const path = join(dir, 'left')
  expect(famsim('run', 'scenarios/races/torn-slot.ts', '--quiet', '--backing', `file:${path}`).code).toBe(0)
  const head = (): Buffer => {
    const fd = openSync(path, 'r')
    const b = Buffer.alloc(2 * LOG_OFFSET)
    readSync(fd, b)
    closeSync(fd)
    return b
  }
  const before = head()
  const r = famsim('fsck', `file:${path}`, '-h', '-B', '4')
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
