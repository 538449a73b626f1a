// Handle on a mounted famfs while a scenario is built: the owner makes files and directories, clients play the log.
import {
  type CreatOptions,
  type FamfsMount,
  famfs_logplay,
  famfs_mkdir,
  famfs_mkfile,
  type LogPlay,
} from '../server/index.ts'
import { UsageError } from '../sim/index.ts'
import type { Host } from './host.ts'

export class Fs {
  readonly host: Host
  readonly mount: FamfsMount
  /** What the log play of the mount did. */
  readonly play: LogPlay

  constructor(host: Host, mount: FamfsMount, play: LogPlay) {
    this.host = host
    this.mount = mount
    this.play = play
  }

  /** Make a file of `size` bytes. Throws UsageError: not the owner, no room, exists, no such directory. */
  creat(path: string, size: number, o: CreatOptions = {}): void {
    const { mount } = this
    const rel = path.replace(/^\/+/, '')
    const { world } = this.host
    const draws = world.m.streams.stream('alloc')
    const r = world.setup(this.host, 'famfs creat', function* (sys) {
      return yield* famfs_mkfile(sys, mount, rel, size, o, n => draws.below(n))
    })
    if ('error' in r) throw new UsageError(`famfs creat: ${r.error}`)
  }

  /** Make a directory. */
  mkdir(path: string, o: CreatOptions = {}): void {
    const { mount } = this
    const rel = path.replace(/^\/+/, '')
    const r = this.host.world.setup(this.host, 'famfs mkdir', function* (sys) {
      return yield* famfs_mkdir(sys, mount, rel, o)
    })
    if ('error' in r) throw new UsageError(`famfs mkdir: ${r.error}`)
  }

  /** Play the log again: what the owner made meanwhile appears here. */
  logplay(): LogPlay {
    const { mount } = this
    const r = this.host.world.setup(this.host, 'famfs logplay', function* (sys) {
      return yield* famfs_logplay(sys, mount.mpt, mount.superblock!.logLen, mount.shadow)
    })
    if (r.error !== undefined) throw new UsageError(`famfs logplay: ${r.error}`)
    return r
  }

  /** Where a file lies: its extents or strips in device bytes, as the log has them. */
  fmap(path: string) {
    const n = this.mount.shadow.find(path)
    if (n?.fmap == null) throw new UsageError(`no file '${path}' on ${this.mount.mpt}`)
    return n.fmap
  }
}
