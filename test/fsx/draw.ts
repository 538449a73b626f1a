// What fsx does: operations on two files, drawn from a seed. Each is plain data, so a list of them can be played again, or a
// part of it.
import { KiB, MiB, Stream } from '../../src/sim/index.ts'

/** One file is one extent and ends in the middle of a page, the other is interleaved. */
export const FILES = [
  { path: '/one', size: MiB(6) - 1234, interleave: undefined },
  { path: '/many', size: MiB(16), interleave: { nbuckets: 4, nstrips: 3, chunkSize: MiB(2) } },
] as const

/** Random bytes that what is written is taken from. */
export const POOL = MiB(1)
const PAGE = KiB(4)
const LONGEST = KiB(128)

export interface FsxOp {
  /** Which of the run, from 0. */
  readonly n: number
  readonly what: Kind
  readonly file: number
  readonly off: number
  readonly len: number
  /** Where the bytes to write begin in the pool. */
  readonly data: number
}

/** Kinds, and how many of a thousand operations are of it. The last four go on in another process. */
const SHARES = {
  /** pread64, pwrite64; read and write at the file position. */
  pread: 240,
  pwrite: 200,
  read: 30,
  write: 30,
  /** Through the mapping of the whole file. */
  load: 140,
  store: 140,
  /** Through a mapping of some pages, whose faults are small. */
  'load some': 60,
  'store some': 60,
  /** A new mapping of the whole file: it has to fault again. */
  'map again': 14,
  /** A new mapping of some pages. */
  'map some': 20,
  /** At the end of the file and past it. */
  'read past the end': 10,
  'write past the end': 10,
  /** These are refused, and the file stays as it is. */
  truncate: 8,
  ftruncate: 8,
  fallocate: 4,
  fsync: 8,
  stat: 8,
  'open again': 6,
  'drop caches': 1,
  /** Another process of this host: after the first it can do nothing until the caches are dropped, but nothing is lost. */
  'open with O_TRUNC': 0.5,
  exit: 1,
  'other host': 2,
  remount: 0.6,
} as const
export type Kind = keyof typeof SHARES
/** Each with the sum of the shares up to it. */
let TOTAL = 0
const KINDS = Object.entries(SHARES).map(([what, share]) => {
  TOTAL += share
  return { what: what as Kind, end: TOTAL }
})

/** The operations of a seed, without an end. */
export function* draw(seed: number): Generator<FsxOp, never> {
  const rng = new Stream(`fsx/${seed}`)
  for (let n = 0; ; n++) {
    const at = rng.below(TOTAL * 10) / 10
    const { what } = KINDS.find(k => at < k.end)!
    const file = rng.below(FILES.length)
    const { size } = FILES[file]!
    // Short ones mostly; some longer than a page, a few longer than many.
    const len = 1 + rng.below([512, 512, 512, PAGE, 4 * PAGE, LONGEST][rng.below(6)]!)
    // One of three lies across the end of a page, one across the end of 2 MiB, where extents, chunks and huge pages end.
    const edge = [1, PAGE, MiB(2)][rng.below(3)]!
    const start = edge === 1 ? rng.below(size) : (1 + rng.below(size / edge)) * edge - rng.below(len + 1)
    const off = Math.max(0, Math.min(start, size - 1))
    yield { n, what, file, off, len: Math.min(len, size - off), data: rng.below(POOL - LONGEST) }
  }
}
