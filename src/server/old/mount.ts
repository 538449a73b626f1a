// famfs mount, fuse mode (userspace.md e.7): daemon, mount(2), superblock, role, log, log play. And starting the daemon alone.
import { type FuseDev, fuse_dev_open, type Kernel, type Sys, spawn_process } from '../../kernel/index.ts'
import { SB_AREA, type Superblock } from '../../media/index.ts'
import { Cell, kfn, type Step } from '../../sim/index.ts'
import { EPERM } from '../../wire/index.ts'
import { Famfsd } from '../daemon/famfsd.ts'
import { fuse_session_loop } from '../daemon/session.ts'
import { insim } from '../daemon/transport/insim.ts'
import { S_IFDIR, S_IFREG, ShadowTree } from '../shadow.ts'
import { famfs_logplay, type LogPlay } from './logplay.ts'
import { LOG_PATH, read_superblock, SUPERBLOCK_PATH } from './media_file.ts'

const YEAR_S = 31536000

export type Role = 'owner' | 'client'

/** A mounted famfs with its daemon. */
export interface FamfsMount {
  readonly k: Kernel
  readonly mpt: string
  /** Device path, e.g. /dev/dax0.0 */
  readonly device: string
  /** Paths of further devices, from index 1 on. */
  readonly devices: readonly string[]
  readonly dev: FuseDev
  readonly famfsd: Famfsd
  readonly shadow: ShadowTree
  readonly superblock: Superblock | null
  readonly role: Role
  readonly workers: number
}

/** Start the daemon's worker threads on a connection. They are services: they may sleep when a run ends. */
export function start_famfsd(k: Kernel, dev: FuseDev, famfsd: Famfsd, workers: number, at?: number): void {
  const transport = insim(dev)
  const left = new Cell(k.m, 'famfsd workers', workers)
  for (let i = 0; i < workers; i++)
    spawn_process(
      k,
      `famfsd/${i}`,
      function* () {
        const rc = yield* fuse_session_loop(k.opcodes, transport, famfsd.handlers)
        left.poke(left.peek() - 1)
        if (left.peek() === 0) yield* transport.close()
        return rc
      },
      { service: true, at },
    )
}

export interface MountOptions {
  readonly device: string
  readonly mpt: string
  /** Paths of further devices, from index 1 on. */
  readonly devices?: readonly string[]
  /** This host's system uuid: equal to the superblock's, it owns the file system. */
  readonly systemUuid: string
  /** Attribute and entry timeout, seconds. */
  readonly timeout?: number
  readonly workers?: number
}

/** The daemon and the mount, nothing looked at yet. `shadow`: go on with this tree. */
export const famfs_fused = kfn('famfs_fused', function* (sys: Sys, o: MountOptions, shadow: ShadowTree): Step<
  FamfsMount | { error: string; rc: number }
> {
  const { k } = sys.ts
  const dev = fuse_dev_open(k)
  const { timeout = YEAR_S, workers = 2, devices = [] } = o
  const { t } = k.profile
  const famfsd = new Famfsd(k.m, {
    shadow,
    daxdevs: [o.device, ...devices],
    push: t.daxdev === 'push' ? insim(dev).push : null,
    pushZeroFails: k.profile.has('B54'),
    timeout,
    dax_fmap_bit: t.dax_fmap_bit,
  })
  const rc = yield* sys.mount(dev, o.mpt)
  if (rc < 0) return { error: `mount ${o.mpt}: errno ${-rc}`, rc }
  start_famfsd(k, dev, famfsd, workers)
  return { k, mpt: o.mpt, device: o.device, devices, dev, famfsd, shadow, superblock: null, role: 'client', workers }
})

/** The whole procedure. On an invalid superblock it unmounts and says why. */
export const famfs_mount = kfn('famfs_mount_fuse', function* (sys: Sys, o: MountOptions): Step<
  { mount: FamfsMount; play: LogPlay } | { error: string; rc: number }
> {
  const shadow = new ShadowTree(sys.ts.k.m)
  const meta = { uid: 0, gid: 0 }
  shadow.add('.meta', { ...meta, mode: S_IFDIR | 0o755 })
  const whole = (offset: number, len: number) => ({ kind: 'simple' as const, extents: [{ dev: 0, offset, len }] })
  shadow.add(SUPERBLOCK_PATH, { ...meta, mode: S_IFREG | 0o444, size: SB_AREA, fmap: whole(0, SB_AREA) })
  const mount = yield* famfs_fused(sys, o, shadow)
  if ('error' in mount) return mount
  const sb = yield* read_superblock(sys, o.mpt)
  if ('error' in sb) {
    yield* sys.umount(o.mpt)
    return { error: `famfs mount: ${sb.error}`, rc: -EPERM }
  }
  const role: Role = sb.systemUuid === o.systemUuid ? 'owner' : 'client'
  const mode = S_IFREG | (role === 'owner' ? 0o644 : 0o444)
  shadow.add(LOG_PATH, { ...meta, mode, size: sb.logLen, fmap: whole(sb.logOffset, sb.logLen) })
  const play = yield* famfs_logplay(sys, o.mpt, sb.logLen, shadow)
  if (play.error !== undefined || play.errors > 0) {
    yield* sys.umount(o.mpt)
    return { error: `famfs mount: log play: ${play.error ?? `${play.errors} entries could not be played`}`, rc: -1 }
  }
  if (play.devices > mount.devices.length) {
    yield* sys.umount(o.mpt)
    const [has, given] = [play.devices + 1, mount.devices.length + 1]
    return { error: `famfs mount: the file system lies on ${has} devices, ${given} given; name them all`, rc: -1 }
  }
  return { mount: { ...mount, superblock: sb, role }, play }
})
