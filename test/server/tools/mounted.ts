// A famfs on /dev/dax0.0, mounted on /mnt/famfs, and what its log says.
import { tmpfs_mkdir } from '../../../src/kernel/index.ts'
import {
  decodeEntry,
  decodeLogHeader,
  ENTRY_SIZE,
  entryOffset,
  type FileEntry,
  LOG_HEADER_SIZE,
  LOG_OFFSET,
} from '../../../src/media/index.ts'
import type { Host, World } from '../../../src/world/index.ts'

/** mkfs on /dev/dax0.0: this host owns it. */
export function mkfs(h: Host, loglen = '8m'): void {
  const end = h.cli(`mkfs.famfs --loglen ${loglen} /dev/dax0.0`)
  if (end.rc !== 0) throw new Error(end.err.join('; '))
}

/** Mount what is on /dev/dax0.0. */
export function mount(h: Host): void {
  tmpfs_mkdir(h.k, '/mnt/famfs')
  const end = h.cli('famfs mount /dev/dax0.0 /mnt/famfs')
  if (end.rc !== 0) throw new Error(end.err.join('; '))
}

/** The 544 bytes of each entry in use, as they are in the memory of dax0.0. */
export function entriesOf(w: World): Uint8Array[] {
  const { memory } = w.memory('dax0.0')!
  const read = (at: number, len: number): Uint8Array => {
    const b = new Uint8Array(len)
    memory.read(LOG_OFFSET + at, b)
    return b
  }
  const head = decodeLogHeader(read(0, LOG_HEADER_SIZE))
  if (!head.ok) throw new Error(head.why)
  return Array.from({ length: head.header.nextIndex }, (_, i) => read(entryOffset(i), ENTRY_SIZE))
}

/** The same decoded: files and directories. */
export const logged = (w: World): FileEntry[] => entriesOf(w).map(b => decodeEntry(b) as FileEntry)
