// drivers/dax/device.c as the VFS sees it: what open, mmap and a fault on /dev/daxX.Y do. In devdax mode the node can be
// mapped and its folios get the node's mapping; in famfs mode it can be opened and that is all (oracle raw.fsdev, raw.devdax).
// Locking: faults run in dax_read_lock.
import { dax_read_lock, dax_read_unlock, type dev_dax, NO_PHYS, PAGE_SIZE, phys_of } from '../../devdax/index.ts'
import { kfn, roundDown, type Step } from '../../sim/index.ts'
import { EINVAL } from '../../wire/index.ts'
import { FAULT } from '../events.ts'
import {
  type DaxPte,
  PMD_ORDER,
  PMD_SIZE,
  PROT_WRITE,
  PUD_ORDER,
  PUD_SIZE,
  VM_FAULT_NOPAGE,
  VM_FAULT_SIGBUS,
  type VmOps,
  type vm_fault,
} from '../mm/mm_struct.ts'
import { folio_add_file_rmap } from '../mm/rmap.ts'
import type { VmArea } from '../mm/vma.ts'
import { unmap_mapping_pages } from '../mm/zap.ts'
import type { File } from '../vfs/file.ts'
import type { FileOps, Inode } from '../vfs/inode.ts'

const dev_of = (inode: Inode): dev_dax => inode.k.bus.byNumber(inode.i_rdev)!

/** How large an entry of this align is, and in which table it goes. */
const ENTRY = {
  4096: { size: PAGE_SIZE, order: 0, name: 'PTE', table: 'ptes' },
  2097152: { size: PMD_SIZE, order: PMD_ORDER, name: 'PMD', table: 'pmds' },
  1073741824: { size: PUD_SIZE, order: PUD_ORDER, name: 'PUD', table: 'puds' },
} as const
const entry_of = (dev: dev_dax) => ENTRY[dev.align as keyof typeof ENTRY]

/** check_vma(): may the node be mapped so: -EINVAL for a private mapping and for one not aligned as the device is. */
const check_vma = (dev: dev_dax, vma: VmArea): number => {
  if (!vma.shared) return -EINVAL
  return vma.vm_start % dev.align !== 0 || vma.vm_end % dev.align !== 0 ? -EINVAL : 0
}

/** dax_set_mapping(): folios become the node's; nothing takes that back but the driver's removal (B04). */
const dax_set_mapping = (dev: dev_dax, off: number, order: number): void => {
  const page = off / PAGE_SIZE
  const { folio } = dev.folios.of(page)
  if (folio.mapping === null) dev.folios.set(page, { ...folio, order, mapping: dev.i_mapping, index: page })
}

/** dev_dax_huge_fault(): one entry of the device's align, or SIGBUS: dead, past the end, or not aligned. */
const dev_dax_huge_fault = kfn('dev_dax_huge_fault', function* (vmf: vm_fault): Step<number> {
  const { vma } = vmf
  const inode = vma.vm_file!.f_inode
  const dev = dev_of(inode)
  const { size, order, name, table } = entry_of(dev)
  const id = yield* dax_read_lock(dev.dax_dev)
  const alive = yield* dev.dax_dev.alive.READ_ONCE()
  yield* dax_read_unlock(dev.dax_dev, id)
  const start = roundDown(vmf.address, size)
  const off = vma.vm_pgoff * PAGE_SIZE + (start - vma.vm_start)
  const inside = off % size === 0 && off + size <= dev.memory.size && phys_of(dev.ranges, off) !== NO_PHYS
  if (!alive || check_vma(dev, vma) !== 0 || !inside) return VM_FAULT_SIGBUS
  dax_set_mapping(dev, off, order)
  const entries = vma.mm[table]
  folio_add_file_rmap(dev, off, entries.get(start / size))
  const writable = (vma.prot & PROT_WRITE) !== 0
  const pte: DaxPte = { memory: dev.memory, off, dev, writable, dirty: writable }
  entries.set(start / size, pte)
  inode.k.count(inode.k.faults, name)
  inode.k.m.emit(FAULT, name, inode, vmf.pgoff, vmf.write ? 1 : 0, null)
  return VM_FAULT_NOPAGE
})

const dax_vm_ops: VmOps = {
  fault: vmf => dev_dax_huge_fault(vmf),
  huge_fault: vmf => dev_dax_huge_fault(vmf),
  may_split: (vma, addr) => (addr % dev_of(vma.vm_file!.f_inode).align === 0 ? 0 : -EINVAL),
}

/** dax_mmap(): 0, or -EINVAL. Whether the device has such an offset is found at the fault. */
const dax_mmap = kfn('dax_mmap', function* (file: File, vma: VmArea): Step<number> {
  const dev = dev_of(file.f_inode)
  const id = yield* dax_read_lock(dev.dax_dev)
  const rc = (yield* dev.dax_dev.alive.READ_ONCE()) ? check_vma(dev, vma) : -EINVAL
  yield* dax_read_unlock(dev.dax_dev, id)
  if (rc !== 0) return rc
  vma.vm_ops = dax_vm_ops
  vma.huge = entry_of(dev).order
  return 0
})

/** File operations of a node by the driver bound when it is opened; undefined: nobody answers (-ENXIO). */
export function dax_file_ops(inode: Inode): FileOps | undefined {
  const dev = inode.k.bus.byNumber(inode.i_rdev)
  if (dev === undefined || !dev.cdev.peek()) return undefined
  if (dev.driver.peek() === 'fsdev_dax') return {}
  return { mmap: dax_mmap, map_align: dev.align }
}

/** The node's inode is where raw mappings of the device are kept; kill_dev_dax() takes them away. */
export function dax_bind_node(dev: dev_dax, inode: Inode): void {
  dev.i_mapping = inode.i_mapping
  dev.unmap_mapping_range = () => unmap_mapping_pages(inode.i_mapping, 0, dev.memory.size / PAGE_SIZE, false)
}
