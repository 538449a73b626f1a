// What a system call does with memory of the process that it names by address (lib/iov_iter.c, mm/gup.c): pages are faulted in as
// for the process, but what cannot be had ends the copy and raises no signal.
import { fabric_read, fabric_write, local_access } from '../../fabric/index.ts'
import { down_read, kfn, min, type Step, up_read } from '../../sim/index.ts'
import type { task_struct } from '../task_struct.ts'
import { fixup_user_fault, follow_page, type Translation } from './memory.ts'
import { PAGE_SIZE, VM_FAULT_ERROR } from './mm_struct.ts'

/** Where this address can be read, or written, now or after a fault; null: not at all. */
const fault_in = kfn('fault_in', function* (ts: task_struct, addr: number, write: boolean): Step<Translation | null> {
  const mm = ts.mm!
  for (;;) {
    const t = follow_page(mm, addr, write)
    if (t !== null) return t
    yield* down_read(mm.mmap_lock)
    const rc = yield* fixup_user_fault(mm, addr, write)
    yield* up_read(mm.mmap_lock)
    if (rc === null || (rc & VM_FAULT_ERROR) !== 0) return null
  }
})

/** fault_in_writeable(): how many of these bytes, from the first on, can be written. */
export const fault_in_writeable = kfn(
  'fault_in_writeable',
  function* (ts: task_struct, addr: number, len: number): Step<number> {
    for (let done = 0; done < len; done += PAGE_SIZE - ((addr + done) % PAGE_SIZE))
      if ((yield* fault_in(ts, addr + done, true)) === null) return done
    return len
  },
)

const copy = kfn('copy_user', function* (ts: task_struct, addr: number, buf: Uint8Array, write: boolean): Step<number> {
  let done = 0
  while (done < buf.length) {
    const t = yield* fault_in(ts, addr + done, write)
    if (t === null) break
    const { pte, off, run } = t
    const part = buf.subarray(done, done + min(run, buf.length - done))
    if (pte.memory === null) {
      if (write) pte.page.write(off, part)
      else part.set(pte.page.bytes.peek().subarray(off, off + part.length))
      yield* local_access(part.length)
      done += part.length
      continue
    }
    const { memory } = pte
    const got = yield* write ? fabric_write(memory, off, part, 'store') : fabric_read(memory, off, part, 'load')
    done += got
    if (got < part.length) break
  }
  return done
})

/** copy_from_user(): the bytes copied into `buf`, fewer when what follows them cannot be had. */
export const copy_from_user = (ts: task_struct, addr: number, buf: Uint8Array) => copy(ts, addr, buf, false)
/** copy_to_user(): the bytes copied from `buf`. */
export const copy_to_user = (ts: task_struct, addr: number, buf: Uint8Array) => copy(ts, addr, buf, true)
