// madvise(MADV_HWPOISON): a process says that a page of its own is bad. How tests inject poison in software: the kernel acts on
// it, the bytes stay good.
import { MF_ACTION_REQUIRED, PAGE_SIZE } from '../../devdax/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { EFAULT, EINVAL, EPERM } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import { user_page } from './memory.ts'
import { memory_failure } from './memory_failure.ts'

export const MADV_HWPOISON = 100

/** madvise(2) with MADV_HWPOISON: 0, -EPERM, -EINVAL (other advice, not aligned), -EFAULT, or what memory_failure() says. */
export const do_madvise = kfn(
  'do_madvise',
  function* (ts: task_struct, addr: number, len: number, advice: number): Step<number> {
    if (advice !== MADV_HWPOISON || addr % PAGE_SIZE !== 0) return -EINVAL
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
