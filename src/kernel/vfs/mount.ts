// mount(2) of a FUSE connection and umount(2).
import { kfn, type Step } from '../../sim/index.ts'
import { EBUSY, EINVAL, ENOTDIR, EPERM } from '../../wire/index.ts'
import type { FuseDev } from '../fuse/conn.ts'
import { fuse_mount_fs } from '../fuse/inode.ts'
import type { Kernel } from '../kernel.ts'
import type { task_struct } from '../task_struct.ts'
import { d_path } from './dcache.ts'
import { S_ISDIR } from './inode.ts'
import { in_use } from './iput.ts'
import { kern_path } from './namei.ts'

/** What mount(2) is told besides: what /proc/mounts shows as the source, and options after `rw`. */
export interface MountData {
  readonly fsname?: string
  readonly options?: string
}

/** mount -t fuse: 0 or -errno (-EPERM, walk, -ENOTDIR, -EBUSY: something is mounted there). */
export const do_mount_fuse = kfn(
  'do_mount',
  function* (ts: task_struct, dev: FuseDev, path: string, data: MountData): Step<number> {
    if (!ts.capable('CAP_SYS_ADMIN')) return -EPERM
    const d = yield* kern_path(ts.k, path, true)
    if (typeof d === 'number') return d
    if (!S_ISDIR(d.d_inode.peek()!.i_mode)) return -ENOTDIR
    if (d.is_root) return -EBUSY
    return yield* fuse_mount_fs(ts.k, dev, d, data.fsname ?? 'fuse', data.options ?? '')
  },
)

/** The text of /proc/mounts: a line for each file system, oldest first. */
export function proc_mounts(k: Kernel): string {
  let text = 'tmpfs / tmpfs rw,relatime 0 0\n'
  for (const sb of k.supers.items.filter(sb => !sb.detached.peek()))
    text += `${sb.s_id} ${d_path(sb.s_root)} ${sb.s_type} rw${sb.s_options === '' ? '' : `,${sb.s_options}`} 0 0\n`
  return text
}

/** umount2(2): do not wait until nobody uses it. */
export const MNT_DETACH = 2

/**
 * umount2(2): 0, -EPERM, -EINVAL (not a mount point), -EBUSY (something is open or mapped). With MNT_DETACH what is in use loses
 * its place at once, and goes when the last use ends.
 */
export const do_umount = kfn('do_umount', function* (ts: task_struct, path: string, flags: number): Step<number> {
  if (!ts.capable('CAP_SYS_ADMIN')) return -EPERM
  const d = yield* kern_path(ts.k, path, true)
  if (typeof d === 'number') return d
  const sb = d.d_sb
  if (sb === null || sb.s_root !== d || d.d_parent === null) return -EINVAL
  const busy = in_use(d)
  if (busy && (flags & MNT_DETACH) === 0) return -EBUSY
  if (busy) {
    d.d_parent.mounted.poke(null)
    sb.detached.poke(true)
  } else yield* sb.kill()
  return 0
})
