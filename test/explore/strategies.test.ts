// Strategies behind the Chooser: random is a function of its seed, replay follows a record or says where it cannot.
import { describe, expect, it } from 'vitest'
import { ListChooser, RandomChooser, ReplayChooser, Tape } from '../../src/explore/index.ts'
import { Cell, type Choice, type Chooser, Machine, type Step } from '../../src/sim/index.ts'

/** Three tasks that each add to a number without a lock; the end depends on the schedule. */
function race(chooser: Chooser, rounds = 3): { value: number; interleaving: string; choices: readonly Choice[] } {
  const m = new Machine({ policy: 'free' })
  m.trace.on = false
  const c = new Cell(m, 'c', 0)
  for (const name of ['a', 'b', 'c'])
    m.spawn(
      name,
      (function* (): Step<void> {
        for (let i = 0; i < rounds; i++) yield* c.store((yield* c.load()) + 1)
      })(),
    )
  const tape = new Tape(m, chooser)
  m.run(tape)
  return { value: c.peek(), interleaving: m.interleaving(), choices: tape.choices }
}

describe('random', () => {
  it('makes the same choices from the same seed, others from another', () => {
    expect(race(new RandomChooser(5))).toEqual(race(new RandomChooser(5)))
    const seen = new Set(Array.from({ length: 50 }, (_, s) => race(new RandomChooser(s)).interleaving))
    expect(seen.size).toBeGreaterThan(40)
  })
  it('canary: finds the lost update', () => {
    const values = Array.from({ length: 50 }, (_, s) => race(new RandomChooser(s)).value)
    expect(Math.min(...values)).toBeLessThan(9)
  })
})

describe('replay', () => {
  it('makes a recorded run again', () => {
    const first = race(new RandomChooser(11))
    const again = new ReplayChooser(first.choices)
    expect(race(again)).toEqual(first)
    expect(again.complete()).toBe(true)
  })
  it('names the first decision that no longer fits', () => {
    const choices = race(new RandomChooser(11)).choices.map((c, i) => (i === 4 ? { ...c, label: 'nobody' } : c))
    const again = new ReplayChooser(choices)
    race(again)
    expect(again.divergence).toMatchObject({ at: 4, recorded: { label: 'nobody' } })
    expect(again.divergence!.options.length).toBeGreaterThan(1)
  })
  it('notices when the run goes on past the record', () => {
    const again = new ReplayChooser(race(new RandomChooser(11), 2).choices)
    race(again, 3)
    expect(again.complete()).toBe(false)
  })
})

describe('list', () => {
  it('takes what is listed, then the default', () => {
    // Both load 0, then both store 1: one update is lost.
    expect(race(new ListChooser(['a', 'a', 'b', 'b', 'b', 'a']), 1).value).toBeLessThan(3)
    expect(race(new ListChooser([]), 1).value).toBe(3)
  })
})
