// Shared anonymous memory (mm/shmem.c): pages that belong to whoever shares the mapping, a process and its children.
// Locking: a page is found or made in one step.
import { JMap, kfn, type Step } from '../../sim/index.ts'
import type { Kernel } from '../kernel.ts'
import type { VmOps, vm_fault } from './mm_struct.ts'
import { HostPage } from './page.ts'

export class Shmem {
  /** By page of the mapping it was made for. */
  readonly pages: JMap<number, HostPage>
  constructor(k: Kernel) {
    this.pages = new JMap(k.m.journal)
  }
}

const shmem_fault = kfn('shmem_fault', function* (vmf: vm_fault): Step<number> {
  const { shmem, mm } = vmf.vma
  let page = shmem!.pages.get(vmf.pgoff)
  if (page === undefined) {
    page = new HostPage(mm.k.m, 'shmem')
    shmem!.pages.set(vmf.pgoff, page)
  }
  vmf.page = page
  return 0
})

export const shmem_vm_ops: VmOps = { fault: shmem_fault }
