// User loads and stores. An access goes through the page table; what is missing there faults.
import { type fabric_clwb, fabric_read, fabric_write, local_access } from '../../fabric/index.ts'
import { Killed, kfn, min, type Step } from '../../sim/index.ts'
import { get_signal } from '../signal.ts'
import type { task_struct } from '../task_struct.ts'
import { kill_me_maybe } from './machine_check.ts'
import { do_user_addr_fault, follow_page } from './memory.ts'

/**
 * The same load was checked twice: memory_failure() says that it dealt with the page, and nothing unmapped it, so the task
 * would take the machine check for ever. It is ended as an operator would end it.
 */
const machine_check_storm = (ts: task_struct, addr: number): never => {
  ts.k.m.problem(
    'machine check storm',
    `${ts.k.name}/${ts.comm} takes the machine check of its load at 0x${addr.toString(16)} again and again: memory_failure() counts it as dealt with and nobody unmaps the page (L02)`,
  )
  throw new Killed('SIGKILL', null)
}

/** Copy between a user address and a buffer, page run by page run, faulting where needed. */
const user_access = kfn(
  'user access',
  function* (ts: task_struct, addr: number, buf: Uint8Array, write: boolean): Step<void> {
    const mm = ts.mm!
    let done = 0
    /** Where the last machine check was. */
    let checked = -1
    get_signal(ts)
    while (done < buf.length) {
      const t = follow_page(mm, addr + done, write)
      if (t === null) {
        yield* do_user_addr_fault(ts, addr + done, write)
        continue
      }
      const { pte, off } = t
      const n = min(t.run, buf.length - done)
      const part = done === 0 && n === buf.length ? buf : buf.subarray(done, done + n)
      if (pte.memory === null) {
        if (write) pte.page.write(off, part)
        else part.set(pte.page.bytes.peek().subarray(off, off + n))
        yield* local_access(n)
        done += n
        continue
      }
      const { memory } = pte
      const got = yield* write ? fabric_write(memory, off, part, 'store') : fabric_read(memory, off, part, 'load')
      done += got
      if (got === n) continue
      if (checked === done) machine_check_storm(ts, addr + done)
      checked = done
      yield* kill_me_maybe(ts, memory, off + got)
      get_signal(ts)
    }
  },
)

/**
 * A cache instruction for each line of a range of user addresses: faults like a load. A page of the host's own memory is in the
 * caches of this host only, so there nothing is to be done.
 */
export const user_lines = kfn(
  'user cache lines',
  function* (ts: task_struct, addr: number, len: number, instruction: typeof fabric_clwb): Step<void> {
    get_signal(ts)
    for (let done = 0; done < len; ) {
      const t = follow_page(ts.mm!, addr + done, false)
      if (t === null) {
        yield* do_user_addr_fault(ts, addr + done, false)
        continue
      }
      const n = min(t.run, len - done)
      if (t.pte.memory !== null) yield* instruction(t.pte.memory, t.off, n, 'load')
      done += n
    }
  },
)

/** A user task loads `buf.length` bytes at `addr`. */
export const user_load = (ts: task_struct, addr: number, buf: Uint8Array) => user_access(ts, addr, buf, false)
/** A user task stores `buf` at `addr`. */
export const user_store = (ts: task_struct, addr: number, buf: Uint8Array) => user_access(ts, addr, buf, true)
