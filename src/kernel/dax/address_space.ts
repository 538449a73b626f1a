// struct address_space as fs/dax.c uses it: an xarray of value entries, each with a lock bit, and the mappings of the file.
// Locking: an entry's `locked` is DAX_LOCKED; waiters of all entries of one file share one queue (the kernel hashes
// them over 4096).

import type { DaxMemory, dev_dax } from '../../devdax/index.ts'
import { Cell, JList, JMap, WaitQueue } from '../../sim/index.ts'
import type { Kernel } from '../kernel.ts'
import type { VmArea } from '../mm/mm_struct.ts'

/** One entry: nothing yet (only the lock), a page, or 512 pages. */
export interface DaxEntry {
  readonly kind: 'EMPTY' | 'PTE' | 'PMD'
  /** First page of the file that it covers. */
  readonly index: number
  readonly memory: DaxMemory | null
  /** Byte offset in the memory. */
  readonly off: number
  /** Whose folios it has. */
  readonly dev: dev_dax | null
  readonly dirty: boolean
}

export class AddressSpace {
  readonly id: number
  readonly k: Kernel
  /** By first page; a PMD entry is found through its first page. */
  readonly i_pages: JMap<number, DaxEntry>
  /** Lock bits by first page; the size is kept, because a 2 MiB lock covers its pages. */
  readonly locked: JMap<number, 'PTE' | 'PMD'>
  readonly wq: WaitQueue
  readonly i_mmap: JList<VmArea>
  /** Which operations: fuse's own, or famfs's no-op ones. */
  readonly a_ops: Cell<string>

  constructor(k: Kernel) {
    this.k = k
    this.id = k.m.newId()
    this.i_pages = new JMap(k.m.journal)
    this.locked = new JMap(k.m.journal)
    this.wq = new WaitQueue(k.m, 'dax entry')
    this.i_mmap = new JList(k.m.journal)
    this.a_ops = new Cell(k.m, 'i_data.a_ops', 'fuse_file_aops')
  }
}
