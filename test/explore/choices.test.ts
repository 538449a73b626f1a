// Packed choices: nothing is lost, and long runs cost little.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countChoices, decodeChoices, encodeChoices, RandomChooser, Tape, UrwChooser } from '../../src/explore/index.ts'
import type { Choice, ChoiceKind } from '../../src/sim/index.ts'
import { buildWorld } from '../../src/world/index.ts'
import { twoPreemptions } from './fixtures/two-preemptions.ts'

const kind = fc.constantFrom<ChoiceKind>('schedule', 'duration', 'fault', 'load')
// Labels that are alike, and ones with the marks of the format in them.
const label = fc.oneof(fc.constantFrom('a', 'b', 'h0/a', '', '0', '__proto__', 'x"],['), fc.string())
const choices = fc.array(fc.record({ kind, label }), { maxLength: 200 })

describe('packed choices', () => {
  it('decode(encode(x)) = x, through JSON too', () => {
    fc.assert(
      fc.property(choices, x => {
        const packed = encodeChoices(x)
        expect(decodeChoices(packed)).toEqual(x)
        expect(decodeChoices(JSON.parse(JSON.stringify(packed)))).toEqual(x)
        expect(countChoices(packed)).toBe(x.length)
      }),
    )
  })
  it('has every label once, and no run beside one of the same label', () => {
    fc.assert(
      fc.property(choices, x => {
        const { labels, runs } = encodeChoices(x)
        expect(new Set(labels.map(l => JSON.stringify(l))).size).toBe(labels.length)
        for (let i = 1; i < runs.length; i++) expect(runs[i]![0]).not.toBe(runs[i - 1]![0])
      }),
    )
  })
  it('10 000 choices of a real run with long stretches take under 2 KB', () => {
    const world = buildWorld(twoPreemptions(5000), { policy: 'free', trace: false })
    // One that mostly lets the running task go on, as runs that were shrunk do.
    const now = new RandomChooser(3)
    const lazy = { label: 'go on' }
    const seldom = Array.from({ length: 100 }, () => lazy)
    const tape = new Tape(world.m, {
      choose: (k, options) => (now.choose(k, seldom) > 0 ? 0 : now.choose(k, options)),
    })
    world.run(tape)
    world.close()
    const list: Choice[] = tape.choices.slice(0, 10_000)
    expect(list.length).toBe(10_000)
    expect(tape.preemptions).toBeGreaterThan(50)
    const size = JSON.stringify(encodeChoices(list)).length
    expect(size).toBeLessThan(2048)
    expect(decodeChoices(encodeChoices(list))).toEqual(list)
  })
  it('canary: a run with no stretches is long', () => {
    const world = buildWorld(twoPreemptions(500), { policy: 'free', trace: false })
    const tape = new Tape(world.m, new UrwChooser(1))
    world.run(tape)
    world.close()
    expect(encodeChoices(tape.choices).runs.length).toBeGreaterThan(tape.choices.length / 3)
  })
})
