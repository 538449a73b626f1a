// The command: famsim litmus.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(dirname(here))
const famsim = (...args: string[]): { status: number | null; out: string[]; err: string } => {
  const r = spawnSync(process.execPath, [join(root, 'bin/famsim.mjs'), 'litmus', ...args], {
    encoding: 'utf8',
    cwd: here,
  })
  return { status: r.status, out: r.stdout.trimEnd().split('\n'), err: r.stderr }
}

describe('famsim litmus', () => {
  it('prints one line a test, and how it came about', () => {
    const r = famsim('SB.litmus', 'MP+wmb+rmb.litmus', '--model', 'tso')
    expect(r.status).toBe(0)
    expect(r.out[0]).toMatch(/^SB tso: Sometimes \([0-9]+ executions\)$/)
    expect(r.out[1]).toMatch(/^ {2}1 {2}P[01]: WRITE_ONCE\([xy], 1\)$/)
    expect(r.out[r.out.length - 1]).toMatch(/^MP\+wmb\+rmb tso: Never \([0-9]+ executions\)$/)
  }, 60_000)
  it('weak is the default; --json prints one object a line; a race is told', () => {
    const r = famsim('--json', 'valid_flag.litmus', 'MP.litmus')
    expect(r.status).toBe(0)
    const [a, b] = r.out.map(s => JSON.parse(s))
    expect(a).toMatchObject({ name: 'valid_flag', model: 'weak', verdict: 'Sometimes', race: true })
    expect(a.runs).toBeGreaterThan(1)
    expect(b).toMatchObject({ name: 'MP', file: 'MP.litmus', race: false, holds: true })
  }, 60_000)
  it('bad input: one line on stderr and exit 2', () => {
    const dir = mkdtempSync(join(tmpdir(), 'litmus-'))
    const bad = join(dir, 'bad.litmus')
    writeFileSync(bad, 'C bad\n{}\nP0(int *x) { while (1) ; }\nexists (x=1)\n')
    for (const [args, error] of [
      [[bad], /bad\.litmus:3:14: 'while'; expected a statement/],
      [[join(dir, 'none.litmus')], /none\.litmus: .*ENOENT/],
      [['MP.litmus', '--model', 'arm'], /--model 'arm': expected one of sc, tso, weak/],
      [['MP.litmus', '--limit', '0'], /--limit 0: expected a whole number above 0/],
      [['IRIW.litmus', '--limit', '5'], /more than 5 executions; raise --limit/],
    ] as const) {
      const r = famsim(...args)
      expect(r.status).toBe(2)
      expect(r.err).toMatch(error)
      expect(r.err.trimEnd().split('\n')).toHaveLength(1)
    }
  }, 60_000)
})
