import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Machine, Stream, Streams } from '../../src/sim/index.ts'

const draws = (s: Stream, n: number): number[] => Array.from({ length: n }, () => s.below(1000))

describe('stream', () => {
  it('gives the same draws for the same seed, others for another', () => {
    fc.assert(
      fc.property(fc.nat(), fc.string({ maxLength: 8 }), (seed, name) => {
        const a = draws(new Streams(seed).stream(name), 20)
        expect(draws(new Streams(seed).stream(name), 20)).toEqual(a)
        expect(draws(new Streams(seed + 1).stream(name), 20)).not.toEqual(a)
        expect(draws(new Streams(seed).stream(`${name}'`), 20)).not.toEqual(a)
      }),
    )
  })
  it('draws these numbers on every machine', () => {
    const s = new Streams(1).stream('schedule')
    expect([draws(s, 5), s.u32(), s.u32()]).toEqual([[423, 248, 464, 986, 698], 1847929210, 2418846109])
  })
  it('stays in range, and reaches all of it', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 8 }), (seed, n) => {
        const s = new Stream(`${seed}`)
        const seen = new Set<number>()
        for (let i = 0; i < 300; i++) seen.add(s.below(n))
        expect([...seen].sort()).toEqual(Array.from({ length: n }, (_, i) => i))
        const u = s.u32()
        expect(Number.isInteger(u) && u >= 0 && u <= 0xffffffff).toBe(true)
      }),
    )
  })
  it('goes on from a saved state as if nothing had been drawn since', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(20), fc.nat(20), (seed, before, between) => {
        const s = new Stream(`${seed}`)
        draws(s, before)
        const state = s.save()
        const next = draws(s, 10)
        draws(s, between)
        for (let i = 0; i < 3; i++) {
          s.restore(state)
          expect(draws(s, 10)).toEqual(next)
        }
        const other = new Stream(`${seed}`)
        other.restore(state)
        expect(draws(other, 10)).toEqual(next)
      }),
    )
  })
})

/** Draw from streams in this order; what each stream gave. */
const drawn = (streams: Streams, order: readonly string[]): Map<string, number[]> => {
  const out = new Map<string, number[]>()
  for (const name of order) out.set(name, [...(out.get(name) ?? []), streams.stream(name).u32()])
  return out
}

describe('streams', () => {
  it('are independent: what one gives does not depend on draws of others', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(fc.constantFrom('schedule', 'faults', 'workload'), { maxLength: 60 }),
        (seed, o) => {
          const mixed = drawn(new Streams(seed), o)
          for (const [name, got] of mixed)
            expect(
              drawn(
                new Streams(seed),
                got.map(() => name),
              ).get(name),
            ).toEqual(got)
        },
      ),
    )
  })
  it('canary: one generator for all would shift', () => {
    const one = new Streams(3)
    const a = [one.stream('x').u32(), one.stream('x').u32()]
    const other = new Streams(3)
    const first = other.stream('x').u32()
    other.stream('x').u32()
    expect([first, other.stream('x').u32()]).not.toEqual(a)
  })
  it('restore all streams, also those first used after the save', () => {
    const s = new Streams(5)
    const order = ['a', 'b', 'b']
    drawn(s, order)
    const saved = s.save()
    const after = ['b', 'new', 'a', 'new']
    const first = drawn(s, after)
    s.restore(saved)
    expect(drawn(s, after)).toEqual(first)
  })
  it('rewind with the machine', () => {
    const m = new Machine({ seed: 9 })
    m.streams.stream('a').u32()
    const mark = m.journal.mark()
    const first = drawn(m.streams, ['a', 'b', 'a'])
    m.journal.rewind(mark)
    expect(drawn(m.streams, ['a', 'b', 'a'])).toEqual(first)
  })
})
