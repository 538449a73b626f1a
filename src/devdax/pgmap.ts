// struct dev_pagemap: the struct pages of a device, who owns them and who hears when one of them fails (kernel.md 2.14, 2.15).
// A dynamic device gets one from its driver at each probe; a static region (nvdimm) brings one that outlives drivers.
import { type Alloc, Cell, kfn, type Machine, type Op, type Step } from '../sim/index.ts'
import { EBUSY, ENOMEM } from '../wire/index.ts'
import type { DriverName, dev_dax } from './device.ts'
import { devm_add_action } from './devres.ts'

/** enum memory_type: what the pages are for. An idle page of GENERIC has a reference, one of FS_DAX none. */
export type MemoryType = 'MEMORY_DEVICE_GENERIC' | 'MEMORY_DEVICE_FS_DAX'

/** struct dev_pagemap_ops */
export interface dev_pagemap_ops {
  /** The driver it belongs to. */
  readonly owner: DriverName
  /** A page is bad: 0, -EOPNOTSUPP (the generic path goes on), or what the holder answered. */
  memory_failure?(dev: dev_dax, pfn: number, nr_pages: number, mf_flags: number): Op<number>
}

export class dev_pagemap {
  readonly id: number
  readonly type: Cell<MemoryType>
  readonly ops: Cell<dev_pagemap_ops | null>
  /** Its owner, compared by who wants to share pages. */
  readonly owner: Cell<string | null>
  /** Order of the compound pages in it. */
  readonly vmemmap_shift: Cell<number>
  constructor(m: Machine) {
    this.id = m.newId()
    this.type = new Cell<MemoryType>(m, 'pgmap->type', 'MEMORY_DEVICE_GENERIC')
    this.ops = new Cell<dev_pagemap_ops | null>(m, 'pgmap->ops', null)
    this.owner = new Cell<string | null>(m, 'pgmap->owner', null)
    this.vmemmap_shift = new Cell(m, 'pgmap->vmemmap_shift', 0)
  }
}

/** sizeof(struct page), and what of it one page of the device costs. */
const STRUCT_PAGE = 64
/** What mapping them takes when they lie elsewhere, bytes. */
const PAGE_TABLES = 4096

/** devm_kzalloc(): freed with the driver. Null: no memory. */
export const devm_kzalloc = kfn(
  'devm_kzalloc',
  function* (dev: dev_dax, name: string, size: number): Step<Alloc | null> {
    const { heap } = dev.bus
    const a = yield* heap.alloc(name, size)
    if (a !== null) devm_add_action(dev, `free ${name}`, () => heap.free(a), a)
    return a
  },
)

/** devm_request_mem_region() of all ranges: 0, or -EBUSY when somebody has one. */
export const devm_request_mem_region = kfn(
  'devm_request_mem_region',
  function* (dev: dev_dax, who: string): Step<number> {
    if ((yield* dev.reserved.load()) !== null) return -EBUSY
    yield* dev.reserved.store(who)
    devm_add_action(dev, 'release region', () => devm_release_mem_region(dev))
    return 0
  },
)
const devm_release_mem_region = kfn('devm_release_mem_region', function* (dev: dev_dax): Step<void> {
  yield* dev.reserved.store(null)
})

/**
 * memmap_init_zone_device() where the struct pages lie in the device: whatever any host had there is lost. A kernel must not
 * touch shared memory for itself; at boot it is what the world was told to do, later it is reported.
 */
const written_to_device = (dev: dev_dax): void => {
  const { m, name } = dev.bus
  dev.folios.clear()
  if (m.current?.owner == null) return
  const what = `the kernel of ${name} writes struct pages into ${dev.memory.name}, the memory that hosts share`
  m.problem('cause', `${what}: each host that does writes over the others'`)
}

/** devm_memremap_pages(): struct pages for the device: 0, or -ENOMEM. Pages are as the last driver left them. */
export const devm_memremap_pages = kfn(
  'devm_memremap_pages',
  function* (dev: dev_dax, pgmap: dev_pagemap): Step<number> {
    const { struct_pages, heap } = dev.bus
    // Elsewhere than in its own memory they cost the host page tables only.
    const size = struct_pages === 'mem' ? (dev.memory.size / 4096) * STRUCT_PAGE : PAGE_TABLES
    const pages = yield* heap.alloc('struct page[]', size)
    if (pages === null) return -ENOMEM
    if (struct_pages === 'dev') written_to_device(dev)
    const generic = (yield* pgmap.type.load()) === 'MEMORY_DEVICE_GENERIC'
    dev.folios.appear(yield* pgmap.vmemmap_shift.load(), generic ? 1 : 0)
    yield* dev.memremapped.store(pgmap)
    devm_add_action(dev, 'memunmap_pages', () => memunmap_pages(dev, generic, pages), pages)
    return 0
  },
)

/**
 * memunmap_pages(): the struct pages go. Putting the idle reference of generic pages frees them, which tidies those nobody
 * maps; pages of a file system have no idle reference and stay as they are (kernel.md 2.15, B05). Measured: pages that are
 * still mapped do not hold it up, and the later munmap finds no struct page (oracle hold.unbind_mapped).
 */
const memunmap_pages = kfn('memunmap_pages', function* (dev: dev_dax, generic: boolean, pages: Alloc): Step<void> {
  yield* dev.memremapped.store(null)
  if (generic) dev.folios.free()
  dev.folios.vanish()
  yield* dev.bus.heap.free(pages)
})

/** The pgmap a driver works with: the region's own, or a new one; null: no memory. */
export const pgmap_of = kfn('dax pgmap', function* (dev: dev_dax): Step<dev_pagemap | null> {
  const own = yield* dev.pgmap.load()
  if (own !== null) return own
  if ((yield* devm_kzalloc(dev, 'dev_pagemap', 128)) === null) return null
  return new dev_pagemap(dev.bus.m)
})
