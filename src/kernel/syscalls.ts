// The system calls an application of a host can make. Each answers what the real one leaves in the return register: a
// number, negative for -errno; some give an object instead of filling a struct. They are in syscall/, by theme, one part on
// top of the other; here are those about processes, mounts and the system.
import { type Op, type Step, sleep } from '../sim/index.ts'
import type { ProcessEnd } from './exit.ts'
import { do_wait, kernel_clone } from './fork.ts'
import type { FuseDev } from './fuse/conn.ts'
import { do_delete_module, do_init_module, proc_kallsyms } from './module.ts'
import { do_kill, proc_list } from './signal.ts'
import { DeviceCalls } from './syscall/device.ts'
import { syscall } from './syscall/entry.ts'
import { drop_caches } from './vfs/iput.ts'
import { do_mount_dev, do_mount_fuse, do_umount, type MountData, proc_mounts } from './vfs/mount.ts'

const clone = syscall('clone', kernel_clone)
const wait4 = syscall('wait4', do_wait)
const kill = syscall('kill', do_kill)
const mount = syscall('mount', do_mount_fuse)
const mount_dev = syscall('mount', do_mount_dev)
const init_module = syscall('init_module', do_init_module)
const delete_module = syscall('delete_module', do_delete_module)
const umount = syscall('umount2', do_umount)

/** What an application's generator gets as `sys`. `yield*` everything. */
export class Sys extends DeviceCalls {
  getpid(): number {
    return this.ts.pid
  }
  /**
   * fork(2): a child with a copy of the memory, sharing the open files, that runs `body` and ends. Its number, or -ENOMEM. What
   * `body` keeps in variables of the parent is shared, which no real memory is.
   */
  fork(body: (sys: Sys) => Step<any>): Op<number> {
    return clone(this.ts, ts => body(new Sys(ts)))
  }
  /** waitpid(2): how a child ended, once it has, or -ECHILD. */
  waitpid(pid: number): Op<ProcessEnd | number> {
    return wait4(this.ts, pid)
  }
  /** Send a signal to every thread of a process: 0, -ESRCH, -EPERM. */
  kill(pid: number, name: string): Op<number> {
    return kill(this.ts, pid, name)
  }
  /** sigaction() with SIG_IGN: a signal of this name does nothing to the process any more. */
  ignore_signal(name: string): void {
    this.ts.group_leader.ignored.push(name)
  }
  /** Processes that have not ended, as ps(1) reads them from /proc, oldest first. */
  proc_list(): { readonly pid: number; readonly comm: string }[] {
    return proc_list(this.ts.k)
  }
  /** The text of /proc/mounts. */
  proc_mounts(): string {
    return proc_mounts(this.ts.k)
  }
  mount(dev: FuseDev, path: string, data: MountData = {}): Op<number> {
    return mount(this.ts, dev, path, data)
  }
  /** mount(2) of a file system that lies on a device: 0, or -errno. `options`: as in /proc/mounts, with commas. */
  mount_dev(type: string, source: string, path: string, options = ''): Op<number> {
    return mount_dev(this.ts, type, source, path, options)
  }
  /** What /proc/kallsyms says of famfs. */
  proc_kallsyms(): string {
    return proc_kallsyms(this.ts.k)
  }
  init_module(name: string): Op<number> {
    return init_module(this.ts, name)
  }
  delete_module(name: string): Op<number> {
    return delete_module(this.ts, name)
  }
  /** `flags`: MNT_DETACH, MNT_FORCE, UMOUNT_NOFOLLOW. */
  umount(path: string, flags = 0): Op<number> {
    return umount(this.ts, path, flags)
  }
  /** The application computes for this long, ns. */
  sleep(ns: number): Op<void> {
    return sleep(ns)
  }
  /** clock_gettime(CLOCK_MONOTONIC): virtual time, ns. */
  clock(): number {
    return this.ts.k.m.clock()
  }
  /** Requests this process has sent to FUSE servers so far. */
  upcalls(): number {
    return this.ts.upcalls.peek()
  }
  /** echo 2 > /proc/sys/vm/drop_caches; with `nr` memory is a little short, and as many names go. How many went. */
  drop_caches(nr?: number): Op<number> {
    return drop_caches(this.ts.k, nr)
  }
}
