// The entries of a DAX file and the folios behind them (fs/dax.c): locking an entry, entering what a fault found, taking it out.
// Locking: DAX_LOCKED of an entry from grab_mapping_entry() to dax_unlock_entry(); what looks at entries in one step needs none
// (the xarray's own lock). An order of locks: one task holds one entry.
import { type DirectAccess, type dev_dax, PAGE_SIZE } from '../../devdax/index.ts'
import { type JMap, kfn, roundDown, type Step, wait_event, wake_up_all } from '../../sim/index.ts'
import { mark } from '../marks.ts'
import { PMD_ORDER, PMD_SIZE } from '../mm/mm_struct.ts'
import type { AddressSpace, DaxEntry } from './address_space.ts'

export const PAGES_PER_PMD = PMD_SIZE / PAGE_SIZE

/** Where an entry stands: what grab_mapping_entry() locked. */
export interface EntryLock {
  readonly mapping: AddressSpace
  /** First page of the file. */
  readonly index: number
  readonly pmd: boolean
}

const table = (mapping: AddressSpace, pmd: boolean): JMap<number, DaxEntry> => (pmd ? mapping.i_pmds : mapping.i_pages)

/** The entry at a place, if there is one. */
export const entry_of = (at: EntryLock): DaxEntry | undefined => table(at.mapping, at.pmd).get(at.index)

/** Entries of single pages among the 512 from `first` on. */
const pages_under = (mapping: AddressSpace, first: number): DaxEntry[] => {
  const { i_pages } = mapping
  if (i_pages.size === 0) return []
  if (i_pages.size <= PAGES_PER_PMD)
    return i_pages.values().filter(e => e.index >= first && e.index < first + PAGES_PER_PMD)
  const out: DaxEntry[] = []
  for (let i = first; i < first + PAGES_PER_PMD; i++) {
    const e = i_pages.get(i)
    if (e !== undefined) out.push(e)
  }
  return out
}

/** Every place that has an entry covering one of the pages [first, end), in the order of the file. */
export const entries_in = (mapping: AddressSpace, first: number, end: number): EntryLock[] => {
  const out: EntryLock[] = []
  for (const index of mapping.i_pmds.keys())
    if (index < end && index + PAGES_PER_PMD > first) out.push({ mapping, index, pmd: true })
  for (const index of mapping.i_pages.keys())
    if (index >= first && index < end) out.push({ mapping, index, pmd: false })
  return out.sort((a, b) => a.index - b.index)
}

/** The locked entry that keeps this page (or with `pmd` its whole 2 MiB) from being locked; undefined: none. */
const locked_entry = (mapping: AddressSpace, index: number, pmd: boolean): EntryLock | undefined => {
  const first = roundDown(index, PAGES_PER_PMD)
  if (mapping.i_pmds.get(first)?.locked) return { mapping, index: first, pmd: true }
  if (!pmd) return mapping.i_pages.get(index)?.locked ? { mapping, index, pmd: false } : undefined
  const e = pages_under(mapping, first).find(p => p.locked)
  return e && { mapping, index: e.index, pmd: false }
}

/** wait_entry_unlocked(): sleep until the entry there is nobody's, or gone. */
const wait_entry_unlocked = (at: EntryLock) => wait_event(at.mapping.wq, () => !entry_of(at)?.locked)

/**
 * grab_mapping_entry(): lock the entry that covers page `index`, waiting for its holder; where none is, an empty one. A page
 * in an entry of 2 MiB locks that one. What was locked, for dax_unlock_entry().
 */
export const grab_mapping_entry = kfn(
  'grab_mapping_entry',
  function* (mapping: AddressSpace, index: number, pmd: boolean): Step<EntryLock> {
    for (;;) {
      const busy = locked_entry(mapping, index, pmd)
      if (busy === undefined) break
      mark(mapping.k.m, 'grab_mapping_entry', 'waited for its holder')
      yield* wait_entry_unlocked(busy)
    }
    const first = roundDown(index, PAGES_PER_PMD)
    const whole = pmd || mapping.i_pmds.has(first)
    const at = { mapping, index: whole ? first : index, pmd: whole }
    dax_lock_entry(at)
    return at
  },
)

const dax_lock_entry = (at: EntryLock): void => {
  const { mapping, index, pmd } = at
  const old = entry_of(at)
  const empty = { kind: 'EMPTY', index, memory: null, off: 0, dev: null, dirty: false } as const
  table(mapping, pmd).set(index, { ...(old ?? empty), locked: true })
}

/** dax_unlock_entry(): put it back without the lock, an empty one not at all, and let waiters look. */
export const dax_unlock_entry = kfn('dax_unlock_entry', function* (at: EntryLock): Step<void> {
  const { mapping, index, pmd } = at
  const e = entry_of(at)!
  if (e.kind === 'EMPTY') table(mapping, pmd).delete(index)
  else table(mapping, pmd).set(index, { ...e, locked: false })
  yield* wake_up_all(mapping.wq)
})

/** What dax_lock_folio() locked: an entry of a file, or nothing where the device node has the folio. */
export interface DaxCookie {
  readonly mapping: AddressSpace
  readonly entry: EntryLock | null
}

/** dax_lock_folio(): nobody changes the mapping of the folio of this page until it is unlocked. Null: it has none. */
export const dax_lock_folio = kfn('dax_lock_folio', function* (dev: dev_dax, page: number): Step<DaxCookie | null> {
  for (;;) {
    const { folio } = dev.folios.of(page)
    const mapping = folio.mapping as AddressSpace | null
    if (mapping === null) return null
    if (mapping === dev.i_mapping) return { mapping, entry: null }
    const entry = yield* grab_mapping_entry(mapping, folio.index, false)
    if (dev.folios.of(page).folio.mapping === mapping) return { mapping, entry }
    yield* dax_unlock_entry(entry)
  }
})

export const dax_unlock_folio = kfn('dax_unlock_folio', function* (c: DaxCookie): Step<void> {
  if (c.entry !== null) yield* dax_unlock_entry(c.entry)
})

/**
 * dax_associate_entry(): the folio becomes the file's. It should be nobody's: one that a raw mapping of the device left, or
 * another file has, warns once (B04, L21; B04w: not even that), and the newcomer takes it over as if nobody had it. Where
 * somebody counts a reference on it the newer levels refuse: false, and the fault fails (the "poisoned page").
 */
const dax_associate_entry = (at: EntryLock, to: DirectAccess): boolean => {
  const { mapping } = at
  const { k } = mapping
  const { folios } = to.dev
  const page = to.off / PAGE_SIZE
  const order = at.pmd ? PMD_ORDER : 0
  const { head, folio } = folios.of(page)
  const left = folio.mapping !== null && folio.mapping !== mapping
  const by_file = left && folio.mapping !== to.dev.i_mapping
  if (folio.share > 0 || (by_file && !k.profile.has('L21'))) {
    // dax_folio_make_shared(), as if the file system had said IOMAP_F_SHARED: it has no one file and index any more.
    folios.set(page, { ...folio, mapping: null, index: 0, share: folio.share === 0 ? 2 : folio.share + 1 })
    return true
  }
  if (left && !k.profile.has('B04w'))
    k.warn_once('dax_associate_entry: folio->mapping is set: the page belongs to another')
  if (left && folio.refcount > folio.mapcount && k.profile.dax.stale_folio === 'fail') return false
  const lost = by_file && dax_folio_init(at, folio)
  // What mapped it before goes on mapping it, whatever the folio says from now on: so do those who map pages of it.
  const all = { refcount: folio.refcount, mapcount: lost ? 0 : folio.mapcount, pincount: folio.pincount }
  for (const f of at.pmd ? folios.inside(page, order) : []) {
    all.refcount += f.refcount
    all.mapcount += f.mapcount
    all.pincount += f.pincount
  }
  if (folio.order > order && folio.mapcount > 0)
    folios.set(head, { ...folio, mapping, index: at.index - (page - head) })
  else folios.set(page, { ...folio, ...all, order, mapping, index: at.index })
  return true
}

/**
 * dax_folio_init() of a folio that another file has: it should be a single page that nobody counts. Making it compound anew
 * forgets who maps it: the references stay, so the two never agree again (L21).
 */
const dax_folio_init = (at: EntryLock, folio: { readonly order: number; readonly refcount: number }): boolean => {
  const { k } = at.mapping
  if (folio.order !== 0) k.warn_once('dax_folio_init: the folio is not a single page')
  if (!at.pmd) return false
  if (folio.refcount !== 0) k.warn_once('dax_folio_init: the folio that is made compound has references')
  return true
}

/**
 * dax_disassociate_entry(): the folio is nobody's again, and single pages once nobody maps it; one that files share, when the
 * last has left.
 */
const dax_disassociate_entry = (mapping: AddressSpace, e: DaxEntry): void => {
  const { folios } = e.dev!
  if (!folios.present) return
  const { head, folio } = folios.of(e.off / PAGE_SIZE)
  if (folio.share > 1) folios.set(head, { ...folio, share: folio.share - 1 })
  else if (folio.share === 1 || folio.mapping === mapping)
    folios.set(head, { ...folio, order: folio.mapcount > 0 ? folio.order : 0, mapping: null, index: 0, share: 0 })
}

/** __dax_invalidate_entry() of one that nobody has locked. */
export const __dax_invalidate_entry = (at: EntryLock): void => {
  dax_disassociate_entry(at.mapping, entry_of(at)!)
  table(at.mapping, at.pmd).delete(at.index)
}

/** get_next_unlocked_entry(): the entry there once nobody has it locked; undefined: there is none. */
export const get_unlocked_entry = kfn('get_next_unlocked_entry', function* (at: EntryLock): Step<DaxEntry | undefined> {
  while (entry_of(at)?.locked) yield* wait_entry_unlocked(at)
  return entry_of(at)
})

/**
 * dax_insert_entry(): remember which memory a page (or 2 MiB) of the file is, in the locked entry. A real entry stays as it is.
 * Pages under a new entry of 2 MiB go: measured, a huge fault succeeds although another mapping has pages there (oracle
 * fault.pmd_after_pte). False: the folio is not to be had.
 */
export const dax_insert_entry = (at: EntryLock, to: DirectAccess, write: boolean): boolean => {
  const { mapping, index, pmd } = at
  const old = entry_of(at)!
  if (old.kind !== 'EMPTY') {
    if (write && !old.dirty) table(mapping, pmd).set(index, { ...old, dirty: true })
    return true
  }
  if (pmd) for (const p of pages_under(mapping, index)) __dax_invalidate_entry({ mapping, index: p.index, pmd: false })
  if (!dax_associate_entry(at, to)) return false
  const kind = pmd ? 'PMD' : 'PTE'
  table(mapping, pmd).set(index, {
    kind,
    index,
    memory: to.memory,
    off: to.off,
    dev: to.dev,
    dirty: write,
    locked: true,
  })
  return true
}
