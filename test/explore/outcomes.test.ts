// All that executions come to: a failure is listed and does not hide what comes after it; the whole tree gives every outcome.
import { expect, it } from 'vitest'
import { outcomes } from '../../src/explore/index.ts'
import { Cell } from '../../src/sim/index.ts'
import { scenario } from '../../src/world/index.ts'

/** Two tasks add one each, by load and store; b fails when it comes first. */
const lost = scenario('lost additions', ({ world }) => {
  const host = world.host('h0')
  const x = new Cell(world.m, 'x', 0)
  for (const name of ['a', 'b'])
    host.app(name, function* () {
      const v = yield* x.load()
      if (name === 'b' && v === 0) world.m.problem('too early', `b sees 0x${v}`)
      yield* x.store(v + 1)
      world.say(`stores ${v + 1}`)
    })
})
const setting = { seed: 1, kernel: null, switches: {}, policy: 'free' } as const

it('lists what was said by task, whoever said it first, and every problem', () => {
  const o = outcomes(lost, { ...setting, strategy: 'exhaustive' })
  expect(o.search.finished).toBe(true)
  expect(o.said.map(([s]) => s)).toEqual([
    'h0/a: stores 1; h0/b: stores 1',
    'h0/a: stores 1; h0/b: stores 2',
    'h0/a: stores 2; h0/b: stores 1',
  ])
  expect(o.problems.map(([p]) => p)).toEqual(['too early: b sees N'])
})
it('a sampler goes on to its budget', () => {
  const o = outcomes(lost, { ...setting, strategy: 'random', runs: 50 })
  expect(o.search.executions).toBe(50)
  expect(o.said.reduce((n, [, made]) => n + made, 0)).toBe(50)
  expect(o.problems[0]![1]).toBeLessThan(50)
})
it('a bound hides what needs more preemptions', () => {
  const o = outcomes(lost, { ...setting, strategy: 'exhaustive', exhaustive: { preemptions: 0 } })
  expect(o.said.map(([s]) => s)).toEqual(['h0/a: stores 1; h0/b: stores 2', 'h0/a: stores 2; h0/b: stores 1'])
})
it('a focus lets a task be preempted in the named functions only', () => {
  const o = outcomes(lost, { ...setting, strategy: 'exhaustive', exhaustive: { focus: ['fuse_open'] } })
  expect(o.said).toHaveLength(2)
})
it('a focus on what is no function is refused, not searched in vain', () => {
  const vain = () => outcomes(lost, { ...setting, strategy: 'exhaustive', exhaustive: { focus: ['fuse_opne'] } })
  expect(vain).toThrow(/no function of the model is called 'fuse_opne'; did you mean .*fuse_open/)
})
