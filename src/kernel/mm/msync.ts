// msync(2) (mm/msync.c): for a DAX file, asking the file system to be safe; nothing is cached here that could be written back.
// Locking: mmap_lock for reading, not held while the file is asked.
import { down_read, kfn, roundUp, type Step, up_read } from '../../sim/index.ts'
import { EBUSY, EINVAL, ENOMEM } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import { fput, get_file } from '../vfs/file.ts'
import { PAGE_SIZE } from './mm_struct.ts'
import { VM_LOCKED, VM_SHARED } from './vma.ts'

export const MS_ASYNC = 1
export const MS_INVALIDATE = 2
export const MS_SYNC = 4

/** msync(2): 0, -EINVAL, -ENOMEM (a hole; what is mapped was synced), -EBUSY, or the file's errno. */
export const do_msync = kfn(
  'do_msync',
  function* (ts: task_struct, addr: number, len: number, flags: number): Step<number> {
    const both = MS_ASYNC | MS_SYNC
    if ((flags & ~(both | MS_INVALIDATE)) !== 0 || addr % PAGE_SIZE !== 0) return -EINVAL
    if ((flags & both) === both) return -EINVAL
    const mm = ts.mm!
    const end = addr + roundUp(len, PAGE_SIZE)
    if (end < addr) return -ENOMEM
    let unmapped = 0
    yield* down_read(mm.mmap_lock)
    let at = addr
    while (at < end) {
      const [vma] = mm.vmas_in(at, end)
      if (vma === undefined || vma.vm_start > at) unmapped = -ENOMEM
      if (vma === undefined) break
      if ((flags & MS_INVALIDATE) !== 0 && (vma.vm_flags & VM_LOCKED) !== 0) {
        yield* up_read(mm.mmap_lock)
        return -EBUSY
      }
      at = vma.vm_end
      const f = vma.vm_file
      if ((flags & MS_SYNC) === 0 || f === null || (vma.vm_flags & VM_SHARED) === 0) continue
      get_file(f)
      yield* up_read(mm.mmap_lock)
      const rc = f.f_op.fsync ? yield* f.f_op.fsync(f, true) : -EINVAL
      yield* fput(f)
      if (rc !== 0) return rc
      yield* down_read(mm.mmap_lock)
    }
    yield* up_read(mm.mmap_lock)
    return unmapped
  },
)
