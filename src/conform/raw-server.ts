import { S_IFDIR, S_IFREG } from '../kernel/index.ts'
import { DEFAULT_KERNEL, type KernelProfile, kernelProfile } from '../profile/index.ts'
import {
  type AnyStruct,
  ENOENT,
  ENOSYS,
  encodeDaxdev,
  encodeReply,
  encodeReplyStruct,
  errnoName,
  FATTR_SIZE,
  FUSE_KERNEL_VERSION,
  fuse_attr_out,
  fuse_entry_out,
  fuse_famfs_fmap_header,
  fuse_init_out,
  fuse_open_out,
  fuse_write_out,
  INIT_BIT,
  initFlagWords,
  type OpcodeTable,
  type OpName,
  type Request,
  type Values,
  viewOf,
} from '../wire/index.ts'

/** What is sent back: an errno (positive; 0 for success without a body), a struct, a body, whole messages, or nothing. */
export type Answer =
  | { readonly errno: number }
  | { readonly def: AnyStruct; readonly values: object }
  | { readonly body: Uint8Array }
  | { readonly raw: readonly Uint8Array[] }
  | 'nothing'

/** One file of the server. */
export interface RawFile {
  readonly nodeid: number
  /** What LOOKUP and GETATTR say. */
  size: number
  /** Another file under the same nodeid has another; 0 unless given. */
  generation?: number
  /** Body of the GET_FMAP reply, or the errno (positive) it fails with. */
  fmap: Uint8Array | number
}

/** What an index of the device table is answered with: a path, a positive errno, or a body. */
export type RawDaxdev = string | number | Uint8Array

/** What the measured server said, s; and for ever. */
const LONG_S = 3600
const FOREVER_S = 2 ** 32

/** Table and behaviour of one server. Change anything at any time. */
export class RawServer {
  readonly files = new Map<string, RawFile>()
  readonly daxdevs: RawDaxdev[] = []
  /** OP:nodeid[:ERRNO] of every message read. */
  readonly log: string[] = []
  /** Requests as read, in the same order. */
  readonly requests: Request[] = []
  readonly messages: Uint8Array[] = []
  /** What each write to the device answered. */
  readonly wrote: number[] = []
  attrValid = LONG_S
  entryValid = LONG_S
  /** INIT bits of the reply. */
  init: number[]
  /** Other fields of the INIT reply than the usual ones. */
  initOut: Partial<Values<typeof fuse_init_out>> = {}
  /** errno by opcode, before anything else. */
  readonly errnos: Partial<Record<OpName, number>> = {}
  /** How long an opcode takes, ns. */
  readonly delays: Partial<Record<OpName, number>> = {}
  /** How long a thread is away after a reply before it reads again, ns. */
  busy = 0
  openFlags = 0
  /** SETATTR sets the size it is told to; else ENOSYS. */
  truncates = false
  /** The messages it speaks; the kernel's unless set. */
  opcodes: OpcodeTable | null = null
  /** Looks at a request first; undefined leaves it to the table. */
  script: ((req: Request) => Answer | undefined) | null = null

  /** The kernel it was built for: its famfs bit, and whether a map must fill the page (B57). */
  private readonly profile: KernelProfile

  constructor(profile: KernelProfile = kernelProfile(DEFAULT_KERNEL)) {
    this.profile = profile
    const { BIG_WRITES, MAX_PAGES, INIT_EXT, PARALLEL_DIROPS } = INIT_BIT
    this.init = [BIG_WRITES, MAX_PAGES, INIT_EXT, PARALLEL_DIROPS, profile.t.dax_fmap_bit]
  }

  /** The body of a GET_FMAP reply. */
  fmapBody(fmap: Uint8Array): Uint8Array {
    const { t } = this.profile
    if (!this.profile.has('B57') || fmap.length >= t.fmap_bufsize) return fmap
    const whole = new Uint8Array(t.fmap_bufsize)
    whole.set(fmap)
    return whole
  }

  /**
   * A server for this kernel with these files, node ids from 100, each as large as its map says (or empty), and these
   * devices. What it says of names and attributes holds for ever.
   */
  static of(
    profile: KernelProfile,
    files: Readonly<Record<string, Uint8Array | number>>,
    daxdevs: readonly RawDaxdev[],
  ): RawServer {
    const s = new RawServer(profile)
    s.attrValid = s.entryValid = FOREVER_S
    s.daxdevs.push(...daxdevs)
    for (const [name, fmap] of Object.entries(files)) {
      const size = typeof fmap === 'number' ? 0 : fuse_famfs_fmap_header.read(viewOf(fmap), fmap.byteOffset).file_size
      s.files.set(name, { nodeid: 100 + s.files.size, size, fmap })
    }
    return s
  }

  private byNode(nodeid: number): RawFile | undefined {
    for (const f of this.files.values()) if (f.nodeid === nodeid) return f
    return undefined
  }

  /** What LOOKUP and GETATTR say of a node. */
  attr(nodeid: number) {
    const f = this.byNode(nodeid)
    return f === undefined
      ? { ino: nodeid, size: 0, mode: S_IFDIR | 0o755, nlink: 2 }
      : { ino: nodeid, size: f.size, mode: S_IFREG | 0o644, nlink: 1 }
  }

  answer(req: Request): Answer {
    const name = req.op.name as OpName
    const scripted = this.script?.(req)
    if (scripted !== undefined) return scripted
    const errno = this.errnos[name]
    if (errno !== undefined) return { errno }
    const f = this.byNode(req.nodeid)
    const isRoot = req.nodeid === 1
    switch (name) {
      case 'INIT':
        return {
          def: fuse_init_out,
          values: {
            major: FUSE_KERNEL_VERSION,
            minor: 45,
            max_readahead: req.arg.max_readahead,
            max_write: 0x100000,
            time_gran: 1,
            max_pages: 256,
            ...initFlagWords(this.init),
            ...this.initOut,
          },
        }
      case 'LOOKUP': {
        const found = isRoot ? this.files.get(req.names[0]!) : undefined
        if (found === undefined) return { errno: ENOENT }
        const { nodeid, generation = 0 } = found
        const values = {
          nodeid,
          generation,
          entry_valid: this.entryValid,
          attr_valid: this.attrValid,
          attr: this.attr(nodeid),
        }
        return { def: fuse_entry_out, values }
      }
      case 'GETATTR':
        if (!isRoot && f === undefined) return { errno: ENOENT }
        return { def: fuse_attr_out, values: { attr_valid: this.attrValid, attr: this.attr(req.nodeid) } }
      case 'SETATTR':
        if (!this.truncates || f === undefined) return { errno: ENOSYS }
        if ((req.arg.valid & FATTR_SIZE) !== 0) f.size = req.arg.size
        return { def: fuse_attr_out, values: { attr_valid: this.attrValid, attr: this.attr(req.nodeid) } }
      case 'OPEN':
        return { def: fuse_open_out, values: { fh: req.nodeid, open_flags: this.openFlags } }
      case 'GET_FMAP':
        if (f === undefined) return { errno: ENOENT }
        return typeof f.fmap === 'number' ? { errno: f.fmap } : { body: this.fmapBody(f.fmap) }
      case 'GET_DAXDEV': {
        const d = this.daxdevs[req.nodeid]
        if (d === undefined) return { errno: ENOENT }
        if (typeof d === 'number') return { errno: d }
        return { body: typeof d === 'string' ? encodeDaxdev(req.nodeid, d) : d }
      }
      case 'READ':
        return { body: new Uint8Array(req.arg.size).fill(0x52) }
      case 'WRITE':
        return { def: fuse_write_out, values: { size: req.arg.size } }
      case 'FLUSH':
      case 'RELEASE':
        return { errno: 0 }
      case 'INTERRUPT':
        return 'nothing'
      default:
        return req.op.reply ? { errno: ENOSYS } : 'nothing'
    }
  }

  /** Write down a request and what it gets. */
  note(req: Request, a: Answer): void {
    const failed = a !== 'nothing' && 'errno' in a && a.errno !== 0 ? `:${errnoName(a.errno)}` : ''
    this.log.push(`${req.op.name}:${req.nodeid}${failed}`)
    this.requests.push(req)
  }
}

/** The messages of an answer. */
export const replyBytes = (unique: number, a: Answer): readonly Uint8Array[] => {
  if (a === 'nothing') return []
  if ('raw' in a) return a.raw
  if ('errno' in a) return [encodeReply(unique, a.errno === 0 ? 0 : -a.errno)]
  if ('body' in a) return [encodeReply(unique, 0, a.body)]
  return [encodeReplyStruct(unique, a.def, a.values)]
}
