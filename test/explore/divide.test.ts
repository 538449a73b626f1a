// A search in parts and a search that is interrupted come to what a whole one comes to.
import { describe, expect, it } from 'vitest'
import {
  divide,
  gather,
  PartSearcher,
  parseCheckpoint,
  printCheckpoint,
  Search,
  type Searched,
  type SearchOptions,
  type SearchState,
  search,
} from '../../src/explore/index.ts'
import { Cell, type Step } from '../../src/sim/index.ts'
import { type Scenario, scenario } from '../../src/world/index.ts'
import { twoPreemptions } from './fixtures/two-preemptions.ts'

const setting: SearchOptions = { strategy: 'exhaustive', seed: 1, kernel: null, switches: {}, policy: 'free' }

/** Three tasks without locks on two cells; `ends` collects what they came to. */
const mess = (ends: Set<string>, bad: string | null = null): Scenario =>
  scenario('mess', ({ world }) => {
    const { m } = world
    const [x, y] = [new Cell(m, 'x', 0), new Cell(m, 'y', 0)]
    const body = function* (k: number): Step<void> {
      yield* x.store((yield* x.load()) + k)
      yield* y.store((yield* y.load()) * 2 + (yield* x.load()))
    }
    world.addApp({
      name: 'mess',
      start: () => {
        for (const k of [1, 2, 3]) m.spawn(`t${k}`, body(k))
      },
    })
    world.eventually('no bad end', () => {
      const end = `${x.peek()} ${y.peek()}`
      // What an execution that was cut short had come to is no end.
      if (m.tasks.every(t => t.state === 2)) ends.add(end)
      return end !== bad
    })
  })
const whole = new Set<string>()
const all = search(mess(whole), setting)

describe('interrupted and resumed', () => {
  /** Search `each` executions at a time, by way of the file. */
  const inPieces = (make: (ends: Set<string>) => Scenario, each: number) => {
    const ends = new Set<string>()
    const s = make(ends)
    const searched: Searched = { ...setting, scenario: 'mess.ts', title: s.title, bound: {} }
    let from: SearchState | undefined
    for (let n = 0; n < 1000; n++) {
      const x = new Search(s, { ...setting, runs: each, from })
      x.advance()
      const r = x.result()
      from = parseCheckpoint(printCheckpoint(searched, x.state()), 'f', searched)
      x.close()
      if (r.finished || r.failure !== null) return { r, ends, pieces: n + 1 }
    }
    throw new Error('no end')
  }
  it.each([30, 100, 1000])('the same verdict and final states, %i executions at a time', each => {
    const { r, ends, pieces } = inPieces(e => mess(e), each)
    expect(r.failure).toBe(null)
    expect([...ends].sort()).toEqual([...whole].sort())
    expect(ends.size).toBeGreaterThan(10)
    if (each < 1000) expect(pieces).toBeGreaterThan(2)
    expect(r.executions).toBeGreaterThanOrEqual(all.executions)
    expect(r.stats!.complete + r.stats!.pruned).toBeLessThanOrEqual(pieces * each)
  })
  it('a failure in a later piece is found', () => {
    const last = [...whole][whole.size - 1]!
    const { r, pieces } = inPieces(e => mess(e, last), 15)
    expect(r.failure?.problem.text).toBe('eventually: no bad end')
    expect(pieces).toBeGreaterThan(1)
  })

  const searched: Searched = { ...setting, scenario: 'a.ts', title: 'a', bound: { preemptions: 2 } }
  const file = (() => {
    const x = new Search(mess(new Set()), { ...setting, runs: 5 })
    x.advance()
    const text = printCheckpoint(searched, x.state())
    x.close()
    return text
  })()
  it.each<[string, Partial<Searched>, RegExp]>([
    ['scenario', { scenario: 'b.ts' }, /^f: scenario: the file has "a.ts", this search "b.ts"; /],
    ['seed', { seed: 2 }, /^f: seed: the file has 1, this search 2; /],
    ['kernel', { kernel: 'v10' }, /^f: kernel: the file has null, this search "v10"; /],
    ['model', { model: 'weak' }, /^f: model: the file has "sc", this search "weak"; /],
    ['races', { races: true }, /^f: races: the file has false, this search true; /],
    ['bound', { bound: {} }, /^f: bound: the file has {"preemptions":2}, this search {}; /],
  ])('refuses the file of another %s', (_, o, text) =>
    expect(() => parseCheckpoint(file, 'f', { ...searched, ...o })).toThrow(text),
  )
  it('refuses what is no checkpoint, another version, and an edited one', () => {
    const edited = (f: (v: any) => void) => {
      const v = JSON.parse(file)
      f(v)
      return () => parseCheckpoint(JSON.stringify(v), 'f', searched)
    }
    expect(() => parseCheckpoint('{', 'f', searched)).toThrow(/^f: not JSON/)
    expect(edited(v => (v.famsim = 'run'))).toThrow(/^f: famsim: expected "checkpoint"/)
    expect(edited(v => (v.version = 7))).toThrow(/^f: version: the file has 7, this famsim reads 2; /)
    expect(edited(v => (v.state.where[0].todo = ['x']))).toThrow(/^f: state: expected what/)
    expect(edited(v => delete v.state.stats.depth)).toThrow(/^f: state: /)
    const state = edited(() => {})()
    const broken = { ...state, where: state.where.map(n => ({ ...n, current: 77 })) }
    expect(() => search(mess(new Set()), { ...setting, from: broken })).toThrow(/cannot be made again/)
  })
})

describe('divided', () => {
  const parts = (s: Scenario, o: SearchOptions, order: (n: number) => number[]) => {
    const plan = divide(s, o)
    // Through plain data, as it is between threads.
    const results = structuredClone(plan.jobs.map(() => null)) as any[]
    const searcher = new PartSearcher(s, o)
    for (const i of order(plan.jobs.length))
      results[i] = structuredClone(searcher.search(structuredClone(plan.jobs[i]!)))
    searcher.close()
    const first = results.findIndex(r => r.found !== null)
    return gather(s, o, plan, first < 0 ? results : results.slice(0, first + 1))
  }
  const up = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
  const down = (n: number): number[] => up(n).reverse()

  it('an exhaustive search: the same verdict and final states, more executions', () => {
    const ends = new Set<string>()
    const r = parts(mess(ends), setting, up)
    expect([...ends].sort()).toEqual([...whole].sort())
    expect(r).toMatchObject({ failure: null, finished: true, unseen: 0 })
    expect(r.executions).toBeGreaterThanOrEqual(all.executions)
  })
  it.each([0, 5, 12])('a failure is the same whatever the order the parts are done in (end %i)', n => {
    const bad = [...whole][n]!
    const [a, b] = [up, down].map(order => parts(mess(new Set(), bad), setting, order))
    expect(a!.failure?.problem.text).toBe('eventually: no bad end')
    expect(a!.failure!.reproduces).toBe(true)
    expect(b!.failure!.run.choices).toEqual(a!.failure!.run.choices)
    expect(b!.failure!.execution).toBe(a!.failure!.execution)
  })
  it('under a bound on preemptions', () => {
    const o = { ...setting, exhaustive: { preemptions: 1 } }
    const [one, many] = [new Set<string>(), new Set<string>()]
    search(mess(one), o)
    parts(mess(many), o, up)
    expect([...many].sort()).toEqual([...one].sort())
    expect(one.size).toBeLessThan(whole.size)
  })
  it('a tree that ends above the cuts has no parts', () => {
    const s = scenario('one', ({ world }) => {
      const c = new Cell(world.m, 'c', 0)
      world.addApp({
        name: 'one',
        start: () => {
          for (const n of ['a', 'b'])
            world.m.spawn(
              n,
              (function* () {
                yield* c.store(1)
              })(),
            )
        },
      })
    })
    const plan = divide(s, setting)
    expect(plan.jobs.length).toBeLessThan(8)
    expect(
      gather(
        s,
        setting,
        plan,
        plan.jobs.map(j => new PartSearcher(s, setting).search(j)),
      ),
    ).toMatchObject({ finished: true })
  })
  it('a sampler: batches with seeds of their own, the same in any order', () => {
    const o: SearchOptions = { ...setting, strategy: 'portfolio', runs: 450 }
    const [a, b] = [up, down].map(order => parts(mess(new Set()), o, order))
    expect(a).toEqual(b)
    expect(a!.executions).toBe(450)
    expect(divide(mess(new Set()), o).jobs.map(j => j.runs)).toEqual([200, 200, 50])
    expect(new Set(divide(mess(new Set()), o).jobs.map(j => j.seed)).size).toBe(3)
    expect(divide(mess(new Set()), { ...o, seed: 2 }).jobs[0]).not.toEqual(divide(mess(new Set()), o).jobs[0])
  })
  it('a sampler that finds something counts the batches before', () => {
    const o: SearchOptions = { ...setting, strategy: 'random', runs: 5000 }
    const [a, b] = [up, down].map(order => parts(twoPreemptions(20), o, order))
    expect(a!.failure!.reproduces).toBe(true)
    expect(b!.failure!.execution).toBe(a!.failure!.execution)
    expect(a!.failure!.execution).toBe(a!.executions)
  })
})
