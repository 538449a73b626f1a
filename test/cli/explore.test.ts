// explore, replay and shrink as a user meets them: a failure becomes a file, and the file is enough in a fresh process.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ended, famsim as famsimIn, fresh, root } from './famsim.ts'

const dir = mkdtempSync(join(tmpdir(), 'famsim-explore-'))
afterAll(() => rmSync(dir, { recursive: true }))
const BUG = join(root, 'test/explore/fixtures/two-preemptions.ts')
const STRAY = join(root, 'test/explore/fixtures/stray.ts')

const famsim = (args: string[], cwd = dir) => famsimIn(args, cwd)
const read = (file: string) => JSON.parse(readFileSync(join(dir, file), 'utf8'))
/** The run file of the bug with some fields changed. */
const change = (name: string, o: object): string => {
  writeFileSync(join(dir, name), JSON.stringify({ ...read('two-preemptions.run.json'), ...o }))
  return name
}

let found: Ended
beforeAll(() => {
  found = fresh(['explore', BUG, '--seed', '3'], dir)
})

describe('a failure is a file', () => {
  it('explore finds it, writes the file and says what to type next', () => {
    expect([found.code, found.err]).toEqual([1, ''])
    expect(found.out).toMatch(
      /^FAILED: two windows\n {2}expectation: what a sees of y: expected 0, got 1\n {4}in h0\/a/,
    )
    expect(found.out).toContain('reproduce: famsim replay two-preemptions.run.json\n')
    expect(found.out).toContain('make it smaller: famsim shrink two-preemptions.run.json\n')
    for (const l of found.out.split('\n')) expect(l.length, l).toBeLessThanOrEqual(80)
    expect(read('two-preemptions.run.json')).toMatchObject({
      famsim: 'run',
      version: 3,
      model: 'sc',
      races: false,
      scenario: 'test/explore/fixtures/two-preemptions.ts',
      seed: 3,
      kernel: null,
      policy: 'free',
      verdict: 'failed',
    })
  })
  it('replay makes it again in a fresh process, and tells its story', async () => {
    const r = fresh(['replay', 'two-preemptions.run.json'], dir)
    expect([r.code, r.err]).toEqual([1, ''])
    expect(r.out).toContain('expectation: what a sees of y: expected 0, got 1')
    expect(r.out).toContain('reproduced: every decision and every digest as recorded')
    const json = JSON.parse((await famsim(['replay', 'two-preemptions.run.json', '--json'])).out)
    const { digest, problem } = read('two-preemptions.run.json')
    expect(json).toMatchObject({ reproduces: true, difference: null, digest, problem })
  })
  it('shrink names what is left out and what remains, in under 2 KB, which replay elsewhere', async () => {
    mkdirSync(join(dir, 'deep/er'), { recursive: true })
    const r = await famsim(['shrink', 'two-preemptions.run.json', '--out', 'deep/er/small.run.json'])
    expect([r.code, r.err]).toEqual([0, ''])
    expect(r.out).toMatch(/^after: {2}\d+ choices, 1 not the default, 1 preemption\n {8}2 applications, 0 faults$/m)
    expect(r.out).toMatch(/^left out: h0\/c, h0\/d, h0\/e\n {2}h0\/b ends after 2 operations of its program$/m)
    expect(r.out).toMatch(/^remains: h0\/a, h0\/b$/m)
    expect(r.out).toMatch(/^ {2}decision \d+ \(schedule\): h0\/b instead of h0\/a$/m)
    expect(statSync(join(dir, 'deep/er/small.run.json')).size).toBeLessThan(2048)
    const again = await famsim(['replay', 'small.run.json'], join(dir, 'deep/er'))
    expect(again.code).toBe(1)
    expect(again.out).toContain('reproduced: every decision')
    expect(again.out).toContain('left out: h0/c, h0/d, h0/e\n')
  })
  it('a failure of over 10,000 choices on the whole path shrinks to its race in under 10 s', async () => {
    const long = join(root, 'test/explore/fixtures/long-race.ts')
    expect(JSON.parse((await famsim(['explore', long, '--out', 'long.json', '--json'])).out).choices).toBeGreaterThan(
      10_000,
    )
    const started = performance.now()
    const r = JSON.parse((await famsim(['shrink', 'long.json', '--out', 'short.json', '--json'])).out)
    expect(performance.now() - started).toBeLessThan(10_000)
    expect(r).toMatchObject({ minimal: true, apps: ['h0/a', 'h0/b'], faults: [], after: { deviations: 2, apps: 2 } })
    expect(statSync(join(dir, 'short.json')).size).toBeLessThan(2048)
    expect(JSON.parse((await famsim(['replay', 'short.json', '--json'])).out).reproduces).toBe(true)
  })
  it('slice keeps what led to the failure, and names who does not matter', async () => {
    const r = await famsim(['slice', 'two-preemptions.run.json'])
    expect([r.code, r.err]).toEqual([0, ''])
    expect(r.out).toMatch(/^expectation: what a sees of y: expected 0, got 1\n/)
    expect(r.out.replace(/\n {2}/g, ' ')).toContain('in the same way): h0/c, h0/d, h0/e\n')
    expect(r.out).toMatch(/^kept 4 of \d+ events\n(?: +\d+ h0\/[ab] .*\n){4}/m)
    for (const l of r.out.split('\n')) expect(l.length, l).toBeLessThanOrEqual(80)
    const json = JSON.parse((await famsim(['slice', 'two-preemptions.run.json', '--json'])).out)
    expect(json).toMatchObject({ fails: true, without: { apps: ['h0/c', 'h0/d', 'h0/e'] } })
    expect(json.kept.map((e: { what: string }) => e.what)).toEqual(['store', 'load', 'store', 'load'])
    expect(await famsim(['slice', change('calm.json', { choices: { labels: [], runs: [] } })])).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /^famsim: calm\.json: does not fail with its problem any more \(expectation\); [^\n]+\n$/,
      ),
    })
  })
  it('explore --inevitable plots from where on it could not be avoided, and names the decision', async () => {
    const r = await famsim(['explore', '--inevitable', 'two-preemptions.run.json', '--runs', '10'])
    expect([r.code, r.err]).toEqual([0, ''])
    expect(r.out).toMatch(/^ +\d+ \|#+\.*\| +\d+ % {2}< the last way out$/m)
    expect(r.out).toMatch(/^no way back from decision \d+ of \d+ \(schedule\):\n {4}taken: h0\/a, about to load y$/m)
    expect(r.out).toMatch(/^behind it proved: every continuation was searched \(\d+ executions\)$/m)
    for (const l of r.out.split('\n')) expect(l.length, l).toBeLessThanOrEqual(80)
    const json = JSON.parse((await famsim(['explore', '--inevitable', 'two-preemptions.run.json', '--json'])).out)
    expect(json).toMatchObject({ proved: true, last: { taken: { label: 'h0/a', op: 'load y' } } })
    expect(await famsim(['explore', '--inevitable', 'two-preemptions.run.json', '--seed', '2'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^famsim: --seed: not with --inevitable; [^\n]+\n$/),
    })
  })
  it('a scenario outside of the repository is found from the folder of the file', async () => {
    mkdirSync(join(dir, 'mine'), { recursive: true })
    const text = `export { default } from '${BUG}'\n`
    writeFileSync(join(dir, 'mine/s.ts'), text)
    expect((await famsim(['explore', 'mine/s.ts', '--out', 'mine/s.run.json', '--json'])).code).toBe(1)
    expect(read('mine/s.run.json').scenario).toBe('s.ts')
    expect((await famsim(['replay', 's.run.json'], join(dir, 'mine'))).out).toContain('reproduced')
    rmSync(join(dir, 'mine/s.ts'))
    const r = await famsim(['replay', 'mine/s.run.json'])
    expect(r.code).toBe(2)
    expect(r.err).toMatch(
      /^famsim: mine\/s\.run\.json: scenario: expected a scenario file at .*mine\/s\.ts or [^\n]+\n$/,
    )
  })
})

describe('a file that does not fit', () => {
  it('names the decision at which the run departs from it', async () => {
    const { choices } = read('two-preemptions.run.json')
    const [first, ...rest] = choices.labels
    const labels = [[first[0], 'h0/gone'], ...rest]
    const r = await famsim(['replay', change('gone.json', { choices: { ...choices, labels } })])
    expect([r.code, r.err]).toEqual([1, ''])
    expect(r.out).toMatch(/^does not reproduce any more:\n {2}at decision \d+ the record takes 'h0\/gone' \(schedule\)/)
    expect(r.out).toMatch(/^ {2}with the default from there on the run came to: /m)
    expect(r.out).toContain('go on from there: famsim replay gone.json --on urw:3\n')
    for (const l of r.out.split('\n')) if (!l.includes('famsim explore')) expect(l.length, l).toBeLessThanOrEqual(80)
  })
  it('goes on under a strategy from there, and writes what it came to', async () => {
    const { choices } = read('two-preemptions.run.json')
    // The record ends when the failure has happened: whoever goes on, the run fails.
    change('some.json', { choices: { ...choices, runs: choices.runs.slice(0, -2) } })
    const r = await famsim(['replay', 'some.json', '--on', 'random:7', '--out', 'other.run.json'])
    expect(r.out).toMatch(/^ {2}with random:7 from there on the run came to: expectation: /m)
    expect((await famsim(['replay', 'other.run.json'])).out).toContain('reproduced: every decision')
  })
  it.each([
    [['--on', 'luck'], /--on 'luck': expected NAME or NAME:SEED with one of portfolio, /],
    [['--on', 'urw:x'], /--on 'x': expected a whole number from 0/],
    [['--out', 'o.json'], /--out: needs --on/],
  ])('replay %j is refused with one line', async (args, text) => {
    const r = await famsim(['replay', 'two-preemptions.run.json', ...args])
    expect([r.code, r.out]).toEqual([2, ''])
    expect(r.err).toMatch(text)
  })
  it('names the steps from which the trace is another', async () => {
    const r = await famsim(['replay', change('other.json', { digest: '0123456789abcdef' })])
    expect(r.code).toBe(1)
    expect(r.out).toMatch(/^does not reproduce any more:\n {2}(after step|between steps) \d+/)
  })
  it.each<[string, object, RegExp]>([
    ['edited by hand', { seed: 'one' }, /: seed: expected a whole number from 0\n$/],
    [
      'that leaves out what is not there',
      { without: { apps: ['h0/z'], ends: [], faults: [] } },
      /no application 'h0\/z'/,
    ],
    ['of another version', { version: 9 }, /: version: the file has 9, this famsim reads 3; [^\n]+\n$/],
    ['of an unknown kernel', { kernel: 'v99' }, /unknown kernel 'v99': expected one of [^\n]+\n$/],
  ])('one %s is refused with one line', async (_, o, text) => {
    for (const command of ['replay', 'shrink']) {
      const r = await famsim([command, change('bad.json', o)])
      expect([r.code, r.out]).toEqual([2, ''])
      expect(r.err).toMatch(text)
      expect(r.err.split('\n').length).toBe(2)
    }
  })
  it('shrink says so when the failure is gone', async () => {
    const r = await famsim([
      'shrink',
      change('held.json', { choices: { labels: [], runs: [] } }),
      '--out',
      'never.json',
    ])
    expect([r.code, r.out]).toEqual([2, ''])
    expect(r.err).toMatch(
      /^famsim: held\.json: does not fail with its problem any more \(expectation\), but holds; [^\n]+\n$/,
    )
    expect(existsSync(join(dir, 'never.json'))).toBe(false)
  })
  it('one that is not there', async () => {
    expect(await famsim(['replay', 'none.json'])).toMatchObject({ code: 2, out: '' })
  })
})

describe('famsim explore', () => {
  it('says how much it has seen when everything held', async () => {
    const file = join(dir, 'calm.ts')
    writeFileSync(
      file,
      `import { scenario } from '${join(root, 'src/world/index.ts')}'
export default scenario('calm', ({ world }) => {
  for (const name of ['a', 'b']) world.host(name).app('x', function* (sys) { yield* sys.stat('/dev') })
  world.sometimes('nothing', () => false)
})\n`,
    )
    const r = await famsim(['explore', file, '--runs', '40'])
    expect([r.code, r.err]).toEqual([0, ''])
    expect(r.out).toMatch(/^held: 40 executions, \d+ distinct interleavings?, unseen about [\d.]+ %\n/)
    expect(r.out).toContain('no execution reached: sometimes: nothing')
    const all = await famsim(['explore', file, '--strategy', 'exhaustive'])
    expect(all.code).toBe(0)
    expect(all.out).toMatch(/^held: \d+ executions?, \d+ distinct interleavings?, unseen about 0 %\n/)
    expect(all.out).toContain('searched to the end')
    expect(existsSync(join(dir, 'calm.run.json'))).toBe(false)
  })
  it('exhaustive with a bound on preemptions', async () => {
    const r = await famsim([
      'explore',
      BUG,
      '--strategy',
      'exhaustive',
      '--preemptions',
      '2',
      '--out',
      'ex.json',
      '--json',
    ])
    expect(r.code).toBe(1)
    expect(JSON.parse(r.out)).toMatchObject({
      verdict: 'failed',
      strategy: 'exhaustive',
      preemptions: 2,
      file: 'ex.json',
    })
    expect((await famsim(['replay', 'ex.json'])).out).toContain('reproduced')
  })
  it('--outcomes: all of them, failures among them, and no run file', async () => {
    const all = (...more: string[]) => famsim(['explore', BUG, '--outcomes', '--strategy', 'exhaustive', ...more])
    const failed = await all('--preemptions', '2')
    expect(failed.code).toBe(1)
    expect(failed.out).toMatch(/^\d+ executions, searched to the end: /)
    expect(failed.out).toMatch(/^1 problem:\n +\d+ {2}/m)
    const held = await all('--preemptions', '1', '--json')
    expect([held.code, JSON.parse(held.out)]).toMatchObject([0, { finished: true, problems: [] }])
  })
  it('a scenario that is not deterministic: one line, exit 2, no file', async () => {
    const r = await famsim(['explore', STRAY])
    expect([r.code, r.out]).toEqual([2, ''])
    expect(r.err).toMatch(
      /^famsim: .*stray\.ts: the scenario is not deterministic: execution 3 failed .* at event \d+: [^\n]+\n$/,
    )
    expect(existsSync(join(dir, 'stray.run.json'))).toBe(false)
  })
  it.each<[string[], RegExp]>([
    [['--strategy', 'luck'], /--strategy 'luck': expected one of portfolio, .*exhaustive$/m],
    [['--runs', '0'], /--runs '0': expected a whole number from 1$/m],
    [['--seed', 'x'], /--seed 'x': expected a whole number/],
    [['--kernel', 'v99'], /unknown kernel 'v99'/],
    [['--defect', 'Z1'], /unknown defect 'Z1'/],
    [['--model', 'arm'], /--model 'arm': expected one of sc, tso, weak$/m],
    [['--caches', 'cold'], /--caches 'cold': expected on or off$/m],
    [['--coherence', 'some'], /--coherence 'some': expected one of none, back-invalidate$/m],
    [['--evictions', '-1'], /--evictions '-1': expected a whole number from 0$/m],
    [['--caches', 'off', '--evictions', '1'], /--evictions: nothing is evicted with --caches off/],
    [['--outcomes', '--workers', '2'], /--outcomes: not with --workers/],
    [['--preemptions', '2'], /--preemptions: needs --strategy exhaustive$/m],
    [
      ['--strategy', 'exhaustive', '--focus', 'fuse_opne'],
      /no function of the model is called 'fuse_opne'; did you mean /,
    ],
    [['--strategy', 'exhaustive', '--focus', 'a,,b'], /--focus 'a,,b': expected names of functions/],
    [['--out', '/nowhere/x.json', '--seed', '3'], /--out \/nowhere\/x\.json: ENOENT/],
  ])('%j is refused with one line', async (args, text) => {
    const r = await famsim(['explore', BUG, ...args])
    expect([r.code, r.out]).toEqual([2, ''])
    expect(r.err).toMatch(text)
    expect(r.err.split('\n').length).toBe(2)
  })
})

describe('marks', () => {
  const scenario = join(root, 'test/explore/fixtures/two-open.ts')
  it('what was reached of the functions that were entered, and what was not, in lines that fit', async () => {
    const r = await famsim(['explore', scenario, '--runs', '40'])
    expect([r.code, r.err]).toEqual([0, ''])
    expect(r.out).toMatch(/^ {2}marks: \d+ of \d+ reached; not:\n {4}\w+: /m)
    expect(r.out).toMatch(/^ {4}famfs_dax_err: .*poisoned$/m)
    expect(r.out).toMatch(/^ {4}and in \d+ more functions; all: --json$/m)
    expect(r.out).not.toContain('famfs_teardown')
    for (const l of r.out.split('\n')) expect(l.length, l).toBeLessThanOrEqual(80)
  })
  it('all of them, with counts, in JSON', async () => {
    const { marks } = JSON.parse((await famsim(['explore', scenario, '--runs', '5', '--json'])).out)
    expect(marks).toContainEqual({ fn: 'famfs_teardown', mark: 'no table', hits: 0, entered: false })
    expect(marks).toContainEqual({ fn: 'famfs_dax_err', mark: 'poisoned', hits: 0, entered: true })
    expect(marks.some((m: { hits: number }) => m.hits > 0)).toBe(true)
  })
})
