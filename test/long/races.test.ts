// Every race of kernel.md 3.3 in every kernel: reached where its row says so, and nowhere else; and the proofs that one is not
// there: all executions with some preemptions in the functions of the race.
import { describe, expect, it } from 'vitest'
import { outcomes } from '../../src/explore/index.ts'
import { FUSED } from '../scenarios/pairs.ts'
import { RACES } from '../scenarios/races.ts'
import { reach, scenarioOf } from '../scenarios/reach.ts'

describe.each(RACES)('$id: $story', r => {
  it.each(FUSED)('%s', async kernel => {
    const n = await reach(r, kernel)
    if (r.kernels.includes(kernel)) expect(n).not.toBeNull()
    else expect(n).toBeNull()
  })
  const { proof } = r
  if (proof !== undefined)
    it.each(FUSED)('%s: cannot be, within its focus', async kernel => {
      const o = outcomes(await scenarioOf(r), {
        seed: 1,
        kernel,
        switches: {},
        policy: 'free',
        strategy: 'exhaustive',
        exhaustive: proof,
      })
      expect(o.search.finished).toBe(true)
      expect(o.search.executions).toBeGreaterThan(1)
      const seen = [...o.said, ...o.problems].map(([text]) => text)
      for (const text of r.shows) expect(seen.filter(s => s.includes(text))).toEqual([])
    })
})
