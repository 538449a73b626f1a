// What a page table entry does to the page it points to (mm/rmap.c, mm/memory.c): reference and map count, up and down.
import { type dev_dax, PAGE_SIZE } from '../../devdax/index.ts'
import { Oops } from '../../sim/index.ts'
import type { DaxPte, Pte } from './mm_struct.ts'
import type { HostPage } from './page.ts'

/** vmf_insert_page_mkwrite(), vmf_insert_folio_pmd(): the folio is mapped once more, unless this very entry is there. */
export function folio_add_file_rmap(dev: dev_dax, off: number, old: Pte | undefined): void {
  if (old !== undefined && old.memory !== null && old.dev === dev && old.off === off) return
  const { folios } = dev
  const { folio } = folios.of(off / PAGE_SIZE)
  folios.update(off / PAGE_SIZE, { refcount: folio.refcount + 1, mapcount: folio.mapcount + 1 })
}

/** One entry more or less points to a page of the host's own. Nobody counts those of the page of zeros. */
const count = (page: HostPage, by: number): void => {
  if (page.kind !== 'zero') page.mapcount.poke(page.mapcount.peek() + by)
}
/** folio_add_anon_rmap_pte() and its like. */
export const page_add_rmap = (page: HostPage): void => count(page, 1)

/** folio_remove_rmap(): the entry is gone. */
export function folio_remove_rmap(pte: Pte): void {
  if (pte.memory !== null) remove_dax_rmap(pte)
  else count(pte.page, -1)
}

/**
 * Of a device's folio. One that was reset under the entry (L17) has nothing left to count down; one whose struct page is gone is
 * an oops, which is what the real kernel does at munmap after an unbind (oracle hold.unbind_mapped, L17). One that was
 * made compound anew for another file (L21) counts below zero, and nobody notices.
 */
const remove_dax_rmap = ({ dev, off }: DaxPte): void => {
  const { folios, bus } = dev
  if (!folios.present)
    throw new Oops(
      `unable to handle page fault: the struct page of ${dev.memory.name} at 0x${off.toString(16)} is gone`,
    )
  const page = off / PAGE_SIZE
  const { folio } = folios.of(page)
  if (folio.mapcount <= 0 && folio.refcount <= folios.idle_refcount) {
    bus.m.problem(
      'WARN',
      `bad page map: ${dev.memory.name} page ${page} is unmapped but counts as mapped by nobody (L17)`,
    )
    return
  }
  const mapcount = folio.mapcount - 1
  const tidy = mapcount === 0 && dev.driver.peek() === 'device_dax' && !bus.profile.has('B04')
  // A file that gave it up while it was mapped left it whole until now.
  const split = mapcount === 0 && folio.mapping === null && folio.share === 0 && dev.driver.peek() !== 'device_dax'
  folios.update(page, {
    refcount: folio.refcount - 1,
    mapcount,
    ...(tidy ? { mapping: null, index: 0 } : {}),
    ...(split ? { order: 0 } : {}),
  })
}
