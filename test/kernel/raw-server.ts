// A scripted FUSE server and a host to try it on. The server answers from a table of files and device paths and does
// nothing of its own accord, like the one that measured the real kernel; every message it reads goes into `log` as
// OP:nodeid[:ERRNO], the notation of the measured traces. Units: bytes, ns, seconds for attribute timeouts.
import {
  type Backing,
  type DaxDriver,
  type DaxMemory,
  type DriverName,
  device_driver_attach,
  device_driver_detach,
  Memory,
  type MemoryOptions,
  make_memory,
  openArrayBuffer,
  physBase,
} from '../../src/devdax/index.ts'
import {
  type Cred,
  dax_bind_node,
  type FuseDev,
  fuse_dev_do_read,
  fuse_dev_do_write,
  fuse_dev_open,
  fuse_dev_release,
  Kernel,
  memory_failure,
  O_RDWR,
  type ProcessEnd,
  S_IFDIR,
  S_IFREG,
  type Sys,
  spawn_process,
  tmpfs_mkdir,
  tmpfs_mknod,
} from '../../src/kernel/index.ts'
import { type DefectSwitches, kernelProfile } from '../../src/profile/index.ts'
import { type Chooser, Machine, MiB, type Op, type Policy, type Step, sleep, type Task } from '../../src/sim/index.ts'
import {
  type AnyStruct,
  decodeRequest,
  ENOENT,
  ENOSYS,
  encodeDaxdev,
  encodeDaxdevOpen,
  encodeFmap,
  encodeReply,
  encodeReplyStruct,
  errnoName,
  type FileMap,
  FUSE_DAX_FMAP_BIT,
  FUSE_DEV_IOC_DAXDEV_OPEN,
  FUSE_KERNEL_VERSION,
  fuse_attr_out,
  fuse_entry_out,
  fuse_init_out,
  fuse_open_out,
  fuse_write_out,
  INIT_BIT,
  initFlagWords,
  type OpcodeTable,
  type OpName,
  type Request,
} from '../../src/wire/index.ts'

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
  /** Body of the GET_FMAP reply, or the errno (positive) it fails with. */
  fmap: Uint8Array | number
}

/** What an index of the device table is answered with: a path, a positive errno, or a body. */
export type RawDaxdev = string | number | Uint8Array

const FOREVER_S = 3600

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
  attrValid = FOREVER_S
  entryValid = FOREVER_S
  /** INIT bits of the reply. */
  init: number[] = [
    INIT_BIT.BIG_WRITES,
    INIT_BIT.MAX_PAGES,
    INIT_BIT.INIT_EXT,
    INIT_BIT.PARALLEL_DIROPS,
    FUSE_DAX_FMAP_BIT,
  ]
  /** errno by opcode, before anything else. */
  readonly errnos: Partial<Record<OpName, number>> = {}
  /** How long an opcode takes, ns. */
  readonly delays: Partial<Record<OpName, number>> = {}
  /** How long a thread is away after a reply before it reads again, ns. */
  busy = 0
  openFlags = 0
  /** The messages it speaks; the kernel's unless set. */
  opcodes: OpcodeTable | null = null
  /** Looks at a request first; undefined leaves it to the table. */
  script: ((req: Request) => Answer | undefined) | null = null

  private byNode(nodeid: number): RawFile | undefined {
    for (const f of this.files.values()) if (f.nodeid === nodeid) return f
    return undefined
  }

  private attr(nodeid: number) {
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
          },
        }
      case 'LOOKUP': {
        const found = isRoot ? this.files.get(req.names[0]!) : undefined
        if (found === undefined) return { errno: ENOENT }
        const { nodeid } = found
        const values = { nodeid, entry_valid: this.entryValid, attr_valid: this.attrValid, attr: this.attr(nodeid) }
        return { def: fuse_entry_out, values }
      }
      case 'GETATTR':
        if (!isRoot && f === undefined) return { errno: ENOENT }
        return { def: fuse_attr_out, values: { attr_valid: this.attrValid, attr: this.attr(req.nodeid) } }
      case 'OPEN':
        return { def: fuse_open_out, values: { fh: req.nodeid, open_flags: this.openFlags } }
      case 'GET_FMAP':
        if (f === undefined) return { errno: ENOENT }
        return typeof f.fmap === 'number' ? { errno: f.fmap } : { body: f.fmap }
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

/** One thread of the server. */
function* serve(k: Kernel, dev: FuseDev, s: RawServer): Step<number> {
  for (;;) {
    const msg = yield* fuse_dev_do_read(dev.fc)
    if (typeof msg === 'number') return msg
    const req = decodeRequest(s.opcodes ?? k.opcodes, msg)
    if ('error' in req) throw new Error(`the kernel sent nonsense: ${req.error}`)
    const a = s.answer(req)
    s.messages.push(msg)
    s.note(req, a)
    const delay = s.delays[req.op.name as OpName]
    if (delay !== undefined) yield* sleep(delay)
    for (const bytes of replyBytes(req.unique, a)) s.wrote.push(yield* fuse_dev_do_write(dev.fc, bytes))
    if (s.busy > 0) yield* sleep(s.busy)
  }
}

/** Size in bytes, or the bytes themselves, driver and geometry. */
interface RigDevice extends MemoryOptions {
  readonly size?: number
  readonly backing?: Backing
  readonly driver?: DaxDriver
}

export interface RigOptions {
  /** Kernel profile; v10 unless told otherwise. */
  readonly kernel?: string
  readonly switches?: DefectSwitches
  readonly dax?: string
  readonly policy?: Policy
  readonly threads?: number
  /** dax0.0, dax1.0, ... */
  readonly devices?: readonly RigDevice[]
  readonly maxSteps?: number
  /** Report use after free, and say in leaks who allocated. */
  readonly kasan?: boolean
}

/** Every device of the measured machine had 510 MiB. */
export const DEVICE_SIZE = MiB(510)

/** A mount of a RawServer. */
export interface Mounted {
  readonly dev: FuseDev
  /** The server's process is gone, and its descriptor with it. */
  readonly closed: { v: boolean }
  readonly s: RawServer
  readonly threads: readonly Task[]
}

/** One host with devices, and servers on it. Runs processes one after the other, or several at once. */
export class Rig {
  readonly m: Machine
  readonly k: Kernel
  readonly mems: DaxMemory[] = []
  private readonly threads: number
  private t0 = 0

  constructor(o: RigOptions = {}) {
    this.m = new Machine({ policy: o.policy, maxSteps: o.maxSteps ?? 2_000_000, kasan: o.kasan })
    this.k = new Kernel(this.m, 'h0', kernelProfile(o.kernel ?? 'v10', o.switches, o.dax))
    this.threads = o.threads ?? 2
    tmpfs_mkdir(this.k, '/dev')
    tmpfs_mkdir(this.k, '/mnt')
    for (const [i, d] of (o.devices ?? [{}, {}]).entries()) {
      const memory = new Memory(d.backing ?? openArrayBuffer(d.size ?? DEVICE_SIZE))
      const mem = make_memory(this.m, `dax${i}.0`, memory, { ranges: [{ start: physBase(i), len: memory.size }], ...d })
      this.mems.push(mem)
      const dev = this.k.bus.attach(mem, d.driver === undefined ? 'fsdev_dax' : d.driver)
      dax_bind_node(dev, tmpfs_mknod(this.k, `/dev/${mem.name}`, dev.dax_dev.devno))
    }
  }

  /** A server with both devices in its table and no file. */
  server(): RawServer {
    const s = new RawServer()
    for (const mem of this.mems) s.daxdevs.push(`/dev/${mem.name}`)
    return s
  }

  /** Start a process; it runs with the next run(). */
  spawn(comm: string, body: (sys: Sys) => Step<any>, o: { cred?: Cred; at?: number } = {}): Task {
    return spawn_process(this.k, comm, body, { cred: o.cred, at: this.t0 + (o.at ?? 0) }).task
  }

  /** Start a kernel thread; it runs with the next run(). */
  kthread(name: string, body: (k: Kernel) => Step<any>): Task {
    const t = this.k.kthread(name, body)
    t.now = this.t0
    return t
  }

  /** Run what was started to its end; the verdict. */
  go(chooser?: Chooser): string {
    const v = this.m.run(chooser)
    for (const t of this.m.tasks) if (t.now > this.t0) this.t0 = t.now
    this.m.current = null
    return v
  }

  /** Run one process alone, to its end; what it returned. Throws what stopped it, or the machine's verdict. */
  run<T>(body: (sys: Sys) => Step<T>, o: { cred?: Cred } = {}): T {
    const t = this.spawn('app', body, o)
    const v = this.go()
    const end = t.value as ProcessEnd | undefined
    if (end === undefined) throw new Error(`the process did not end: ${v}: ${this.m.problems[0]?.text ?? ''}`)
    if (end.signal !== null) throw end.signal
    return end.value as T
  }

  /** What went wrong so far, as `kind: text`. */
  problems(): string[] {
    return this.m.problems.map(p => `${p.kind}: ${p.text}`)
  }

  /** Open /dev/fuse, start the server on it and mount it. */
  mount(s: RawServer, path = '/mnt', o: { cred?: Cred } = {}): Mounted {
    tmpfs_mkdir(this.k, path)
    const dev = fuse_dev_open(this.k)
    const closed = { v: false }
    const threads = this.serve(dev, s, closed)
    const rc = this.run(sys => mountBody(sys, dev, path), o)
    if (rc !== 0) throw new Error(`mount ${path}: ${rc}`)
    const mt = { dev, s, threads, closed }
    if (this.k.profile.t.daxdev === 'push')
      for (const [index, d] of s.daxdevs.entries()) if (typeof d === 'string') this.push(mt, index, d)
    return mt
  }

  /** The server opens a device and pushes it under an index: what open(2) or the ioctl said. */
  push(mt: Mounted, index: number, path: string): number {
    return this.run(sys => pushDaxdev(sys, mt.dev, path, index))
  }

  private serve(dev: FuseDev, s: RawServer, closed: { v: boolean }): Task[] {
    const { k } = this
    const threads: Task[] = []
    let left = this.threads
    for (let i = 0; i < this.threads; i++) {
      const body = function* (): Step<number> {
        const rc = yield* serve(k, dev, s)
        left--
        if (left === 0 && !closed.v) yield* fuse_dev_release(dev)
        return rc
      }
      threads.push(spawn_process(k, `server/${i}`, body, { service: true, at: this.t0 }).task)
    }
    return threads
  }

  /** The server process dies: its end of the device is closed. Call between runs. */
  killServer(mt: Mounted): void {
    this.kthread('server exit', () => serverDies(mt))
    this.go()
  }

  /** This host is told that a page of a device is bad (its bytes stay good); what memory_failure() said. */
  poison(dev: number, off: number): number {
    const mem = this.mems[dev]!
    const t = this.kthread('memory_failure', function* (k) {
      return yield* memory_failure(k, mem, off, 0)
    })
    this.go()
    return t.value as number
  }

  /** The driver of a device goes, as by its `unbind` file: 0 or -errno. */
  unbind(dev: number): number {
    const d = this.k.bus.devices()[dev]!
    return this.thread('unbind', () => device_driver_detach(d, d.driver.peek()!))
  }

  /** A driver is bound, after another one went, as by the `unbind` and `bind` files: 0 or -errno. */
  bind(dev: number, to: DriverName = 'fsdev_dax'): number {
    const d = this.k.bus.devices()[dev]!
    if (d.driver.peek() !== null && d.driver.peek() !== to) this.unbind(dev)
    this.k.bus.dynids.set(`${to} ${d.memory.name}`, true)
    return this.thread('bind', () => device_driver_attach(d, to))
  }

  private thread(name: string, body: () => Op<number>): number {
    const t = this.kthread(name, function* () {
      return yield* body()
    })
    this.go()
    return t.value as number
  }

  /** Holder and references of a device, for leak checks. */
  held(dev: number): { holder: boolean; ops: boolean; refs: number } {
    const d = this.k.bus.devices()[dev]!.dax_dev
    return { holder: d.holder_data.peek() !== null, ops: d.holder_ops.peek() !== null, refs: d.refs.peek() }
  }

  /** Names of kernel memory that is still allocated, but for what bound drivers hold. */
  leaks(): string[] {
    const kept = this.k.kept()
    return this.k.heap.live
      .values()
      .filter(a => !kept.has(a))
      .map(a => a.name)
  }
}

/** SIGKILL of the server: its end of the device is closed, whatever its threads are doing. */
export function* serverDies(mt: Mounted): Step<void> {
  mt.closed.v = true
  yield* fuse_dev_release(mt.dev)
}

/** As the daemon does it: open, ioctl, close. */
export function* pushDaxdev(sys: Sys, dev: FuseDev, path: string, index: number): Step<number> {
  const fd = yield* sys.open(path, O_RDWR)
  if (fd < 0) return fd
  const rc = yield* sys.ioctl(dev, FUSE_DEV_IOC_DAXDEV_OPEN, encodeDaxdevOpen(fd, index))
  yield* sys.close(fd)
  return rc
}

function* mountBody(sys: Sys, dev: FuseDev, path: string): Step<number> {
  return yield* sys.mount(dev, path)
}

/** A file of these extents, or these groups. */
export const fmapOf = (map: FileMap): Uint8Array => encodeFmap(map)

/** A simple map: [device, offset, length] each; the size is their sum unless given. */
export const simpleMap = (extents: readonly (readonly [number, number, number])[], size?: number): Uint8Array =>
  encodeFmap({
    kind: 'simple',
    fileSize: size ?? extents.reduce((n, e) => n + e[2], 0),
    extents: extents.map(([dev, offset, len]) => ({ dev, offset, len })),
  })

/** A body with numbers written over it: offset, value, width in bytes. */
export const patched = (body: Uint8Array, ...at: (readonly [number, number | bigint, 1 | 2 | 4 | 8])[]): Uint8Array => {
  const b = body.slice()
  const dv = new DataView(b.buffer)
  for (const [off, v, width] of at) {
    if (width === 8) dv.setBigUint64(off, BigInt(v), true)
    else if (width === 4) dv.setUint32(off, Number(v), true)
    else if (width === 2) dv.setUint16(off, Number(v), true)
    else b[off] = Number(v)
  }
  return b
}
