// What a system call does with memory of the process that it names by address (lib/iov_iter.c, mm/gup.c): pages are faulted in as
// for the process, but what cannot be had ends the copy and raises no signal.
import { fabric_read, fabric_write, local_access } from '../../fabric/index.ts'
import { down_read, kfn, min, roundDown, type Step, up_read } from '../../sim/index.ts'
import type { task_struct } from '../task_struct.ts'
import { handle_mm_fault, translate } from './memory.ts'
import { PAGE_SHIFT, PROT_WRITE, VM_FAULT_OOM, VM_FAULT_SIGBUS } from './mm_struct.ts'

const PAGE_SIZE = 1 << PAGE_SHIFT
const vpn_of = (addr: number): number => roundDown(addr, PAGE_SIZE) / PAGE_SIZE

/** Can this address be read, or written, now or after a fault? */
const fault_in = kfn('fault_in', function* (ts: task_struct, addr: number, write: boolean): Step<boolean> {
  const mm = ts.mm!
  while (!mm.anon.has(vpn_of(addr)) && translate(ts, addr, write) === null) {
    yield* down_read(mm.mmap_lock)
    const vma = mm.find_vma(addr)
    const may = vma !== undefined && (write ? (vma.prot & PROT_WRITE) !== 0 : vma.prot !== 0)
    const rc = may ? yield* handle_mm_fault(vma, addr, write) : VM_FAULT_SIGBUS
    yield* up_read(mm.mmap_lock)
    if ((rc & (VM_FAULT_SIGBUS | VM_FAULT_OOM)) !== 0) return false
  }
  return true
})

/** fault_in_writeable(): how many of these bytes, from the first on, can be written. */
export const fault_in_writeable = kfn(
  'fault_in_writeable',
  function* (ts: task_struct, addr: number, len: number): Step<number> {
    for (let done = 0; done < len; done += PAGE_SIZE - ((addr + done) % PAGE_SIZE))
      if (!(yield* fault_in(ts, addr + done, true))) return done
    return len
  },
)

const copy = kfn('copy_user', function* (ts: task_struct, addr: number, buf: Uint8Array, write: boolean): Step<number> {
  let done = 0
  while (done < buf.length) {
    const at = addr + done
    if (!(yield* fault_in(ts, at, write))) break
    const { anon } = ts.mm!
    const own = anon.get(vpn_of(at))
    if (own !== undefined) {
      const from = at % PAGE_SIZE
      const n = min(PAGE_SIZE - from, buf.length - done)
      if (write) {
        const page = own.slice()
        page.set(buf.subarray(done, done + n), from)
        anon.set(vpn_of(at), page)
      } else buf.set(own.subarray(from, from + n), done)
      yield* local_access(n)
      done += n
      continue
    }
    const { pte, off, run } = translate(ts, at, write)!
    const part = buf.subarray(done, done + min(run, buf.length - done))
    const got = yield* write ? fabric_write(pte.memory, off, part, 'store') : fabric_read(pte.memory, off, part, 'load')
    done += got
    if (got < part.length) break
  }
  return done
})

/** copy_from_user(): the bytes copied into `buf`, fewer when what follows them cannot be had. */
export const copy_from_user = (ts: task_struct, addr: number, buf: Uint8Array) => copy(ts, addr, buf, false)
/** copy_to_user(): the bytes copied from `buf`. */
export const copy_to_user = (ts: task_struct, addr: number, buf: Uint8Array) => copy(ts, addr, buf, true)
