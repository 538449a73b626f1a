// mmap(2) and munmap(2) (mm/mmap.c, mm/vma.c).
// Locking: mmap_lock for writing; files are put when it is free again.
import { down_write, kfn, roundDown, roundUp, type Step, up_write } from '../../sim/index.ts'
import { EACCES, EBADF, EEXIST, EINVAL, ENODEV, ENOMEM, EOPNOTSUPP, EOVERFLOW } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import { type File, fdget, fput, get_file } from '../vfs/file.ts'
import { mm_populate } from './gup.ts'
import { MAX_MAP_COUNT, type mm_struct, PAGE_SIZE, PMD_SIZE, PROT_WRITE, TASK_SIZE } from './mm_struct.ts'
import { Shmem, shmem_vm_ops } from './shmem.ts'
import {
  may_cut,
  VM_ACCESS,
  VM_LOCKED,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_SHARED,
  VmArea,
  vma_link,
  vma_merge,
  vma_part,
  vma_unlink,
} from './vma.ts'
import { zap_page_range } from './zap.ts'

export const MAP_SHARED = 0x1
export const MAP_PRIVATE = 0x2
export const MAP_SHARED_VALIDATE = 0x3
const MAP_TYPE = 0xf
export const MAP_FIXED = 0x10
export const MAP_ANONYMOUS = 0x20
const MAP_GROWSDOWN = 0x100
const MAP_DENYWRITE = 0x800
const MAP_EXECUTABLE = 0x1000
export const MAP_LOCKED = 0x2000
const MAP_NORESERVE = 0x4000
export const MAP_POPULATE = 0x8000
const MAP_NONBLOCK = 0x10000
const MAP_STACK = 0x20000
const MAP_HUGETLB = 0x40000
export const MAP_SYNC = 0x80000
export const MAP_FIXED_NOREPLACE = 0x100000

/** What MAP_SHARED_VALIDATE lets pass for a file that names no flags of its own. */
const LEGACY_MAP_MASK =
  MAP_TYPE |
  MAP_FIXED |
  MAP_ANONYMOUS |
  MAP_GROWSDOWN |
  MAP_DENYWRITE |
  MAP_EXECUTABLE |
  MAP_LOCKED |
  MAP_NORESERVE |
  MAP_POPULATE |
  MAP_NONBLOCK |
  MAP_STACK |
  MAP_HUGETLB

/** VM_MAY flags, VM_MAYSHARE and VM_SHARED of a mapping of a file, or -errno. */
const file_flags = (f: File, prot: number, flags: number): number => {
  const may = VM_MAYREAD | VM_MAYEXEC
  switch (flags & MAP_TYPE) {
    case MAP_SHARED_VALIDATE:
    case MAP_SHARED:
      // Who does not ask for the check is not told of flags that the file does not know.
      if ((flags & MAP_TYPE) === MAP_SHARED_VALIDATE && (flags & ~LEGACY_MAP_MASK) !== 0) return -EOPNOTSUPP
      if ((prot & PROT_WRITE) !== 0 && !f.writable) return -EACCES
      if (!f.readable) return -EACCES
      if (!f.f_op.mmap) return -ENODEV
      return may | VM_MAYSHARE | (f.writable ? VM_MAYWRITE | VM_SHARED : 0)
    case MAP_PRIVATE:
      if (!f.readable) return -EACCES
      return f.f_op.mmap ? may | VM_MAYWRITE : -ENODEV
    default:
      return -EINVAL
  }
}

/** Where the mapping goes, or -errno. What is there already is the caller's. */
const place = (mm: mm_struct, addr: number, size: number, flags: number, align: number): number => {
  const fixed = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0
  const at = fixed ? addr : roundDown(addr, PAGE_SIZE)
  if (fixed) {
    if (at + size > TASK_SIZE) return -ENOMEM
    if (at % PAGE_SIZE !== 0) return -EINVAL
    return (flags & MAP_FIXED_NOREPLACE) !== 0 && mm.vmas_in(at, at + size).length > 0 ? -EEXIST : at
  }
  // An address without MAP_FIXED is a hint.
  if (at !== 0 && at + size <= TASK_SIZE && mm.vmas_in(at, at + size).length === 0) return at
  const free = mm.get_unmapped_area(size, align)
  return free === 0 ? -ENOMEM : free
}

/** mmap_region(): the mapping is made where it may be. 0 or what the file's mmap says. */
const mmap_region = kfn('mmap_region', function* (vma: VmArea, flags: number): Step<number> {
  const { vm_file: f } = vma
  if (f !== null) {
    const rc = yield* f.f_op.mmap!(f, vma)
    if (rc < 0) return rc
    get_file(f)
  } else if ((flags & MAP_TYPE) === MAP_SHARED) vma.vm_ops = shmem_vm_ops
  vma_link(vma)
  vma_merge(vma)
  return 0
})

/**
 * do_mmap(): the address, or -errno: EINVAL (offset, length, type, address), EBADF, EOVERFLOW, EEXIST, EOPNOTSUPP (a flag that
 * MAP_SHARED_VALIDATE knows and the file does not), EACCES (against the way the file is open), ENODEV, ENOMEM, and what the
 * file's mmap says.
 */
export const do_mmap = kfn(
  'do_mmap',
  function* (
    ts: task_struct,
    addr: number,
    len: number,
    prot: number,
    flags: number,
    fd: number,
    off: number,
  ): Step<number> {
    if (off % PAGE_SIZE !== 0) return -EINVAL
    const anonymous = (flags & MAP_ANONYMOUS) !== 0
    const f = anonymous ? null : fdget(ts, fd)
    if (typeof f === 'number') return -EBADF
    if ((flags & MAP_HUGETLB) !== 0 || len === 0) return -EINVAL
    const size = roundUp(len, PAGE_SIZE)
    if (len < 0 || size > TASK_SIZE) return -ENOMEM
    if (off < 0 || off + size > 2 ** 63) return -EOVERFLOW
    const mm = ts.mm!
    yield* down_write(mm.mmap_lock)
    let rc = -ENOMEM
    let gone: VmArea[] = []
    if (mm.vmas.length < MAX_MAP_COUNT) rc = place(mm, addr, size, flags, f?.f_op.map_align ?? 0)
    const start = rc
    if (start >= 0) {
      rc = f === null ? anonymous_flags(flags) : file_flags(f, prot, flags)
      if (rc >= 0 && ts.k.enomem('vm_area_struct')) rc = -ENOMEM
      if (rc >= 0) {
        const locked = (flags & MAP_LOCKED) !== 0 ? VM_LOCKED : 0
        const removed = (flags & MAP_FIXED) !== 0 ? vms_munmap(mm, start, start + size) : []
        const shmem = f === null && (rc & VM_MAYSHARE) !== 0 ? new Shmem(ts.k) : null
        const vma = new VmArea(mm, {
          vm_start: start,
          vm_end: start + size,
          vm_pgoff: f !== null ? off / PAGE_SIZE : shmem !== null ? 0 : start / PAGE_SIZE,
          vm_flags: (prot & VM_ACCESS) | rc | locked,
          vm_file: f,
          shmem,
        })
        if (typeof removed === 'number') rc = removed
        else {
          gone = removed
          rc = yield* mmap_region(vma, flags)
        }
      }
    }
    yield* up_write(mm.mmap_lock)
    for (const vma of gone) if (vma.vm_file !== null) yield* fput(vma.vm_file)
    if (rc < 0) return rc
    const populate = (flags & MAP_LOCKED) !== 0 || (flags & (MAP_POPULATE | MAP_NONBLOCK)) === MAP_POPULATE
    // Nobody hears of what could not be had.
    if (populate) yield* mm_populate(mm, start, size)
    return start
  },
)

const anonymous_flags = (flags: number): number => {
  const may = VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC
  if ((flags & MAP_TYPE) === MAP_PRIVATE) return may
  return (flags & MAP_TYPE) === MAP_SHARED ? may | VM_MAYSHARE | VM_SHARED : -EINVAL
}

/** free_pgtables(): tables of single pages go where no mapping is left in their 2 MiB. */
const free_pgtables = (mm: mm_struct, start: number, end: number): void => {
  if (mm.tables.size === 0) return
  const first = roundDown(start, PMD_SIZE)
  const near = mm.vmas_in(first, roundUp(end, PMD_SIZE))
  const drop = (at: number): void => {
    if (!near.some(v => v.vm_start < at + PMD_SIZE && v.vm_end > at)) mm.tables.delete(at / PMD_SIZE)
  }
  if ((end - first) / PMD_SIZE <= mm.tables.size) for (let at = first; at < end; at += PMD_SIZE) drop(at)
  else for (const b of mm.tables.keys()) if (b * PMD_SIZE >= first && b * PMD_SIZE < end) drop(b * PMD_SIZE)
}

/**
 * vms_gather_munmap_vmas(), vms_complete_munmap_vmas(): every mapping in [start, end) goes, cut at the ends. What went, whose
 * files are the caller's to put; or -EINVAL (not to be cut there), -ENOMEM (too many pieces).
 */
export const vms_munmap = (mm: mm_struct, start: number, end: number): VmArea[] | number => {
  const all = mm.vmas_in(start, end)
  if (all.length === 0) return all
  for (const v of all) {
    const rc = may_cut(v, start, end)
    if (rc !== 0) return rc
  }
  if (all[0]!.vm_start < start && all[0]!.vm_end > end && mm.vmas.length >= MAX_MAP_COUNT) return -ENOMEM
  const gone = all.map(v => vma_part(v, start, end))
  zap_page_range(mm, start, end, true)
  for (const v of gone) vma_unlink(v)
  free_pgtables(mm, start, end)
  return gone
}

/** munmap(2): 0, -EINVAL, -ENOMEM. Where nothing is mapped nothing happens. */
export const do_munmap = kfn('do_munmap', function* (ts: task_struct, addr: number, len: number): Step<number> {
  if (addr % PAGE_SIZE !== 0 || len <= 0 || addr < 0 || addr + len > TASK_SIZE) return -EINVAL
  const mm = ts.mm!
  yield* down_write(mm.mmap_lock)
  const gone = vms_munmap(mm, addr, addr + roundUp(len, PAGE_SIZE))
  yield* up_write(mm.mmap_lock)
  if (typeof gone === 'number') return gone
  for (const vma of gone) if (vma.vm_file !== null) yield* fput(vma.vm_file)
  return 0
})

/** exit_mmap(): the last thread of a process is gone, and its address space with it. */
export const exit_mmap = kfn('exit_mmap', function* (ts: task_struct): Step<void> {
  for (const v of ts.mm!.vmas_in(0, TASK_SIZE)) yield* do_munmap(ts, v.vm_start, v.vm_end - v.vm_start)
})
