// dax_operations of the drivers a file system can use: from a page of the device to where it lies (kernel.md 2.10, 2.15).
import { min } from '../../sim/index.ts'
import { EFAULT } from '../../wire/index.ts'
import type { DirectAccess, dax_operations, dev_dax } from '../device.ts'
import { left_in_range, NO_PHYS, offset_of, phys_of } from '../range.ts'
import { PAGE_SIZE } from '../super.ts'

/** Where a copy goes that adds the offset to the address of the first range (B35): a device offset, or -1. */
const from_first_range = (dev: dev_dax, off: number): number =>
  offset_of(dev.ranges, dev.ranges[0]!.start - dev.memory.data_offset + off)

/**
 * __dax_direct_access() of device_dax and fsdev_dax: -EFAULT when the first page or the whole range is not in one range of
 * the device. With B21 that is not looked at and a bogus address comes out: -1. A page number that reads as negative is a
 * huge one.
 */
const direct_access = (dev: dev_dax, pgoff: number, nr_pages: number): DirectAccess | number => {
  const { profile } = dev.bus
  const off = pgoff * PAGE_SIZE
  const size = nr_pages * PAGE_SIZE
  const inside = pgoff >= 0 && phys_of(dev.ranges, off) !== NO_PHYS
  const room = inside ? left_in_range(dev.ranges, off) : 0
  const end = inside ? dev.cached_size - off : 0
  const fits = inside && (size <= room || (room < end && !profile.has('L19')))
  if (!fits) {
    if (!profile.has('B21')) return -EFAULT
    return { dev, memory: dev.memory, off: -1, kaddr: -1, nr: nr_pages }
  }
  const kaddr = profile.has('B35') ? from_first_range(dev, off) : off
  return { dev, memory: dev.memory, off, kaddr, nr: min(size, min(room, end)) / PAGE_SIZE }
}

export const dev_dax_ops: dax_operations = { direct_access }
