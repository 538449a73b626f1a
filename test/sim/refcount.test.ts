// refcount_t: what it counts, what it calls wrong, and that the last one to go sees what the others did.
import { describe, expect, it } from 'vitest'
import {
  Cell,
  kfn,
  Machine,
  type ModelName,
  type Op,
  Refcount,
  refcount_dec_and_test,
  refcount_inc,
  refcount_inc_not_zero,
  refcount_read,
  refcount_set,
  type Step,
} from '../../src/sim/index.ts'
import { everySchedule } from './support.ts'

const MODELS: readonly ModelName[] = ['sc', 'tso', 'weak']

/** Run operations on a count of 1 in one task: their results, then the problems. */
function run(ops: readonly ((c: Refcount) => Op<any>)[], model: ModelName): { got: unknown[]; problems: string[] } {
  const m = new Machine({ model })
  const c = new Refcount(m, 'obj->count')
  const got: unknown[] = []
  const body = kfn('body', function* (): Step<void> {
    for (const op of ops) got.push(yield* op(c))
  })
  m.spawn('t', body() as unknown as Step<void>)
  m.run()
  return { got, problems: m.problems.map(p => `${p.kind}: ${p.text}`) }
}

describe.each(MODELS)('under %s', model => {
  it('counts', () => {
    const ops = [refcount_inc, refcount_read, refcount_inc_not_zero, refcount_dec_and_test, refcount_dec_and_test]
    const more = [refcount_dec_and_test, refcount_inc_not_zero, refcount_read, (c: Refcount) => refcount_set(c, 7)]
    expect(run([...ops, ...more, refcount_read], model)).toEqual({
      got: [undefined, 2, true, false, false, true, false, 0, undefined, 7],
      problems: [],
    })
  })
  it('raised from 0: told once, and it never comes to 0 again', () => {
    const { got, problems } = run(
      [refcount_dec_and_test, refcount_inc, refcount_inc, refcount_dec_and_test, refcount_dec_and_test],
      model,
    )
    expect(problems).toEqual(['refcount: obj->count: raised from 0, so the object is gone; use after free'])
    expect(got).toEqual([true, undefined, undefined, false, false])
  })
  it('lowered below 0', () => {
    expect(run([refcount_dec_and_test, refcount_dec_and_test], model).problems).toEqual([
      'refcount: obj->count: underflow; use after free',
    ])
  })
})

it('the methods for within a step follow the same rules', () => {
  const m = new Machine()
  const c = new Refcount(m, 'c', 2)
  expect([c.dec_and_test(), c.dec_and_test()]).toEqual([false, true])
  c.inc()
  expect(c.dec_and_test()).toBe(false)
  expect(m.problems.map(p => p.text)).toEqual(['c: raised from 0, so the object is gone; use after free'])
  const d = new Refcount(m, 'd', 0)
  d.dec_and_test()
  expect(m.problems[1]!.text).toBe('d: underflow; use after free')
})

it('in every schedule exactly one of many is the last, and a late taker gets nothing or keeps the object', () => {
  const seen = new Set<string>()
  everySchedule(chooser => {
    const m = new Machine({ policy: 'free' })
    m.trace.on = false
    const c = new Refcount(m, 'c', 2)
    let last = 0
    let late: boolean | null = null
    const put = function* (): Step<void> {
      if (yield* refcount_dec_and_test(c)) last++
    }
    m.spawn('a', put())
    m.spawn('b', put())
    m.spawn(
      'late',
      (function* (): Step<void> {
        late = yield* refcount_inc_not_zero(c)
        if (late) yield* put()
      })(),
    )
    m.run(chooser)
    expect([last, m.problems.length]).toEqual([1, 0])
    seen.add(String(late))
  })
  expect([...seen].sort()).toEqual(['false', 'true'])
})

it('the last one sees what was done under the other references: no data race', () => {
  let races = 0
  everySchedule(chooser => {
    const m = new Machine({ policy: 'free', races: true })
    m.trace.on = false
    const c = new Refcount(m, 'c', 2)
    const x = new Cell(m, 'x', 0)
    const user = function* (mine: boolean): Step<void> {
      if (mine) yield* x.store(1)
      if (yield* refcount_dec_and_test(c)) yield* x.store(2)
    }
    m.spawn('a', user(true))
    m.spawn('b', user(false))
    m.run(chooser)
    races += m.problems.length
  })
  expect(races).toBe(0)
})
