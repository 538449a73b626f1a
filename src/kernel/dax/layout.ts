// Waiting for pages of a DAX file that somebody outside of the page tables uses (fs/dax.c; kernel.md 2.13): a file's memory must
// not be given to another while a driver or a pipe still has a reference on it.
// Locking: none of ours is held across the wait; it cannot be broken off (R15).
import { type dev_dax, PAGE_SIZE } from '../../devdax/index.ts'
import { kfn, type Step, wait_event } from '../../sim/index.ts'
import { END_OF_FILE, unmap_mapping_pages } from '../mm/zap.ts'
import type { Inode } from '../vfs/inode.ts'
import type { AddressSpace } from './address_space.ts'
import { __dax_invalidate_entry, entries_in, entry_of, get_unlocked_entry } from './entry.ts'

/** A page of a device, by its folio. */
interface BusyPage {
  readonly dev: dev_dax
  readonly page: number
}

/** dax_page_is_idle(): nobody has it pinned. (How many references an idle page has depends on the driver that made it, B04.) */
const dax_page_is_idle = ({ dev, page }: BusyPage): boolean => dev.folios.of(page).folio.pincount === 0

/** dax_busy_page(): does anything but page tables count on the folio? One whose counts are wrong looks so for ever (L21). */
const dax_busy_page = ({ dev, page }: BusyPage): boolean => {
  if (!dev.folios.present) return false
  const { pincount, mapcount } = dev.folios.of(page).folio
  return pincount > 0 || mapcount < 0
}

/** dax_layout_busy_page(): nobody maps the file any more; a page of it that is used nevertheless, or undefined. */
const dax_layout_busy_page = (mapping: AddressSpace): BusyPage | undefined => {
  if (mapping.i_mmap.length > 0) unmap_mapping_pages(mapping, 0, END_OF_FILE, false)
  for (const at of entries_in(mapping, 0, END_OF_FILE)) {
    const e = entry_of(at)!
    if (e.kind === 'EMPTY') continue
    const page = { dev: e.dev!, page: e.off / PAGE_SIZE }
    if (dax_busy_page(page)) return page
  }
  return undefined
}

/**
 * The page is idle, and busy: its counts do not agree, and the task looks again without end. Measured: it cannot be killed and
 * the machine needs a reset (oracle shared_extent). The watchdog says so, and the task never comes back.
 */
const spins = kfn('dax_break_layout_final spins', function* (inode: Inode, { dev, page }: BusyPage): Step<void> {
  const { k } = inode
  const { refcount, mapcount } = dev.folios.of(page).folio
  const text = `page ${page} of ${dev.memory.name} has ${refcount} references and ${mapcount} mappings: ${k.current.comm} looks at it for ever and cannot be killed (L21)`
  k.m.problem('soft lockup', `${k.name}: ${text}`)
  yield* wait_event(k.page_idle_wq, () => false)
})

/**
 * dax_break_layout_final(): at eviction the file is unmapped, and nobody uses a page of it any more before its entries are dropped:
 * what is still used must not become another file's. The wait is uninterruptible.
 */
export const dax_break_layout_final = kfn('dax_break_layout_final', function* (inode: Inode): Step<void> {
  const { i_mapping: mapping, k } = inode
  if (mapping.empty) return
  for (;;) {
    const busy = dax_layout_busy_page(mapping)
    if (busy === undefined) break
    if (dax_page_is_idle(busy)) yield* spins(inode, busy)
    yield* wait_event(k.page_idle_wq, () => dax_page_is_idle(busy))
  }
  for (const at of entries_in(mapping, 0, END_OF_FILE))
    if ((yield* get_unlocked_entry(at)) !== undefined) __dax_invalidate_entry(at)
})
