// famsim fmap: verdicts from standard input, one line each; where a range lies; bad input.
import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { patched, simpleMap } from '../../src/conform/index.ts'
import { MiB } from '../../src/sim/index.ts'
import { bin, type Ended, famsim } from './famsim.ts'

const lines = ({ code, out, err }: Ended) => ({ code, out: out.trimEnd().split('\n'), err })
/** `check` reads its standard input, so it is started for each. */
const check = (args: string[], input = '') => {
  const r = spawnSync(process.execPath, [bin, 'fmap', 'check', ...args], { input, encoding: 'utf8' })
  return lines({ code: r.status, out: r.stdout, err: r.stderr })
}
const fmap = async (args: string[]) => lines(await famsim(['fmap', ...args]))
const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex')
const GOOD = simpleMap([[0, MiB(2), MiB(2)]])
const DEVICE1 = patched(GOOD, [32, 1, 4])

describe('famsim fmap check', () => {
  it('prints a verdict and the reason a line; other lines are checked when one is no hex', () => {
    const r = check([], `${hex(GOOD)}\n${hex(DEVICE1)}\nxyz\n${hex(GOOD).match(/../g)!.join(' ')}\nabc\n`)
    expect(r.out).toEqual([
      '0',
      '-22 EINVAL device index 1: must be 0 (B44)',
      "bad hex: 'x' is no hex digit",
      '0',
      'bad hex: 3 digits: expected two a byte',
    ])
    expect(r.code).toBe(2)
  })
  it('asks the kernel it is told, without a defect, as JSON', () => {
    const r = check(['--no-defect', 'B44', '--json'], `${hex(DEVICE1)}\n${hex(GOOD.slice(0, 31))}`)
    expect(r.code).toBe(0)
    expect(r.out.map(l => JSON.parse(l))).toEqual([
      { line: 1, rc: 0, errno: '0', reasons: [] },
      { line: 2, rc: -22, errno: 'EINVAL', reasons: ['31 bytes: a header has 32'] },
    ])
    expect(check(['--kernel', 'new'], hex(GOOD.slice(0, 31))).out).toEqual(['-5 EIO 31 bytes: a header has 32'])
  })
})

describe('famsim fmap resolve', () => {
  const resolve = (...more: string[]) => fmap(['resolve', '--hex', hex(GOOD), ...more])
  it('prints the mapping, or the errno and why', async () => {
    const r = await resolve('--offset', '0x1000', '--length', '8192', '--write')
    expect(r).toMatchObject({ code: 0, out: ['addr 0x201000 offset 0x1000 length 0x2000 device 0 flags 0x1'] })
    expect(await resolve('--offset', '2097152', '--length', '1')).toMatchObject({
      code: 1,
      out: ['-5 EIO past the last extent'],
    })
  })
  it('says when the map itself is refused; as JSON', async () => {
    const ask = ['--offset', '0', '--length', '1', '--json']
    const r = await fmap(['resolve', '--hex', hex(DEVICE1), ...ask])
    expect(r.code).toBe(1)
    expect(JSON.parse(r.out[0]!)).toMatchObject({ kernel: 'v10', rc: -22, errno: 'EINVAL', refused: true })
    expect(JSON.parse((await resolve(...ask)).out[0]!)).toMatchObject({ rc: 0, addr: MiB(2), length: 1, device: 0 })
  })
})

describe('bad input is one line', () => {
  it.each<[string[], RegExp]>([
    [[], /^famsim: missing command: expected check or resolve; see: famsim fmap --help\n$/],
    [['fly'], /^famsim: unknown command 'fly': expected check or resolve; see: famsim fmap --help\n$/],
    [['check'], /^famsim: standard input is empty: expected one map in hex a line\n$/],
    [['check', '--kernel', 'v99'], /^famsim: unknown kernel 'v99': expected one of /],
    [['resolve'], /^famsim: required option '--hex <digits>' not specified; see: famsim fmap resolve --help\n$/],
    [['resolve', '--hex', '0', '--offset', '0', '--length', '1'], /^famsim: --hex: 1 digits: expected two a byte\n$/],
    [
      ['resolve', '--hex', '00', '--offset', 'x', '--length', '1'],
      /^famsim: --offset 'x': expected a whole number from 0/,
    ],
    [
      ['resolve', '--hex', '00', '--offset', '0', '--length', '0'],
      /^famsim: --length '0': expected a whole number from 1/,
    ],
  ])('%j', async (args, message) => {
    const r = args[0] === 'check' ? check(args.slice(1)) : await fmap(args)
    expect(r.err).toMatch(message)
    expect([r.code, r.out]).toEqual([2, ['']])
  })
})
