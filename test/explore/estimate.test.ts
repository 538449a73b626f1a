// The estimate of a tree's size, on trees whose size is known.
import { describe, expect, it } from 'vitest'
import { type ExhaustiveOptions, estimate } from '../../src/explore/index.ts'
import { Cell, type Chooser, Machine, type Step } from '../../src/sim/index.ts'
import { BARE, type Program, walk } from './walk.ts'

/** Tasks of so many steps each. */
const tasks =
  (...steps: number[]) =>
  (m: Machine): Program => {
    const c = new Cell(m, 'c', 0)
    const body = function* (n: number): Step<void> {
      for (let i = 0; i < n; i++) yield* c.store(i)
    }
    return {
      tasks: Object.fromEntries(steps.map((n, i) => [`t${i}`, () => body(n)])),
      final: () => c.v,
    }
  }
const guess = (make: (m: Machine) => Program, o: ExhaustiveOptions = {}, probes = 400) => {
  const m = new Machine({ policy: 'free' })
  const p = make(m)
  const mark = m.journal.mark()
  return estimate(
    (c: Chooser) => {
      m.dropTasks()
      m.journal.rewind(mark)
      for (const [label, body] of Object.entries(p.tasks)) m.spawn(label, body())
      m.run(c)
      return m.steps
    },
    o,
    probes,
  )
}

describe('the estimate', () => {
  it.each([[[1, 1]], [[3, 3]], [[4, 2, 1]], [[2, 2, 2]]])('steps %j: near the number of executions', steps => {
    const made = walk(tasks(...steps), BARE).stats.complete
    const e = guess(tasks(...steps))
    expect(e.probes).toBe(400)
    expect(Math.abs(e.log10 - Math.log10(made))).toBeLessThan(0.15)
    expect(e.geometric).toBeLessThanOrEqual(e.log10 + 0.01)
  })
  it('known in closed form: two tasks of ten steps (and their starts) are 22 over 11', () => {
    expect(Math.abs(guess(tasks(10, 10)).log10 - Math.log10(705_432))).toBeLessThan(0.3)
  })
  it('keeps to the bound on preemptions', () => {
    const o = { preemptions: 1 }
    const made = walk(tasks(4, 4), { ...BARE, ...o }).stats.complete
    expect(Math.abs(guess(tasks(4, 4), o).log10 - Math.log10(made))).toBeLessThan(0.2)
    expect(guess(tasks(4, 4), o).log10).toBeLessThan(guess(tasks(4, 4)).log10)
  })
  it('of one way is 1, without spread', () =>
    expect(guess(tasks(5))).toEqual({ log10: 0, geometric: 0, spread: 0, probes: 400 }))
  it('stops early when the executions are long', () => expect(guess(tasks(90_000, 90_000)).probes).toBeLessThan(10))
})
