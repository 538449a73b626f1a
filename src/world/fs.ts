// Handle on a mounted famfs while a scenario is built: the owner makes files and directories, clients play the log. Each of these is
// the command of that name, run on the host.
import { kern_read } from '../kernel/index.ts'
import type { Fmap } from '../media/index.ts'
import { type End, type Interleave, mapped_fmap, parse_file_yaml, type Stripe } from '../server/index.ts'
import { UsageError } from '../sim/index.ts'
import type { Host } from './host.ts'

/** How a file or directory is made. */
export interface CreatOptions {
  /** Permission bits. */
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  /** Interleaving over buckets of the first device; without it one extent. */
  readonly interleave?: Interleave
  /** Striping over devices, in place of that; the `fixed` user space has it. */
  readonly stripe?: Stripe
}

/** What a log play did. */
export interface LogPlay {
  readonly entries: number
  readonly newFiles: number
  readonly newDirs: number
}

/** The line that log play ends with. */
const PLAYED = /: (\d+) log entries; (\d+) new files; (\d+) new directories$/

/** What the output of a command says of the log play in it; nothing played where there is no such line. */
export function playOf(end: End): LogPlay {
  const [, entries = 0, newFiles = 0, newDirs = 0] = end.out.map(l => PLAYED.exec(l)).find(m => m !== null) ?? []
  return { entries: Number(entries), newFiles: Number(newFiles), newDirs: Number(newDirs) }
}

/** Options of a new file or directory as words. */
const attrWords = ({ mode, uid, gid }: CreatOptions): string[] => [
  ...(mode === undefined ? [] : ['-m', mode.toString(8)]),
  ...(uid === undefined ? [] : ['-u', String(uid)]),
  ...(gid === undefined ? [] : ['-g', String(gid)]),
]

const layoutWords = ({ interleave, stripe }: CreatOptions): string[] => {
  if (stripe !== undefined) return ['-N', String(stripe.devices), '-C', String(stripe.chunkSize)]
  if (interleave === undefined) return []
  const { nbuckets, nstrips, chunkSize } = interleave
  return ['-B', String(nbuckets), '-N', String(nstrips), '-C', String(chunkSize)]
}

export class Fs {
  readonly host: Host
  readonly mpt: string
  /** Device path of the superblock and the log, e.g. /dev/dax0.0 */
  readonly device: string
  /** Directory of the shadow tree on this host, with `root` in it; null: a standalone famfs, which has none. */
  readonly shadow: string | null
  /** What the log play of the mount did. */
  readonly play: LogPlay

  constructor(host: Host, mpt: string, device: string, shadow: string | null, play: LogPlay) {
    this.host = host
    this.mpt = mpt
    this.device = device
    this.shadow = shadow
    this.play = play
  }

  private at(path: string): string {
    return `${this.mpt}/${path.replace(/^\/+/, '')}`
  }

  /**
   * Make a file of `size` bytes. Throws UsageError: not the owner, no room, exists in another size, no such directory. The command
   * opens the new file; what the kernel keeps of that is dropped, so the next open is the first.
   */
  creat(path: string, size: number, o: CreatOptions = {}): void {
    this.host.must(['famfs', 'creat', '-s', String(size), ...attrWords(o), ...layoutWords(o), this.at(path)])
    this.host.world.setup(this.host, 'drop_caches', function* (sys) {
      yield* sys.drop_caches()
    })
  }

  /** Make a directory. */
  mkdir(path: string, o: CreatOptions = {}): void {
    this.host.must(['famfs', 'mkdir', ...attrWords(o), this.at(path)])
  }

  /** Play the log again: what the owner made meanwhile appears here. */
  logplay(): LogPlay {
    return playOf(this.host.must(['famfs', 'logplay', this.mpt]))
  }

  /** Where a file lies: its extents or strips in device bytes, as its shadow file has them, or the kernel. */
  fmap(path: string): Fmap {
    if (this.shadow === null) {
      const at = this.at(path)
      const map = this.host.world.setup(this.host, 'getmap', function* (sys) {
        return yield* mapped_fmap(sys, at)
      })
      if (map === null) throw new UsageError(`no file '${path}' with a map on ${this.mpt}`)
      return map
    }
    const bytes = kern_read(this.host.k, `${this.shadow}/root/${path.replace(/^\/+/, '')}`)
    const file = bytes === null ? null : parse_file_yaml(new TextDecoder().decode(bytes), { extents: 16, strips: 16 })
    if (file === null || !file.ok) throw new UsageError(`no file '${path}' on ${this.mpt}`)
    return file.meta.fmap
  }
}
