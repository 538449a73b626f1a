// The barriers around `valid` (R5): with both halves nothing shows under any ordering; without the store's half, the load's
// half, or both, `weak` shows a slot that is valid and not yet what it says, and says what is missing; sc and tso don't.
import { describe, expect, it } from 'vitest'
import tornSlot from '../../scenarios/races/torn-slot.ts'
import { search } from '../../src/explore/index.ts'
import type { ModelName } from '../../src/sim/index.ts'

const WMB = 'smp_wmb() between the two stores (or smp_store_release for dd->valid)'
const RMB = 'smp_rmb() between the two loads (or smp_load_acquire for dd->valid)'

const CASES: readonly { readonly defect: string[]; readonly noDefect: string[]; readonly missing: string | null }[] = [
  { defect: [], noDefect: ['R5'], missing: null },
  { defect: [], noDefect: [], missing: `${RMB}; the stores are ordered already` },
  { defect: ['R5w'], noDefect: ['R5'], missing: `${WMB}; the loads are ordered already` },
  { defect: ['R5w'], noDefect: [], missing: `${WMB}; ${RMB}` },
]

const look = (model: ModelName, switches: { defect: string[]; noDefect: string[] }) =>
  search(tornSlot, {
    strategy: 'pct2',
    runs: 400,
    seed: 1,
    kernel: null,
    switches,
    policy: 'free',
    model,
    races: false,
  })

describe('the barriers around valid', () => {
  for (const { missing, ...switches } of CASES) {
    const name = `defect ${switches.defect.join() || 'none'}, without ${switches.noDefect.join() || 'none'}`
    it.each(['sc', 'tso'] as const)(`${name}: %s sees nothing`, model => {
      expect(look(model, switches).failure).toBeNull()
    })
    it(`${name}: weak ${missing === null ? 'sees nothing' : 'names the store, the load and what is missing'}`, () => {
      const p = look('weak', switches).failure?.problem
      if (missing === null) {
        expect(p).toBeUndefined()
        return
      }
      expect(p?.text).toBe('read: expected -5, got 64')
      expect(p?.ordering).toEqual([
        'store: h0/filler in famfs_fill_daxdev stores dd->dax_err = true, then dd->valid = true (in famfs_fill_daxdev)',
        'load: h0/reader in famfs_dax_err loads dd->valid = true, then dd->dax_err = false, the old one (in famfs_dax_err)',
        `missing: ${missing}`,
      ])
    })
  }
})
