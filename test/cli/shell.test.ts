// famsim shell: scripts, several hosts, jobs in the background, an image file as the device, and what it says to bad input.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { shell as famsimShell, type ShellOptions } from '../../src/cli/shell.ts'
import { encodeLogHeader, encodeSuperblock, LOG_OFFSET, NIL_UUID } from '../../src/media/index.ts'
import { mkfsPlan } from '../../src/media/mkfs.ts'
import { nativeAvailable } from '../../src/native/index.ts'

const root = join(import.meta.dirname, '../..')
const dir = mkdtempSync(join(tmpdir(), 'famsim-shell-'))
afterAll(() => rmSync(dir, { recursive: true }))

interface Ended {
  readonly code: number
  readonly out: string
}
let n = 0
/** The command in this process, with a script. Rejects with what it says of bad input. */
async function shell(text: string, o: Partial<ShellOptions> = {}): Promise<Ended> {
  const file = join(dir, `script-${n++}`)
  writeFileSync(file, text)
  const lines: string[] = []
  const log = vi.spyOn(console, 'log').mockImplementation(l => void lines.push(String(l)))
  try {
    await famsimShell(file, { hosts: '1', seed: '1', ...o })
    return { code: Number(process.exitCode), out: lines.map(l => `${l}\n`).join('') }
  } finally {
    log.mockRestore()
    process.exitCode = 0
  }
}

describe('famsim shell', () => {
  it('runs lines on hosts, keeps their directories, and ends with the last exit code', async () => {
    const r = await shell(
      [
        '# a comment',
        'h0# mkdir /tmp/d',
        'cd /tmp/d',
        'touch a',
        'pwd',
        'h1: ls /tmp',
        'h1:',
        'cat /etc/hostname',
        'nothing at all',
        'ls /none',
      ].join('\n'),
      { hosts: '2' },
    )
    expect(r.out.split('\n')).toEqual([
      'h0# mkdir /tmp/d',
      'h0# cd /tmp/d',
      'h0# touch a',
      'h0# pwd',
      '/tmp/d',
      'h1# ls /tmp',
      'h1# cat /etc/hostname',
      'h1',
      'h1# nothing at all',
      'nothing: command not found',
      'exit 127',
      'h1# ls /none',
      "ls: cannot access '/none': No such file or directory",
      'exit 2',
      '',
    ])
    expect(r.code).toBe(2)
  })
  it('a job in the background runs beside the next commands, over several of them', async () => {
    const r = await shell(
      [
        'flock /tmp/l sleep 5 &',
        'flock -n /tmp/l echo one',
        'sleep 1',
        'flock -n /tmp/l echo two',
        'wait',
        'flock -n /tmp/l echo three',
        'flock /tmp/l flock /tmp/l echo never',
        'echo after',
      ].join('\n'),
    )
    expect(r.out).toContain('h0# flock -n /tmp/l echo one\nexit 1\n')
    expect(r.out).toContain('h0# flock -n /tmp/l echo two\nexit 1\n[h0: flock /tmp/l sleep 5]\n')
    expect(r.out).toContain('h0# flock -n /tmp/l echo three\nthree\n')
    // A command that waits for itself is told, and the host goes on.
    expect(r.out).toMatch(
      /echo never\nfamsim: this command does not end and was killed: deadlock\n! [\s\S]*\nexit 124\nh0# echo after\nafter\n$/,
    )
    expect(r.code).toBe(0)
  })
  it('-e ends at the first that fails; --json is an object a command; --trace has the events', async () => {
    const trace = join(dir, 'trace.txt')
    const r = await shell('echo a\ncat /none\necho b\n', { e: true, json: true, trace })
    expect(
      r.out
        .trim()
        .split('\n')
        .map(l => JSON.parse(l)),
    ).toEqual([
      { host: 'h0', command: 'echo a', rc: 0, signal: null, out: ['a'], err: [], problems: [] },
      {
        host: 'h0',
        command: 'cat /none',
        rc: 1,
        signal: null,
        out: [],
        err: ['cat: /none: No such file or directory'],
        problems: [],
      },
    ])
    expect(r.code).toBe(1)
    expect(readFileSync(trace, 'utf8')).toContain('openat')
  })
  it('an image file is the device, and keeps what is written; a packed one is left alone', async ctx => {
    if (!nativeAvailable().ok) return ctx.skip()
    const image = join(dir, 'image')
    const plan = mkfsPlan({
      devName: '/dev/dax0.0',
      deviceSize: 0x100000000,
      logLen: 0x800000,
      fsUuid: NIL_UUID,
      devUuid: NIL_UUID,
      systemUuid: '12345678-1234-4234-8234-123456789abc',
    })
    if ('error' in plan) throw new Error(plan.error)
    const bytes = new Uint8Array(LOG_OFFSET + 4096)
    bytes.set(encodeSuperblock(plan.superblock))
    bytes.set(encodeLogHeader(plan.logHeader), LOG_OFFSET)
    writeFileSync(image, bytes)
    const packed = `${image}.gz`
    writeFileSync(packed, gzipSync(bytes))
    const script = 'famfs mount /dev/dax0.0 /mnt/famfs\nfamfs mkdir /mnt/famfs/d\nls /mnt/famfs\n'
    const of = (path: string) => shell(script, { e: true, device: path })
    const first = await of(image)
    expect(first.code).toBe(0)
    expect(first.out).toContain('0 log entries')
    const again = await of(image)
    const gz = await of(packed)
    expect(again.out).toContain('1 log entries; 0 new files; 1 new directories')
    expect(again.code).toBe(1)
    expect(gz.out).toMatch(
      /is packed: what is written to the device is not kept[\s\S]*0 log entries[\s\S]*h0# ls \/mnt\/famfs\nd\n$/,
    )
    expect(statSync(packed).size).toBe(gzipSync(bytes).length)
  })
  it.each([
    ['h3# ls', {}, 'FILE:1: no host h3: expected one of h0; see --hosts'],
    ['exit now', {}, "FILE:1: 'exit now': expected exit, or exit and a number"],
    ['', { hosts: '0' }, "--hosts '0': expected a whole number from 1"],
    ['', { hosts: '65' }, "--hosts '65': expected a whole number from 1 to 64"],
    ['', { size: 'big' }, "--size 'big': expected bytes, or a number and K, M or G, e.g. 4G"],
    ['', { size: '5000' }, /^daxdev dax0.0: size 5000 is not a positive multiple of 2 MiB/],
    ['', { server: 'none' }, /none/],
    ['', { device: '/dev/null' }, '--device /dev/null: not a plain file'],
  ] as const)('bad input %j %j is one line', async (input, o, line) => {
    const why = await shell(`${input}\n`, o).catch(e => e.message.replace(/^.*script-\d+/, 'FILE'))
    if (typeof line === 'string') expect(why).toBe(line)
    else expect(why).toMatch(line)
    expect(why).not.toContain('\n')
  })
  it('from standard input, as a command', () => {
    const r = spawnSync(process.execPath, [join(root, 'bin/famsim.mjs'), 'shell'], {
      input: 'echo hi\nexit 3\n',
      encoding: 'utf8',
    })
    expect([r.stdout, r.stderr, r.status]).toEqual(['h0# echo hi\nhi\n', '', 3])
  })
})
