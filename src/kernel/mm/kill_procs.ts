// Who has a bad page, and what happens to them (mm/memory-failure.c: collect_procs(), kill_procs()). The task that touched it is
// killed; of the others only those that asked for early kill. The rest find out when they touch it themselves.
import { type dev_dax, PAGE_SIZE } from '../../devdax/index.ts'
import { DEAD, roundDown } from '../../sim/index.ts'
import type { AddressSpace } from '../dax/address_space.ts'
import type { Kernel } from '../kernel.ts'
import { send_sig_info } from '../signal.ts'
import { task_struct } from '../task_struct.ts'
import { type mm_struct, PMD_SIZE, PUD_SIZE } from './mm_struct.ts'
import { unmap_mapping_pages } from './zap.ts'

/** struct to_kill */
export interface ToKill {
  readonly tsk: task_struct
  /** Address of the page in it. */
  readonly addr: number
  /** log2 of the size of the entry that maps it. */
  readonly size_shift: number
}

/** dev_pagemap_mapping_shift(): log2 of the size of the entry at this address; 0: there is none. */
const dev_pagemap_mapping_shift = (mm: mm_struct, addr: number, dev: dev_dax): number => {
  const at = (table: typeof mm.ptes, size: number): boolean => {
    const pte = table.get(roundDown(addr, size) / size)
    return pte !== undefined && pte.memory !== null && pte.dev === dev
  }
  if (at(mm.puds, PUD_SIZE)) return 30
  if (at(mm.pmds, PMD_SIZE)) return 21
  return at(mm.ptes, PAGE_SIZE) ? 12 : 0
}

/** collect_procs_file(): of the current process and those with early kill, whoever has the page in its page table. */
export function collect_procs(k: Kernel, mapping: AddressSpace, pgoff: number, dev: dev_dax): ToKill[] {
  const out: ToKill[] = []
  for (const t of k.m.tasks) {
    const tsk: unknown = t.owner
    if (!(tsk instanceof task_struct) || tsk.k !== k || t.state === DEAD || !tsk.has_mm) continue
    if (tsk !== k.current && tsk.mce_kill !== 'early') continue
    for (const vma of mapping.i_mmap) {
      if (vma.mm !== tsk.mm) continue
      const addr = vma.vm_start + (pgoff - vma.vm_pgoff) * PAGE_SIZE
      if (addr < vma.vm_start || addr >= vma.vm_end) continue
      const size_shift = dev_pagemap_mapping_shift(vma.mm, addr, dev)
      if (size_shift > 0) out.push({ tsk, addr, size_shift })
    }
  }
  return out
}

/**
 * unmap_and_kill(): every process loses the largest mapping size of those that are killed (nothing when nobody is), then the
 * signals. The address is always known here, so that SIGKILL for want of one cannot come up.
 */
export function unmap_and_kill(k: Kernel, mapping: AddressSpace, pgoff: number, to_kill: readonly ToKill[]): void {
  let size = 0
  for (const tk of to_kill) if (2 ** tk.size_shift > size) size = 2 ** tk.size_shift
  if (size > 0) unmap_mapping_pages(mapping, roundDown(pgoff * PAGE_SIZE, size) / PAGE_SIZE, size / PAGE_SIZE, false)
  for (const { tsk, addr, size_shift } of to_kill) {
    const si_code = tsk === k.current ? 'BUS_MCEERR_AR' : 'BUS_MCEERR_AO'
    send_sig_info(tsk, { signal: 'SIGBUS', si_code, si_addr: addr, si_addr_lsb: size_shift })
  }
}
