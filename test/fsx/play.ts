// fsx: two hosts read and write two files in every way there is, in turns, and what they read is what a plain buffer says.
// No access to the data may cost a message. Whoever hands over to the other host writes back what it wrote, and who takes over
// drops those lines: that is all that programs on shared memory have to do (docs/07-fabric.md).
import { MAP_SHARED, O_RDWR, O_TRUNC, PROT_READ, PROT_WRITE } from '../../src/kernel/index.ts'
import { DEFAULT_KERNEL, type DefectSwitches, kernelProfile } from '../../src/profile/index.ts'
import { GiB, KiB, type Step, Stream, UsageError } from '../../src/sim/index.ts'
import { type Host, type SigInfo, type Sys, World, type WorldOptions } from '../../src/world/index.ts'
import { FILES, type FsxOp, POOL } from './draw.ts'

export interface FsxOptions {
  readonly kernel?: string
  readonly switches?: DefectSwitches
  /** Sanitizers of the world; its own unless told otherwise. */
  readonly sanitizers?: Pick<WorldOptions, 'races' | 'lockdep' | 'guards' | 'kasan'>
  /** What a host forgets when it hands over, or takes over: to see that it is found out. */
  readonly forget?: 'flush' | 'invalidate'
}

export interface FsxEnd {
  readonly ops: number
  /** Bytes that were compared. */
  readonly bytes: number
  /** Reads, writes, loads and stores, none of which cost a message; page faults. */
  readonly accesses: number
  readonly faults: number
  /** Mounts after the first two, and times the other host took over. */
  readonly remounts: number
  readonly turns: number
}

/** What went wrong, and at which operation. */
export class FsxError extends Error {
  readonly op: FsxOp
  constructor(op: FsxOp, text: string) {
    super(text)
    this.op = op
  }
}

const MPT = '/mnt/famfs'
const PAGE = KiB(4)
const MOST_PAGES = 64
/** A process that goes on for so many operations ends; so does what it has to write back. */
const LONGEST_PROCESS = 2000

const rng = new Stream('fsx pool')
const pool = Uint8Array.from({ length: POOL }, () => rng.below(256))

/** What a process has of one of the files. */
interface Opened {
  fd: number
  /** Where the whole file is mapped. */
  at: number
  /** Where some pages of it are mapped, from which byte on; 0 pages: nowhere. */
  some: { at: number; off: number; len: number }
}

class Fsx {
  private readonly world: World
  private readonly hosts: readonly Host[]
  private readonly shadows: readonly Uint8Array[]
  private readonly buf = new Uint8Array(KiB(128))
  private readonly forget: FsxOptions['forget']
  /** No server refuses a size, and no eviction brings it back: truncating is left out. */
  private readonly standalone: boolean
  /** Who works. */
  private turn = 0
  /** What was written since this host took over: the other one must not have these lines. */
  private written: { readonly file: number; readonly off: number; readonly len: number }[] = []
  /** What the host before it wrote. */
  private stale: typeof this.written = []
  /** Write operations, newest last, for the story of a byte. */
  private readonly log: FsxOp[] = []
  private next: FsxOp | undefined
  readonly end = { ops: 0, bytes: 0, accesses: 0, faults: 0, remounts: 0, turns: 0 }

  constructor(o: FsxOptions) {
    this.forget = o.forget
    this.standalone = kernelProfile(o.kernel ?? DEFAULT_KERNEL).t.kabi !== null
    // Q3: the daemon would die of the first attempt to truncate.
    const noDefect = [...(o.switches?.noDefect ?? []), 'Q3']
    this.world = new World({ kernel: o.kernel, switches: { ...o.switches, noDefect }, trace: false, ...o.sanitizers })
    const dev = this.world.daxdev('dax0.0', { size: GiB(4) })
    this.hosts = [this.world.host('h0'), this.world.host('h1')]
    const fs = this.hosts[0]!.famfs(MPT, { mkfs: dev })
    for (const { path, size, interleave } of FILES) fs.creat(path, size, { interleave })
    this.hosts[1]!.famfs(MPT, { mount: dev })
    this.shadows = FILES.map(f => new Uint8Array(f.size))
  }

  /** Play these to their end. Throws FsxError. */
  play(ops: Iterator<FsxOp>, count: number): FsxEnd {
    try {
      this.next = ops.next().value
      while (this.next !== undefined && this.end.ops < count) {
        const host = this.hosts[this.turn]!
        const last = this.work(host, ops, count)
        if (last.what === 'open with O_TRUNC' && !this.standalone) this.empty(host, last)
        if (last.what === 'remount') this.remount(host, last)
        if (last.what === 'other host') this.handOver()
      }
      return this.end
    } finally {
      this.world.close()
    }
  }

  /** A process of this host; the operation that ended it. */
  private work(host: Host, ops: Iterator<FsxOp>, count: number): FsxOp {
    let op = this.next!
    const body = this.process(ops, count, o => {
      op = o
    })
    try {
      this.world.setup(host, 'fsx', body)
    } catch (e) {
      // A problem of the model ends a set-up.
      if (e instanceof UsageError) throw new FsxError(op, e.message)
      throw e
    }
    return op
  }

  /**
   * O_TRUNC: the kernel takes the file for empty and keeps everybody from it until it forgets the inode (oracle real.otrunc). What
   * lies in the memory stays.
   */
  private empty(host: Host, op: FsxOp): void {
    this.world.setup(host, 'O_TRUNC', function* (sys) {
      // Truncating a file with entries is a warning (L22).
      yield* sys.drop_caches()
      yield* sys.close(yield* sys.open(MPT + FILES[op.file]!.path, O_RDWR | O_TRUNC))
      yield* sys.drop_caches()
    })
  }

  private handOver(): void {
    this.turn = 1 - this.turn
    this.stale = this.written
    this.written = []
    this.end.turns++
  }

  private remount(host: Host, op: FsxOp): void {
    for (const line of [`umount ${MPT}`, `famfs mount /dev/dax0.0 ${MPT}`]) {
      const { rc, err } = host.cli(line)
      if (rc !== 0) throw new FsxError(op, `${line}: exit ${rc}: ${err.join('; ')}`)
    }
    this.end.remounts++
  }

  /** One process: it opens and maps both files, works until an operation that ends it, and writes back. */
  private process(ops: Iterator<FsxOp>, count: number, begins: (op: FsxOp) => void): (sys: Sys) => Step<void> {
    const fsx = this
    return function* (sys) {
      const { end, forget } = fsx
      const first = fsx.next!
      const open: Opened[] = []
      for (const f of FILES) {
        const fd = yield* sys.open(MPT + f.path, O_RDWR)
        open.push({ fd, at: yield* fsx.map(sys, first, fd, f.size), some: { at: 0, off: 0, len: 0 } })
      }
      if (forget !== 'invalidate')
        for (const { file, off, len } of fsx.stale) yield* sys.clflushopt(open[file]!.at + off, len)
      yield* sys.sfence()
      fsx.stale = []

      for (let n = 1; ; n++) {
        const op = fsx.next!
        begins(op)
        const { accesses } = end
        const [sent, faulted] = [sys.upcalls(), sys.faults()]
        yield* fsx.one(sys, op, open[op.file]!)
        end.ops++
        end.faults += sys.faults() - faulted
        if (end.accesses > accesses && sys.upcalls() > sent)
          throw new FsxError(op, `${sys.upcalls() - sent} messages for an access to the data`)
        fsx.next = ops.next().value
        if (ENDS.has(op.what) || n === LONGEST_PROCESS || fsx.next === undefined || end.ops === count) break
      }
      if (forget !== 'flush') for (const { file, off, len } of fsx.written) yield* sys.clwb(open[file]!.at + off, len)
      yield* sys.sfence()
    }
  }

  private *map(sys: Sys, op: FsxOp, fd: number, len: number, off = 0): Step<number> {
    const at = yield* sys.mmap(0, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, off)
    if (at < 0) throw new FsxError(op, `mmap of ${len} bytes at ${off}: ${at}`)
    return at
  }

  private *one(sys: Sys, op: FsxOp, f: Opened): Step<void> {
    const { file, off, len } = op
    const { path, size } = FILES[file]!
    const shadow = this.shadows[file]!
    const into = this.buf.subarray(0, len)
    const from = pool.subarray(op.data, op.data + len)
    switch (op.what) {
      case 'pread':
        return this.compare(op, file, off, yield* sys.pread(f.fd, into, off), len)
      case 'pwrite':
        return this.wrote(op, from, off, yield* sys.pwrite(f.fd, from, off))
      case 'read':
        yield* sys.lseek(f.fd, off, 0)
        return this.compare(op, file, off, yield* sys.read(f.fd, into), len)
      case 'write':
        yield* sys.lseek(f.fd, off, 0)
        return this.wrote(op, from, off, yield* sys.write(f.fd, from))
      case 'load':
        this.landed(op, yield* sys.load_or_signal(f.at + off, into))
        return this.compare(op, file, off, len, len)
      case 'store':
        this.landed(op, yield* sys.store_or_signal(f.at + off, from))
        return this.wrote(op, from, off, len)
      case 'load some':
      case 'store some': {
        const { some } = f
        const inside = some.len === 0 ? 0 : off % some.len
        const n = Math.min(len, some.len - inside)
        if (n === 0) return
        if (op.what === 'load some') {
          this.landed(op, yield* sys.load_or_signal(some.at + inside, into.subarray(0, n)))
          return this.compare(op, file, some.off + inside, n, n)
        }
        this.landed(op, yield* sys.store_or_signal(some.at + inside, from.subarray(0, n)))
        return this.wrote(op, from.subarray(0, n), some.off + inside, n)
      }
      case 'map again':
        yield* sys.munmap(f.at, size)
        f.at = yield* this.map(sys, op, f.fd, size)
        return
      case 'map some': {
        if (f.some.len > 0) yield* sys.munmap(f.some.at, f.some.len)
        const start = off - (off % PAGE)
        const n = Math.min(size - start, PAGE * (1 + (op.data % MOST_PAGES)))
        f.some = { at: yield* this.map(sys, op, f.fd, n, start), off: start, len: n }
        return
      }
      case 'read past the end': {
        const left = Math.min(len, size - off, op.data % 64)
        return this.compare(op, file, size - left, yield* sys.pread(f.fd, this.buf, size - left), left)
      }
      case 'write past the end': {
        const left = Math.min(len, size - off, op.data % 64)
        const bytes = pool.subarray(op.data, op.data + left + 100)
        return this.wrote(op, bytes.subarray(0, left), size - left, yield* sys.pwrite(f.fd, bytes, size - left))
      }
      case 'truncate':
        if (this.standalone) return
        return this.refused(op, yield* sys.truncate(MPT + path, off))
      case 'ftruncate':
        if (this.standalone) return
        return this.refused(op, yield* sys.ftruncate(f.fd, off + len))
      case 'fallocate':
        return this.refused(op, yield* sys.fallocate(f.fd, 0, off, len))
      case 'fsync':
        yield* sys.fsync(f.fd)
        return
      case 'stat': {
        const st = yield* sys.fstat(f.fd)
        const got = typeof st === 'number' ? st : st.size
        if (got !== shadow.length) throw new FsxError(op, `${path} has ${got} bytes, expected ${shadow.length}`)
        return
      }
      case 'open again':
        yield* sys.close(f.fd)
        f.fd = yield* sys.open(MPT + path, O_RDWR)
        return
      case 'drop caches':
        yield* sys.drop_caches()
        return
      case 'open with O_TRUNC':
      case 'exit':
      case 'other host':
      case 'remount':
    }
  }

  /** What was read, or -errno, against the shadow. */
  private compare(op: FsxOp, file: number, off: number, got: number, want: number): void {
    this.end.accesses++
    const { path } = FILES[file]!
    if (got !== want) throw new FsxError(op, `${want} bytes of ${path} at ${off}: ${got}`)
    const [a, b] = [this.buf, this.shadows[file]!]
    this.end.bytes += want
    if (Buffer.compare(a.subarray(0, want), b.subarray(off, off + want)) === 0) return
    let i = 0
    while (a[i] === b[off + i]) i++
    const at = off + i
    const host = this.hosts[this.turn]!.name
    const who = this.log.filter(w => w.file === file && w.off <= at && at < w.off + w.len).at(-1)
    const last = who === undefined ? 'never written' : `written last by operation ${who.n} (${who.what})`
    throw new FsxError(op, `byte ${at} of ${path} on ${host} is ${a[i]}, expected ${b[at]}: ${last}`)
  }

  /** `from` was written at `off`, so it must be said. */
  private wrote(op: FsxOp, from: Uint8Array, off: number, got: number): void {
    this.end.accesses++
    const { file } = op
    const len = from.length
    if (got !== len) throw new FsxError(op, `write of ${len} bytes to ${FILES[file]!.path} at ${off}: ${got}`)
    if (len === 0) return
    this.shadows[file]!.set(from, off)
    this.written.push({ file, off, len })
    this.log.push({ ...op, off, len })
    if (this.log.length > 20_000) this.log.splice(0, 10_000)
  }

  private landed(op: FsxOp, sig: SigInfo | null): void {
    if (sig !== null) throw new FsxError(op, `${op.what} of ${op.len} bytes at ${op.off}: ${sig.signal}`)
  }

  private refused(op: FsxOp, got: number): void {
    if (got >= 0) throw new FsxError(op, `${op.what} of ${FILES[op.file]!.path}: ${got}, expected an errno`)
  }
}

const ENDS: ReadonlySet<string> = new Set(['open with O_TRUNC', 'exit', 'other host', 'remount'])

/** Play `count` of these operations in a new world. Throws FsxError. */
export const playFsx = (ops: Iterable<FsxOp>, count: number, o: FsxOptions = {}): FsxEnd =>
  new Fsx(o).play(ops[Symbol.iterator](), count)
