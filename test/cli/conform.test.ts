// famsim conform: a line a trace, the first differences, exit codes, bad input.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { conform } from '../../src/cli/conform.ts'
import { UsageError } from '../../src/sim/index.ts'
import { call } from './call.ts'

const dir = mkdtempSync(join(tmpdir(), 'famsim-conform-'))
afterAll(() => rmSync(dir, { recursive: true }))
const vectors = join(import.meta.dirname, '../vectors')
const fmaps = readFileSync(join(vectors, 'oracle-fmap.jsonl'), 'utf8').split('\n')
const write = (name: string, text: string | Buffer): string => {
  writeFileSync(join(dir, name), text)
  return join(dir, name)
}
/** A map that opens, with reads and faults. */
const good = fmaps.find(l => l.includes('"open":"0"') && l.includes('"mutation":"none"'))!
const wrong = JSON.stringify({ ...JSON.parse(good), size: 1, msgs: [], faults: [] })
const run = (files: string[], o: object = {}) =>
  call(conform as (f: readonly string[], o: object) => void, files, { kernel: 'v10', most: '5', ...o })

describe('famsim conform', () => {
  it('says how many results of each file differ, packed or not', () => {
    const [a, b] = [write('a.jsonl', good), write('b.jsonl.gz', gzipSync(good))]
    const { code, out } = run([a, b])
    expect(code).toBe(0)
    expect(out).toEqual([a, b].map(f => expect.stringMatching(new RegExp(`^${f}: 0 of \\d+ results differ$`))))
  })
  it('shows the first differences, and ends with 1', () => {
    const file = write('w.jsonl', wrong)
    const { code, out } = run([file])
    expect(code).toBe(1)
    expect(out[0]).toMatch(/: 2 of \d+ results differ$/)
    expect(out.slice(1).join('\n')).toMatch(
      /^ {2}line 1, case 0 \(none\) fstat: size \d+ \(measured 1\)\n {2}line 1, case 0/,
    )
    expect(run([file], { most: '1' }).out.at(-1)).toBe('  ... and 1 more (--most 2 shows all)')
    expect(run([file], { most: '0' }).out).toHaveLength(2)
    for (const l of out.slice(1)) expect(l.length).toBeLessThanOrEqual(80)
  })
  it('as JSON: an object a trace', () => {
    const [o] = run([write('j.jsonl', wrong)], { json: true, most: '1' }).out.map(l => JSON.parse(l))
    expect(o).toMatchObject({ format: 'fmap-cases', kernel: 'v10', cases: 1, differ: 2, defect: [], noDefect: [] })
    expect(o.differences).toEqual([expect.stringContaining('size')])
  })
  it('on another kernel: other answers', () => {
    const ones = write('new.jsonl', good)
    expect(run([ones], { kernel: 'new' }).code).toBe(1)
  })
  it.each<[string, () => string[], object, RegExp]>([
    ['no file', () => [join(dir, 'nowhere')], {}, /nowhere: ENOENT/],
    ['a folder', () => [dir], {}, /EISDIR/],
    ['half a gzip file', () => [write('h.gz', gzipSync(good).subarray(0, 40))], {}, /h\.gz: unexpected end of file/],
    ['no trace', () => [write('n.jsonl', 'hello\n')], {}, /n\.jsonl: line 1: not JSON: hello/],
    ['a line that does not fit', () => [write('l.jsonl', `${good}\n{"case":"x"}`)], {}, /l\.jsonl: line 2: /],
    ['no number', () => [write('g.jsonl', good)], { most: 'x' }, /--most 'x': expected a whole number from 0/],
  ])('bad input: %s: one line, nothing replayed', (_what, files, o, message) => {
    const { code, out, err } = run(files(), o)
    expect([code, out]).toEqual([2, []])
    expect(err).toEqual([expect.stringMatching(message)])
  })
  it('bad input: an unknown kernel', () => {
    expect(() => run([write('k.jsonl', good)], { kernel: 'v99' })).toThrow(UsageError)
  })
})
