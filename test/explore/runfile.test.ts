// Run files: what is written is read, what was changed by hand is told in one line, and a replay names the place where the
// run is no longer the same.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  countChoices,
  decodeChoices,
  makeRunFile,
  parseRunFile,
  printRunFile,
  RandomChooser,
  type RunFile,
  replay,
  scenarioName,
  scenarioPlaces,
  search,
} from '../../src/explore/index.ts'
import { Cell, type TraceEvent } from '../../src/sim/index.ts'
import { scenario } from '../../src/world/index.ts'
import { twoPreemptions } from './fixtures/two-preemptions.ts'

const setting = { seed: 1, kernel: null, switches: { defect: ['L06'] }, policy: 'free' as const }
const s = twoPreemptions(200)
const { failure } = search(s, { ...setting, strategy: 'random' })
const file = makeRunFile(
  { ...setting, scenario: 'x.ts', title: s.title, command: 'famsim replay x.run.json' },
  failure!.run,
)
const changed = (o: object): string => JSON.stringify({ ...JSON.parse(printRunFile(file)), ...o })

describe('a run file', () => {
  it('is read as it was written', () => {
    expect(parseRunFile(printRunFile(file), 'x')).toEqual(file)
    expect(file.switches).toEqual({ defect: ['L06'], noDefect: [] })
    expect(file.digests.length).toBeGreaterThan(3)
  })
  const { labels, runs } = file.choices
  it.each<[string, object]>([
    ['famsim', { famsim: 'walk' }],
    ['scenario', { scenario: '' }],
    ['title', { title: 7 }],
    ['seed', { seed: -1 }],
    ['seed', { seed: 1.5 }],
    ['kernel', { kernel: 10 }],
    ['switches', { switches: {} }],
    ['switches', { switches: { defect: [1], noDefect: [] } }],
    ['policy', { policy: 'fair' }],
    ['model', { model: 'arm' }],
    ['races', { races: 1 }],
    ['without', { without: { apps: [], ends: [] } }],
    ['without', { without: { apps: [1], ends: [], faults: [] } }],
    ['without', { without: { apps: [], ends: [['h0/a', -1]], faults: [] } }],
    ['choices', { choices: [] }],
    ['choices', { choices: undefined }],
    ['choices.labels', { choices: { labels: [['scheduel', 'a']], runs } }],
    ['choices.labels', { choices: { labels: 'a', runs } }],
    ['choices.runs', { choices: { labels, runs: [[0, 0]] } }],
    ['choices.runs', { choices: { labels, runs: [[0, -3]] } }],
    ['choices.runs', { choices: { labels, runs: [[labels.length, 1]] } }],
    ['choices.runs', { choices: { labels, runs: [[0, 1e15]] } }],
    ['steps', { steps: '12' }],
    ['every', { every: 0 }],
    ['digests', { digests: ['0123'] }],
    ['digest', { digest: null }],
    ['verdict', { verdict: 'held' }],
    ['problem', { problem: null }],
    ['command', { command: 1 }],
    ['with', { with: { file: 'f.ts', hash: 'short' } }],
    ['colour', { colour: 'red' }],
  ])('%s that is malformed is one line with the field', (field, o) => {
    expect(() => parseRunFile(changed(o), 'f.json')).toThrow(
      expect.objectContaining({
        name: 'UsageError',
        message: expect.stringMatching(new RegExp(`^f\\.json: ${field.replace('.', '\\.')}: expected [^\\n]+$`)),
      }),
    )
  })
  it('no field may be missing', () => {
    for (const k of Object.keys(file).filter(k => k !== 'version'))
      expect(() => parseRunFile(changed({ [k]: undefined }), 'f'), k).toThrow(new RegExp(`^f: ${k}: expected`))
  })
  it('of another version is refused, and why', () => {
    expect(() => parseRunFile(changed({ version: 1 }), 'f')).toThrow(
      /^f: version: the file has 1, this famsim reads 3; /,
    )
    // Another version may have other fields: its version is what is told.
    expect(() => parseRunFile('{"famsim":"run","version":4}', 'f')).toThrow(/version/)
  })
  it.each(['', '{', 'null', '[]', '7', '"run"'])('%j is no run file', text => {
    expect(() => parseRunFile(text, 'f')).toThrow(/^f: [^\n]+$/)
  })
  it('names its scenario so that it is found again', () => {
    const repo = '/r'
    expect(scenarioName('/r/scenarios/a.ts', '/tmp/x.json', repo)).toBe('scenarios/a.ts')
    expect(scenarioName('/home/me/a.ts', '/home/me/out/x.json', repo)).toBe('../a.ts')
    for (const [path, out] of [
      ['/r/scenarios/a.ts', '/tmp/x.json'],
      ['/home/me/a.ts', '/home/me/out/x.json'],
      ['/home/me/a.ts', '/home/me/x.json'],
    ] as const)
      expect(scenarioPlaces(scenarioName(path, out, repo), out, repo)).toContain(join(path))
  })
})

describe('a race', () => {
  const racy = scenario('a race', ({ world }) => {
    const host = world.host('h0')
    const x = new Cell(world.m, 'x', 0)
    for (const name of ['a', 'b'])
      host.app(name, function* () {
        yield* x.store(1)
      })
  })
  it('is a failure, and a file, for who asked for races', () => {
    const asked = { ...setting, races: true }
    expect(search(racy, { ...setting, strategy: 'random', runs: 20 }).failure).toBe(null)
    for (const strategy of ['random', 'exhaustive']) {
      const f = search(racy, { ...asked, strategy, runs: 20 }).failure!
      expect(f.problem.kind).toBe('data race')
      const made = makeRunFile({ ...asked, scenario: 's.ts', title: '', command: '' }, f.run)
      const read = parseRunFile(printRunFile(made), 'f')
      expect(replay(racy, read)).toMatchObject({ difference: null, problem: { kind: 'data race' } })
      expect(replay(racy, { ...read, races: false }).problem).toBe(null)
    }
  })
})

describe('replay', () => {
  it('makes the same run, digest by digest, and shows its events', () => {
    const events: TraceEvent[] = []
    const r = replay(s, file, { sink: e => events.push(e) })
    expect(r).toMatchObject({ difference: null, decisions: countChoices(file.choices) })
    expect(r.result.digest).toBe(file.digest)
    expect(r.problem).toMatchObject(file.problem)
    expect(events.length).toBeGreaterThanOrEqual(file.steps)
  })
  it('names the decision that does not fit any more', () => {
    const { labels, runs } = file.choices
    const gone = { labels: labels.map(([k, l]) => [k, l === 'h0/c' ? 'h0/gone' : l] as const), runs }
    const r = replay(s, { ...file, choices: gone })
    let at = 0
    for (const [i, n] of runs) {
      if (labels[i]![1] === 'h0/c') break
      at += n
    }
    expect(r.divergence?.at).toBe(at)
    expect(r.difference).toMatch(
      new RegExp(`^at decision ${at} the record takes 'h0/gone' \\(schedule\\), but .*'h0/c'`),
    )
  })
  it('goes on under a strategy from the first difference, and no sooner', () => {
    const { labels, runs } = file.choices
    const gone = { labels: labels.map(([k, l]) => [k, l === 'h0/c' ? 'h0/gone' : l] as const), runs }
    const follow = decodeChoices(file.choices)
    const seen = new Set<string>()
    for (let seed = 1; seed <= 5; seed++) {
      const r = replay(s, { ...file, choices: gone }, { on: new RandomChooser(seed) })
      expect(r.choices.slice(0, r.divergence!.at)).toEqual(follow.slice(0, r.divergence!.at))
      seen.add(r.result.interleaving)
    }
    expect(seen.size).toBeGreaterThan(3)
    // A trace that differs while every decision fits: from the digest that tells so.
    const digests = file.digests.map((d, i) => (i >= 2 ? '0'.repeat(16) : d))
    const r = replay(s, { ...file, digests }, { on: new RandomChooser(1) })
    const same = r.choices.findIndex((c, i) => c.label !== follow[i]?.label)
    expect(same).toBeGreaterThanOrEqual(2 * file.every)
    expect(same).toBeLessThan(4 * file.every)
    // Nothing differs: the strategy is not asked.
    expect(replay(s, file, { on: new RandomChooser(1) })).toMatchObject({ difference: null, choices: follow })
  })
  it('names the steps between which the trace is another one', () => {
    const digests = file.digests.map((d, i) => (i >= 2 ? '0'.repeat(16) : d))
    expect(replay(s, { ...file, digests } as RunFile).difference).toContain(
      `between steps ${2 * file.every} and ${3 * file.every}`,
    )
    expect(replay(s, { ...file, digest: '0'.repeat(16) }).difference).toContain('after step')
  })
  it('tells of a record that is too short or too long', () => {
    const { labels, runs } = file.choices
    const short = { labels, runs: runs.slice(0, -1) }
    expect(replay(s, { ...file, choices: short }).difference).toContain('the record has ended')
    const long = { labels, runs: [...runs, [0, 5] as const] }
    expect(replay(s, { ...file, choices: long }).difference).toMatch(
      /^the run ends after \d+ decisions, the record has/,
    )
  })
  it('tells of a changed program', () => {
    expect(replay(twoPreemptions(150), file).difference).toMatch(/^(at decision|between steps) \d+/)
  })
  it('tells of a problem that is another one', () => {
    expect(replay(s, { ...file, problem: { kind: 'oops', text: '?' } }).difference).toContain('the record says oops: ?')
    expect(replay(s, { ...file, verdict: 'deadlock' }).difference).toContain(
      'the record says deadlock, this run failed',
    )
  })
  it('a timed run can be a file too, with its durations', () => {
    const t = scenario('timed', ({ world }) => {
      const host = world.host('h0')
      const x = new Cell(world.m, 'x', 0)
      host.app('a', function* () {
        for (let i = 0; i < 50; i++) yield* x.store(i)
      })
      host.app('b', function* () {
        for (let i = 0; i < 30; i++) yield* x.load()
        world.expect('x', yield* x.load(), -1)
      })
    })
    const timed = { ...setting, policy: 'timed' as const }
    const f = search(t, { ...timed, strategy: 'random' }).failure!
    const made = makeRunFile({ ...timed, scenario: 't', title: '', command: '' }, f.run)
    expect(replay(t, made).difference).toBe(null)
  })
})
