// The famfs daemon's answers (userspace.md e.2 to e.4): names and attributes from the shadow tree, maps, devices' paths.
// State: reference counts of the nodes handed out, journaled; the tree belongs to the mount.
import type { Fmap } from '../../media/index.ts'
import { Cell, JMap, kfn, type Machine, max, type Op, type Step } from '../../sim/index.ts'
import {
  EINVAL,
  ENODATA,
  ENOENT,
  ENOTDIR,
  EOPNOTSUPP,
  encodeDaxdev,
  encodeFmap,
  type FileMap,
  FOPEN_DIRECT_IO,
  FOPEN_PARALLEL_DIRECT_WRITES,
  FUSE_KERNEL_VERSION,
  FUSE_ROOT_ID,
  fmapLength,
  fuse_attr_out,
  fuse_entry_out,
  fuse_famfs_fmap_header,
  fuse_init_out,
  fuse_open_out,
  fuse_statfs_out,
  hasInitFlag,
  INIT_BIT,
  initFlagsInForce,
  initFlagWords,
  packDirents,
  type Request,
} from '../../wire/index.ts'
import { S_IFDIR, type ShadowNode, type ShadowTree } from '../shadow.ts'
import { known_paths, type Push, Pusher, push_daxdevs } from './push.ts'
import type { Handlers, Reply } from './session.ts'

const O_DIRECT = 0o40000
const MINOR = 45
const MAX_WRITE = 0x100000
/** Node ids are addresses of in-memory inodes in the real daemon: unlike inode numbers, and sparse. */
const NODE_BASE = 0x55d400001000
const NODE_STEP = 0x310

/** Options of one daemon. */
export interface FamfsdOptions {
  readonly shadow: ShadowTree
  /**
   * Device paths by index. None: famfs is not asked for. The real daemon knows one, given with -o daxdev; more is a what-if,
   * in place of the table it is to read from its shadow tree one day (userspace.md i.4).
   */
  readonly daxdevs: readonly string[]
  /** How to push a device. Null: a build for kernels that ask. */
  readonly push: Push | null
  /** B54: a push that answers 0 counts as failed, so it is made again at the next look-up. */
  readonly pushZeroFails?: boolean
  /** Attribute and entry timeout, seconds. `famfs mount` gives a year. */
  readonly timeout: number
  /** Bit of FUSE_DAX_FMAP that this build speaks. */
  readonly dax_fmap_bit: number
}

/** INIT flags it wants when the kernel offers them (libfuse's own among them). */
const WANTED = [
  INIT_BIT.ASYNC_READ,
  INIT_BIT.ATOMIC_O_TRUNC,
  INIT_BIT.BIG_WRITES,
  INIT_BIT.FLOCK_LOCKS,
  INIT_BIT.MAX_PAGES,
  INIT_BIT.PARALLEL_DIROPS,
  INIT_BIT.INIT_EXT,
]

const attr = (n: ShadowNode) => ({
  ino: n.ino,
  size: n.size,
  blocks: n.fmap === null ? 0 : 8,
  mode: n.mode,
  nlink: n.fmap === null ? 2 : 1,
  uid: n.uid,
  gid: n.gid,
  blksize: 4096,
})

/** How many devices a map reaches up to: one more than the highest index. */
const devicesOf = (fmap: Fmap | null): number => {
  if (fmap === null) return 0
  return (fmap.kind === 'simple' ? fmap.extents : fmap.strips).reduce((most, e) => max(most, e.dev + 1), 0)
}

/** The map as it travels. */
export const toFileMap = (size: number, fmap: Fmap): FileMap =>
  fmap.kind === 'simple'
    ? { fileSize: size, kind: 'simple', extents: fmap.extents }
    : {
        fileSize: size,
        kind: 'interleaved',
        groups: [{ chunkSize: fmap.chunkSize, nbytes: size, strips: fmap.strips }],
      }

const err = (errno: number): Reply => ({ errno })

/** One daemon: handlers for a session. */
export class Famfsd {
  private readonly o: FamfsdOptions
  /** References the kernel holds, by inode number. */
  readonly refs: JMap<number, number>
  private readonly byNode: JMap<number, ShadowNode>
  /** Requests served, for diagnostics. */
  readonly served: Cell<number>
  readonly handlers: Handlers

  constructor(m: Machine, o: FamfsdOptions) {
    this.o = o
    this.refs = new JMap(m.journal)
    this.byNode = new JMap(m.journal)
    this.served = new Cell(m, 'requests served', 0)
    const { push, pushZeroFails = false } = o
    const pusher = push === null ? null : new Pusher(m, known_paths(o.daxdevs), push, pushZeroFails)
    const pushFirst = pusher === null ? undefined : (req: Request) => push_daxdevs(pusher, this.devicesFor(req))
    this.byNode.set(FUSE_ROOT_ID, o.shadow.root)
    const on = (name: string, f: (req: Request) => Reply, before?: (req: Request) => Op<void>) => {
      const self = this
      return kfn(`famfs_${name}`, function* (req: Request): Step<Reply> {
        self.served.poke(self.served.peek() + 1)
        if (before !== undefined) yield* before(req)
        return f.call(self, req)
      })
    }
    this.handlers = {
      INIT: on('init', this.init),
      LOOKUP: on('lookup', this.lookup, pushFirst),
      FORGET: on('forget', this.forget),
      GETATTR: on('getattr', this.getattr),
      OPEN: on('open', this.open),
      RELEASE: on('release', () => err(0)),
      OPENDIR: on('opendir', this.opendir),
      READDIR: on('readdir', this.readdir),
      RELEASEDIR: on('releasedir', () => err(0)),
      STATFS: on('statfs', this.statfs),
      GETXATTR: on('getxattr', () => err(ENODATA)),
      CREATE: on('create', () => err(EOPNOTSUPP)),
      GET_FMAP: on('get_fmap', this.getFmap),
      GET_DAXDEV: on('get_daxdev', this.getDaxdev),
    }
  }

  private nodeOf(id: number): ShadowNode | undefined {
    return this.byNode.get(id)
  }

  private init(req: Request): Reply {
    const offered = initFlagsInForce(req.arg)
    const bits: number[] = WANTED.filter(b => hasInitFlag(offered, b))
    if (this.o.daxdevs.length > 0 && hasInitFlag(offered, this.o.dax_fmap_bit)) bits.push(this.o.dax_fmap_bit)
    const { flags, flags2 } = initFlagWords(bits)
    const { max_readahead } = req.arg
    return {
      def: fuse_init_out,
      values: {
        major: FUSE_KERNEL_VERSION,
        minor: MINOR,
        max_readahead,
        flags,
        flags2,
        max_write: MAX_WRITE,
        time_gran: 1,
        max_pages: 256,
      },
    }
  }

  /** How many devices the file reaches that this LOOKUP is about. */
  private devicesFor(req: Request): number {
    return devicesOf(this.nodeOf(req.nodeid)?.children.get(req.names[0]!)?.fmap ?? null)
  }

  private lookup(req: Request): Reply {
    const parent = this.nodeOf(req.nodeid)
    if (parent === undefined) return err(EINVAL)
    const n = parent.children.get(req.names[0]!)
    if (n === undefined) return err(ENOENT)
    const nodeid = NODE_BASE + n.ino * NODE_STEP
    this.byNode.set(nodeid, n)
    this.refs.set(n.ino, (this.refs.get(n.ino) ?? 0) + 1)
    const { timeout } = this.o
    return { def: fuse_entry_out, values: { nodeid, entry_valid: timeout, attr_valid: timeout, attr: attr(n) } }
  }

  private forget(req: Request): Reply {
    const n = this.nodeOf(req.nodeid)
    if (n !== undefined && req.nodeid !== FUSE_ROOT_ID) {
      const left = (this.refs.get(n.ino) ?? 0) - req.arg.nlookup
      if (left > 0) this.refs.set(n.ino, left)
      else {
        this.refs.delete(n.ino)
        this.byNode.delete(req.nodeid)
      }
    }
    return null
  }

  private getattr(req: Request): Reply {
    const n = this.nodeOf(req.nodeid)
    if (n === undefined) return err(ENOENT)
    return { def: fuse_attr_out, values: { attr_valid: this.o.timeout, attr: attr(n) } }
  }

  private open(req: Request): Reply {
    if (this.nodeOf(req.nodeid) === undefined) return err(EINVAL)
    const direct = (req.arg.flags & O_DIRECT) !== 0 ? FOPEN_DIRECT_IO : 0
    return { def: fuse_open_out, values: { fh: -1, open_flags: direct | FOPEN_PARALLEL_DIRECT_WRITES } }
  }

  private opendir(req: Request): Reply {
    const n = this.nodeOf(req.nodeid)
    if (n === undefined) return err(ENOENT)
    return n.fmap === null ? { def: fuse_open_out, values: { fh: n.ino } } : err(ENOTDIR)
  }

  private readdir(req: Request): Reply {
    const n = this.nodeOf(req.nodeid)
    if (n === undefined) return err(ENOENT)
    const dot = (name: string, ino: number) => ({ name, ino, type: S_IFDIR >> 12 })
    const all = [
      dot('.', n.ino),
      dot('..', n.parent?.ino ?? n.ino),
      ...n.children.values().map(c => ({ name: c.name, ino: c.ino, type: c.mode >> 12 })),
    ]
    const { offset, size } = req.arg
    const rest = all.map((e, i) => ({ ...e, off: i + 1 })).slice(offset)
    return { bytes: packDirents(rest, size).bytes }
  }

  /** Numbers of the file system the shadow tree lies on; they say nothing of the device (userspace.md e.2). */
  private statfs(): Reply {
    const st = { blocks: 3_000_000, bfree: 2_999_000, bavail: 2_999_000, files: 3_000_000, ffree: 2_999_000 }
    return { def: fuse_statfs_out, values: { st: { ...st, bsize: 4096, namelen: 255, frsize: 4096 } } }
  }

  /** The map; only its header, which tells the size, when the kernel says that its buffer is smaller. */
  private getFmap(req: Request): Reply {
    const n = this.nodeOf(req.nodeid)
    if (n === undefined) return err(EINVAL)
    if (n.fmap === null) return err(ENOENT)
    const map = toFileMap(n.size, n.fmap)
    if (req.arg === null) return { bytes: encodeFmap(map) }
    const bytes = encodeFmap({ ...map, fmapSize: fmapLength(map) })
    return { bytes: bytes.length <= req.arg.size ? bytes : bytes.subarray(0, fuse_famfs_fmap_header.size) }
  }

  private getDaxdev(req: Request): Reply {
    if (this.o.daxdevs.length === 0) return err(req.nodeid === 0 ? EOPNOTSUPP : EINVAL)
    const path = this.o.daxdevs[req.nodeid]
    return path === undefined ? err(EINVAL) : { bytes: encodeDaxdev(req.nodeid, path) }
  }
}
