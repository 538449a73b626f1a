// fsdev_dax (drivers/dax/fsdev.c): the mode file systems use. Order-0 folios as fs/dax.c wants them, a failure handler that
// asks the holder, no mapping of the node itself (kernel.md 2.15: steps of probe and remove in this order).
import { kfn, type Step } from '../../sim/index.ts'
import { EINVAL, ENOMEM } from '../../wire/index.ts'
import type { dev_dax } from '../device.ts'
import { devm_add_action } from '../devres.ts'
import {
  type dev_pagemap,
  type dev_pagemap_ops,
  devm_memremap_pages,
  devm_request_mem_region,
  pgmap_of,
} from '../pgmap.ts'
import { offset_of } from '../range.ts'
import { dax_holder_notify_failure, dax_set_ops, kill_dax, PAGE_SIZE, run_dax } from '../super.ts'
import { cdev_device_add } from './device_dax.ts'
import { dev_dax_ops } from './direct-access.ts'

/** fsdev_pagemap_memory_failure(): from a page frame to an offset of the device, then the holder's business. */
const fsdev_pagemap_memory_failure = kfn(
  'fsdev_pagemap_memory_failure',
  function* (dev: dev_dax, pfn: number, nr_pages: number, mf_flags: number): Step<number> {
    const phys = pfn * PAGE_SIZE
    const off = dev.bus.profile.has('B30') ? phys - dev.ranges[0]!.start : offset_of(dev.ranges, phys)
    return yield* dax_holder_notify_failure(dev.dax_dev, off, nr_pages * PAGE_SIZE, mf_flags)
  },
)

const fsdev_pagemap_ops: dev_pagemap_ops = { owner: 'fsdev_dax', memory_failure: fsdev_pagemap_memory_failure }

/** fsdev_clear_folio_state(): order 0, no mapping, nothing shared; page tables that still point there are not asked (L17). */
const fsdev_clear_folio_state = kfn('fsdev_clear_folio_state', function* (dev: dev_dax): Step<void> {
  dev.folios.clear()
})

/** Without L17: nobody maps the folios any more when they are reset. */
const fsdev_unmap_folios = kfn('fsdev_unmap_folios', function* (dev: dev_dax): Step<void> {
  dev.bus.unmap_folios?.(dev)
})

const clear_pgmap_ops = kfn('fsdev_clear_pgmap_ops', function* (pgmap: dev_pagemap): Step<void> {
  yield* pgmap.ops.store(null)
  yield* pgmap.owner.store(null)
})

const fsdev_kill = kfn('fsdev_kill', function* (dev: dev_dax): Step<void> {
  yield* kill_dax(dev.dax_dev)
})

/** fsdev_dax_probe(): 0, -EINVAL (geometry, or a pgmap where none should be), -ENOMEM, -EBUSY. */
export const fsdev_dax_probe = kfn('fsdev_dax_probe', function* (dev: dev_dax): Step<number> {
  const { profile } = dev.bus
  const { region, data_offset } = dev.memory
  const fixed = region === 'static'
  if (fixed ? dev.ranges.length > 1 : (yield* dev.pgmap.load()) !== null) return -EINVAL
  const pgmap = yield* pgmap_of(dev)
  if (pgmap === null) return -ENOMEM
  const early = !fixed && profile.has('B33')
  if (early) yield* dev.pgmap.store(pgmap)
  if (fixed && !profile.has('B32')) yield* pgmap.vmemmap_shift.store(0)
  let rc = yield* devm_request_mem_region(dev, 'fsdev_dax')
  if (rc !== 0) return rc
  dev.cached_size = dev.memory.size
  yield* pgmap.type.store('MEMORY_DEVICE_FS_DAX')
  yield* pgmap.ops.store(fsdev_pagemap_ops)
  yield* pgmap.owner.store(dev.memory.name)
  rc = yield* devm_memremap_pages(dev, pgmap)
  if (rc !== 0) return rc
  if (!profile.has('B34')) devm_add_action(dev, 'clear pgmap ops', () => clear_pgmap_ops(pgmap))
  yield* fsdev_clear_folio_state(dev)
  if (!profile.has('B05')) devm_add_action(dev, 'clear folio state', () => fsdev_clear_folio_state(dev))
  if (!profile.has('L17')) devm_add_action(dev, 'unmap folios', () => fsdev_unmap_folios(dev))
  if (data_offset < 0 && !profile.has('B36')) return -EINVAL
  rc = yield* cdev_device_add(dev)
  if (rc !== 0) return rc
  rc = yield* dax_set_ops(dev.dax_dev, dev_dax_ops)
  if (rc !== 0) return rc
  devm_add_action(dev, 'dax_set_ops(NULL)', () => dax_set_ops(dev.dax_dev, null))
  yield* run_dax(dev.dax_dev)
  devm_add_action(dev, 'fsdev_kill', () => fsdev_kill(dev))
  if (!fixed) {
    if (!early) yield* dev.pgmap.store(pgmap)
    devm_add_action(dev, 'forget pgmap', () => dev.pgmap.store(null))
  }
  return 0
})
