// memory_failure() (mm/memory-failure.c, kernel.md 2.14): a host learns that a page is bad. For a page of a dax device the
// pgmap's operation goes first, which asks the holder; without one the generic path finds who maps the page and kills them.
// Locking: the folio's dax entry across the generic path. The holder takes its own.
import { type DaxMemory, type dev_dax, MEMORY_BLOCK_SIZE, PAGE_SIZE, phys_of } from '../../devdax/index.ts'
import { kfn, roundDown, type Step } from '../../sim/index.ts'
import { EBUSY, ENXIO, EOPNOTSUPP } from '../../wire/index.ts'
import { dax_lock_folio, dax_unlock_folio } from '../dax/entry.ts'
import { POISON, RECOVERY } from '../events.ts'
import type { Kernel } from '../kernel.ts'
import { collect_procs, unmap_and_kill } from './kill_procs.ts'

/**
 * The host learns that the page at byte `off` of `memory` is bad. 0: dealt with; -ENXIO: no such page here, or the device is
 * dead; -EBUSY: nobody has the page; else what the holder answers.
 */
export const memory_failure = kfn(
  'memory_failure',
  function* (k: Kernel, memory: DaxMemory, off: number, mf_flags: number): Step<number> {
    const page = roundDown(off, PAGE_SIZE) / PAGE_SIZE
    k.m.emit(POISON, k.name, memory, page * PAGE_SIZE, 0, null)
    const dev = k.bus.devices().find(d => d.memory === memory)
    if (dev === undefined || page * PAGE_SIZE >= memory.size) return -ENXIO
    if ((yield* dev.driver.load()) === 'kmem') return memory_failure_online(k, dev, page)
    const rc = yield* memory_failure_dev_pagemap(k, dev, page, mf_flags)
    if (rc !== -EOPNOTSUPP) action_result(k, dev, page, rc)
    return rc
  },
)

/** action_result(): what is written to the log and counted. */
const action_result = (k: Kernel, dev: dev_dax, page: number, rc: number): void => {
  const result = rc === 0 ? 'Recovered' : 'Failed'
  k.count(k.mf_stats, result)
  k.m.emit(RECOVERY, result, dev.memory, page * PAGE_SIZE, rc, null)
}

/** The memory is system RAM: its page is taken out of use. Nothing in the model lives in such a page, so nobody dies. */
const memory_failure_online = (k: Kernel, dev: dev_dax, page: number): number => {
  const block = roundDown(phys_of(dev.ranges, page * PAGE_SIZE), MEMORY_BLOCK_SIZE) / MEMORY_BLOCK_SIZE
  if (k.hotplug.blocks.get(block)?.state !== 'online') return -ENXIO
  dev.folios.hwpoison.set(page, true)
  action_result(k, dev, page, 0)
  return 0
}

/** memory_failure_dev_pagemap(): -ENXIO when nothing has struct pages for the device. */
const memory_failure_dev_pagemap = kfn(
  'memory_failure_dev_pagemap',
  function* (k: Kernel, dev: dev_dax, page: number, mf_flags: number): Step<number> {
    const pgmap = yield* dev.memremapped.load()
    if (pgmap === null) return -ENXIO
    const ops = yield* pgmap.ops.load()
    if (ops?.memory_failure) {
      const driver = yield* dev.driver.load()
      if (ops.owner !== driver)
        k.m.problem(
          'stale handler',
          `${dev.memory.name} is bound to ${driver}; its pgmap calls the handler that ${ops.owner} left (B34)`,
        )
      const rc = yield* ops.memory_failure(dev, phys_of(dev.ranges, page * PAGE_SIZE) / PAGE_SIZE, 1, mf_flags)
      if (rc !== -EOPNOTSUPP) return rc
    }
    return yield* mf_generic_kill_procs(k, dev, page)
  },
)

/** mf_generic_kill_procs(): 0, or -EBUSY when no mapping has the page. */
const mf_generic_kill_procs = kfn(
  'mf_generic_kill_procs',
  function* (k: Kernel, dev: dev_dax, page: number): Step<number> {
    const cookie = yield* dax_lock_folio(dev, page)
    if (cookie === null) return -EBUSY
    const { head, folio } = dev.folios.of(page)
    dev.folios.hwpoison.set(head, true)
    // There is no other page to put in its place: MF_ACTION_REQUIRED | MF_MUST_KILL.
    const to_kill = collect_procs(k, cookie.mapping, folio.index, dev)
    unmap_and_kill(k, cookie.mapping, folio.index, to_kill)
    yield* dax_unlock_folio(cookie)
    return 0
  },
)
