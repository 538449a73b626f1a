// kmem (drivers/dax/kmem.c): the device becomes system RAM. Its pages belong to the host's allocator from then on, so sharing
// it makes no sense. Hotplug itself is the business of the host's mm, reached through the bus.
import { kfn, type Step } from '../../sim/index.ts'
import { EINVAL } from '../../wire/index.ts'
import type { dev_dax } from '../device.ts'
import { devm_request_mem_region } from '../pgmap.ts'
import type { DaxRange } from '../range.ts'

/** memory_block_size_bytes(): the grain of hotplug. */
export const MEMORY_BLOCK_SIZE = 0x8000000

/** dax_kmem_range(): the whole memory blocks of a range; a length of 0 when there is none. */
export function dax_kmem_range(r: DaxRange): DaxRange {
  const start = r.start + ((MEMORY_BLOCK_SIZE - (r.start % MEMORY_BLOCK_SIZE)) % MEMORY_BLOCK_SIZE)
  const end = r.start + r.len - ((r.start + r.len) % MEMORY_BLOCK_SIZE)
  return { start, len: end > start ? end - start : 0 }
}

/** dev_dax_kmem_probe(): 0, -EINVAL (no whole memory block), -EBUSY, or what hotplug says. */
export const dev_dax_kmem_probe = kfn('dev_dax_kmem_probe', function* (dev: dev_dax): Step<number> {
  const { hotplug } = dev.bus
  const ranges = dev.ranges.map(dax_kmem_range).filter(r => r.len > 0)
  if (ranges.length === 0 || hotplug === null) return -EINVAL
  const rc = yield* devm_request_mem_region(dev, 'System RAM (kmem)')
  if (rc !== 0) return rc
  let mapped = 0
  for (const r of ranges) {
    const err = yield* hotplug.add_memory_driver_managed(dev, r)
    if (err === 0) mapped++
    else if (mapped === 0) return err
    else break
  }
  return 0
})

/**
 * dev_dax_kmem_remove(): take every range out. Memory that is still online stays, and so does its place in the resource
 * tree, until the host is started again: nothing can be bound to the device any more.
 */
export const dev_dax_kmem_remove = kfn('dev_dax_kmem_remove', function* (dev: dev_dax): Step<void> {
  let failed = false
  for (const r of dev.ranges.map(dax_kmem_range))
    if (r.len > 0 && (yield* dev.bus.hotplug!.remove_memory(dev, r)) !== 0) failed = true
  if (failed) for (let i = dev.devres.length; i > 0; i--) dev.devres.removeAt(i - 1)
})
