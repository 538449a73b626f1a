import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as sim from '../../src/sim/index.ts'

describe('arithmetic', () => {
  it('rounds as whole numbers do', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), fc.integer({ min: 1, max: 2 ** 21 }), (x, y) => {
        const [X, Y] = [BigInt(x), BigInt(y)]
        expect(BigInt(sim.divUp(x, y))).toBe((X + Y - 1n) / Y)
        expect(BigInt(sim.roundUp(x, y))).toBe(((X + Y - 1n) / Y) * Y)
        expect(BigInt(sim.roundDown(x, y))).toBe((X / Y) * Y)
        expect(sim.min(x, y) + sim.max(x, y)).toBe(x + y)
        expect(sim.min(x, y) <= sim.max(x, y)).toBe(true)
      }),
    )
  })
  it('imul gives the low 32 bits, signed', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), (x, y) => {
        expect(BigInt(sim.imul(x, y))).toBe(BigInt.asIntN(32, BigInt(x) * BigInt(y)))
      }),
    )
  })
  it.each([
    ['KiB', sim.KiB(3), 3 * 2 ** 10],
    ['MiB', sim.MiB(3), 3 * 2 ** 20],
    ['GiB', sim.GiB(3), 3 * 2 ** 30],
    ['TiB', sim.TiB(3), 3 * 2 ** 40],
    ['us', sim.us(3), 3e3],
    ['ms', sim.ms(3), 3e6],
    ['floor', sim.floor(-1.5), -2],
    ['trunc', sim.trunc(-1.5), -1],
  ])('%s', (_, got, want) => {
    expect(got).toBe(want)
  })
})
