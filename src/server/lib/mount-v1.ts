// Mounting the standalone famfs (userspace.md f, "V1 path"): mount(2), the meta files made in it, the log played into it. No daemon, and
// nothing to wait for. And its dummy mount, which shows superblock and log only.
import { LOG_LEN_DEFAULT, type Superblock } from '../../media/index.ts'
import { kfn, type Op, type Step } from '../../sim/index.ts'
import { EPERM, errnoName } from '../../wire/index.ts'
import type { Proc } from '../proc.ts'
import { map_superblock_by_path } from './by-path.ts'
import { module_loaded } from './mode.ts'
import { famfs_umount } from './mount-fuse.ts'
import { mpt_by_dev } from './mounts.ts'
import { get_role } from './role.ts'
import { mkmeta_log, mkmeta_superblock } from './v1-file.ts'

const FLAGS = 'noatime,nosuid,noexec,nodev'

export interface V1MountOptions {
  readonly device: string
  readonly mpt: string
  readonly loadModule?: boolean
  /** Length of the log file, whatever the superblock says, and no look at that. */
  readonly logLen?: number
  /** What is done with the log in the end: 0, or what a failed mount ends with. */
  readonly play?: () => Op<number>
}

/** famfs_mkmeta_standalone(): both meta files of a mount: 0, or -errno after a line; -EPERM when there is no superblock. */
export const mkmeta_standalone = kfn(
  'famfs_mkmeta_standalone',
  function* (p: Proc, mpt: string, logLen?: number): Step<number> {
    const rc = yield* mkmeta_superblock(p, mpt)
    if (rc < 0) return rc
    let sb: Superblock | null = null
    if (logLen === undefined) {
      const map = yield* map_superblock_by_path(p, mpt)
      if (map === null) return -EPERM
      sb = map.sb
      yield* p.sys.munmap(map.addr, map.len)
    }
    // Whoever says how long the log is makes a new file system, and writes.
    const owner = sb === null || (yield* get_role(p, sb)) === 'owner'
    return yield* mkmeta_log(p, mpt, logLen ?? sb?.logLen ?? LOG_LEN_DEFAULT, owner)
  },
)

/** 0, or negative: nothing is mounted; else what the log play came to, and then it stays mounted as in the real one. */
export const famfs_mount_v1 = kfn('famfs_mount_v1', function* (p: Proc, o: V1MountOptions): Step<number> {
  if (!(yield* module_loaded(p, o.loadModule === true))) return -1
  const there = mpt_by_dev(p, o.device)
  if (there !== null) {
    p.err(`famfs mount: ${o.device} is mounted on ${there} already`)
    return -1
  }
  const rc = yield* p.sys.mount_dev('famfs', o.device, o.mpt, FLAGS)
  if (rc < 0) {
    p.err(`famfs mount: mount of ${o.device} on ${o.mpt} failed (${errnoName(-rc)})`)
    return -1
  }
  const made = yield* mkmeta_standalone(p, o.mpt, o.logLen)
  if (made < 0) {
    p.err('famfs mount: the meta files cannot be made; unmounted')
    yield* famfs_umount(p, o.mpt)
    return made
  }
  return o.play === undefined ? 0 : yield* o.play()
})
