// madvise(2) (mm/madvise.c). MADV_HWPOISON is how tests inject poison in software: the kernel acts on it, the bytes stay good.
// Locking: mmap_lock, for writing where a mapping changes; not held while a file is asked (REMOVE) or a page is poisoned.
import { MF_ACTION_REQUIRED, PAGE_SIZE } from '../../devdax/index.ts'
import { down_read, down_write, kfn, min, roundUp, type Step, up_read, up_write } from '../../sim/index.ts'
import { EACCES, EFAULT, EHWPOISON, EINVAL, ENOMEM, EOPNOTSUPP, EPERM } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import { fput, get_file } from '../vfs/file.ts'
import { faultin_page_range, user_page } from './gup.ts'
import { memory_failure } from './memory_failure.ts'
import type { mm_struct } from './mm_struct.ts'
import {
  may_cut,
  VM_DONTCOPY,
  VM_DONTDUMP,
  VM_HUGEPAGE,
  VM_LOCKED,
  VM_NOHUGEPAGE,
  VM_RAND_READ,
  VM_SEQ_READ,
  VM_SHARED,
  VM_WIPEONFORK,
  VM_WRITE,
  type VmArea,
  vma_is_anonymous,
  vma_modify_flags,
} from './vma.ts'
import { zap_page_range } from './zap.ts'

const FALLOC_FL_KEEP_SIZE = 0x1
const FALLOC_FL_PUNCH_HOLE = 0x2

export const MADV_NORMAL = 0
export const MADV_RANDOM = 1
export const MADV_SEQUENTIAL = 2
export const MADV_WILLNEED = 3
export const MADV_DONTNEED = 4
export const MADV_FREE = 8
export const MADV_REMOVE = 9
export const MADV_DONTFORK = 10
export const MADV_DOFORK = 11
export const MADV_HUGEPAGE = 14
export const MADV_NOHUGEPAGE = 15
export const MADV_DONTDUMP = 16
export const MADV_DODUMP = 17
export const MADV_WIPEONFORK = 18
export const MADV_KEEPONFORK = 19
export const MADV_COLD = 20
export const MADV_PAGEOUT = 21
export const MADV_POPULATE_READ = 22
export const MADV_POPULATE_WRITE = 23
export const MADV_DONTNEED_LOCKED = 24
export const MADV_COLLAPSE = 25
export const MADV_HWPOISON = 100

/** Advice that is nothing but other flags of the mapping: those that go, and those that come. */
const FLAGS: readonly (readonly [advice: number, clear: number, set: number])[] = [
  [MADV_NORMAL, VM_RAND_READ | VM_SEQ_READ, 0],
  [MADV_RANDOM, VM_SEQ_READ, VM_RAND_READ],
  [MADV_SEQUENTIAL, VM_RAND_READ, VM_SEQ_READ],
  [MADV_DONTFORK, 0, VM_DONTCOPY],
  [MADV_DOFORK, VM_DONTCOPY, 0],
  [MADV_HUGEPAGE, VM_NOHUGEPAGE, VM_HUGEPAGE],
  [MADV_NOHUGEPAGE, VM_HUGEPAGE, VM_NOHUGEPAGE],
  [MADV_DONTDUMP, 0, VM_DONTDUMP],
  [MADV_DODUMP, VM_DONTDUMP, 0],
  [MADV_WIPEONFORK, 0, VM_WIPEONFORK],
  [MADV_KEEPONFORK, VM_WIPEONFORK, 0],
]

/** Is it advice for what can be paged or thrown away: anonymous memory of one process? */
const private_anonymous = (vma: VmArea): boolean => vma_is_anonymous(vma) && !vma.shared

/** madvise_vma_behavior() of the part of a mapping in [start, end): 0 or -errno. */
const madvise_vma_behavior = (vma: VmArea, start: number, end: number, advice: number): number => {
  const row = FLAGS.find(f => f[0] === advice)
  if (row !== undefined) {
    if (advice === MADV_WIPEONFORK && !private_anonymous(vma)) return -EINVAL
    const rc = may_cut(vma, start, end)
    if (rc === 0) vma_modify_flags(vma, start, end, (vma.vm_flags & ~row[1]) | row[2])
    return rc
  }
  const locked = (vma.vm_flags & VM_LOCKED) !== 0
  switch (advice) {
    // Reading ahead means nothing for DAX; nothing of the host's memory is ever cold or paged out here.
    case MADV_WILLNEED:
      return 0
    case MADV_COLD:
    case MADV_PAGEOUT:
      return locked ? -EINVAL : 0
    case MADV_FREE:
      if (!private_anonymous(vma)) return -EINVAL
      zap_page_range(vma.mm, start, end, true)
      return 0
    case MADV_DONTNEED:
    case MADV_DONTNEED_LOCKED:
      if (locked && advice === MADV_DONTNEED) return -EINVAL
      zap_page_range(vma.mm, start, end, true)
      return 0
    // khugepaged leaves DAX alone, and there are no huge pages of the host's own.
    default:
      return -EINVAL
  }
}

/** madvise_remove(): a hole in the file behind a shared mapping: 0, -EINVAL, -EACCES, or what its fallocate says. */
const madvise_remove = kfn('madvise_remove', function* (vma: VmArea, start: number, end: number): Step<number> {
  const f = vma.vm_file
  if ((vma.vm_flags & VM_LOCKED) !== 0 || f === null) return -EINVAL
  const stores = VM_SHARED | VM_WRITE
  if ((vma.vm_flags & stores) !== stores) return -EACCES
  if (!f.f_op.fallocate) return -EOPNOTSUPP
  const { mmap_lock } = vma.mm
  get_file(f)
  yield* up_read(mmap_lock)
  const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
  const rc = yield* f.f_op.fallocate(f, mode, vma.pgoff(start) * PAGE_SIZE, end - start)
  yield* fput(f)
  yield* down_read(mmap_lock)
  return rc
})

/** madvise_walk_vmas(): mapping by mapping; a hole is -ENOMEM in the end. */
const walk = kfn(
  'madvise_walk_vmas',
  function* (mm: mm_struct, start: number, end: number, advice: number): Step<number> {
    let unmapped = 0
    let at = start
    for (const vma of mm.vmas_in(start, end)) {
      if (vma.vm_start > at) unmapped = -ENOMEM
      const from = vma.vm_start > start ? vma.vm_start : start
      const to = min(vma.vm_end, end)
      const rc =
        advice === MADV_REMOVE ? yield* madvise_remove(vma, from, to) : madvise_vma_behavior(vma, from, to, advice)
      if (rc !== 0) return rc
      at = vma.vm_end
    }
    return at < end ? -ENOMEM : unmapped
  },
)

/** madvise_populate(): 0, or -errno; where nothing is mapped -ENOMEM. */
const populate = kfn(
  'madvise_populate',
  function* (mm: mm_struct, start: number, end: number, write: boolean): Step<number> {
    for (const vma of mm.vmas_in(start, end)) {
      if (vma.vm_start > start && mm.find_vma(vma.vm_start - 1) === undefined) return -ENOMEM
      if (write && (vma.vm_flags & VM_WRITE) === 0) return -EINVAL
    }
    const rc = yield* faultin_page_range(mm, start, end, write)
    if (rc === -EFAULT && mm.vmas_in(start, end).length === 0) return -ENOMEM
    return rc
  },
)

/** madvise_inject_error(): a process says that pages of its own are bad. 0, -EPERM, -EFAULT, or what memory_failure() says. */
const madvise_inject_error = kfn(
  'madvise_inject_error',
  function* (ts: task_struct, addr: number, end: number): Step<number> {
    if (!ts.capable('CAP_SYS_ADMIN')) return -EPERM
    for (let at = addr; at < end; at += PAGE_SIZE) {
      const page = yield* user_page(ts, at)
      if (typeof page === 'number') return page === -EHWPOISON ? page : -EFAULT
      const { pte, off } = page
      // Poison in the host's own memory is not here.
      if (pte.memory === null) return -EOPNOTSUPP
      const rc = yield* memory_failure(ts.k, pte.memory, off, MF_ACTION_REQUIRED)
      if (rc !== 0) return rc
    }
    return 0
  },
)

/** madvise_behavior_valid() */
const VALID = [
  ...FLAGS.map(f => f[0]),
  MADV_WILLNEED,
  MADV_DONTNEED,
  MADV_DONTNEED_LOCKED,
  MADV_FREE,
  MADV_REMOVE,
  MADV_COLD,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_COLLAPSE,
  MADV_HWPOISON,
]

/**
 * madvise(2): 0 or -errno: EINVAL (unknown advice, alignment, or not for this mapping), ENOMEM (a hole), EPERM, EACCES, EFAULT,
 * EOPNOTSUPP, and what a file or memory_failure() says.
 */
export const do_madvise = kfn(
  'do_madvise',
  function* (ts: task_struct, addr: number, len: number, advice: number): Step<number> {
    if (!VALID.includes(advice) || addr % PAGE_SIZE !== 0 || len < 0) return -EINVAL
    if (len === 0) return 0
    const end = addr + roundUp(len, PAGE_SIZE)
    if (advice === MADV_HWPOISON) return yield* madvise_inject_error(ts, addr, end)
    const mm = ts.mm!
    const write = FLAGS.some(f => f[0] === advice)
    yield* write ? down_write(mm.mmap_lock) : down_read(mm.mmap_lock)
    const populates = advice === MADV_POPULATE_READ || advice === MADV_POPULATE_WRITE
    const rc = yield* populates ? populate(mm, addr, end, advice === MADV_POPULATE_WRITE) : walk(mm, addr, end, advice)
    yield* write ? up_write(mm.mmap_lock) : up_read(mm.mmap_lock)
    return rc
  },
)
