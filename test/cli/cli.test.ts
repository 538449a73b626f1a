// The command as a user meets it: what it prints, and what it says to bad input (one line, exit 2, nothing written).
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  encodeLogHeader,
  encodeSuperblock,
  freshLogHeader,
  NIL_UUID,
  SB_MAGIC,
  SB_VERSION,
} from '../../src/media/index.ts'
import { famsim, fresh, root } from './famsim.ts'

const dir = mkdtempSync(join(tmpdir(), 'famsim-cli-'))
afterAll(() => rmSync(dir, { recursive: true }))
const FIRST = 'scenarios/basics/first-light.ts'

/** A scenario file in the temporary directory. */
const scenarioFile = (name: string, body: string): string => {
  const path = join(dir, name)
  writeFileSync(path, `import { GiB, MiB, scenario } from '${join(root, 'src/world/index.ts')}'\n${body}\n`)
  return path
}

describe('famsim run', () => {
  it('tells the story, then how it ended', () => {
    const r = fresh(['run', FIRST])
    expect(r.code).toBe(0)
    expect(r.err).toBe('')
    for (const word of ['INIT', 'LOOKUP', 'OPEN', 'GET_FMAP', 'GET_DAXDEV', 'PTE faults', 'pread64', 'HELD', 'digest'])
      expect(r.out).toContain(word)
    expect(r.out).toContain('messages sent during them: 0')
    for (const l of r.out.split('\n')) expect(l.length, l).toBeLessThanOrEqual(80)
  })
  it('--twice prints one digest, equal both times', async () => {
    const r = await famsim(['run', FIRST, '--seed', '7', '--twice', '--quiet'])
    expect(r.code).toBe(0)
    const digest = r.out.match(/digest ([0-9a-f]{16})/)![1]
    expect(r.out).toContain(`twice: ${digest}, equal both times`)
  })
  it('--twice shows the first event that differs of a scenario that is not deterministic', async () => {
    const path = scenarioFile(
      'stray.ts',
      `let runs = 0
      export default scenario('every run reads elsewhere', ({ world }) => {
        const fs = world.host('h0').famfs('/mnt/famfs', { mkfs: world.daxdev('dax0.0', { size: GiB(4) }) })
        fs.creat('/x', MiB(2))
        world.hosts[0].app('a', function* (sys) {
          yield* sys.pread(yield* sys.open('/mnt/famfs/x'), 64, 4096 * runs++)
        })
      })`,
    )
    const r = await famsim(['run', path, '--twice', '--quiet'])
    expect(r.code).toBe(1)
    expect(r.out).toMatch(/NOT equal\n {4}not deterministic: first difference at event \d+: /)
    expect(r.out.replace(/\s+/g, ' ')).toMatch(/mem read dax0\.0\S* \d+ 64' against '.* let nothing outlive/)
    expect(JSON.parse((await famsim(['run', path, '--twice', '--json'])).out)).toMatchObject({
      equal: false,
      difference: expect.stringMatching(/^first difference at event \d+: /),
    })
  })
  it('--json prints one object', async () => {
    const r = await famsim(['run', FIRST, '--seed', '7', '--json'])
    const o = JSON.parse(r.out)
    expect(Object.keys(o)).toEqual(expect.arrayContaining(['verdict', 'seed', 'steps', 'digest', 'messages', 'now_ns']))
    expect([o.verdict, o.seed]).toEqual(['held', 7])
    expect(o.messages.GET_DAXDEV).toBe(3)
  })
  it('--trace writes every event', async () => {
    const path = join(dir, 'trace.txt')
    expect((await famsim(['run', FIRST, '--quiet', '--trace', path])).code).toBe(0)
    const lines = readFileSync(path, 'utf8').split('\n')
    expect(lines.length).toBeGreaterThan(20000)
    expect(lines.some(l => l.includes('fuse_get_fmap') && l.includes('load fi->famfs_meta'))).toBe(true)
  })
  it('the same digest from another directory, time zone and language', async () => {
    const args = ['run', join(root, FIRST), '--seed', '7', '--json']
    const there = fresh(args, dir, { TZ: 'Pacific/Auckland', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' })
    expect(JSON.parse(there.out).digest).toBe(JSON.parse((await famsim(args)).out).digest)
  })
  it('--backing file:PATH: the same digest, twice, in a file that stays; what it holds is not lost unasked', async () => {
    const path = join(dir, 'kept')
    const args = ['run', FIRST, '--seed', '7', '--backing', `file:${path}`, '--json']
    const plain = JSON.parse((await famsim(['run', FIRST, '--seed', '7', '--backing', 'arraybuffer', '--json'])).out)
    const r = JSON.parse((await famsim([...args, '--twice'])).out)
    expect([r.digest, r.digest2]).toEqual([plain.digest, plain.digest])
    const before = statSync(path)
    const again = await famsim(args)
    expect([again.code, again.out]).toEqual([2, ''])
    expect(again.err).toMatch(
      /first-light\.ts:\d+: file backing \S+: holds a famfs \(\S+\); add --overwrite to lose it\n$/,
    )
    expect(statSync(path).mtimeMs).toBe(before.mtimeMs)
    const shown = await famsim(['run', FIRST, '--seed', '7', '--backing', `file:${path}`, '--overwrite', '--quiet'])
    expect(shown.out.replace(/\s+/g, ' ')).toContain(`dax0.0 lies on ${path}, kept on close, the first 4 GiB`)
  })
  it('ends quietly when its reader has seen enough', () => {
    const r = spawnSync('sh', ['-c', `${process.execPath} bin/famsim.mjs run ${FIRST} | head -1`], {
      cwd: root,
      encoding: 'utf8',
    })
    expect([r.stdout.split('\n').length, r.stderr]).toEqual([2, ''])
  })
  it('ends with 1 and the command to reproduce when an expectation fails', async () => {
    const f = scenarioFile(
      'fails.ts',
      `export default scenario('fails', ({ world }) => {
         world.host('h0').app('a', function* (sys) { world.expect('stat of nothing', yield* sys.stat('/nothing'), 0) })
       })`,
    )
    const r = await famsim(['run', f, '--seed', '3'])
    expect(r.code).toBe(1)
    expect(r.out).toContain('expectation: stat of nothing: expected 0, got -2')
    expect(r.out).toMatch(/reproduce: famsim run .*fails\.ts --seed 3/)
  })
  it('--no-defect and --defect reach the kernel', async () => {
    expect((await famsim(['run', FIRST, '--no-defect', 'B44', '--quiet'])).code).toBe(0)
    expect((await famsim(['run', FIRST, '--defect', 'L09', '--no-defect', 'L01', '--quiet'])).code).toBe(0)
  })
})

describe('bad input: one line, exit 2', () => {
  const throws = scenarioFile('throws.ts', `export default scenario('t', () => { throw new Error('boom') })`)
  const app = scenarioFile(
    'app-throws.ts',
    `export default scenario('t', ({ world }) => { world.host('h0').app('a', function* () { throw new Error('bang') }) })`,
  )
  const size = scenarioFile(
    'size.ts',
    `export default scenario('s', ({ world }) => { world.daxdev('dax0.0', { size: 3000000 }) })`,
  )
  const nothing = scenarioFile('nothing.ts', `export const x = 1`)
  const syntax = scenarioFile('syntax.ts', `export default scenario('s', ({ world }) => {`)
  const client = scenarioFile(
    'mount.ts',
    `export default scenario('m', ({ world }) => { world.host('h0').famfs('/mnt', { mount: world.daxdev('dax0.0', { size: GiB(4) }) }) })`,
  )
  const table: [string, string[], RegExp][] = [
    ['no command', [], /^$/],
    ['unknown command', ['fly'], /unknown command 'fly'/],
    ['unknown option', ['run', FIRST, '--frobnicate'], /unknown option '--frobnicate'.*famsim run --help/],
    ['missing file', ['run', 'nowhere.ts'], /no such scenario file: nowhere\.ts/],
    ['a directory', ['run', 'scenarios'], /no such scenario file: scenarios/],
    ['missing argument', ['run'], /missing required argument 'file'/],
    ['throwing scenario', ['run', throws], /throws\.ts:2: the scenario throws: boom/],
    ['throwing scenario, weakened', ['mutate', throws], /throws\.ts:2: the scenario throws: boom/],
    ['throwing application', ['run', app], /app-throws\.ts:2: the scenario throws: bang/],
    ['not a scenario', ['run', nothing], /expected 'export default scenario/],
    ['syntax error', ['run', syntax], /syntax\.ts.*does not load/],
    ['seed that is no integer', ['run', FIRST, '--seed', '1.5'], /--seed '1\.5': expected a whole number/],
    ['seed that is no number', ['run', FIRST, '--seed', 'x'], /--seed 'x': expected a whole number/],
    ['negative seed', ['run', FIRST, '--seed=-1'], /--seed '-1': expected a whole number/],
    [
      'seed too large',
      ['run', FIRST, '--seed', '9007199254740993'],
      /expected a whole number from 0 to 9007199254740991/,
    ],
    ['device size', ['run', size], /size\.ts:2: daxdev dax0\.0: size 3000000 is not a positive multiple of 2 MiB/],
    [
      'unknown kernel',
      ['run', FIRST, '--kernel', 'v99'],
      /unknown kernel 'v99': expected one of std, rfc, v2, v3, v10, new/,
    ],
    ['unknown defect', ['run', FIRST, '--defect', 'Z9'], /unknown defect 'Z9'/],
    ['unknown backing', ['run', FIRST, '--backing', 'floppy'], /backing 'floppy': expected auto, .*dax:\/dev\/daxX\.Y/],
    ['backing that is no dax device', ['run', FIRST, '--backing', 'dax:/dev/null'], /1:3 is no devdax device/],
    ['backing that is a folder', ['run', FIRST, '--backing', `file:${dir}`], /file backing \S+: EISDIR/],
    [
      'one file for several threads',
      ['explore', FIRST, '--workers', '2', '--backing', `file:${join(dir, 'never')}`],
      /--backing file:\S+: one file or device cannot serve several threads; leave --workers out/,
    ],
    ['trace that cannot be written', ['run', FIRST, '--trace', '/nowhere/t'], /--trace \/nowhere\/t: ENOENT/],
    ['no file system on the memory', ['run', client], /mount\.ts:2: famfs mount .*magic/],
    ['image that is not there', ['info', 'nowhere.img'], /nowhere\.img: ENOENT/],
  ]
  it.each(table)('%s', async (_name, args, want) => {
    const before = readdirSync(dir).length
    const r = await famsim(args)
    expect(r.code).toBe(2)
    expect(r.err.trim().split('\n').length).toBe(1)
    expect(r.err).toMatch(want)
    expect(r.err).not.toMatch(/\n\s+at /)
    expect(readdirSync(dir).length).toBe(before)
  })
  it('a wrong seed leaves no trace file behind', async () => {
    const path = join(dir, 'never.txt')
    expect((await famsim(['run', FIRST, '--seed', 'x', '--trace', path])).code).toBe(2)
    expect(existsSync(path)).toBe(false)
  })
})

describe('famsim info', () => {
  const sb = {
    magic: SB_MAGIC,
    version: SB_VERSION,
    logOffset: 0x200000,
    logLen: 0x800000,
    allocUnit: 0x200000,
    omfMajor: 2,
    omfMinor: 2,
    fsUuid: NIL_UUID,
    devUuid: NIL_UUID,
    systemUuid: NIL_UUID,
    sbFlags: 0,
    daxdevSize: 0x100000000,
    daxdevUuid: NIL_UUID,
    daxdevName: '/dev/dax0.0',
  }
  /** An image: superblock and empty log, then `spoil`. */
  const image = (name: string, spoil: (b: Uint8Array) => void, o: object = {}): string => {
    const b = new Uint8Array(0x200000 + 4096)
    b.set(encodeSuperblock({ ...sb, ...o }))
    b.set(encodeLogHeader(freshLogHeader(0x800000)), 0x200000)
    spoil(b)
    const path = join(dir, name)
    writeFileSync(path, b)
    return path
  }
  it('shows a good image, as text and as JSON', async () => {
    const path = image('good.img', () => {})
    expect((await famsim(['info', path])).out).toContain('log: 0 of 15420 entries in use, 0 bad')
    expect((await famsim(['info', path])).out).toMatch(/\ncheck: nothing wrong\n$/)
    expect(JSON.parse((await famsim(['info', path, '--json'])).out)).toMatchObject({
      superblock: { version: 48 },
      problems: [],
    })
    expect((await famsim(['info', `file:${path}`])).out).toBe((await famsim(['info', path])).out)
  })
  it('says what is wrong with one, and shows it all the same', async () => {
    const path = image('odd.img', () => {}, { logLen: 0x400000 })
    const r = await famsim(['info', path])
    expect(r.code).toBe(0)
    expect(r.out).toMatch(/check: \d problems?\n {2}log header: log_len 8388608, expected 4194304 as in the superblock/)
  })
  it.each([
    [
      'a device given as a file',
      '/dev/null',
      /^famsim: \/dev\/null: a device, expected an image; for a devdax device type dax:/,
    ],
    [
      'no devdax device',
      'dax:/dev/null',
      /^famsim: dax backing \/dev\/null: device 1:3 is no devdax device; .*doctor$/,
    ],
    ['no device at all', 'dax:/dev/dax99.9', /^famsim: dax backing \/dev\/dax99\.9: ENOENT/],
  ])('refuses %s', async (_n, name, want) => {
    const r = await famsim(['info', name])
    expect([r.code, r.out]).toEqual([2, ''])
    expect(r.err.trim()).toMatch(want)
  })
  it.each([
    ['a wrong CRC', image('crc.img', b => (b[30]! ^= 1)), /crc\.img: superblock: .*crc/i],
    ['a wrong version', image('version.img', () => {}, { version: 47 }), /version\.img: superblock: .*47.*48/],
    ['no magic', image('magic.img', b => (b[0] = 0)), /magic\.img: superblock: .*magic/i],
    ['a wrong log header', image('log.img', b => (b[0x200000 + 9]! ^= 1)), /log\.img: log header: crc 0x/],
    ['a file that is too short', scenarioFile('short.img', ''), /short\.img: \d+ bytes; a superblock takes 200/],
  ])('refuses %s in one line, and changes nothing', async (_n, path, want) => {
    const before = readFileSync(path)
    const r = await famsim(['info', path])
    expect(r.code).toBe(2)
    expect(r.err.trim()).toMatch(want)
    expect(r.err.trim().split('\n').length).toBe(1)
    expect(readFileSync(path).equals(before)).toBe(true)
  })
})

describe('famsim list and doctor', () => {
  it('list shows the scenarios by folder', async () => {
    const r = await famsim(['list'])
    expect(r.out).toMatch(/scenarios\/basics\/\n {2}first-light\.ts +first light/)
    expect(JSON.parse((await famsim(['list', '--json'])).out)[0].file).toBe(FIRST)
  })
  it('doctor says which memory and why', async () => {
    const r = await famsim(['doctor'])
    expect(r.code).toBe(0)
    expect(r.out).toMatch(/device memory will lie on: (hugetlb|memfd|file|arraybuffer)/)
    const d = JSON.parse((await famsim(['doctor', '--json'])).out)
    for (const f of d.findings) expect(f.why.length, f.what).toBeGreaterThan(0)
    const dax = d.findings.filter((f: { what: string }) => f.what.startsWith('/dev/dax'))
    if (existsSync('/sys/bus/dax/devices')) expect(dax.length).toBeGreaterThan(0)
    else expect(dax).toEqual([{ what: '/dev/dax', ok: false, why: 'no devdax device on this machine' }])
  })
})
