// The shrinker: what remains fails in the same way, and nothing of it can be left out.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeChoices,
  Follow,
  makeRunFile,
  printRunFile,
  type RunFile,
  replay,
  sameProblem,
  search,
  shrink,
} from '../../src/explore/index.ts'
import { lowest, minimise } from '../../src/explore/minimise.ts'
import { Cell, Mutex, mutex_lock, mutex_unlock, work } from '../../src/sim/index.ts'
import { after, buildWorld, GiB, MiB, poison, type Scenario, scenario, type Without } from '../../src/world/index.ts'
import { twoPreemptions } from './fixtures/two-preemptions.ts'

/** Of two faults one breaks what the second of two readers reads, a while later; the others mean nothing. */
const poisoned = scenario('a bad page', ({ world }) => {
  const dev = world.daxdev('dax0.0', { size: GiB(4) })
  const host = world.host('h0')
  const fs = host.famfs('/mnt', { mkfs: dev })
  fs.creat('/x', MiB(2))
  fs.creat('/y', MiB(2))
  const page = (path: string) => (fs.fmap(path) as { extents: { offset: number }[] }).extents[0]!.offset
  world.fault(after('FUSE_STATFS sent'), poison('dax0.0', page('/y')))
  world.fault(after('FUSE_OPEN sent'), poison('dax0.0', page('/x')))
  for (let i = 0; i < 2; i++)
    host.app('reader', function* (sys) {
      const fd = yield* sys.open('/mnt/x')
      if (i === 0) return
      yield* sys.stat('/mnt/y')
      world.expect('bytes read', yield* sys.pread(fd, 8, 0), 8)
      yield* sys.close(fd)
    })
  host.app('noise', function* (sys) {
    for (let n = 0; n < 10; n++) yield* sys.stat('/mnt')
  })
})

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
    expect(r.before).toMatchObject({ apps: 5, faults: 0 })
    expect(r.apps).toEqual(['h0/a', 'h0/b'])
    expect(r.without).toEqual({ apps: ['h0/c', 'h0/d', 'h0/e'], ends: [['h0/b', 2]], faults: [] })
    // In the window of a to b, which does no more when its own is open.
    expect(r.deviations).toMatchObject([{ kind: 'schedule', label: 'h0/b', instead: 'h0/a' }])
    expect(r.after).toMatchObject({ deviations: 1, preemptions: 1, apps: 2, faults: 0 })
    expect(printRunFile(r.file!).length).toBeLessThan(2048)
    expect(replay(s, r.file!).difference).toBe(null)
  })
  it.each([
    ['two windows', twoPreemptions(20)],
    ['faults', poisoned],
  ])('is 1-minimal: nothing of what remains can be left out (%s)', (_, s) => {
    const r = shrink(s, failing(s, 'random'))
    expect(r.minimal).toBe(true)
    const { without } = r.file!
    const all = decodeChoices(r.file!.choices)
    const world = buildWorld(s, { seed: 1, policy: 'free', trace: false })
    /** With these deviations only, and this left out. */
    const fails = (on: readonly number[], w: Without) => {
      world.leaveOut(w)
      return world.run(new Follow(all.map((c, i) => (on.includes(i) ? c : undefined)))).problems.length > 0
    }
    const kept = r.deviations.map(d => d.at)
    expect(fails(kept, without)).toBe(true)
    for (const at of kept)
      expect(
        fails(
          kept.filter(x => x !== at),
          without,
        ),
        `without ${at}`,
      ).toBe(false)
    for (const app of r.apps) {
      expect(fails(kept, { ...without, apps: [...without.apps, app] }), `without ${app}`).toBe(false)
      const end = without.ends.find(e => e[0] === app)?.[1]
      if (end === undefined) continue
      const ends = without.ends.map(e => (e[0] === app ? ([app, end - 1] as const) : e))
      expect(fails(kept, { ...without, ends }), `${app} ends after ${end - 1}`).toBe(false)
    }
    for (const f of r.faults) expect(fails(kept, { ...without, faults: [...without.faults, f] }), f).toBe(false)
    world.close()
  })
  it('keeps the fault, the reader and its calls up to the failure; the rest goes', () => {
    const r = shrink(poisoned, failing(poisoned, 'random'))
    expect(r.apps).toEqual(['h0/reader#2'])
    expect(r.faults).toEqual(['poison of dax0.0#2'])
    expect(r.without.apps).toEqual(['h0/reader', 'h0/noise'])
    expect(r.without.ends).toEqual([['h0/reader#2', 3]])
    expect(replay(poisoned, r.file!).difference).toBe(null)
  })
  it('leaving out must not make the failure: who waits for somebody keeps him', () => {
    // Holds when every choice is the default. Without `first` the second would fail by itself.
    const s = scenario('waits', ({ world }) => {
      const host = world.host('h0')
      const n = new Cell(world.m, 'n', 0)
      host.app('first', function* () {
        const v = yield* n.load()
        yield* n.store(v + 1)
      })
      host.app('second', function* () {
        const v = yield* n.load()
        yield* n.store(v + 1)
      })
      world.eventually('both counted', () => n.peek() === 2)
    })
    const r = shrink(s, failing(s))
    expect(r.apps).toEqual(['h0/first', 'h0/second'])
    expect(r.without.ends).toEqual([])
    expect(r.after.deviations).toBeGreaterThan(0)
  })
  it('who remains keeps his order, though a lock he waited for is free now', () => {
    // c holds the lock that a waits for; what fails is between a and b alone.
    const s = scenario('lock', ({ world }) => {
      const host = world.host('h0')
      const x = new Cell(world.m, 'x', 0)
      const own = new Cell(world.m, 'own', 0)
      const lock = new Mutex(world.m, 'lock')
      host.app('c', function* () {
        yield* mutex_lock(lock)
        for (let i = 0; i < 9; i++) yield* own.store(i)
        yield* mutex_unlock(lock)
      })
      host.app('a', function* () {
        yield* mutex_lock(lock)
        yield* x.store(1)
        yield* x.store(0)
        yield* mutex_unlock(lock)
      })
      host.app('b', function* () {
        world.expect('x', yield* x.load(), 0)
      })
    })
    for (let seed = 1; seed <= 8; seed++) {
      const r = shrink(s, failing(s, 'random', seed))
      expect(r.apps).toEqual(['h0/a', 'h0/b'])
      expect(r.after.deviations).toBe(1)
    }
  })
  it('what is left out of a file must be there', () => {
    const s = twoPreemptions(20)
    const f = failing(s)
    for (const [without, text] of [
      [{ apps: ['h0/x'], ends: [], faults: [] }, /no application 'h0\/x'; it has h0\/a, h0\/b/],
      [{ apps: [], ends: [['h0/x', 1]], faults: [] }, /no application 'h0\/x'/],
      [{ apps: [], ends: [], faults: ['poison d'] }, /no fault 'poison d'; it has none/],
    ] as const)
      expect(() => replay(s, { ...f, without })).toThrow(text)
  })
  it('10 000 choices in under 10 s', () => {
    const s = twoPreemptions(3400)
    const f = failing(s, 'random')
    const started = performance.now()
    const r = shrink(s, f)
    const seconds = (performance.now() - started) / 1000
    expect(r.before.choices).toBeGreaterThanOrEqual(10_000)
    expect(r.after).toMatchObject({ deviations: 1, apps: 2 })
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
  it('asks nothing about nothing', () => {
    expect(minimise([], () => [])).toEqual([])
    let asked = 0
    minimise([], p => {
      asked++
      return p
    })
    expect(asked).toBe(0)
  })
  it('finds the lowest number below which the next does not pass', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), (x, y) => {
        const [need, high] = x < y ? [x, y] : [y, x]
        expect(lowest(high, n => n >= need)).toBe(need)
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
