// struct address_space as fs/dax.c uses it: an xarray of value entries, each with a lock bit, and the mappings of the file.
// Locking: who set an entry's `locked` (DAX_LOCKED) may replace it; whoever else wants it sleeps on `wq`. Waiters of all
// entries of one file share that queue, each looks at its own entry (the kernel hashes them over 4096 queues).

import type { DaxMemory, dev_dax } from '../../devdax/index.ts'
import { Cell, JList, JMap, RwSemaphore, WaitQueue } from '../../sim/index.ts'
import type { Kernel } from '../kernel.ts'
import type { VmArea } from '../mm/vma.ts'

/** One value entry. EMPTY: nothing was found yet, there is only the lock; it goes with it. Never changed in place. */
export interface DaxEntry {
  readonly kind: 'EMPTY' | 'PTE' | 'PMD'
  /** First page of the file that it covers. */
  readonly index: number
  readonly memory: DaxMemory | null
  /** Byte offset in the memory. */
  readonly off: number
  /** Whose folios it has. */
  readonly dev: dev_dax | null
  /** PAGECACHE_TAG_DIRTY: it was entered for a store. Nothing cleans it. */
  readonly dirty: boolean
  /** DAX_LOCKED */
  readonly locked: boolean
}

export class AddressSpace {
  readonly id: number
  readonly k: Kernel
  /** Entries of single pages, by page. */
  readonly i_pages: JMap<number, DaxEntry>
  /** Entries of 2 MiB, by their first page. */
  readonly i_pmds: JMap<number, DaxEntry>
  readonly wq: WaitQueue
  readonly i_mmap: JList<VmArea>
  /** Which operations: fuse's own, or famfs's no-op ones. */
  readonly a_ops: Cell<string>
  /** Faults take it for reading, what truncates for writing; null where nobody takes it (L08). */
  readonly invalidate_lock: RwSemaphore | null

  constructor(k: Kernel) {
    this.k = k
    this.id = k.m.newId()
    this.i_pages = new JMap(k.m.journal)
    this.i_pmds = new JMap(k.m.journal)
    this.wq = new WaitQueue(k.m, 'dax entry')
    this.i_mmap = new JList(k.m.journal)
    this.a_ops = new Cell(k.m, 'i_data.a_ops', 'fuse_file_aops')
    this.invalidate_lock = k.profile.has('L08') ? null : new RwSemaphore(k.m, 'mapping.invalidate_lock')
  }
  /** mapping_empty() */
  get empty(): boolean {
    return this.i_pages.size === 0 && this.i_pmds.size === 0
  }
}
