// The search finds a bug that takes two preemptions, counts what it has seen, and does not take a scenario that is not
// deterministic for one that fails.
import { describe, expect, it } from 'vitest'
import { type SearchOptions, STRATEGIES, search } from '../../src/explore/index.ts'
import { Cell } from '../../src/sim/index.ts'
import { scenario } from '../../src/world/index.ts'
import { counting, silent } from './fixtures/stray.ts'
import { twoPreemptions } from './fixtures/two-preemptions.ts'

const setting: SearchOptions = { strategy: 'portfolio', seed: 1, kernel: null, switches: {}, policy: 'free' }

/** Two tasks of `n` steps each on their own cells: (2n choose n) interleavings, starts and ends aside. */
const abreast = (n: number) =>
  scenario('two tasks', ({ world }) => {
    const host = world.host('h0')
    for (const name of ['a', 'b']) {
      const c = new Cell(world.m, name, 0)
      host.app(name, function* () {
        for (let i = 0; i < n; i++) yield* c.store(i)
      })
    }
    world.sometimes('time stands still', () => true)
    world.sometimes('time runs back', () => false)
  })

describe('search', () => {
  // One change of priorities makes one of the two preemptions only.
  const able = STRATEGIES.map(s => s.name).filter(n => n !== 'pct2')
  it.each([...able, 'exhaustive'])('%s finds the bug of two windows', strategy => {
    const r = search(twoPreemptions(20), { ...setting, strategy, runs: 20_000 })
    expect(r.failure?.problem).toMatchObject({ kind: 'expectation', text: 'what a sees of y: expected 0, got 1' })
    expect(r.failure!.reproduces).toBe(true)
    expect(r.failure!.run.problem).toMatchObject({ kind: 'expectation' })
    expect(r.failure!.run.preemptions).toBeGreaterThanOrEqual(2)
    expect(r.failure!.run.digests.length).toBe(Math.floor(r.failure!.run.steps / r.failure!.run.every))
  })
  it('one preemption is not enough, two are', () => {
    const bounded = (preemptions: number) =>
      search(twoPreemptions(2), { ...setting, strategy: 'exhaustive', exhaustive: { preemptions } })
    expect(bounded(1).failure).toBe(null)
    expect(bounded(1)).toMatchObject({ finished: true, unseen: 0 })
    expect(bounded(2).failure).not.toBe(null)
    expect(bounded(2).finished).toBe(false)
  })
  it('is a function of its seed', () => {
    const found = (seed: number) => search(twoPreemptions(20), { ...setting, seed, runs: 5000 }).failure!
    expect(found(7).run.result.digest).toBe(found(7).run.result.digest)
    expect(found(7).execution).toBe(found(7).execution)
  })
  it('counts interleavings and estimates what it has not seen', () => {
    const few = search(abreast(1), { ...setting, strategy: 'random', runs: 500 })
    const many = search(abreast(30), { ...setting, strategy: 'random', runs: 500 })
    expect([few.executions, many.executions]).toEqual([500, 500])
    expect(few.distinct).toBeLessThan(50)
    expect(few.unseen).toBeLessThan(0.05)
    expect(many.distinct).toBeGreaterThan(490)
    expect(many.unseen).toBeGreaterThan(0.9)
    // Without reduction the walk makes every one of them, once.
    const all = search(abreast(1), { ...setting, strategy: 'exhaustive', exhaustive: { sleep: false, cache: false } })
    expect(all).toMatchObject({ finished: true, distinct: all.executions, capped: false })
    expect(few.distinct).toBeLessThanOrEqual(all.distinct)
  })
  it('names what no execution reached', () => {
    expect(search(abreast(1), { ...setting, runs: 3 }).unreached).toEqual(['time runs back'])
  })
  it('stops at its budget and tells how far it is', () => {
    const told: number[] = []
    const r = search(abreast(5), { ...setting, runs: 12, progress: n => told.push(n) })
    expect(r.executions).toBe(12)
    expect(told).toEqual(Array.from({ length: 12 }, (_, i) => i + 1))
    expect(search(abreast(5), { ...setting, runs: 1e9, maxSeconds: 0.05 }).executions).toBeLessThan(1e6)
    expect(search(abreast(5), { ...setting, strategy: 'exhaustive', runs: 2 })).toMatchObject({
      finished: false,
      unseen: null,
    })
  })
  it('tells the bound of a strategy that has one', () => {
    expect(search(abreast(5), { ...setting, strategy: 'pct2', runs: 10 }).story).toContain('PCT, depth 2')
  })
  it('refuses a strategy that does not exist', () => {
    expect(() => search(abreast(1), { ...setting, strategy: 'luck' })).toThrow(/'luck'.*portfolio.*exhaustive/)
  })
  it('an execution without an end is a failure', () => {
    const spin = scenario('spins', ({ world }) => {
      const c = new Cell(world.m, 'c', 0)
      world.host('h0').app('a', function* () {
        while ((yield* c.load()) === 0);
      })
    })
    const r = search(spin, { ...setting, runs: 1 })
    expect(r.failure?.problem.kind).toBe('steps')
    expect(r.failure!.reproduces).toBe(true)
    expect(r.failure!.run.digests.length).toBeLessThanOrEqual(64)
  })
  it('a property that fails in an execution the exhaustive search cuts short is not lost', () => {
    // Both orders of the two stores lead to one state, so the second is cut; only in it b stores first.
    const s = scenario('cut', ({ world }) => {
      const host = world.host('h0')
      const a = new Cell(world.m, 'a', 0)
      const b = new Cell(world.m, 'b', 0)
      host.app('a', function* () {
        yield* a.store(1)
      })
      host.app('b', function* () {
        yield* b.store(1)
      })
      world.always('a is first', () => b.peek() <= a.peek())
    })
    const r = search(s, { ...setting, strategy: 'exhaustive' })
    expect(r.failure?.problem.text).toBe('always: a is first')
    expect(r.failure!.reproduces).toBe(true)
  })
})

describe('a scenario that is not deterministic', () => {
  it.each(['portfolio', 'exhaustive'])('is caught, with the first event that differs (%s)', strategy => {
    const { failure } = search(counting, { ...setting, strategy, runs: 10 })
    expect(failure?.reproduces).toBe(false)
    expect(failure!.difference!.first!.kind.name).toBe('xchg')
    expect(failure!.difference!.second!.kind.name).not.toBe('xchg')
  })
  it('is caught when the traces are equal', () => {
    const { failure } = search(silent, { ...setting, runs: 10 })
    expect(failure).toMatchObject({ execution: 2, reproduces: false })
  })
})
