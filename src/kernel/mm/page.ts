// A page of the host's own memory that processes map: of one process and its children (anon), of all that share an anonymous
// mapping (shmem), of a file's page cache (file), or the page of zeros. Its bytes are replaced, never changed in place, so that
// they rewind.
import { Cell, type Machine } from '../../sim/index.ts'
import { PAGE_SIZE } from './mm_struct.ts'

export type PageKind = 'anon' | 'shmem' | 'file' | 'zero'

export class HostPage {
  readonly kind: PageKind
  /** Its 4096 bytes, to look at only. */
  readonly bytes: Cell<Uint8Array>
  /** Entries of page tables that point here. */
  readonly mapcount: Cell<number>
  /** Who pinned it (pin_user_pages), counted. */
  readonly pincount: Cell<number>

  constructor(m: Machine, kind: PageKind, bytes: Uint8Array = new Uint8Array(PAGE_SIZE)) {
    this.kind = kind
    this.bytes = new Cell(m, `${kind} page`, bytes)
    this.mapcount = new Cell(m, 'page->_mapcount', 0)
    this.pincount = new Cell(m, 'page->_pincount', 0)
  }
  /** Put `src` at byte `at` of the page. */
  write(at: number, src: Uint8Array): void {
    const copy = this.bytes.peek().slice()
    copy.set(src, at)
    this.bytes.poke(copy)
  }
}
