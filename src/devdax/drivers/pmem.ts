// pmem (drivers/nvdimm/pmem.c): an nvdimm namespace as a block device that file systems map directly. Not of the dax bus:
// its dax_device is found by the block device (fs_dax_get_by_bdev). What the standalone famfs ran on first.
import { kfn, type Step } from '../../sim/index.ts'
import { EINVAL, ENODEV } from '../../wire/index.ts'
import type { dev_dax } from '../device.ts'
import { devm_add_action } from '../devres.ts'
import { type dev_pagemap_ops, devm_memremap_pages, devm_request_mem_region } from '../pgmap.ts'
import { offset_of } from '../range.ts'
import { dax_holder_notify_failure, dax_set_ops, kill_dax, PAGE_SIZE, run_dax } from '../super.ts'
import { dev_dax_ops } from './direct-access.ts'

/** pmem_pagemap_memory_failure() */
const pmem_pagemap_memory_failure = kfn(
  'pmem_pagemap_memory_failure',
  function* (dev: dev_dax, pfn: number, nr_pages: number, mf_flags: number): Step<number> {
    const off = offset_of(dev.ranges, pfn * PAGE_SIZE)
    return yield* dax_holder_notify_failure(dev.dax_dev, off, nr_pages * PAGE_SIZE, mf_flags)
  },
)

const pmem_pagemap_ops: dev_pagemap_ops = { owner: 'pmem', memory_failure: pmem_pagemap_memory_failure }

const pmem_kill = kfn('pmem_release_disk', function* (dev: dev_dax): Step<void> {
  yield* kill_dax(dev.dax_dev)
})

/** pmem_attach_disk(): 0, -ENODEV (no nvdimm namespace), -EINVAL, -EBUSY, -ENOMEM. */
export const pmem_attach_disk = kfn('pmem_attach_disk', function* (dev: dev_dax): Step<number> {
  const pgmap = yield* dev.pgmap.load()
  if (dev.memory.region !== 'static' || pgmap === null) return -ENODEV
  if (dev.ranges.length > 1) return -EINVAL
  let rc = yield* devm_request_mem_region(dev, 'pmem')
  if (rc !== 0) return rc
  dev.cached_size = dev.memory.size
  yield* pgmap.type.store('MEMORY_DEVICE_FS_DAX')
  yield* pgmap.ops.store(pmem_pagemap_ops)
  yield* pgmap.vmemmap_shift.store(0)
  rc = yield* devm_memremap_pages(dev, pgmap)
  if (rc !== 0) return rc
  rc = yield* dax_set_ops(dev.dax_dev, dev_dax_ops)
  if (rc !== 0) return rc
  devm_add_action(dev, 'dax_set_ops(NULL)', () => dax_set_ops(dev.dax_dev, null))
  yield* run_dax(dev.dax_dev)
  devm_add_action(dev, 'pmem_release_disk', () => pmem_kill(dev))
  return 0
})
