// The command: famsim litmus.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { famsim } from '../cli/famsim.ts'

const litmus = async (...args: string[]): Promise<{ code: number | null; out: string[]; err: string }> => {
  const r = await famsim(['litmus', ...args], import.meta.dirname)
  return { ...r, out: r.out.trimEnd().split('\n') }
}

describe('famsim litmus', () => {
  it('prints one line a test, and how it came about', async () => {
    const r = await litmus('SB.litmus', 'MP+wmb+rmb.litmus', '--model', 'tso')
    expect(r.code).toBe(0)
    expect(r.out[0]).toMatch(/^SB tso: Sometimes \([0-9]+ executions\)$/)
    expect(r.out[1]).toMatch(/^ {2}1 {2}P[01]: WRITE_ONCE\([xy], 1\)$/)
    expect(r.out[r.out.length - 1]).toMatch(/^MP\+wmb\+rmb tso: Never \([0-9]+ executions\)$/)
  }, 60_000)
  it('weak is the default; --json prints one object a line; a race is told', async () => {
    const r = await litmus('--json', 'valid_flag.litmus', 'MP.litmus')
    expect(r.code).toBe(0)
    const [a, b] = r.out.map(s => JSON.parse(s))
    expect(a).toMatchObject({ name: 'valid_flag', model: 'weak', verdict: 'Sometimes', race: true })
    expect(a.runs).toBeGreaterThan(1)
    expect(b).toMatchObject({ name: 'MP', file: 'MP.litmus', race: false, holds: true })
  }, 60_000)
  it('bad input: one line on stderr and exit 2', async () => {
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
      const r = await litmus(...args)
      expect(r.code).toBe(2)
      expect(r.err).toMatch(error)
      expect(r.err.trimEnd().split('\n')).toHaveLength(1)
    }
  }, 60_000)
})
