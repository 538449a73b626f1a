// mount(2) of a FUSE connection or a device, and umount(2).
import { kfn, type Op, type Step } from '../../sim/index.ts'
import { EBUSY, EINVAL, ENODEV, ENOTDIR, EPERM } from '../../wire/index.ts'
import { famfs_get_tree } from '../famfs-std/famfs_super.ts'
import type { FuseDev } from '../fuse/conn.ts'
import { fuse_mount_fs } from '../fuse/inode.ts'
import type { Kernel } from '../kernel.ts'
import type { task_struct } from '../task_struct.ts'
import { type Dentry, d_path } from './dcache.ts'
import { S_ISDIR, type SuperBlock } from './inode.ts'
import { kern_path } from './namei.ts'
import { put_held } from './path.ts'

/** What mount(2) is told besides: what /proc/mounts shows as the source, and options after `rw`. */
export interface MountData {
  readonly fsname?: string
  readonly options?: string
}

/** Where something may be mounted, or -errno (-EPERM, walk, -ENOTDIR, -EBUSY: something is mounted there). */
const mountpoint = kfn('user_path_at', function* (ts: task_struct, path: string): Step<Dentry | number> {
  if (!ts.capable('CAP_SYS_ADMIN')) return -EPERM
  const d = yield* kern_path(ts.k, path, true)
  if (typeof d === 'number') return d
  if (!S_ISDIR(d.d_inode.peek()!.i_mode)) return -ENOTDIR
  return d.is_root ? -EBUSY : d
})

/** mount -t TYPE: 0 or -errno, -ENODEV for a type that this kernel has not. Only famfs lies on a device, where it is no part of FUSE. */
export const do_mount_dev = kfn(
  'do_mount',
  function* (ts: task_struct, type: string, source: string, path: string, options: string): Step<number> {
    const d = yield* mountpoint(ts, path)
    if (typeof d === 'number') return d
    if (type !== 'famfs' || !ts.k.famfs?.loaded.peek()) return -ENODEV
    return yield* famfs_get_tree(ts.k, source, d, options)
  },
)

/** mount -t fuse: 0 or -errno. */
export const do_mount_fuse = kfn(
  'do_mount',
  function* (ts: task_struct, dev: FuseDev, path: string, data: MountData): Step<number> {
    const d = yield* mountpoint(ts, path)
    if (typeof d === 'number') return d
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

/** umount2(2): end what waits for the server; take the place away although it is in use; do not follow a link. */
export const MNT_FORCE = 1
export const MNT_DETACH = 2
export const UMOUNT_NOFOLLOW = 8

/** What is mounted on names of a file system. */
const mounted_below = (sb: SuperBlock): SuperBlock[] =>
  sb.k.supers.items.filter(c => c.s_root.d_parent?.d_sb === sb && !c.detached.peek())

/** umount_tree() with MNT_DETACH: it and what is mounted on it lose their place, and each goes when its last use ends. */
const detach: (sb: SuperBlock) => Op<void> = kfn('umount_tree', function* (sb: SuperBlock): Step<void> {
  for (const c of mounted_below(sb)) yield* detach(c)
  sb.s_root.d_parent!.mounted.poke(null)
  if (sb.mnt_count.peek() > 0) sb.detached.poke(true)
  else yield* sb.kill()
})

/**
 * umount2(2): 0, -EPERM, -EINVAL (no mount point, unknown flags), -EBUSY (something is open or mapped, a call is under way, or
 * another mount is on it). With MNT_FORCE the server is given up first, and what is in use still keeps it mounted.
 */
export const do_umount = kfn('do_umount', function* (ts: task_struct, path: string, flags: number): Step<number> {
  if ((flags & ~(MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW)) !== 0) return -EINVAL
  if (!ts.capable('CAP_SYS_ADMIN')) return -EPERM
  const d = yield* kern_path(ts.k, path, (flags & UMOUNT_NOFOLLOW) === 0)
  // Its own walk does not count.
  yield* put_held(ts)
  if (typeof d === 'number') return d
  const sb = d.d_sb
  if (sb === null || sb.s_root !== d || d.d_parent?.mounted.peek() !== sb) return -EINVAL
  if ((flags & MNT_FORCE) !== 0 && sb.umount_begin) yield* sb.umount_begin()
  if ((flags & MNT_DETACH) !== 0) {
    yield* detach(sb)
    return 0
  }
  if (sb.mnt_count.peek() > 0 || mounted_below(sb).length > 0) return -EBUSY
  yield* sb.kill()
  return 0
})
