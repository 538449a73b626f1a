// Memory hotplug as kmem and sysfs reach it (mm/memory_hotplug.c, drivers/base/memory.c): blocks of 128 MiB that appear
// offline, go online into a zone, and go offline again when nobody uses their pages. What goes online belongs to the host's
// allocator, which clears it: whoever else had something there has lost it.
// Locking: mem_hotplug_lock for writing across everything that changes a block.
import { type DaxRange, type dev_dax, MEMORY_BLOCK_SIZE, type MemoryHotplug, offset_of } from '../../devdax/index.ts'
import { ram_clear } from '../../fabric/index.ts'
import { type Alloc, Cell, down_write, JMap, kfn, type Op, RwSemaphore, type Step, up_write } from '../../sim/index.ts'
import { EBUSY, EEXIST, EINVAL, ENOMEM } from '../../wire/index.ts'
import type { Kernel } from '../kernel.ts'

/** Zone of an online block: what is movable can be taken out again. */
export type Zone = 'Movable' | 'Normal'

/** One memory block; its number is its physical address divided by the block size. */
export interface MemoryBlock {
  readonly dev: dev_dax
  readonly state: 'online' | 'offline'
  /** Where its pages are while it is online. */
  readonly zone: Zone | null
  /** Pages that somebody holds so that they cannot be moved away. */
  readonly pinned: number
}

/** /sys/devices/system/memory/auto_online_blocks */
export type AutoOnline = 'offline' | 'online' | 'online_movable'

/** What a block needs of struct pages: 64 bytes for each 4 KiB. */
const MEMMAP = (MEMORY_BLOCK_SIZE / 4096) * 64

/** Numbers of the blocks of a range. */
const blocks_of = (r: DaxRange): number[] => {
  const out: number[] = []
  for (let at = r.start; at < r.start + r.len; at += MEMORY_BLOCK_SIZE) out.push(at / MEMORY_BLOCK_SIZE)
  return out
}

export class Hotplug implements MemoryHotplug {
  readonly k: Kernel
  readonly blocks: JMap<number, MemoryBlock>
  readonly auto_online: Cell<AutoOnline>
  readonly lock: RwSemaphore
  /** struct pages of each block, if they lie in this host's own memory. */
  readonly memmap: JMap<number, Alloc>

  constructor(k: Kernel) {
    this.k = k
    this.blocks = new JMap(k.m.journal)
    this.auto_online = new Cell<AutoOnline>(k.m, 'auto_online_blocks', 'offline')
    this.lock = new RwSemaphore(k.m, 'mem_hotplug_lock')
    this.memmap = new JMap(k.m.journal)
  }

  add_memory_driver_managed(dev: dev_dax, range: DaxRange): Op<number> {
    return add_memory(this, dev, range)
  }
  remove_memory(dev: dev_dax, range: DaxRange): Op<number> {
    return remove_memory(this, dev, range)
  }

  /** Blocks of a device, by number. */
  of(dev: dev_dax): [number, MemoryBlock][] {
    return this.blocks
      .entries()
      .filter(e => e[1].dev === dev)
      .sort((a, b) => a[0] - b[0])
  }

  /** Pin a page of the device's online memory, as a driver or an I/O does; false when none is online. */
  pin(dev: dev_dax): boolean {
    const at = this.of(dev).find(e => e[1].state === 'online')
    if (at === undefined) return false
    this.blocks.set(at[0], { ...at[1], pinned: at[1].pinned + 1 })
    return true
  }
  /** Take a pin back; false when there is none. */
  unpin(dev: dev_dax): boolean {
    const at = this.of(dev).find(e => e[1].pinned > 0)
    if (at === undefined) return false
    this.blocks.set(at[0], { ...at[1], pinned: at[1].pinned - 1 })
    return true
  }
}

const add_memory = kfn('add_memory_driver_managed', function* (h: Hotplug, dev: dev_dax, r: DaxRange): Step<number> {
  yield* down_write(h.lock)
  const rc = yield* add_blocks(h, dev, r)
  yield* up_write(h.lock)
  const policy = yield* h.auto_online.load()
  if (rc === 0 && policy !== 'offline')
    for (const n of blocks_of(r)) yield* online_pages(h, n, policy === 'online' ? 'Normal' : 'Movable')
  return rc
})

/** The blocks of a range, all or none: 0, -EEXIST, -ENOMEM. */
const add_blocks = kfn('create_memory_block_devices', function* (h: Hotplug, dev: dev_dax, r: DaxRange): Step<number> {
  const numbers = blocks_of(r)
  if (numbers.some(n => h.blocks.has(n))) return -EEXIST
  for (const n of numbers) {
    const a = yield* h.k.kzalloc('memmap', MEMMAP)
    if (a === null) {
      for (const m of numbers) if (h.memmap.has(m)) yield* drop_block(h, m)
      return -ENOMEM
    }
    h.memmap.set(n, a)
    h.blocks.set(n, { dev, state: 'offline', zone: null, pinned: 0 })
  }
  dev.folios.appear(0, 0)
  return 0
})

const drop_block = kfn('remove_memory_block', function* (h: Hotplug, n: number): Step<void> {
  const a = h.memmap.get(n)!
  h.memmap.delete(n)
  h.blocks.delete(n)
  yield* h.k.kfree(a)
})

const remove_memory = kfn('remove_memory', function* (h: Hotplug, dev: dev_dax, r: DaxRange): Step<number> {
  yield* down_write(h.lock)
  const mine = h.of(dev).filter(([n]) => n * MEMORY_BLOCK_SIZE >= r.start && n * MEMORY_BLOCK_SIZE < r.start + r.len)
  const busy = mine.some(([, b]) => b.state === 'online')
  if (!busy) for (const [n] of mine) yield* drop_block(h, n)
  if (h.of(dev).length === 0) dev.folios.vanish()
  yield* up_write(h.lock)
  return busy ? -EBUSY : 0
})

/**
 * Writing `online`, `online_kernel` or `online_movable` to a block: its pages go to the allocator, cleared: 0, or -EINVAL
 * when there is no such block or it is online. A page that its last driver left in some state is reported (B05).
 */
export const online_pages = kfn('online_pages', function* (h: Hotplug, n: number, zone: Zone): Step<number> {
  yield* down_write(h.lock)
  const b = h.blocks.get(n)
  const rc = b === undefined || b.state === 'online' ? -EINVAL : 0
  if (rc === 0) {
    const { dev } = b!
    const off = offset_of(dev.ranges, n * MEMORY_BLOCK_SIZE)
    bad_pages(h.k, dev, off)
    yield* ram_clear(dev, off, MEMORY_BLOCK_SIZE)
    h.blocks.set(n, { ...b!, state: 'online', zone })
  }
  yield* up_write(h.lock)
  return rc
})

/** check_new_page_bad(): a page that comes to the allocator has no mapping, no users and is no part of a larger one. */
const bad_pages = (k: Kernel, dev: dev_dax, off: number): void => {
  const first = off / 4096
  const left = dev.folios.entries().filter(([p]) => p >= first && p < first + MEMORY_BLOCK_SIZE / 4096)
  if (left.length === 0) return
  const [p, f] = left[0]!
  const what = `order ${f.order}, ${f.mapping === null ? 'no mapping' : 'mapping set'}, refcount ${f.refcount}`
  k.warn(`Bad page state: ${left.length} folios of ${dev.memory.name}, the first page ${p}: ${what}`)
  for (const [head] of left) dev.folios.forget(head)
}

/** Writing `offline` to a block: 0, -EINVAL (it is), or -EBUSY: a page of it cannot be moved away. */
export const offline_pages = kfn('offline_pages', function* (h: Hotplug, n: number): Step<number> {
  yield* down_write(h.lock)
  const b = h.blocks.get(n)
  let rc = 0
  if (b === undefined || b.state === 'offline') rc = -EINVAL
  else if (b.pinned > 0) rc = -EBUSY
  else h.blocks.set(n, { ...b, state: 'offline', zone: null })
  yield* up_write(h.lock)
  return rc
})
