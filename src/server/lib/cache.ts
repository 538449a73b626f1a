// The cache-control library of famfs user space (userspace.md c.1): three operations on a range of mapped addresses, which
// reaches from the line of its first byte to the line of its last. None of them drops data that was not written back.
import type { Sys } from '../../kernel/index.ts'
import { kfn, type Step } from '../../sim/index.ts'

/** Dirty lines are in the memory when this returns; all stay in the cache. */
export const flush_processor_cache = kfn(
  'flush_processor_cache',
  function* (sys: Sys, addr: number, len: number): Step<void> {
    yield* sys.clwb(addr, len)
    yield* sys.sfence()
  },
)

/** Dirty lines are in the memory when this returns; the next load of any of them comes from there. */
export const invalidate_processor_cache = kfn(
  'invalidate_processor_cache',
  function* (sys: Sys, addr: number, len: number): Step<void> {
    yield* sys.clflushopt(addr, len)
    yield* sys.sfence()
  },
)

/** The same, after all that was flushed before. */
export const hard_flush_processor_cache = kfn(
  'hard_flush_processor_cache',
  function* (sys: Sys, addr: number, len: number): Step<void> {
    yield* sys.sfence()
    yield* sys.clflushopt(addr, len)
    yield* sys.sfence()
  },
)
