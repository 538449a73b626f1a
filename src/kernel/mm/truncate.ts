// Taking what a file has in memory away (mm/truncate.c), as far as DAX files have it: entries and page tables (kernel.md 2.9, 2.12).
// Locking: an entry that a fault has locked is waited for. Between entries and page tables others may run: what faults in
// between has an entry and loses its page table entry (R22).
import { PAGE_SIZE } from '../../devdax/index.ts'
import { down_write, kfn, roundDown, roundUp, type Step, step, up_write } from '../../sim/index.ts'
import type { AddressSpace } from '../dax/address_space.ts'
import { __dax_invalidate_entry, entries_in, get_unlocked_entry, PAGES_PER_PMD } from '../dax/entry.ts'
import type { Inode } from '../vfs/inode.ts'
import { END_OF_FILE, unmap_mapping_pages } from './zap.ts'

/**
 * invalidate_inode_pages2_range() of the bytes [pos, pos + len): clean entries are dropped, dirty ones stay, and either way the
 * page tables of the range lose what they have (oracle mmap.pwrite_zaps). Copies that private stores made stay.
 */
export const invalidate_inode_pages2_range = kfn(
  'invalidate_inode_pages2_range',
  function* (mapping: AddressSpace, pos: number, len: number): Step<void> {
    if (mapping.empty) return
    let lo = roundDown(pos, PAGE_SIZE) / PAGE_SIZE
    let hi = roundUp(pos + len, PAGE_SIZE) / PAGE_SIZE
    for (const at of entries_in(mapping, lo, hi)) {
      const e = yield* get_unlocked_entry(at)
      if (e === undefined) continue
      if (e.index < lo) lo = e.index
      const end = e.index + (at.pmd ? PAGES_PER_PMD : 1)
      if (end > hi) hi = end
      if (!e.dirty) __dax_invalidate_entry(at)
    }
    yield* step()
    unmap_mapping_pages(mapping, lo, hi - lo, false)
  },
)

/** invalidate_inode_pages2(): the whole file. */
export const invalidate_inode_pages2 = (mapping: AddressSpace) =>
  invalidate_inode_pages2_range(mapping, 0, END_OF_FILE * PAGE_SIZE)

/**
 * truncate_inode_pages_range() of the pages [first, end). A file system should have broken the layouts of a DAX file before, so
 * that nothing is left to be found here: the WARN of the kernel (oracle trunc.smaller; L22w: not even that). An entry of 2 MiB that is not whole in
 * the range stays.
 */
const truncate_inode_pages_range = kfn(
  'truncate_inode_pages_range',
  function* (mapping: AddressSpace, first: number, end: number): Step<void> {
    for (const at of entries_in(mapping, first, end)) {
      if (at.index < first || at.index + (at.pmd ? PAGES_PER_PMD : 1) > end) continue
      if ((yield* get_unlocked_entry(at)) === undefined) continue
      if (!mapping.k.profile.has('L22w'))
        mapping.k.warn_once('truncate_folio_batch_exceptionals: an entry of a DAX file is truncated')
      __dax_invalidate_entry(at)
    }
  },
)

/** Pages [first, end) leave the page tables and the file. `even_cows`: copies of private stores too. */
const truncate = kfn(
  'truncate_pagecache',
  function* (inode: Inode, first: number, end: number, even_cows: boolean): Step<void> {
    const { i_mapping: mapping } = inode
    const { invalidate_lock } = mapping
    if (mapping.empty && mapping.i_mmap.length === 0) return
    if (invalidate_lock !== null) yield* down_write(invalidate_lock)
    unmap_mapping_pages(mapping, first, end - first, even_cows)
    yield* step()
    yield* truncate_inode_pages_range(mapping, first, end)
    // What was faulted in by the copy of a page in between.
    if (even_cows) unmap_mapping_pages(mapping, first, end - first, true)
    if (invalidate_lock !== null) yield* up_write(invalidate_lock)
  },
)

/** truncate_pagecache(): nothing of the file beyond `size` stays mapped or entered, copies of private stores included. */
export const truncate_pagecache = (inode: Inode, size: number) =>
  truncate(inode, roundUp(size, PAGE_SIZE) / PAGE_SIZE, END_OF_FILE, true)

/** truncate_pagecache_range(): nothing of the whole pages in the bytes [start, end) stays mapped or entered. */
export const truncate_pagecache_range = (inode: Inode, start: number, end: number) =>
  truncate(inode, roundUp(start, PAGE_SIZE) / PAGE_SIZE, roundDown(end, PAGE_SIZE) / PAGE_SIZE, false)
