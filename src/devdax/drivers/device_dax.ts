// device_dax (drivers/dax/device.c): the classic mode. Applications map the device node; folios are compound and get the
// node's mapping. On the levels before fsdev a file system can hold such a device, by the RFC's dax_operations.
import { kfn, type Step } from '../../sim/index.ts'
import { EINVAL, ENOMEM } from '../../wire/index.ts'
import type { dev_dax } from '../device.ts'
import { devm_add_action } from '../devres.ts'
import { devm_kzalloc, devm_memremap_pages, devm_request_mem_region, pgmap_of } from '../pgmap.ts'
import { order_of } from '../range.ts'
import { dax_set_ops, kill_dax, run_dax } from '../super.ts'
import { dev_dax_ops } from './direct-access.ts'

/**
 * dev_dax_probe(): 0, -EINVAL (geometry), -ENOMEM, -EBUSY (somebody has the memory). It gives the pgmap no operations: on
 * memory_failure() the generic path finds and kills who maps the page, unless a static pgmap still has another's (B34).
 */
export const dev_dax_probe = kfn('dev_dax_probe', function* (dev: dev_dax): Step<number> {
  const fixed = dev.memory.region === 'static'
  if (fixed ? dev.ranges.length > 1 : (yield* dev.pgmap.load()) !== null) return -EINVAL
  const pgmap = yield* pgmap_of(dev)
  if (pgmap === null) return -ENOMEM
  yield* dev.pgmap.store(pgmap)
  if (!fixed) devm_add_action(dev, 'forget pgmap', () => dev.pgmap.store(null))
  let rc = yield* devm_request_mem_region(dev, 'device_dax')
  if (rc !== 0) return rc
  dev.cached_size = dev.memory.size
  yield* pgmap.type.store('MEMORY_DEVICE_GENERIC')
  yield* pgmap.vmemmap_shift.store(order_of(dev.align))
  rc = yield* devm_memremap_pages(dev, pgmap)
  if (rc !== 0) return rc
  rc = yield* cdev_device_add(dev)
  if (rc !== 0) return rc
  if (dev.bus.profile.dax.fs_driver === 'device_dax') {
    yield* dax_set_ops(dev.dax_dev, dev_dax_ops)
    devm_add_action(dev, 'dax_set_ops(NULL)', () => dax_set_ops(dev.dax_dev, null))
  }
  yield* run_dax(dev.dax_dev)
  devm_add_action(dev, 'kill_dev_dax', () => kill_dev_dax(dev))
  return 0
})

/** cdev_device_add(): open(2) of the node finds the driver from here on: 0 or -ENOMEM. */
export const cdev_device_add = kfn('cdev_device_add', function* (dev: dev_dax): Step<number> {
  if ((yield* devm_kzalloc(dev, 'cdev map', 64)) === null) return -ENOMEM
  yield* dev.cdev.store(true)
  devm_add_action(dev, 'cdev_device_del', () => cdev_device_del(dev))
  return 0
})
const cdev_device_del = kfn('cdev_device_del', function* (dev: dev_dax): Step<void> {
  yield* dev.cdev.store(false)
})

/** kill_dev_dax(): kill_dax, then every raw mapping of the node goes. */
export const kill_dev_dax = kfn('kill_dev_dax', function* (dev: dev_dax): Step<void> {
  yield* kill_dax(dev.dax_dev)
  dev.unmap_mapping_range?.()
})
