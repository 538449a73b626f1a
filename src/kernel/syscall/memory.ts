// The address space of a process: its system calls, and the loads and stores that touch what it mapped.
import { fabric_clflush, fabric_clflushopt, fabric_clwb, fabric_sfence } from '../../fabric/index.ts'
import { Killed, kfn, type Op, type Step } from '../../sim/index.ts'
import { do_madvise } from '../mm/madvise.ts'
import { user_lines, user_load, user_store } from '../mm/memory.ts'
import { do_mmap, do_munmap } from '../mm/mmap.ts'
import { do_msync } from '../mm/msync.ts'
import type { McePolicy, SigInfo } from '../task_struct.ts'
import { syscall } from './entry.ts'
import { IoCalls } from './io.ts'

const mmap = syscall('mmap', do_mmap)
const munmap = syscall('munmap', do_munmap)
const madvise = syscall('madvise', do_madvise)
const msync = syscall('msync', do_msync)

const handled = kfn('signal handler', function* (access: Op<void>): Step<SigInfo | null> {
  try {
    yield* access
    return null
  } catch (e) {
    if (e instanceof Killed && e.info !== null) return e.info as SigInfo
    throw e
  }
})

/** The part of `Sys` that takes addresses. */
export class MemoryCalls extends IoCalls {
  /** The address, or -errno. `addr` 0: the kernel picks. */
  mmap(addr: number, len: number, prot: number, flags: number, fd: number, off = 0): Op<number> {
    return mmap(this.ts, addr, len, prot, flags, fd, off)
  }
  munmap(addr: number, len: number): Op<number> {
    return munmap(this.ts, addr, len)
  }
  /** `flags`: MS_SYNC, MS_ASYNC, MS_INVALIDATE. */
  msync(addr: number, len: number, flags: number): Op<number> {
    return msync(this.ts, addr, len, flags)
  }
  /** `advice`: MADV_DONTNEED, MADV_HWPOISON. */
  madvise(addr: number, len: number, advice: number): Op<number> {
    return madvise(this.ts, addr, len, advice)
  }
  /** prctl(PR_MCE_KILL): when to be signalled for a bad page that this process maps and did not touch. */
  mce_kill(policy: McePolicy): void {
    this.ts.mce_kill = policy
  }
  /** Load from a mapped address into `buf`. SIGSEGV or SIGBUS unwind as a `Killed`; catch it to handle the signal. */
  load(addr: number, buf: Uint8Array): Op<void> {
    return user_load(this.ts, addr, buf)
  }
  store(addr: number, buf: Uint8Array): Op<void> {
    return user_store(this.ts, addr, buf)
  }
  /** Like load, but a signal comes back as its siginfo, as a handler would see it. Null: nothing happened. */
  load_or_signal(addr: number, buf: Uint8Array): Op<SigInfo | null> {
    return this.or_signal(user_load(this.ts, addr, buf))
  }
  store_or_signal(addr: number, buf: Uint8Array): Op<SigInfo | null> {
    return this.or_signal(user_store(this.ts, addr, buf))
  }
  /** Any access to mapped memory, with a handler for the signal it may raise: its siginfo, or null. */
  or_signal(access: Op<void>): Op<SigInfo | null> {
    return handled(access)
  }
  /**
   * CLWB for every line of a range: dirty ones are written back, and stay. Complete at the next `sfence`. Like all cache
   * instructions it faults as a load does.
   */
  clwb(addr: number, len: number): Op<void> {
    return user_lines(this.ts, addr, len, fabric_clwb)
  }
  /** CLFLUSHOPT: dirty lines are written back, and all are dropped. Complete at the next `sfence`. */
  clflushopt(addr: number, len: number): Op<void> {
    return user_lines(this.ts, addr, len, fabric_clflushopt)
  }
  /** CLFLUSH: the same, complete when it returns. */
  clflush(addr: number, len: number): Op<void> {
    return user_lines(this.ts, addr, len, fabric_clflush)
  }
  /** SFENCE: what this process asked for with `clwb` and `clflushopt` is complete. */
  sfence(): Op<void> {
    return fabric_sfence()
  }
  /** Page faults this process has taken so far (minor and major). */
  faults(): number {
    return this.ts.mm!.min_flt.peek() + this.ts.mm!.maj_flt.peek()
  }
}
