// One kernel with devices, scripted servers mounted on it, and processes run to their end one after the other: what a
// measured case is replayed on.
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
} from '../devdax/index.ts'
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
  type Sys,
  spawn_process,
  tmpfs_mkdir,
  tmpfs_mknod,
} from '../kernel/index.ts'
import { type DefectSwitches, kernelProfile } from '../profile/index.ts'
import { type Chooser, Machine, MiB, type Op, type Policy, type Step, sleep, type Task } from '../sim/index.ts'
import { decodeRequest, encodeDaxdevOpen, FUSE_DEV_IOC_DAXDEV_OPEN, type OpName } from '../wire/index.ts'

import { RawServer, replyBytes } from './raw-server.ts'

/** One thread of the server. */
export function* serve(k: Kernel, dev: FuseDev, s: RawServer): Step<number> {
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
  /** Report locks taken in orders that can deadlock, and locks that nobody made. */
  readonly lockdep?: boolean
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

/** A process did not come to its end. */
export class Stuck extends Error {
  override name = 'Stuck'
}

/** One host with devices, and servers on it. Runs processes one after the other, or several at once. */
export class Rig {
  readonly m: Machine
  readonly k: Kernel
  readonly mems: DaxMemory[] = []
  private readonly threads: number
  private t0 = 0

  constructor(o: RigOptions = {}) {
    this.m = new Machine({ policy: o.policy, maxSteps: o.maxSteps ?? 2_000_000, kasan: o.kasan, lockdep: o.lockdep })
    this.k = new Kernel(this.m, 'h0', kernelProfile(o.kernel ?? 'v10', o.switches, o.dax))
    this.threads = o.threads ?? 2
    tmpfs_mkdir(this.k, '/dev')
    tmpfs_mkdir(this.k, '/mnt')
    for (const [i, d] of (o.devices ?? [{}, {}]).entries()) {
      const memory = new Memory(d.backing ?? openArrayBuffer(d.size ?? DEVICE_SIZE))
      const mem = make_memory(this.m, `dax${i}.0`, memory, { ranges: [{ start: physBase(i), len: memory.size }], ...d })
      this.mems.push(mem)
      const dev = this.k.bus.attach(mem, d.driver === undefined ? this.k.profile.dax.fs_driver : d.driver)
      dax_bind_node(dev, tmpfs_mknod(this.k, `/dev/${mem.name}`, dev.dax_dev.devno))
    }
  }

  /** A server with both devices in its table and no file. */
  server(): RawServer {
    const s = new RawServer(this.k.profile)
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
    if (end === undefined) throw new Stuck(`the process did not end: ${v}: ${this.m.problems[0]?.text ?? ''}`)
    if (end.signal !== null) throw end.signal
    return end.value as T
  }

  /** What went wrong so far, as `kind: text`. */
  problems(): string[] {
    return this.m.problems.map(p => `${p.kind}: ${p.text}`)
  }

  /** Open /dev/fuse, start the server on it and mount it, with these options of mount(2). */
  mount(s: RawServer, path = '/mnt', o: { cred?: Cred; options?: string } = {}): Mounted {
    tmpfs_mkdir(this.k, path)
    const dev = fuse_dev_open(this.k)
    const closed = { v: false }
    const threads = this.serve(dev, s, closed)
    const rc = this.run(sys => mountBody(sys, dev, path, o.options), o)
    const mt = { dev, s, threads, closed }
    if (rc !== 0) {
      this.killServer(mt)
      throw new Error(`mount ${path}: ${rc}`)
    }
    if (this.k.profile.t.daxdev === 'push')
      for (const [index, d] of s.daxdevs.entries()) if (typeof d === 'string') this.push(mt, index, d)
    return mt
  }

  /** umount(2) by a process of its own: 0 or -errno. */
  umount(path = '/mnt'): number {
    return this.run(function* (sys) {
      return yield* sys.umount(path)
    })
  }

  /** The server opens a device and pushes it under an index: what open(2) or the ioctl said. */
  push(mt: Mounted, index: number, path: string): number {
    return this.run(sys => pushDaxdev(sys, mt.dev, path, index))
  }

  /** Start the server's threads; the last that ends closes its end, unless that was done. */
  serve(dev: FuseDev, s: RawServer, closed: { v: boolean }): Task[] {
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
    return this.thread('memory_failure', () => pageFails(this, dev, off))
  }

  /** The driver of a device goes, as by its `unbind` file: 0 or -errno. */
  unbind(dev: number): number {
    return this.thread('unbind', () => driverGoes(this, dev))
  }

  /** A driver is bound, after another one went, as by the `unbind` and `bind` files: 0 or -errno. */
  bind(dev: number, to: DriverName = this.k.profile.dax.fs_driver): number {
    const { driver } = this.k.bus.devices()[dev]!
    if (driver.peek() !== null && driver.peek() !== to) this.unbind(dev)
    return this.thread('bind', () => driverComes(this, dev, to))
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
export function* serverDies(mt: Pick<Mounted, 'dev' | 'closed'>): Step<void> {
  mt.closed.v = true
  yield* fuse_dev_release(mt.dev)
}

/** What poison() does, for a task that runs. */
export const pageFails = (rig: Rig, dev: number, off: number): Op<number> =>
  memory_failure(rig.k, rig.mems[dev]!, off, 0)

/** What unbind() does, for a task that runs. */
export const driverGoes = (rig: Rig, dev: number): Op<number> => {
  const d = rig.k.bus.devices()[dev]!
  return device_driver_detach(d, d.driver.peek()!)
}

/** What bind() does where no driver is bound, for a task that runs. */
export const driverComes = (rig: Rig, dev: number, to: DriverName): Op<number> => {
  const d = rig.k.bus.devices()[dev]!
  rig.k.bus.dynids.set(`${to} ${d.memory.name}`, true)
  return device_driver_attach(d, to)
}

/** As the daemon does it: open, ioctl, close. */
export function* pushDaxdev(sys: Sys, dev: FuseDev, path: string, index: number): Step<number> {
  const fd = yield* sys.open(path, O_RDWR)
  if (fd < 0) return fd
  const rc = yield* sys.ioctl(dev, FUSE_DEV_IOC_DAXDEV_OPEN, encodeDaxdevOpen(fd, index))
  yield* sys.close(fd)
  return rc
}

/** mount(2) of a server's connection, as a process does it. */
export function* mountBody(sys: Sys, dev: FuseDev, path: string, options?: string): Step<number> {
  return yield* sys.mount(dev, path, { options })
}
