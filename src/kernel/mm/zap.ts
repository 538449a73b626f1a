// Taking translations away (mm/memory.c: zap_page_range and what is built on it), and telling the other CPUs: every process that
// loses one is a TLB shoot-down.
// Locking: one step; a process that uses its translation at the time has done so before or faults after.
import type { dev_dax } from '../../devdax/index.ts'
import { type JMap, roundDown } from '../../sim/index.ts'
import type { AddressSpace } from '../dax/address_space.ts'
import { UNMAP } from '../events.ts'
import { type mm_struct, PAGE_SIZE, PMD_SIZE, type Pte, PUD_SIZE } from './mm_struct.ts'
import { folio_remove_rmap } from './rmap.ts'

/** Stands for the page behind the last of any file. */
export const END_OF_FILE = 2 ** 41

/** flush_tlb_range(): the other CPUs drop what they have of this process's translations. */
export const flush_tlb_range = (mm: mm_struct): void => {
  mm.k.count(mm.k.vm_events, 'nr_tlb_remote_flush')
}

/** Keys k of a table with start <= k * size < end, by whichever walk is shorter. */
export const keys_in = (table: JMap<number, unknown>, size: number, start: number, end: number): number[] => {
  const out: number[] = []
  if (table.size === 0) return out
  if ((end - start) / size <= table.size) {
    for (let at = roundDown(start, size); at < end; at += size) if (table.has(at / size)) out.push(at / size)
  } else for (const key of table.keys()) if (key * size > start - size && key * size < end) out.push(key)
  return out
}

/** Drop entries of one table; how many went. `cows`: also copies that private stores made. */
const zap_table = (table: JMap<number, Pte>, size: number, start: number, end: number, cows: boolean): number => {
  let n = 0
  for (const key of keys_in(table, size, start, end)) {
    const pte = table.get(key)!
    if (!cows && pte.memory === null && pte.page.kind === 'anon') continue
    table.delete(key)
    folio_remove_rmap(pte)
    n++
  }
  return n
}

/**
 * zap_page_range(): drop the translations of [start, end) of a process, whole entries, and flush. Both are multiples of the page
 * size. `cows`: also copies that private stores made, whose bytes are lost with them.
 */
export function zap_page_range(mm: mm_struct, start: number, end: number, cows: boolean): void {
  const n =
    zap_table(mm.puds, PUD_SIZE, start, end, cows) +
    zap_table(mm.pmds, PMD_SIZE, start, end, cows) +
    zap_table(mm.ptes, PAGE_SIZE, start, end, cows)
  if (n > 0) flush_tlb_range(mm)
}

/** unmap_mapping_pages(): every process loses its translations of `nr` pages of the file from `pgoff` on. */
export function unmap_mapping_pages(mapping: AddressSpace, pgoff: number, nr: number, even_cows: boolean): void {
  for (const vma of mapping.i_mmap) {
    const first = vma.vm_start + (pgoff - vma.vm_pgoff) * PAGE_SIZE
    const start = first > vma.vm_start ? first : vma.vm_start
    const last = first + nr * PAGE_SIZE
    const end = last < vma.vm_end ? last : vma.vm_end
    if (start < end) zap_page_range(vma.mm, start, end, even_cows)
  }
  mapping.k.m.emit(UNMAP, mapping.k.name, null, pgoff, nr, null)
}

/** Every file of this host that has memory of the device loses its translations. */
export function unmap_folios(dev: dev_dax): void {
  const mappings = new Set(dev.folios.entries().map(([, folio]) => folio.mapping as AddressSpace | null))
  for (const mapping of mappings) if (mapping !== null) unmap_mapping_pages(mapping, 0, END_OF_FILE, false)
}
