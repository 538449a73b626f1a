// The two ways in which log play reads a log: by loads from a mapping, entry by entry, or by read(2), in pieces.
import { MAP_PRIVATE, PROT_READ } from '../../kernel/index.ts'
import { ENTRY_SIZE, entryOffset, LH, LOG_HEADER_SIZE } from '../../media/index.ts'
import { kfn, local, type Op, type Step } from '../../sim/index.ts'
import { EINVAL } from '../../wire/index.ts'
import { die, type Proc } from '../proc.ts'
import type { MetaFile } from './by-path.ts'
import { invalidate_processor_cache } from './cache.ts'

/** Entries of one read(2): about 1 MiB. */
const PIECE = 1927

/** Where entries are read from. */
export interface LogSource {
  readonly header: Uint8Array
  /** Bytes of the log file. */
  readonly len: number
  /** Copy entry `i`. */
  entry(i: number, to: Uint8Array): Op<void>
  /** Copy it from the memory, past the cache, as far as that can be done. */
  again(i: number, to: Uint8Array): Op<void>
  close(): Op<void>
}

const no_segment = kfn('close', function* (): Step<void> {})

/**
 * The log mapped, read only. How much is invalidated is what the header says before that (c.2), so a header that is stale itself
 * leaves the rest as it is, and one that says too much faults (Q16). Else it is the whole file.
 */
export const mapped_source = kfn('mmap log', function* (p: Proc, log: MetaFile): Step<LogSource | number> {
  const { sys } = p
  const addr = yield* sys.mmap(0, log.size, PROT_READ, MAP_PRIVATE, log.fd)
  if (addr < 0) return addr
  const header = new Uint8Array(LOG_HEADER_SIZE)
  yield* sys.load(addr, header)
  const says = Number(new DataView(header.buffer).getBigUint64(LH.logLen, true))
  yield* invalidate_processor_cache(sys, addr, p.site.server.has('Q16') ? says : log.size)
  yield* sys.load(addr, header)
  const again = local('invalidate entry', function* (i: number, to: Uint8Array): Step<void> {
    yield* invalidate_processor_cache(sys, addr + entryOffset(i), ENTRY_SIZE)
    yield* sys.load(addr + entryOffset(i), to)
  })
  const close = local('munmap log', function* (): Step<void> {
    yield* sys.munmap(addr, log.size)
  })
  return { header, len: log.size, entry: (i, to) => sys.load(addr + entryOffset(i), to), again, close }
})

/** The log read by read(2), piece by piece. Nothing is invalidated, so what is read may be old. */
export const read_source = kfn('read log', function* (p: Proc, log: MetaFile): Step<LogSource | number> {
  const { sys } = p
  const header = new Uint8Array(LOG_HEADER_SIZE)
  const n = yield* sys.pread(log.fd, header, 0)
  if (n < LOG_HEADER_SIZE) return n < 0 ? n : -EINVAL
  const piece = new Uint8Array(PIECE * ENTRY_SIZE)
  let first = -1
  const entry = local('read entry', function* (i: number, to: Uint8Array): Step<void> {
    const from = i - (i % PIECE)
    if (entryOffset(i) + ENTRY_SIZE > log.size)
      die(p, 'SIGSEGV', `log entry ${i}: read past the buffer that holds the log`)
    if (from !== first) yield* sys.pread(log.fd, piece, entryOffset(from))
    first = from
    to.set(piece.subarray((i - from) * ENTRY_SIZE, (i - from + 1) * ENTRY_SIZE))
  })
  const again = local('read entry again', function* (i: number, to: Uint8Array): Step<void> {
    first = -1
    yield* entry(i, to)
  })
  return { header, len: log.size, entry, again, close: no_segment }
})
