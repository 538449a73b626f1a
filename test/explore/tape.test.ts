// The tape: what it writes down is the run, and the strategy behind it does not notice.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RandomChooser, Tape } from '../../src/explore/index.ts'
import { type Chooser, Machine, type Policy, REDUNDANT, type Step, sleep, step, work } from '../../src/sim/index.ts'
import { Replay } from '../sim/support.ts'

function* busy(n: number): Step<void> {
  for (let i = 0; i < n; i++) {
    yield* step()
    yield* work(10)
    yield* sleep(i)
  }
}
function machine(policy: Policy): Machine {
  const m = new Machine({ policy })
  for (const l of ['a', 'b', 'c']) m.spawn(l, busy(4))
  return m
}
const run = (m: Machine, chooser: Chooser) => {
  const verdict = m.run(chooser)
  return { verdict, digest: m.trace.hex(), interleaving: m.interleaving(), steps: m.steps }
}

describe('tape', () => {
  it.each(['timed', 'free'] as const)('writes down labels that replay to the same run (%s)', policy => {
    fc.assert(
      fc.property(fc.nat(), seed => {
        const m = machine(policy)
        const tape = new Tape(m, new RandomChooser(seed))
        const r = run(m, tape)
        expect(tape.choices.length).toBeGreaterThan(0)
        for (const c of tape.choices) expect(c.label).toMatch(c.kind === 'schedule' ? /^[abc]$/ : /^x[0-9.]+$/)
        expect(run(machine(policy), new Replay(tape.choices))).toEqual(r)
      }),
      { numRuns: 50 },
    )
  })
  it('changes nothing of what the inner one does, and starts anew with each execution', () => {
    const m = machine('free')
    const tape = new Tape(m, new RandomChooser(3))
    expect(run(m, tape)).toEqual(run(machine('free'), new RandomChooser(3)))
    const first = tape.choices.length
    m.dropTasks()
    for (const l of ['a', 'b', 'c']) m.spawn(l, busy(1))
    const { interleaving } = run(m, tape)
    expect(tape.choices.length).toBeLessThan(first)
    const again = new Machine({ policy: 'free' })
    for (const l of ['a', 'b', 'c']) again.spawn(l, busy(1))
    expect(run(again, new Replay(tape.choices)).interleaving).toBe(interleaving)
  })
  it('passes all calls on, and does not write down REDUNDANT', () => {
    const calls: string[] = []
    const m = machine('free')
    const tape = new Tape(m, {
      begin: () => calls.push('begin'),
      spawn: t => calls.push(`spawn ${t.label}`),
      choose: (_k, o) => {
        calls.push(`choose of ${o.length}`)
        return calls.filter(c => c.startsWith('choose')).length === 2 ? REDUNDANT : 1
      },
      end: e => calls.push(`end ${e.verdict}`),
    })
    expect(run(m, tape).verdict).toBe('redundant')
    expect(calls).toEqual(['begin', 'spawn a', 'spawn b', 'spawn c', 'choose of 3', 'choose of 3', 'end redundant'])
    expect(tape.choices).toEqual([{ kind: 'schedule', label: 'b' }])
  })
  it('knows what was not the default, and what took the processor from a running task', () => {
    const m = machine('free')
    // b instead of a at the start preempts nobody; a instead of b then does.
    const answers = [1, 1]
    const tape = new Tape(m, { choose: () => answers.shift() ?? 0 })
    run(m, tape)
    expect(tape.deviations).toEqual([
      { at: 0, kind: 'schedule', label: 'b', instead: 'a' },
      { at: 1, kind: 'schedule', label: 'a', instead: 'b' },
    ])
    expect(tape.preemptions).toBe(1)
  })
})
