// Dummy mounts, which show a device's superblock and log and nothing else: for programs that cannot map the device itself.
import { kfn, type Step } from '../../sim/index.ts'
import { errnoName } from '../../wire/index.ts'
import type { Proc } from '../proc.ts'
import { famfs_select_mode, type Mode } from './mode.ts'
import { famfs_mount_fuse, famfs_umount, tidy_shadow } from './mount-fuse.ts'
import { famfs_mount_v1 } from './mount-v1.ts'
import { shadow_of_mount } from './shadow.ts'
import { mkdtemp } from './temp-dir.ts'

export interface DummyOptions {
  readonly mode?: Mode
  readonly loadModule?: boolean
  readonly debug?: boolean
  readonly logLen?: number
}

/** famfs_dummy_mount(), famfs_dummy_mount_v1(): the mount point, or -errno after a line. */
export const dummy_mount = kfn('famfs_dummy_mount', function* (p: Proc, device: string, o: DummyOptions): Step<
  string | number
> {
  const mpt = yield* mkdtemp(p, '/tmp/famfs_dummy_')
  if (typeof mpt === 'number') {
    p.err(`/tmp/famfs_dummy_XXXXXX: cannot be made (${errnoName(-mpt)})`)
    return mpt
  }
  const v1 = famfs_select_mode(p, o.mode) === 'v1'
  const rc = yield* v1
    ? famfs_mount_v1(p, { ...o, device, mpt })
    : famfs_mount_fuse(p, { ...o, device, mpt, dummy: true })
  if (rc === 0) return mpt
  p.err(`dummy mount of ${device} at ${mpt} failed`)
  if (!p.site.server.has('Q31')) yield* p.sys.rmdir(mpt)
  return rc < 0 ? rc : -rc
})

/** Undo a dummy mount. */
export const dummy_umount = kfn('famfs_dummy_umount', function* (p: Proc, mpt: string): Step<number> {
  const shadow = yield* shadow_of_mount(p.sys, mpt)
  const rc = yield* famfs_umount(p, mpt)
  if (rc < 0) return rc
  if (shadow !== null) yield* tidy_shadow(p, shadow, false)
  if (!p.site.server.has('Q31')) yield* p.sys.rmdir(mpt)
  return 0
})
