import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RandomChooser } from '../../src/explore/strategies/random.ts'
import {
  type Chooser,
  defaultChooser,
  Machine,
  REDUNDANT,
  Recorder,
  type Step,
  sleep,
  step,
  work,
} from '../../src/sim/index.ts'
import { Replay } from './support.ts'

function* busy(n: number): Step<void> {
  for (let i = 0; i < n; i++) {
    yield* step()
    yield* work(10)
    yield* sleep(i)
  }
}
const run = (chooser: Chooser, policy: 'timed' | 'free') => {
  const m = new Machine({ policy })
  m.trace.on = true
  for (const l of ['a', 'b', 'c']) m.spawn(l, busy(4))
  const verdict = m.run(chooser)
  return { verdict, digest: m.trace.hex(), interleaving: m.interleaving(), steps: m.steps }
}

describe('default chooser', () => {
  it('takes option 0, whatever it is asked', () => {
    expect(defaultChooser.choose('fault', [{ label: 'no' }, { label: 'yes' }], { steps: 0 })).toBe(0)
  })
})

describe('recorder', () => {
  it.each(['timed', 'free'] as const)('writes down labels that replay to the same run (%s)', policy => {
    fc.assert(
      fc.property(fc.nat(), seed => {
        const rec = new Recorder(new RandomChooser(seed))
        const r = run(rec, policy)
        expect(rec.choices.length).toBeGreaterThan(0)
        for (const c of rec.choices) expect(c.label).toMatch(c.kind === 'schedule' ? /^[abc]$/ : /^x[0-9.]+$/)
        expect(run(new Replay(rec.choices), policy)).toEqual(r)
      }),
      { numRuns: 50 },
    )
  })
  it('changes nothing of what the inner one does, and starts anew with each execution', () => {
    const rec = new Recorder(new RandomChooser(3))
    expect(run(rec, 'free')).toEqual(run(new RandomChooser(3), 'free'))
    const second = run(rec, 'free')
    expect(run(new Replay(rec.choices), 'free')).toEqual(second)
  })
  it('passes all calls on, and does not record REDUNDANT', () => {
    const calls: string[] = []
    const rec = new Recorder({
      begin: () => calls.push('begin'),
      spawn: t => calls.push(`spawn ${t.label}`),
      choose: (_k, o) => {
        calls.push(`choose of ${o.length}`)
        return calls.filter(c => c.startsWith('choose')).length === 2 ? REDUNDANT : 1
      },
      end: e => calls.push(`end ${e.verdict}`),
    })
    expect(run(rec, 'free').verdict).toBe('redundant')
    expect(calls).toEqual(['begin', 'spawn a', 'spawn b', 'spawn c', 'choose of 3', 'choose of 3', 'end redundant'])
    expect(rec.choices).toEqual([{ kind: 'schedule', label: 'b' }])
  })
})
