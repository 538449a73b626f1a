// Log play: a log full of files and a directory for every thousandth, played into a new shadow tree by `famfs mount` of a fresh world.
// What the command prints must be right. Memory is what the world holds more than before, by entry.
import {
  encodeEntry,
  encodeLogHeader,
  encodeSuperblock,
  entryOffset,
  freshLogHeader,
  LOG_OFFSET,
  type LogEntry,
  logCapacity,
  mkfsPlan,
  uuidFrom,
} from '../src/media/index.ts'
import { MiB } from '../src/sim/index.ts'
import { World } from '../src/world/index.ts'
import { type Effort, type Figure, quickest } from './measure.ts'
import type { Row } from './row.ts'
import type { Sanitizers } from './sanitizers.ts'

const DEVICE = '/dev/dax0.0'
const MPT = '/mnt/famfs'
const UNIT = MiB(2)
const PER_DIR = 1000
/** Entries when it only has to run. */
const FEW = 500

/** Room for one unit a file behind the log. */
const deviceSize = (logLen: number): number => LOG_OFFSET + logLen + logCapacity(logLen) * UNIT

const dirPath = (i: number): string => `d${Math.floor(i / PER_DIR)}`
/** Is this entry that of a file, and which. */
export const isFile = (i: number): boolean => i % PER_DIR !== 0
export const filePath = (i: number): string => `${dirPath(i)}/file${i}`

function entry(i: number, logLen: number, o: LogOptions): LogEntry {
  if (!isFile(i)) return { type: 'mkdir', seqnum: i, path: dirPath(i), uid: 0, gid: 0, mode: 0o755 }
  const unit = o.units === undefined ? i : i % o.units
  const extents = [{ dev: 0, offset: LOG_OFFSET + logLen + unit * UNIT, len: UNIT }]
  const who = { flags: 2, uid: 0, gid: 0, mode: 0o644 }
  return { type: 'file', seqnum: i, path: filePath(i), size: o.size, ...who, fmap: { kind: 'simple', extents } }
}

/** Files of `size` bytes, 2 MiB at most. */
interface LogOptions {
  readonly size: number
  /** They lie in so many units of the device, again and again; each in its own unless given. */
  readonly units?: number
  readonly kernel?: string
}

/** A world whose device holds a log of this length with `n` entries in use. */
export function worldWith(logLen: number, n: number, sanitizers: Sanitizers, o: LogOptions) {
  const w = new World({ trace: false, kernel: o.kernel, ...sanitizers })
  const { memory } = w.daxdev('dax0.0', { size: deviceSize(logLen) })
  let draw = 0
  const uuid = (): string => uuidFrom(() => draw++)
  const ids = { fsUuid: uuid(), devUuid: uuid(), systemUuid: uuid() }
  const plan = mkfsPlan({ deviceSize: deviceSize(logLen), logLen, devName: DEVICE, ...ids })
  if ('error' in plan) throw new Error(plan.error)
  memory.write(0, encodeSuperblock(plan.superblock))
  memory.write(LOG_OFFSET, encodeLogHeader({ ...freshLogHeader(logLen), nextIndex: n, nextSeqnum: n }))
  for (let i = 0; i < n; i++) memory.write(LOG_OFFSET + entryOffset(i), encodeEntry(entry(i, logLen, o)))
  const h = w.host('h0')
  const made = h.cli(`mkdir ${MPT}`)
  if (made.rc !== 0) throw new Error(made.err.join('; '))
  return { w, h }
}

async function play(e: Effort, logLen: number, sanitizers: Sanitizers): Promise<Figure> {
  const n = e.rounds > 1 ? logCapacity(logLen) : FEW
  const dirs = Math.ceil(n / PER_DIR)
  const line = `famfs_logplay(shadow): ${n} log entries; ${n - dirs} new files; ${dirs} new directories`
  const world = worldWith(logLen, n, sanitizers, { size: 4096 })
  let bytes = 0
  const { seconds, share } = await quickest(e, 1, () => {
    const before = process.memoryUsage().heapUsed
    const { rc, out, err } = world.h.cli(`famfs mount ${DEVICE} ${MPT}`)
    if (rc !== 0 || !out.includes(line)) throw new Error(`log play: exit ${rc}: ${[...out, ...err].join('; ')}`)
    bytes = process.memoryUsage().heapUsed - before
  })
  world.w.close()
  return { value: seconds, share, counts: { entries: n, 'bytes an entry': Math.round(bytes / n) } }
}

const row = (id: string, what: string, target: number, logLen: number): Row => ({
  id,
  what,
  unit: ' s',
  target,
  measure: (e, s) => play(e, logLen, s),
})

export const LOG_PLAY: readonly Row[] = [
  row('log-8m', 'log play of 15,420 entries (8 MiB)', 1, MiB(8)),
  row('log-256m', 'log play of 493,447 entries (256 MiB)', 20, MiB(256)),
]
