// madvise(2). MADV_DONTNEED: translations of a range go, and private copies with them. MADV_HWPOISON: a process says that a page
// of its own is bad. How tests inject poison in software: the kernel acts on it, the bytes stay good.
import { MF_ACTION_REQUIRED, PAGE_SIZE } from '../../devdax/index.ts'
import { down_read, kfn, min, roundUp, type Step, up_read } from '../../sim/index.ts'
import { EFAULT, EINVAL, ENOMEM, EPERM } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import { user_page } from './memory.ts'
import { memory_failure } from './memory_failure.ts'
import { zap_page_range } from './mmap.ts'

export const MADV_DONTNEED = 4
export const MADV_HWPOISON = 100

/** madvise_dontneed_single_vma() of every mapping in a range: 0, or -ENOMEM where it has a hole. */
const madvise_dontneed = kfn(
  'madvise_dontneed_single_vma',
  function* (ts: task_struct, start: number, end: number): Step<number> {
    const mm = ts.mm!
    let rc = 0
    yield* down_read(mm.mmap_lock)
    for (let at = start; at < end; ) {
      const vma = mm.find_vma(at)
      const next = vma === undefined ? at + PAGE_SIZE : min(vma.vm_end, end)
      if (vma === undefined) rc = -ENOMEM
      else {
        zap_page_range(mm, at, next)
        for (const p of mm.anon.keys()) if (p * PAGE_SIZE >= at && p * PAGE_SIZE < next) mm.anon.delete(p)
      }
      at = next
    }
    yield* up_read(mm.mmap_lock)
    return rc
  },
)

/** madvise(2): 0, -EPERM, -EINVAL (other advice, not aligned), -ENOMEM, -EFAULT, or what memory_failure() says. */
export const do_madvise = kfn(
  'do_madvise',
  function* (ts: task_struct, addr: number, len: number, advice: number): Step<number> {
    if ((advice !== MADV_HWPOISON && advice !== MADV_DONTNEED) || addr % PAGE_SIZE !== 0) return -EINVAL
    if (advice === MADV_DONTNEED) return yield* madvise_dontneed(ts, addr, addr + roundUp(len, PAGE_SIZE))
    if (!ts.capable('CAP_SYS_ADMIN')) return -EPERM
    for (let at = addr; at < addr + len; at += PAGE_SIZE) {
      const page = yield* user_page(ts, at)
      if (page === null) return -EFAULT
      const rc = yield* memory_failure(ts.k, page.pte.memory, page.off, MF_ACTION_REQUIRED)
      if (rc !== 0) return rc
    }
    return 0
  },
)
