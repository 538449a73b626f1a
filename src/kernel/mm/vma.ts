// struct vm_area_struct, and cutting and joining them (mm/vma.c). A mapping is never changed in place: what changes one puts
// others in its stead.
// Locking: mmap_lock for writing.
import { assert } from '../../sim/index.ts'
import { type File, get_file } from '../vfs/file.ts'
import {
  type mm_struct,
  PAGE_SIZE,
  type PMD_ORDER,
  PMD_SIZE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  type PUD_ORDER,
  type VmOps,
} from './mm_struct.ts'
import type { Shmem } from './shmem.ts'
import { zap_page_range } from './zap.ts'

export const VM_READ = PROT_READ
export const VM_WRITE = PROT_WRITE
export const VM_EXEC = PROT_EXEC
export const VM_ACCESS = VM_READ | VM_WRITE | VM_EXEC
/** Of VM_MAYSHARE, but not of a file that is open for reading only: no store can come through it. */
export const VM_SHARED = 0x8
export const VM_MAYREAD = 0x10
export const VM_MAYWRITE = 0x20
export const VM_MAYEXEC = 0x40
export const VM_MAYSHARE = 0x80
export const VM_LOCKED = 0x2000
export const VM_SEQ_READ = 0x8000
export const VM_RAND_READ = 0x10000
export const VM_DONTCOPY = 0x20000
export const VM_WIPEONFORK = 0x2000000
export const VM_DONTDUMP = 0x4000000
export const VM_HUGEPAGE = 0x20000000
export const VM_NOHUGEPAGE = 0x40000000

/** What a mapping is made of. */
export interface VmFields {
  readonly vm_start: number
  readonly vm_end: number
  /** Page of the file at vm_start; of anonymous memory the page number of the address it was made at. */
  readonly vm_pgoff: number
  readonly vm_flags: number
  /** Null: anonymous memory. */
  readonly vm_file: File | null
  /** The pages of a shared anonymous mapping. */
  readonly shmem?: Shmem | null
  readonly vm_ops?: VmOps | null
  readonly huge?: 0 | typeof PMD_ORDER | typeof PUD_ORDER
}

/** struct vm_area_struct */
export class VmArea {
  readonly mm: mm_struct
  readonly vm_start: number
  readonly vm_end: number
  readonly vm_pgoff: number
  readonly vm_flags: number
  readonly vm_file: File | null
  readonly shmem: Shmem | null
  /** Set by the file's mmap operation, before the mapping is anywhere to be found; null: anonymous memory. */
  vm_ops: VmOps | null
  /** VM_HUGEPAGE: the order that its first fault asks for; 0: single pages. Set like vm_ops. */
  huge: 0 | typeof PMD_ORDER | typeof PUD_ORDER

  constructor(mm: mm_struct, f: VmFields) {
    this.mm = mm
    this.vm_start = f.vm_start
    this.vm_end = f.vm_end
    this.vm_pgoff = f.vm_pgoff
    this.vm_flags = f.vm_flags
    this.vm_file = f.vm_file
    this.shmem = f.shmem ?? null
    this.vm_ops = f.vm_ops ?? null
    this.huge = f.huge ?? 0
  }
  get prot(): number {
    return this.vm_flags & VM_ACCESS
  }
  /** VM_MAYSHARE: stores reach the file, or whoever shares the memory. */
  get shared(): boolean {
    return (this.vm_flags & VM_MAYSHARE) !== 0
  }
  /** Page of the file at an address. */
  pgoff(addr: number): number {
    return this.vm_pgoff + (addr - (addr % PAGE_SIZE) - this.vm_start) / PAGE_SIZE
  }
}

/** vma_is_dax(): a file whose pages are a device's. */
export const vma_is_dax = (vma: VmArea): boolean => vma.huge !== 0
/** vma_is_anonymous() */
export const vma_is_anonymous = (vma: VmArea): boolean => vma.vm_ops === null

/** vma_link(): it can be found from now on, by its process and from its file. The file's reference is the caller's. */
export const vma_link = (vma: VmArea): void => {
  vma.mm.vmas.push(vma)
  vma.vm_file?.f_inode.i_mapping.i_mmap.push(vma)
}
/** The opposite; the file's reference is left. */
export const vma_unlink = (vma: VmArea): void => {
  assert(vma.mm.vmas.remove(vma), 'a mapping is unlinked once')
  vma.vm_file?.f_inode.i_mapping.i_mmap.remove(vma)
}

/** One mapping for another. */
const replace = (old: VmArea, change: Partial<VmFields>): VmArea => {
  const vma = new VmArea(old.mm, { ...old, ...change })
  vma_unlink(old)
  vma_link(vma)
  return vma
}

/** An entry of 2 MiB across the cut goes: for a file it is taken away whole, and pages fault again one by one. */
export const split_huge_pmd = (mm: mm_struct, addr: number): void => {
  const block = addr - (addr % PMD_SIZE)
  if (block === addr || !mm.pmds.has(block / PMD_SIZE)) return
  zap_page_range(mm, block, block + PMD_SIZE, true)
}

/** May this mapping be cut at `addr`: 0 or what its file's driver says. */
export const may_split = (vma: VmArea, addr: number): number =>
  addr > vma.vm_start && addr < vma.vm_end ? (vma.vm_ops?.may_split?.(vma, addr) ?? 0) : 0

/** split_vma(): cut at `addr`, which lies inside; the two parts. */
export const split_vma = (vma: VmArea, addr: number): [VmArea, VmArea] => {
  split_huge_pmd(vma.mm, addr)
  if (vma.vm_file !== null) get_file(vma.vm_file)
  const rest = new VmArea(vma.mm, { ...vma, vm_start: addr, vm_pgoff: vma.pgoff(addr) })
  const first = replace(vma, { vm_end: addr })
  vma_link(rest)
  return [first, rest]
}

/** The part of a mapping that lies in [start, end), cut out if need be. */
export const vma_part = (vma: VmArea, start: number, end: number): VmArea => {
  let part = vma
  if (part.vm_start < start) part = split_vma(part, start)[1]
  if (part.vm_end > end) part = split_vma(part, end)[0]
  return part
}

/** can_vma_merge(): are these two neighbours one mapping? */
const mergeable = (a: VmArea, b: VmArea): boolean =>
  a.vm_end === b.vm_start &&
  a.vm_file === b.vm_file &&
  a.shmem === b.shmem &&
  a.vm_flags === b.vm_flags &&
  a.vm_ops === b.vm_ops &&
  a.huge === b.huge &&
  a.pgoff(a.vm_end) === b.vm_pgoff

const join = (a: VmArea, b: VmArea): VmArea => {
  // The other one keeps the file: never the last reference.
  if (a.vm_file !== null) a.vm_file.f_count.dec_and_test()
  vma_unlink(b)
  return replace(a, { vm_end: b.vm_end })
}

/** vma_merge(): join a mapping with its neighbours, where nothing tells them apart. */
export const vma_merge = (vma: VmArea): VmArea => {
  let one = vma
  const { items } = vma.mm.vmas
  const before = items.find(v => v.vm_end === one.vm_start)
  if (before !== undefined && mergeable(before, one)) one = join(before, one)
  const after = vma.mm.vmas.items.find(v => v.vm_start === one.vm_end)
  if (after !== undefined && mergeable(one, after)) one = join(one, after)
  return one
}

/** vma_modify_flags(): other flags for the part of a mapping in [start, end), which is joined with its neighbours then. */
export const vma_modify_flags = (vma: VmArea, start: number, end: number, vm_flags: number): VmArea => {
  if (vma.vm_flags === vm_flags) return vma
  return vma_merge(replace(vma_part(vma, start, end), { vm_flags }))
}

/** may_split() at both ends of [start, end). */
export const may_cut = (vma: VmArea, start: number, end: number): number => may_split(vma, start) || may_split(vma, end)
