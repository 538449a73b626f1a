// Modules, as far as famfs user space asks: which famfs the kernel has (/proc/kallsyms), and loading and unloading the standalone one.
import { kfn, type Step } from '../sim/index.ts'
import { EBUSY, ENOENT, EPERM } from '../wire/index.ts'
import type { Kernel } from './kernel.ts'
import type { task_struct } from './task_struct.ts'

/** Lines of /proc/kallsyms that tell of a famfs, without their addresses. */
export function proc_kallsyms(k: Kernel): string {
  if (k.famfs === null) return 'famfs_fuse_iomap_begin\t[fuse]\n'
  return k.famfs.loaded.peek() ? 'famfs_create\t[famfs]\n' : ''
}

/** init_module(2) of the module of this name: 0, -EPERM, -ENOENT (there is none). One that is loaded stays. */
export const do_init_module = kfn('do_init_module', function* (ts: task_struct, name: string): Step<number> {
  if (!ts.capable('CAP_SYS_MODULE')) return -EPERM
  if (name !== 'famfs' || ts.k.famfs === null) return -ENOENT
  yield* ts.k.famfs.loaded.store(true)
  return 0
})

/** delete_module(2): 0, -EPERM, -ENOENT (not loaded), -EBUSY (a mount needs it). */
export const do_delete_module = kfn('do_delete_module', function* (ts: task_struct, name: string): Step<number> {
  if (!ts.capable('CAP_SYS_MODULE')) return -EPERM
  const { famfs } = ts.k
  if (name !== 'famfs' || famfs === null || !(yield* famfs.loaded.load())) return -ENOENT
  if (ts.k.supers.items.some(sb => sb.s_type === 'famfs')) return -EBUSY
  yield* famfs.loaded.store(false)
  return 0
})
