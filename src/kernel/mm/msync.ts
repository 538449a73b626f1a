// msync(2), mm/msync.c: the file behind a shared mapping is synced. Nothing is written back here: pages of DAX files are the
// memory itself.
import { PAGE_SIZE } from '../../devdax/index.ts'
import { down_read, kfn, roundUp, type Step, up_read } from '../../sim/index.ts'
import { EINVAL, ENOMEM } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'

export const MS_ASYNC = 1
export const MS_INVALIDATE = 2
export const MS_SYNC = 4

/** msync(2): 0, -EINVAL (not aligned, flags), -ENOMEM (a hole in the range), or what fsync of a file says. */
export const do_msync = kfn(
  'do_msync',
  function* (ts: task_struct, start: number, len: number, flags: number): Step<number> {
    if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) !== 0 || start % PAGE_SIZE !== 0) return -EINVAL
    if ((flags & MS_ASYNC) !== 0 && (flags & MS_SYNC) !== 0) return -EINVAL
    const end = start + roundUp(len, PAGE_SIZE)
    const { mm } = ts
    let hole = 0
    for (let at = start; at < end; ) {
      yield* down_read(mm!.mmap_lock)
      const vma = mm!.find_vma(at)
      yield* up_read(mm!.mmap_lock)
      if (vma === undefined) {
        hole = -ENOMEM
        at += PAGE_SIZE
        continue
      }
      const { vm_file } = vma
      // A shared mapping of a file that was opened for reading only is not VM_SHARED.
      const shared = vma.shared && vm_file.writable
      if ((flags & MS_SYNC) !== 0 && shared && vm_file.f_op.fsync) {
        const rc = yield* vm_file.f_op.fsync(vm_file, true)
        if (rc < 0) return rc
      }
      at = vma.vm_end
    }
    return hole
  },
)
