// The address space of a process: its system calls, and the loads and stores that touch what it mapped.
import { fabric_clflush, fabric_clflushopt, fabric_clwb, fabric_sfence } from '../../fabric/index.ts'
import { Killed, kfn, type Op, type Step } from '../../sim/index.ts'
import { do_madvise } from '../mm/madvise.ts'
import { do_mincore, do_mlock, do_munlock } from '../mm/mlock.ts'
import { do_mmap, do_munmap } from '../mm/mmap.ts'
import { do_mprotect } from '../mm/mprotect.ts'
import { do_mremap } from '../mm/mremap.ts'
import { do_msync } from '../mm/msync.ts'
import { type Rss, rss } from '../mm/rss.ts'
import { user_lines, user_load, user_store } from '../mm/user.ts'
import type { McePolicy, SigInfo } from '../task_struct.ts'
import { syscall } from './entry.ts'
import { IoCalls } from './io.ts'

const mmap = syscall('mmap', do_mmap)
const munmap = syscall('munmap', do_munmap)
const mremap = syscall('mremap', do_mremap)
const mprotect = syscall('mprotect', do_mprotect)
const msync = syscall('msync', do_msync)
const madvise = syscall('madvise', do_madvise)
const mlock = syscall('mlock', do_mlock)
const munlock = syscall('munlock', do_munlock)
const mincore = syscall('mincore', do_mincore)

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
  /** The address, or -errno. `addr` 0: the kernel picks. With MAP_ANONYMOUS `fd` is not looked at. */
  mmap(addr: number, len: number, prot: number, flags: number, fd = -1, off = 0): Op<number> {
    return mmap(this.ts, addr, len, prot, flags, fd, off)
  }
  munmap(addr: number, len: number): Op<number> {
    return munmap(this.ts, addr, len)
  }
  /** Where the mapping is then, or -errno. `flags`: MREMAP_MAYMOVE, MREMAP_FIXED (to `to`), MREMAP_DONTUNMAP. */
  mremap(addr: number, old_len: number, new_len: number, flags = 0, to = 0): Op<number> {
    return mremap(this.ts, addr, old_len, new_len, flags, to)
  }
  mprotect(addr: number, len: number, prot: number): Op<number> {
    return mprotect(this.ts, addr, len, prot)
  }
  /** `flags`: MS_SYNC or MS_ASYNC, MS_INVALIDATE. */
  msync(addr: number, len: number, flags: number): Op<number> {
    return msync(this.ts, addr, len, flags)
  }
  /** `advice`: MADV_... */
  madvise(addr: number, len: number, advice: number): Op<number> {
    return madvise(this.ts, addr, len, advice)
  }
  mlock(addr: number, len: number): Op<number> {
    return mlock(this.ts, addr, len)
  }
  munlock(addr: number, len: number): Op<number> {
    return munlock(this.ts, addr, len)
  }
  /** 1 or 0 for each page: is it there? Or -errno. */
  mincore(addr: number, len: number): Op<Uint8Array | number> {
    return mincore(this.ts, addr, len)
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
    const { min_flt, maj_flt } = this.rusage()
    return min_flt + maj_flt
  }
  /** getrusage(2): faults that found the page, and those that are counted as having fetched it. */
  rusage(): { readonly min_flt: number; readonly maj_flt: number } {
    const { min_flt, maj_flt } = this.ts.mm!
    return { min_flt: min_flt.peek(), maj_flt: maj_flt.peek() }
  }
  /** Memory it has mapped, bytes by kind: Rss of /proc/self/status. */
  rss(): Rss {
    return rss(this.ts.mm!)
  }
}
