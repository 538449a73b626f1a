// How much memory of each kind a process has mapped (mm/memory.c: mm_counter; what /proc/PID/status shows as Rss*). Counted when
// asked, from the page tables.
import { type mm_struct, PAGE_SIZE, PMD_SIZE, PUD_SIZE } from './mm_struct.ts'

/** Bytes by kind: of files (DAX among them), of the process's own, of what it shares. */
export interface Rss {
  readonly file: number
  readonly anon: number
  readonly shmem: number
}

export const rss = (mm: mm_struct): Rss => {
  const n = { file: mm.pmds.size * PMD_SIZE + mm.puds.size * PUD_SIZE, anon: 0, shmem: 0 }
  for (const pte of mm.ptes.values()) {
    const kind = pte.memory === null ? pte.page.kind : 'file'
    if (kind !== 'zero') n[kind] += PAGE_SIZE
  }
  return n
}
