// pcq --create: the two files of a queue. The consumer's comes first, so that who finds the producer's finds both.
import { kfn, type Step } from '../../../sim/index.ts'
import { flush_processor_cache } from '../../lib/cache.ts'
import { mmap_fd } from '../../lib/map-file.ts'
import { mkfile } from '../../lib/mkfile.ts'
import type { Proc } from '../../proc.ts'
import {
  ARRAY_OFFSET,
  C_HEADER,
  C_PCQ_SIZE,
  CONSUMER_MAGIC,
  CONSUMER_SIZE,
  P_ARRAY_OFFSET,
  P_BUCKET_SIZE,
  P_HEADER,
  P_NBUCKETS,
  P_PCQ_SIZE,
  PCQ_MAGIC,
} from './layout.ts'
import { bad_geometry, is_power_of_2, store_u64 } from './queue.ts'

const FILE_MODE = 0o644

/** One file, its header stored and flushed: 0, or -errno after a line. */
const make_file = kfn(
  'pcq_create file',
  function* (
    p: Proc,
    path: string,
    size: number,
    header: number,
    words: readonly (readonly [at: number, value: number])[],
    ids: { uid: number; gid: number },
  ): Step<number> {
    const fd = yield* mkfile(p, path, size, { mode: FILE_MODE, ...ids }, null)
    if (fd < 0) return fd
    const at = yield* mmap_fd(p.sys, fd, true)
    if (typeof at === 'number') {
      p.err(`pcq: ${path}: cannot be mapped`)
      return at
    }
    // What lay there before is still there.
    for (let off = 0; off < header; off += CLEAR) {
      const left = header - off
      yield* p.sys.store(at.addr + off, new Uint8Array(left < CLEAR ? left : CLEAR))
    }
    for (const [off, value] of words) yield* store_u64(p.sys, at.addr + off, value)
    yield* flush_processor_cache(p.sys, at.addr, header)
    yield* p.sys.munmap(at.addr, at.len)
    return 0
  },
)
const CLEAR = 0x10000

/** pcq_create(): exit code. */
export const pcq_create = kfn(
  'pcq_create',
  function* (
    p: Proc,
    base: string,
    bucketSize: number,
    nbuckets: number,
    ids: { uid: number; gid: number },
  ): Step<number> {
    const q25 = p.site.server.has('Q25')
    // The real one wants a power of 2, and nothing else (Q25).
    const bad = q25
      ? is_power_of_2(bucketSize)
        ? null
        : `bucket size ${bucketSize}: expected a power of 2`
      : bad_geometry(bucketSize, nbuckets)
    if (bad !== null) {
      p.err(`pcq: ${bad}`)
      return 1
    }
    const consumer = `${base}.consumer`
    for (const path of [base, consumer])
      if (typeof (yield* p.sys.stat(path)) !== 'number') {
        p.err(`pcq: ${base}: cannot be made: ${path} is there already`)
        return q25 ? 0 : 1
      }
    const size = ARRAY_OFFSET + nbuckets * bucketSize
    const made = yield* make_file(
      p,
      consumer,
      CONSUMER_SIZE,
      C_HEADER,
      [
        [0, CONSUMER_MAGIC],
        [C_PCQ_SIZE, CONSUMER_SIZE],
      ],
      ids,
    )
    if (made < 0) return 1
    // The producer's file is root's, whatever was asked for.
    const rc = yield* make_file(
      p,
      base,
      size,
      P_HEADER,
      [
        [0, PCQ_MAGIC],
        [P_NBUCKETS, nbuckets],
        [P_BUCKET_SIZE, bucketSize],
        [P_ARRAY_OFFSET, ARRAY_OFFSET],
        [P_PCQ_SIZE, size],
      ],
      { uid: 0, gid: 0 },
    )
    return rc < 0 ? 1 : 0
  },
)
