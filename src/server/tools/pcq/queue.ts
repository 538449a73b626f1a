// A queue between two processes, on one host or on two: one puts, the other gets, each writes its own file only, and flushes and
// invalidates are exactly those of the real one (userspace.md g).
import type { Sys } from '../../../kernel/index.ts'
import { kfn, type Step } from '../../../sim/index.ts'
import { getU64, setU64, viewOf } from '../../../wire/index.ts'
import { flush_processor_cache, invalidate_processor_cache } from '../../lib/cache.ts'
import { type Mapped, mmap_whole_file } from '../../lib/map-file.ts'
import { die, type Proc } from '../../proc.ts'
import {
  ARRAY_OFFSET,
  bucketSeq,
  C_INDEX,
  C_NEXT_SEQ,
  CONSUMER_MAGIC,
  CONSUMER_SIZE,
  encodeBucket,
  P_ARRAY_OFFSET,
  P_BUCKET_SIZE,
  P_INDEX,
  P_NBUCKETS,
  P_NEXT_SEQ,
  PCQ_MAGIC,
  TRAILER,
} from './layout.ts'

export interface Queue {
  /** Addresses of the two mapped files. */
  readonly producer: Mapped
  readonly consumer: Mapped
  readonly nbuckets: number
  readonly bucketSize: number
  readonly arrayOffset: number
}

/** Who maps what for writing. */
export type End = 'producer' | 'consumer' | 'look'

export const load_u64 = kfn('load u64', function* (sys: Sys, addr: number): Step<number> {
  const b = new Uint8Array(8)
  yield* sys.load(addr, b)
  return getU64(viewOf(b), b.byteOffset)
})
export const store_u64 = kfn('store u64', function* (sys: Sys, addr: number, value: number): Step<void> {
  const b = new Uint8Array(8)
  setU64(viewOf(b), b.byteOffset, value)
  yield* sys.store(addr, b)
})

/** pcq_open(): both files mapped, their headers read as the cache has them; null after a line. */
export const pcq_open = kfn('pcq_open', function* (p: Proc, base: string, end: End): Step<Queue | null> {
  const { sys } = p
  const files = [base, `${base}.consumer`] as const
  for (const path of files)
    if (typeof (yield* sys.stat(path)) === 'number') {
      p.err(`pcq: ${base}: no queue there: ${path} is missing`)
      return null
    }
  const producer = yield* mmap_whole_file(sys, files[0], end === 'producer')
  const consumer = typeof producer === 'number' ? producer : yield* mmap_whole_file(sys, files[1], end === 'consumer')
  if (typeof producer === 'number' || typeof consumer === 'number') {
    p.err(`pcq: ${base}: the files of the queue cannot be opened and mapped by the ${end}; see pcq --setperm`)
    return null
  }
  const magic = yield* load_u64(sys, producer.addr)
  const other = yield* load_u64(sys, consumer.addr)
  if (magic !== PCQ_MAGIC || other % 0x100000000 !== CONSUMER_MAGIC) {
    p.err(`pcq: ${base}: no queue there: wrong magic numbers`)
    return null
  }
  const q: Queue = {
    producer,
    consumer,
    nbuckets: yield* load_u64(sys, producer.addr + P_NBUCKETS),
    bucketSize: yield* load_u64(sys, producer.addr + P_BUCKET_SIZE),
    arrayOffset: yield* load_u64(sys, producer.addr + P_ARRAY_OFFSET),
  }
  if (p.site.server.has('Q25')) return q
  const wrong = why_wrong(q)
  if (wrong === null) return q
  p.err(`pcq: ${base}: ${wrong}`)
  return null
})

/** What a header must not say; null: it is good. */
function why_wrong({ producer, consumer, nbuckets, bucketSize, arrayOffset }: Queue): string | null {
  const bad = bad_geometry(bucketSize, nbuckets)
  if (bad !== null) return bad
  if (arrayOffset !== ARRAY_OFFSET) return `its buckets start at ${arrayOffset}, expected ${ARRAY_OFFSET}`
  if (arrayOffset + nbuckets * bucketSize > producer.len) return 'its buckets reach beyond the end of the file'
  return consumer.len < CONSUMER_SIZE ? 'its consumer file is too short' : null
}

/** What is wrong with these, for a queue that works; null: nothing. */
export function bad_geometry(bucketSize: number, nbuckets: number): string | null {
  if (!is_power_of_2(bucketSize) || bucketSize <= TRAILER)
    return `bucket size ${bucketSize}: expected a power of 2 above ${TRAILER}`
  return nbuckets >= 2 ? null : `${nbuckets} buckets: expected 2 or more; one is always free`
}

export function is_power_of_2(n: number): boolean {
  let power = 1
  while (power < n) power *= 2
  return power === n
}

/** What a queue whose header nobody checked does to the process that uses it (Q25). */
const check_use = (p: Proc, q: Queue): void => {
  if (q.nbuckets === 0) die(p, 'SIGFPE', 'pcq: division by zero: the queue has no buckets')
  if (q.bucketSize < TRAILER) die(p, 'SIGSEGV', `pcq: bad pointer: a payload of ${q.bucketSize - TRAILER} bytes`)
}

/** How long who waits does something else before it looks again, ns. */
const SPIN = 1000

/** When to give up, ns; called between looks. */
export type Until = (sys: Sys) => boolean

/** pcq_producer_put(): 0; 1: given up while it was full. */
export const pcq_put = kfn(
  'run_producer',
  function* (p: Proc, sys: Sys, q: Queue, payload: Uint8Array, until: Until): Step<number> {
    check_use(p, q)
    const index = yield* load_u64(sys, q.producer.addr + P_INDEX)
    const next = (index + 1) % q.nbuckets
    // The consumer's index as this host last saw it; asked for anew only while the queue looks full.
    while (next === (yield* load_u64(sys, q.consumer.addr + C_INDEX))) {
      if (until(sys)) return 1
      yield* invalidate_processor_cache(sys, q.consumer.addr + C_INDEX, 8)
      yield* sys.sleep(SPIN)
    }
    const seq = yield* load_u64(sys, q.producer.addr + P_NEXT_SEQ)
    yield* store_u64(sys, q.producer.addr + P_NEXT_SEQ, seq + 1)
    const bucket = q.producer.addr + q.arrayOffset + index * q.bucketSize
    yield* sys.store(bucket, encodeBucket(payload, seq))
    yield* flush_processor_cache(sys, bucket, q.bucketSize)
    yield* store_u64(sys, q.producer.addr + P_INDEX, next)
    yield* flush_processor_cache(sys, q.producer.addr + P_INDEX, 8)
    return 0
  },
)

/** A message, or why there is none. */
export type Message =
  | { readonly payload: Uint8Array; readonly seq: number; readonly retried: boolean }
  /** `empty`: given up; `crc`, `seq`: the bucket does not hold what it must. */
  | { readonly none: 'empty' | 'crc' | 'seq'; readonly why: string }

const ATTEMPTS = 3

/** pcq_consumer_get(). `empty` is told each time there was nothing. */
export const pcq_get = kfn(
  'run_consumer',
  function* (p: Proc, sys: Sys, q: Queue, empty: () => void, until: Until): Step<Message> {
    check_use(p, q)
    const index = yield* load_u64(sys, q.consumer.addr + C_INDEX)
    for (;;) {
      yield* invalidate_processor_cache(sys, q.producer.addr + P_INDEX, 8)
      if (index !== (yield* load_u64(sys, q.producer.addr + P_INDEX))) break
      empty()
      if (until(sys)) return { none: 'empty', why: 'the queue is empty' }
      yield* sys.sleep(SPIN)
    }
    const expected = yield* load_u64(sys, q.consumer.addr + C_NEXT_SEQ)
    yield* store_u64(sys, q.consumer.addr + C_NEXT_SEQ, expected + 1)
    const bucket = q.producer.addr + q.arrayOffset + index * q.bucketSize
    const bytes = new Uint8Array(q.bucketSize)
    yield* sys.load(bucket, bytes)
    let seq = bucketSeq(bytes)
    let attempts = 1
    // The bucket may be the one of the round before, whole and in this host's cache: its crc is good (Q41).
    const again = (): boolean => seq === null || (seq !== expected && !p.site.server.has('Q41'))
    for (; again() && attempts < ATTEMPTS; attempts++) {
      yield* invalidate_processor_cache(sys, bucket, q.bucketSize)
      yield* sys.load(bucket, bytes)
      seq = bucketSeq(bytes)
    }
    if (seq === null) return { none: 'crc', why: `bucket ${index}: its crc does not fit, after ${ATTEMPTS} looks` }
    if (seq !== expected) return { none: 'seq', why: `bucket ${index}: sequence number ${seq}, expected ${expected}` }
    yield* store_u64(sys, q.consumer.addr + C_INDEX, (index + 1) % q.nbuckets)
    yield* flush_processor_cache(sys, q.consumer.addr + C_INDEX, 8)
    return { payload: bytes.subarray(0, q.bucketSize - TRAILER), seq, retried: attempts > 1 }
  },
)
