// No image, however damaged, makes a decoder throw; `npm run bench -- --images` looks at 100,000.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { damaged, type Findings, lookAtDamaged } from './damage.ts'

test('any damage is described, checked and played without an exception', () => {
  const found: Findings = { unreadable: 0, wrong: 0, sound: 0, stopped: 0 }
  fc.assert(
    fc.property(damaged, d => lookAtDamaged(d, found)),
    { numRuns: 600, seed: 1 },
  )
  // Each of them is met, or the damage is not of every kind.
  for (const n of Object.values(found)) expect(n).toBeGreaterThan(4)
})
