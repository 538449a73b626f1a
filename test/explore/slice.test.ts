// The slice: what it calls unrelated can be left out, for random programs; what it keeps is what matters, for known ones.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeChoices, Follow, makeRunFile, type RunFile, search, slice } from '../../src/explore/index.ts'
import { makeWorld } from '../../src/explore/setting.ts'
import { sliceRun } from '../../src/explore/slice.ts'
import { StepChooser, StepTape } from '../../src/explore/step-order.ts'
import {
  Cell,
  Completion,
  complete,
  kfn,
  type ModelName,
  Mutex,
  mutex_lock,
  mutex_unlock,
  type Step,
  wait_for_completion,
} from '../../src/sim/index.ts'
import { buildWorld, NOTHING, type Scenario, scenario } from '../../src/world/index.ts'
import { twoPreemptions } from './fixtures/two-preemptions.ts'

const setting = (model: ModelName = 'sc') => ({ seed: 1, kernel: null, switches: {}, policy: 'free' as const, model })
const file = (s: Scenario, model: ModelName = 'sc', seed = 1, runs = 2000): RunFile | null => {
  const o = { ...setting(model), seed }
  const { failure } = search(s, { ...o, strategy: 'random', runs })
  return failure === null ? null : makeRunFile({ ...o, scenario: 's.ts', title: s.title, command: '' }, failure.run)
}

type Act = readonly ['store' | 'load' | 'add' | 'add locked' | 'call' | 'list', number, number]
const add = kfn('add', function* (c: Cell<number>): Step<number> {
  const v = yield* c.load()
  yield* c.store(v + 1)
  return v
})

/** Tasks that store, load, add with and without a lock; each then says what it read, which is wrong unless it is as by default. */
function program(tasks: readonly (readonly Act[])[]): Scenario {
  let want: number[] | null = null
  let result: number[] = []
  const make = () =>
    scenario('random', ({ world }) => {
      const host = world.host('h0')
      const cells = [0, 1, 2].map(i => new Cell(world.m, `c${i}`, 0))
      const locks = [0, 1].map(i => new Mutex(world.m, `l${i}`))
      const got: number[] = tasks.map(() => 0)
      for (const [i, acts] of tasks.entries())
        host.app(`t${i}`, function* () {
          let sum = 0
          for (const [what, c, v] of acts) {
            const cell = cells[c]!
            if (what === 'store') yield* cell.store(v)
            else if (what === 'load') sum = (sum * 7 + (yield* cell.load())) | 0
            else if (what === 'call') sum = (sum * 7 + (yield* add(cell))) | 0
            else if (what === 'list') cell.poke(cell.peek() + v)
            else {
              const lock = locks[v % 2]!
              if (what === 'add locked') yield* mutex_lock(lock)
              yield* cell.store((yield* cell.load()) + v)
              if (what === 'add locked') yield* mutex_unlock(lock)
            }
          }
          got[i] = sum
          if (want !== null) world.expect(`t${i}`, sum, want[i])
        })
      result = got
    })
  const w = buildWorld(make(), { ...setting(), kernel: undefined, trace: false })
  w.run()
  w.close()
  want = result
  return make()
}

const act: fc.Arbitrary<Act> = fc.tuple(
  fc.constantFrom('store', 'load', 'load', 'add', 'add locked', 'call', 'list'),
  fc.nat(2),
  fc.integer({ min: 1, max: 3 }),
)

describe('slice', () => {
  it.each(['sc', 'tso', 'weak'] as const)(
    'what it calls unrelated can be left out: random programs under %s',
    model => {
      let failed = 0
      let without = 0
      fc.assert(
        fc.property(fc.array(fc.array(act, { minLength: 1, maxLength: 5 }), { minLength: 2, maxLength: 5 }), tasks => {
          const s = program(tasks)
          const f = file(s, model, 1, 20)
          if (f === null) return
          failed++
          const world = makeWorld(s, f, { trace: true })
          const x = sliceRun(world, f)
          world.close()
          expect(x.fails).toBe(true)
          const apps = x.tasks.filter(t => t.kept === 0 && world.appNames().includes(t.label)).map(t => t.label)
          if (apps.length === 0) return
          without++
          const other = makeWorld(s, f, { trace: false })
          const tape = new StepTape(other.m, new Follow(decodeChoices(f.choices)))
          other.run(tape)
          const { order } = tape
          other.leaveOut({ ...NOTHING, apps })
          const r = other.run(new StepChooser(other.m, order))
          // Who misses the one that is gone may fail too; that is another failure.
          expect(r.problems.map(p => p.text)).toContain(f.problem.text)
          other.close()
        }),
        { numRuns: 150 },
      )
      expect(failed).toBeGreaterThan(40)
      expect(without).toBeGreaterThan(10)
    },
  )
  it('keeps the four accesses of two windows, and names who does not matter', () => {
    const s = twoPreemptions(20)
    const f = file(s)!
    const x = slice(s, f)
    expect(x.without.apps).toEqual(['h0/c', 'h0/d', 'h0/e'])
    expect(x.kept.map(e => `${e.task!.label} ${e.kind.name} ${e.obj!.name}`)).toEqual([
      'h0/a store x',
      'h0/b load x',
      'h0/b store y',
      'h0/a load y',
    ])
    expect(x.events).toBeGreaterThan(60)
  })
  it('a wake-up connects, a lock that was free does not', () => {
    const s = scenario('wake', ({ world }) => {
      const host = world.host('h0')
      const { m } = world
      const data = new Cell(m, 'data', 0)
      const other = new Cell(m, 'other', 0)
      const lock = new Mutex(m, 'lock')
      const done = new Completion(m, 'done')
      host.app('waiter', function* () {
        yield* wait_for_completion(done)
        yield* mutex_lock(lock)
        const v = yield* data.load()
        yield* mutex_unlock(lock)
        world.expect('data', v, 7)
      })
      host.app('waker', function* () {
        yield* other.load()
        yield* data.store(1)
        yield* complete(done)
      })
      host.app('locker', function* () {
        yield* mutex_lock(lock)
        yield* other.store(2)
        yield* mutex_unlock(lock)
      })
    })
    const f = file(s)!
    const world = makeWorld(s, f, { trace: true })
    // As the run is: the locker may have come before the waker's look at `other`, which tells nobody anything here.
    const x = sliceRun(world, f)
    world.close()
    const kept = x.kept.map(e => `${e.task!.label} ${e.kind.name}`)
    expect(kept).toContain('h0/waker store')
    expect(kept).toContain('h0/waker complete')
    expect(kept).toContain('h0/waiter load')
    expect(kept).not.toContain('h0/locker mutex_lock')
  })
  it('of a deadlock it keeps who waits, and why nobody comes', () => {
    const s = scenario('nobody comes', ({ world }) => {
      const host = world.host('h0')
      const late = new Cell(world.m, 'late', 0)
      const own = new Cell(world.m, 'own', 0)
      const done = new Completion(world.m, 'done')
      host.app('waiter', function* () {
        yield* own.store(1)
        yield* late.store(1)
        yield* wait_for_completion(done)
      })
      host.app('opener', function* () {
        if ((yield* late.load()) === 0) yield* complete(done)
      })
    })
    let f: RunFile | null = null
    for (let seed = 1; f === null; seed++) f = file(s, 'sc', seed, 50)
    expect(f.problem.kind).toBe('deadlock')
    const kept = slice(s, f).kept.map(e => `${e.task!.label} ${e.subject} ${e.kind.name}`)
    expect(kept).toContain('h0/waiter blocks wait_event')
  })
  it('of a data race it keeps both sides', () => {
    const s = scenario('race', ({ world }) => {
      const host = world.host('h0')
      const x = new Cell(world.m, 'x', 0)
      for (const name of ['a', 'b'])
        host.app(name, function* () {
          yield* x.store(1)
        })
    })
    const o = { ...setting(), races: true }
    const { failure } = search(s, { ...o, strategy: 'random', runs: 50 })
    const f = makeRunFile({ ...o, scenario: 's.ts', title: '', command: '' }, failure!.run)
    expect(
      slice(s, f)
        .kept.map(e => e.task!.label)
        .sort(),
    ).toEqual(['h0/a', 'h0/b'])
  })
  it('a file that does not fail any more says so', () => {
    const s = twoPreemptions(5)
    const f = file(s)!
    expect(slice(s, { ...f, choices: { labels: [], runs: [] } })).toMatchObject({ fails: false, kept: [] })
  })
})
