// A measured sequence of operations on the device table: opens, reads and mappings while devices fail, heal, are poisoned and
// lose their driver.
import { MAP_SHARED, O_RDONLY, PROT_READ, type Sys } from '../kernel/index.ts'
import { MiB, ms, type Step } from '../sim/index.ts'
import type { DescribedFile } from './file-words.ts'
import type { RawDaxdev, RawServer } from './raw-server.ts'
import { callFields, signalFields, successFields } from './results.ts'
import { DEVICE_SIZE, driverComes, driverGoes, pageFails, Rig } from './rig.ts'
import { type ReplaySetting, withoutIndex0Check } from './setting.ts'
import type { Fields, Tally } from './tally.ts'
import { runsOf, wordBacking } from './word-memory.ts'

/** One line: an operation, what it answered and the messages it caused. */
export interface DevtableOp {
  readonly line: number
  readonly i: number
  readonly op: string
  readonly file?: string
  readonly dev?: number
  readonly index?: number
  readonly to?: string
  readonly off?: number
  readonly len?: number
  readonly ret?: number
  readonly err?: string
  readonly devoff?: number
  readonly signal?: string
  readonly si_code?: number
  readonly mmap_err?: string
  readonly umount?: number
  readonly msgs: readonly string[]
}
export interface DevtableSequence {
  readonly seq: number
  /** What GET_DAXDEV is answered with at first. */
  readonly daxdev0: string
  readonly daxdev1: string
  readonly files: ReadonlyMap<string, DescribedFile>
  readonly ops: readonly DevtableOp[]
  /** What the last umount said, in line `line`; null: the trace does not tell. */
  readonly end: { readonly line: number; readonly umount: number } | null
}

/** What a device index is answered with, by its word in the trace. */
const ANSWERS: Readonly<Record<string, (index: number) => RawDaxdev>> = {
  ok: index => `/dev/dax${index}.0`,
  EIO: () => 5,
  ENOENT_path: () => '/dev/nope',
  empty_name: () => '',
  'unacquirable(devdax mode)': () => '/dev/dax2.0',
}
export const DAXDEV_WORDS: readonly string[] = Object.keys(ANSWERS)

/** Pages that no file has, poisoned one after the other. */
const UNUSED = MiB(400)
/** Long enough for everything an operation has set going. */
const PAUSE = ms(1)

/** Several forgets may have travelled as one message; which nodes it named was not recorded. */
function forgets(got: readonly string[], want: readonly string[]): readonly string[] {
  const alone = want.filter(w => !w.startsWith('BATCH'))
  const sorted = (a: readonly string[]) => [...a].sort()
  if (alone.length === want.length) return JSON.stringify(sorted(got)) === JSON.stringify(sorted(want)) ? want : got
  return got.length >= alone.length + 2 && alone.every(w => got.includes(w)) ? want : got
}

/** Run the sequence on the model, without the test for device index 0. */
export function replayDevtable(c: DevtableSequence, how: ReplaySetting, t: Tally): void {
  const rig = new Rig({
    ...withoutIndex0Check(how),
    devices: [
      { backing: wordBacking(0, DEVICE_SIZE) },
      { backing: wordBacking(1, DEVICE_SIZE) },
      { size: MiB(2), driver: 'device_dax' },
    ],
  })
  const s = rig.server()
  let nodeid = 100
  for (const [name, f] of c.files) s.files.set(name, { nodeid: nodeid++, ...f })
  s.daxdevs.length = 0
  s.daxdevs.push(ANSWERS[c.daxdev0]!(0), ANSWERS[c.daxdev1]!(1))
  s.errnos.FLUSH = 38
  rig.mount(s)
  s.log.length = 0
  const pages = { next: UNUSED }
  for (let at = 0; at < c.ops.length; ) {
    // One process has all descriptors, and its end closes them.
    rig.run(function* (sys) {
      const fds = new Map<string, number>()
      for (; at < c.ops.length && c.ops[at]!.op !== 'close_all_umount_mount'; at++) {
        const o = c.ops[at]!
        const from = s.log.length
        const got = yield* operate({ rig, s, sys, fds, pages }, o)
        yield* sys.sleep(PAUSE)
        const msgs = s.log.slice(from)
        const seen = { ...got, msgs: o.op === 'evict_closed_inodes' ? forgets(msgs, o.msgs) : msgs }
        t.result(`line ${o.line}, seq ${c.seq} ${o.i} ${o.op} ${o.file ?? ''}`.trim(), seen, measured(o))
      }
    })
    const o = c.ops[at++]
    if (o === undefined) break
    const umount = rig.umount()
    s.log.length = 0
    rig.mount(s)
    t.result(`line ${o.line}, seq ${c.seq} ${o.i} ${o.op}`, { umount, msgs: s.log }, measured(o))
  }
  if (c.end !== null)
    t.result(`line ${c.end.line}, seq ${c.seq} end`, { umount: rig.umount() }, { umount: c.end.umount })
}

/** What of a line is a result. `ret` of what a script of the measuring machine did, and dev -1, say nothing. */
function measured(o: DevtableOp): Fields {
  const { err, mmap_err, signal, si_code, umount, msgs } = o
  const at = o.devoff !== undefined && o.dev !== undefined && o.dev >= 0 ? [o.dev, o.devoff] : undefined
  const ret = o.op === 'pread' ? o.ret : undefined
  const all = { ret, err, mmap_err, signal, si_code, at, umount, msgs }
  return Object.fromEntries(Object.entries(all).filter(([, v]) => v !== undefined))
}

interface Scene {
  readonly rig: Rig
  readonly s: RawServer
  readonly sys: Sys
  readonly fds: Map<string, number>
  readonly pages: { next: number }
}

function* operate({ rig, s, sys, fds, pages }: Scene, o: DevtableOp): Step<Fields> {
  const file = o.file!
  const fd = fds.get(file) ?? -1
  switch (o.op) {
    case 'server_sets_daxdev':
      s.daxdevs[o.index!] = ANSWERS[o.to!]!(o.index!)
      return {}
    case 'poison_unused_page': {
      const page = pages.next
      pages.next += 4096
      yield* pageFails(rig, o.dev!, page)
      return {}
    }
    case 'unbind_fsdev':
      yield* driverGoes(rig, o.dev!)
      return {}
    case 'bind_fsdev':
      yield* driverComes(rig, o.dev!, rig.k.profile.dax.fs_driver)
      return {}
    case 'evict_closed_inodes':
      yield* sys.drop_caches()
      return {}
    case 'open': {
      const got = yield* sys.open(`/mnt/${file}`, O_RDONLY)
      if (got >= 0) fds.set(file, got)
      return successFields(got)
    }
    case 'close':
      fds.delete(file)
      return callFields(yield* sys.close(fd))
    case 'pread': {
      const buf = new Uint8Array(o.len!)
      const n = yield* sys.pread(fd, buf, o.off!)
      return { ...callFields(n), at: n > 0 ? runsOf(buf, n)[0]?.slice(1) : undefined }
    }
    default: {
      // mmap_only, mmap_load_munmap
      const len = s.files.get(file)!.size
      const at = yield* sys.mmap(0, len, PROT_READ, MAP_SHARED, fd)
      if (at < 0) return { err: callFields(at).err, mmap_err: callFields(at).err }
      const got = o.op === 'mmap_only' ? { err: '0' } : yield* loadAt(sys, at + o.off!)
      yield* sys.munmap(at, len)
      return got
    }
  }
}

function* loadAt(sys: Sys, address: number): Step<Fields> {
  const buf = new Uint8Array(8)
  const sig = yield* sys.load_or_signal(address, buf)
  return sig === null ? { at: runsOf(buf, 8)[0]!.slice(1) } : signalFields(sig)
}
