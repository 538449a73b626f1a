// Fault counters of the standalone famfs, for all its mounts together: off until 1 is written to fault_count_enable, which also
// clears them. The posting of Feb 2024 has them, that of Apr 2024 dropped them. They count tries: a 2 MiB fault that falls back to
// pages counts as one of each. A counter is an atomic64_t, so its own step.
import { kfn, type Step } from '../../sim/index.ts'
import { EINVAL } from '../../wire/index.ts'
import type { Kernel } from '../kernel.ts'
import { PMD_ORDER, PUD_ORDER } from '../mm/mm_struct.ts'
import { FAULT_TYPES, type FaultType } from './famfs_internal.ts'

const type_of = (order: number): FaultType | null =>
  order === 0 ? 'pte' : order === PMD_ORDER ? 'pmd' : order === PUD_ORDER ? 'pud' : null

/** famfs_inc_fault_counter_by_order(), when they are counted. */
export const famfs_count_fault = kfn('famfs_inc_fault_counter', function* (k: Kernel, order: number): Step<void> {
  const { fault_count_enable, ffc } = k.famfs!
  const type = type_of(order)
  if ((yield* fault_count_enable.load()) !== 0 && type !== null) yield* ffc[type].rmw(n => n + 1)
})

/** Write of fault_count_enable: a number above 0 clears the counters too. 0, or -EINVAL for what is no number. */
export const fault_count_enable_store = kfn(
  'fault_count_enable_store',
  function* (k: Kernel, text: string): Step<number> {
    const value = /^\s*-?\d+/.test(text) ? Number.parseInt(text, 10) : Number.NaN
    if (Number.isNaN(value)) return -EINVAL
    const { fault_count_enable, ffc } = k.famfs!
    if (value > 0) for (const t of FAULT_TYPES) yield* ffc[t].store(0)
    yield* fault_count_enable.store(value)
    return 0
  },
)
