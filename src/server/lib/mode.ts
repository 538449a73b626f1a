// Which famfs a program mounts: the FUSE one or the standalone one, "v1" (userspace.md f): as told, else as FAMFS_MODE says, else what
// the kernel has, FUSE first.
import type { Sys } from '../../kernel/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { errnoName, FAMFSIOC_FIRST, FAMFSIOC_FIRST_B01, famfsioc } from '../../wire/index.ts'
import type { Proc } from '../proc.ts'

export type Mode = 'fuse' | 'v1'

/** famfs_select_mode(): null when the kernel has no famfs at all. */
export function famfs_select_mode(p: Proc, told?: Mode): Mode | null {
  if (told !== undefined) return told
  const env = p.env.get('FAMFS_MODE')
  if (env === 'fuse' || env === 'v1') return env
  if (env !== undefined) p.err(`FAMFS_MODE=${env}: expected fuse or v1; ignored`)
  const symbols = p.sys.proc_kallsyms()
  if (symbols.includes('famfs_fuse_iomap_begin')) return 'fuse'
  return symbols.includes('famfs_create') ? 'v1' : null
}

/** famfs_module_loaded(), after loading it when `load` says so: is the standalone module there? A line when it is not. */
export const module_loaded = kfn('famfs_module_loaded', function* (p: Proc, load: boolean): Step<boolean> {
  if (load) {
    const rc = yield* p.sys.init_module('famfs')
    if (rc < 0) p.err(`modprobe famfs: ${errnoName(-rc)}`)
  }
  if (typeof (yield* p.sys.sysfs_list('/sys/module/famfs')) !== 'number') return true
  p.err('the famfs kernel module is not loaded; try modprobe famfs, or --fuse')
  return false
})

/** The ioctls of the standalone famfs, as the header of the kernel that the program was built for numbers them. */
export const ioctls_of = (sys: Sys) => (sys.ts.k.profile.has('B01') ? IOC_B01 : IOC)
const IOC = famfsioc(FAMFSIOC_FIRST)
const IOC_B01 = famfsioc(FAMFSIOC_FIRST_B01)
