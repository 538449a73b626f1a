// A measured sequence of file operations: descriptors and mappings in numbered slots, every answer, the digest of what was
// read, the messages to the server, and at the end the digest of the devices.
import {
  MADV_DONTNEED,
  MADV_HWPOISON,
  MAP_PRIVATE,
  MAP_SHARED,
  MS_SYNC,
  O_APPEND,
  O_DIRECT,
  O_RDONLY,
  O_RDWR,
  O_SYNC,
  O_TRUNC,
  O_WRONLY,
  PROT_READ,
  PROT_WRITE,
  SEEK_CUR,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
  SEEK_SET,
  type Stat,
  type Sys,
} from '../kernel/index.ts'
import { MiB, ms, type Step } from '../sim/index.ts'
import { FATTR_SIZE, fuse_attr_out, INIT_BIT } from '../wire/index.ts'
import type { DescribedFile } from './file-words.ts'
import { Fnv } from './fnv.ts'
import type { RawServer } from './raw-server.ts'
import { callFields, complaints, errnoOf, signalFields, successFields } from './results.ts'
import { type Mounted, Rig, serverDies } from './rig.ts'
import { type ReplaySetting, withoutIndex0Check } from './setting.ts'
import type { Fields, Tally } from './tally.ts'

/** One line: an operation with what it was given, what it answered and the messages it caused. */
export interface OpsOp {
  readonly line: number
  readonly i: number
  readonly op: string
  readonly fd?: number
  readonly map?: number
  readonly path?: string
  readonly flags?: string
  readonly prot?: string
  readonly whence?: string
  readonly mode?: number
  readonly off?: number
  readonly len?: number
  readonly fill?: string
  /** Of ftruncate and truncate: given. Of stat and fstat: answered. */
  readonly size?: number
  readonly set?: number
  readonly ret?: number
  readonly err?: string
  readonly pos?: number
  readonly fnv?: string
  readonly val?: number
  readonly signal?: string
  readonly si_code?: number
  readonly msgs: readonly string[]
}
export interface OpsSequence {
  readonly seq: number
  /** `accept`, or the errno SETATTR is answered with. */
  readonly setattr: string
  /** How long attributes and names hold, s. */
  readonly attr_valid: number
  readonly atomic_o_trunc: boolean
  /** `0`, or the errno of FLUSH. */
  readonly flush: string
  readonly files: ReadonlyMap<string, DescribedFile & { readonly nodeid: number }>
  readonly ops: readonly OpsOp[]
  /** What the last umount said, and digests of the first 32 MiB of both devices; null: the trace does not tell. */
  readonly end: {
    readonly line: number
    readonly umount: number
    readonly fnv_dev0_first_32M: string
    readonly fnv_dev1_first_32M: string
  } | null
}

export const OPEN_FLAGS: Readonly<Record<string, number>> = {
  O_RDONLY,
  O_WRONLY,
  O_RDWR,
  O_APPEND,
  O_DIRECT,

  O_SYNC,
  O_TRUNC,
}
export const WHENCE: Readonly<Record<string, number>> = {
  SET: SEEK_SET,
  CUR: SEEK_CUR,
  END: SEEK_END,
  DATA: SEEK_DATA,
  HOLE: SEEK_HOLE,
}
/** `(8+i%251)&255`: byte i of a buffer to write. */
export const FILL = /^\((\d+)\+i%251\)&255$/

/** Long enough for everything an operation has set going. */
const PAUSE = ms(1)
/** Of each device, what the digest at the end is of. */
const DIGESTED = MiB(32)
/** The grain of skipping what holds nothing. */
const PIECE = 4096
const ZEROS = Buffer.alloc(PIECE)
/** What the trace has where nothing was read. */
const NOTHING_READ = '0'.repeat(16)

/** Those of the fields of a line that are results, by operation where a name is used for both. */
const RESULTS: readonly (keyof OpsOp)[] = ['ret', 'err', 'pos', 'fnv', 'val', 'signal', 'si_code', 'msgs']

function measured(o: OpsOp): Fields {
  const out: Record<string, unknown> = {}
  for (const name of RESULTS) if (o[name] !== undefined) out[name] = o[name]
  if (o.op === 'stat' || o.op === 'fstat') out.size = o.size
  return out
}

/** The server that measured: what the setup line says of it. */
function serverOf(rig: Rig, c: OpsSequence): RawServer {
  const s = rig.server()
  for (const [name, f] of c.files) s.files.set(name, { ...f })
  s.attrValid = c.attr_valid
  s.entryValid = c.attr_valid
  if (c.atomic_o_trunc) s.init.push(INIT_BIT.ATOMIC_O_TRUNC)
  s.errnos.FSYNC = 0
  s.errnos.FLUSH = errnoOf(c.flush)
  if (c.setattr !== 'accept') s.errnos.SETATTR = errnoOf(c.setattr)
  else
    s.script = req => {
      if (req.op.name !== 'SETATTR') return undefined
      for (const f of s.files.values())
        if (f.nodeid === req.nodeid) {
          if ((req.arg.valid & FATTR_SIZE) !== 0) f.size = req.arg.size
          return { def: fuse_attr_out, values: { attr_valid: s.attrValid, attr: s.attr(req.nodeid) } }
        }
      return undefined
    }
  return s
}

/** Run the sequence on the model, without the test for device index 0. */
export function replayOps(c: OpsSequence, how: ReplaySetting, t: Tally): void {
  const rig = new Rig(withoutIndex0Check(how))
  const s = serverOf(rig, c)
  const mt = rig.mount(s)
  s.log.length = 0
  // One process has all descriptors and mappings; its end closes them.
  rig.run(function* (sys) {
    const slots = { fds: new Map<number, number>(), maps: new Map<number, { at: number; len: number }>() }
    for (const o of c.ops) {
      const from = s.log.length
      const got = yield* operate(sys, mt, slots, o)
      yield* sys.sleep(PAUSE)
      const where = `line ${o.line}, seq ${c.seq} ${o.i} ${o.op} ${o.path ?? `${o.fd ?? o.map ?? ''}`}`.trim()
      t.result(where, { ...got, msgs: s.log.slice(from) }, measured(o))
    }
  })
  if (c.end !== null) {
    const { line, ...want } = c.end
    const umount = rig.umount()
    const [fnv_dev0_first_32M, fnv_dev1_first_32M] = [0, 1].map(dev => digest(rig, dev))
    t.result(`line ${line}, seq ${c.seq} end`, { umount, fnv_dev0_first_32M, fnv_dev1_first_32M }, want)
  }
  t.result(`seq ${c.seq} afterwards`, { complaints: complaints(rig) }, { complaints: [] })
}

function digest(rig: Rig, dev: number): string {
  const { memory } = rig.mems[dev]!
  const d = new Fnv()
  let done = 0
  const b = Buffer.alloc(PIECE)
  for (const [off, len] of memory.used(0, DIGESTED))
    for (let at = off; at < off + len; at += PIECE) {
      memory.read(at, b)
      if (b.equals(ZEROS)) continue
      d.addZeros(at - done)
      d.add(b)
      done = at + PIECE
    }
  d.addZeros(DIGESTED - done)
  return d.hex()
}

const fnvOf = (b: Uint8Array): string => {
  const d = new Fnv()
  d.add(b)
  return d.hex()
}

function filled(len: number, fill: string): Uint8Array {
  const first = Number(FILL.exec(fill)![1])
  const b = new Uint8Array(len)
  for (let i = 0; i < len; i++) b[i] = first + (i % 251)
  return b
}

const openFlags = (words: string): number => words.split('|').reduce((n, w) => n | OPEN_FLAGS[w]!, 0)

interface Slots {
  readonly fds: Map<number, number>
  readonly maps: Map<number, { readonly at: number; readonly len: number }>
}

function* operate(sys: Sys, mt: Mounted, { fds, maps }: Slots, o: OpsOp): Step<Fields> {
  const fd = fds.get(o.fd ?? -1) ?? -1
  const path = `/mnt/${o.path}`
  const map = maps.get(o.map ?? -1) ?? { at: 0, len: 0 }
  switch (o.op) {
    case 'open': {
      const got = yield* sys.open(path, openFlags(o.flags!))
      if (got >= 0) fds.set(o.fd!, got)
      return successFields(got)
    }
    case 'close':
      fds.delete(o.fd!)
      return callFields(yield* sys.close(fd))
    case 'pread': {
      const buf = new Uint8Array(o.len!)
      return readFields(buf, yield* sys.pread(fd, buf, o.off!))
    }
    case 'read': {
      const buf = new Uint8Array(o.len!)
      const n = yield* sys.read(fd, buf)
      return { ...readFields(buf, n), pos: yield* sys.lseek(fd, 0, SEEK_CUR) }
    }
    case 'pwrite':
      return callFields(yield* sys.pwrite(fd, filled(o.len!, o.fill!), o.off!))
    case 'write': {
      const n = yield* sys.write(fd, filled(o.len!, o.fill!))
      return { ...callFields(n), fnv: NOTHING_READ, pos: yield* sys.lseek(fd, 0, SEEK_CUR) }
    }
    case 'lseek':
      return callFields(yield* sys.lseek(fd, o.off!, WHENCE[o.whence!]!))
    case 'stat':
      return statFields(yield* sys.stat(path))
    case 'fstat':
      return statFields(yield* sys.fstat(fd))
    case 'fsync':
      return callFields(yield* sys.fsync(fd))
    case 'ftruncate':
      return callFields(yield* sys.ftruncate(fd, o.size!))
    case 'truncate':
      return callFields(yield* sys.truncate(path, o.size!))
    case 'fallocate':
      return callFields(yield* sys.fallocate(fd, o.mode!, o.off!, o.len!))
    case 'mmap': {
      const prot = o.prot === 'RW' ? PROT_READ | PROT_WRITE : PROT_READ
      const at = yield* sys.mmap(0, o.len!, prot, o.flags === 'SHARED' ? MAP_SHARED : MAP_PRIVATE, fd, o.off!)
      if (at >= 0) maps.set(o.map!, { at, len: o.len! })
      return successFields(at)
    }
    case 'munmap':
      maps.delete(o.map!)
      return callFields(yield* sys.munmap(map.at, map.len))
    case 'load':
      return yield* loadByte(sys, map.at + o.off!)
    case 'store': {
      const sig = yield* sys.store_or_signal(map.at + o.off!, new Uint8Array([o.set!]))
      return sig === null ? yield* loadByte(sys, map.at + o.off!) : signalFields(sig)
    }
    case 'madvise_dontneed':
      return callFields(yield* sys.madvise(map.at, map.len, MADV_DONTNEED))
    case 'msync_sync':
      return callFields(yield* sys.msync(map.at, map.len, MS_SYNC))
    case 'kill_server':
      yield* serverDies(mt)
      return callFields(0)
    default: // poison of the first page of a mapping
      return callFields(yield* sys.madvise(map.at, 4096, MADV_HWPOISON))
  }
}

const readFields = (buf: Uint8Array, n: number): Fields => ({
  ...callFields(n),
  fnv: n > 0 ? fnvOf(buf.subarray(0, n)) : NOTHING_READ,
})

const statFields = (st: Stat | number): Fields =>
  typeof st === 'number' ? { ...callFields(st), size: 0 } : { ...callFields(0), size: st.size }

function* loadByte(sys: Sys, address: number): Step<Fields> {
  const buf = new Uint8Array(1)
  const sig = yield* sys.load_or_signal(address, buf)
  return sig === null ? { val: buf[0] } : signalFields(sig)
}
