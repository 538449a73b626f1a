// The shrinker: what remains fails in the same way, and nothing of it can be left out.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeChoices,
  ListChooser,
  makeRunFile,
  printRunFile,
  type RunFile,
  replay,
  sameProblem,
  search,
  shrink,
} from '../../src/explore/index.ts'
import { minimise } from '../../src/explore/shrink.ts'
import { Cell, work } from '../../src/sim/index.ts'
import { buildWorld, type Scenario, scenario } from '../../src/world/index.ts'
import { twoPreemptions } from './fixtures/two-preemptions.ts'

const setting = { seed: 1, kernel: null, switches: {}, policy: 'free' as const }

const failing = (s: Scenario, strategy = 'portfolio', seed = 1): RunFile => {
  const { failure } = search(s, { ...setting, seed, strategy, runs: 20_000 })
  return makeRunFile({ ...setting, seed, scenario: 's.ts', title: s.title, command: '' }, failure!.run)
}

describe('shrink', () => {
  it.each([
    ['portfolio', 1],
    ['random', 2],
    ['urw', 3],
    ['pos', 4],
    ['pct3', 5],
  ])('leaves the two preemptions that the bug takes (%s)', (strategy, seed) => {
    const s = twoPreemptions(20)
    const r = shrink(s, failing(s, strategy, seed))
    expect(r.minimal).toBe(true)
    expect(r.after).toMatchObject({ deviations: 2, preemptions: 2 })
    expect(r.before.deviations).toBeGreaterThanOrEqual(2)
    // In the window of a to b; in that of b to a, or to one after whom a is the default.
    expect(r.deviations[0]).toMatchObject({ label: 'h0/b', instead: 'h0/a' })
    expect(r.deviations[1]).toMatchObject({ instead: 'h0/b' })
    expect(printRunFile(r.file!).length).toBeLessThan(2048)
    expect(replay(s, r.file!).difference).toBe(null)
  })
  it('is 1-minimal: without any one of the deviations it does not fail', () => {
    const s = twoPreemptions(20)
    const r = shrink(s, failing(s, 'random'))
    const labels = decodeChoices(r.file!.choices).map(c => c.label)
    const kept = new Set(r.deviations.map(d => d.at))
    const world = buildWorld(s, { seed: 1, policy: 'free', trace: false })
    /** The file's choices; the default where they are none of `on`. */
    const fails = (on: ReadonlySet<number>) => {
      const { problems } = world.run(new ListChooser(labels.map((l, i) => (on.has(i) ? l : 'the default'))))
      return problems.length > 0
    }
    expect(fails(kept)).toBe(true)
    for (const at of kept) expect(fails(new Set([...kept].filter(x => x !== at))), `without ${at}`).toBe(false)
    world.close()
  })
  it('10 000 choices in under 10 s', () => {
    const s = twoPreemptions(3400)
    const f = failing(s, 'random')
    const started = performance.now()
    const r = shrink(s, f)
    const seconds = (performance.now() - started) / 1000
    expect(r.before.choices).toBeGreaterThanOrEqual(10_000)
    expect(r.after.deviations).toBe(2)
    expect(r.minimal).toBe(true)
    expect(seconds).toBeLessThan(10)
    expect(printRunFile(f).length).toBeGreaterThan(20_000)
    expect(printRunFile(r.file!).length).toBeLessThan(2048)
  })
  it('keeps the problem: another bug on the way is not taken for it', () => {
    // Any preemption of a breaks `easy`; `rare` takes b to run twice within a.
    const s = scenario('two bugs', ({ world }) => {
      const host = world.host('h0')
      const x = new Cell(world.m, 'x', 0)
      const n = new Cell(world.m, 'n', 0)
      host.app('a', function* () {
        yield* x.store(1)
        yield* n.store(0)
        yield* n.load()
        const seen = yield* n.load()
        if (seen === 2) world.expect('rare', seen, 0)
        else world.expect('easy', seen, 0)
        yield* x.store(0)
      })
      for (const name of ['b', 'c'])
        host.app(name, function* () {
          yield* n.rmw(v => v + 1)
        })
    })
    let file: RunFile | null = null
    for (let seed = 0; file === null; seed++) {
      const f = failing(s, 'random', seed)
      if (f.problem.text.startsWith('rare')) file = f
    }
    const r = shrink(s, file)
    expect(r.file!.problem.text).toMatch(/^rare/)
    expect(r.after.deviations).toBeGreaterThanOrEqual(1)
    expect(replay(s, r.file!).difference).toBe(null)
  })
  it('says so when the file does not fail any more', () => {
    const f = failing(twoPreemptions(20))
    const r = shrink(twoPreemptions(0), { ...f, choices: { labels: [], runs: [] } })
    expect(r).toMatchObject({ file: null, found: null, minimal: false })
  })
  it('durations are choices as well: one that is too long is enough', () => {
    const s = scenario('late', ({ world }) => {
      const host = world.host('h0')
      const c = new Cell(world.m, 'c', 0)
      host.app('a', function* () {
        for (let i = 0; i < 10; i++) yield* work(1000)
        yield* c.store(1)
      })
      host.app('b', function* () {
        for (let i = 0; i < 10; i++) yield* work(1400)
        world.expect('c', yield* c.load(), 1)
      })
    })
    const timed = { ...setting, policy: 'timed' as const }
    const { failure } = search(s, { ...timed, strategy: 'random' })
    const r = shrink(s, makeRunFile({ ...timed, scenario: 's.ts', title: s.title, command: '' }, failure!.run))
    expect(r.before.deviations).toBeGreaterThan(5)
    expect(r.deviations).toMatchObject([{ kind: 'duration', label: 'x8', instead: 'x1' }])
    expect(replay(s, r.file!).difference).toBe(null)
  })
  it('gives what it has when the time is up', () => {
    const s = twoPreemptions(500)
    const r = shrink(s, failing(s, 'random'), { maxSeconds: 0 })
    expect(r.minimal).toBe(false)
    expect(r.file!.problem.kind).toBe('expectation')
    expect(replay(s, r.file!).difference).toBe(null)
  })
})

describe('minimise', () => {
  it('finds a part that passes, 1-minimal, for any monotonic or other test', () => {
    const needs = fc.uniqueArray(fc.nat(60), { maxLength: 6 })
    fc.assert(
      fc.property(needs, fc.boolean(), (need, odd) => {
        const items = Array.from({ length: 61 }, (_, i) => i)
        // Besides all that is needed, maybe an odd number of items: not monotonic.
        const passes = (p: readonly number[]) =>
          need.every(x => p.includes(x)) && (!odd || p.length % 2 === 1 || p.length === items.length)
        const got = minimise(items, p => (passes(p) ? p : null))
        expect(passes(got)).toBe(true)
        for (const x of got) expect(passes(got.filter(y => y !== x))).toBe(false)
      }),
    )
  })
  it('of n items it takes about log n tests for each that matters', () => {
    let tests = 0
    minimise([...Array(8192).keys()], p => {
      tests++
      return p.includes(17) && p.includes(5000) ? p : null
    })
    expect(tests).toBeLessThan(100)
  })
})

describe('the same problem', () => {
  it.each([
    ['oops: a', 'oops: b', true],
    ['oops: a', 'deadlock: a', false],
    ['property: always: x', 'property: always: y', false],
    ['property: always: x', 'property: always: x', true],
    ['expectation: n: expected 1, got 2', 'expectation: n: expected 1, got 3', true],
    ['expectation: n: expected 1, got 2', 'expectation: m: expected 1, got 2', false],
  ])('%s and %s: %s', (x, y, same) => {
    const p = (s: string) => ({ kind: s.slice(0, s.indexOf(':')), text: s.slice(s.indexOf(':') + 2) })
    expect(sameProblem(p(x), p(y))).toBe(same)
    expect(sameProblem(p(x), null)).toBe(false)
  })
})
