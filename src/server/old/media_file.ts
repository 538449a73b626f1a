// The superblock and the log as the tools reach them on a mounted famfs: through mappings of .meta/.superblock and
// .meta/.log, by the same loads and stores as any application.

import { MAP_SHARED, O_RDONLY, O_RDWR, PROT_READ, PROT_WRITE, type Sys } from '../../kernel/index.ts'
import {
  decodeLogHeader,
  decodeSuperblock,
  ENTRY_SIZE,
  LH,
  LOG_HEADER_SIZE,
  type LogHeader,
  SB_AREA,
  SB_SIZE,
  type Superblock,
} from '../../media/index.ts'
import { kfn, min, type Step } from '../../sim/index.ts'
import { invalidate_processor_cache } from '../lib/cache.ts'

export const SUPERBLOCK_PATH = '.meta/.superblock'
export const LOG_PATH = '.meta/.log'

/** A mapped file. */
export interface Mapped {
  readonly fd: number
  readonly addr: number
  readonly len: number
}

/** Open and map a whole file, or -errno. */
export const map_file = kfn('mmap_whole_file', function* (sys: Sys, path: string, len: number, write: boolean): Step<
  Mapped | number
> {
  const fd = yield* sys.open(path, write ? O_RDWR : O_RDONLY)
  if (fd < 0) return fd
  const addr = yield* sys.mmap(0, len, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, fd)
  if (addr >= 0) return { fd, addr, len }
  yield* sys.close(fd)
  return addr
})

export const unmap_file = kfn('unmap_file', function* (sys: Sys, f: Mapped): Step<void> {
  yield* sys.munmap(f.addr, f.len)
  yield* sys.close(f.fd)
})

/** Read the superblock of a mount: the superblock, or one line on what is wrong. */
export const read_superblock = kfn('famfs_map_superblock_by_path', function* (sys: Sys, mpt: string): Step<
  Superblock | { error: string }
> {
  const f = yield* map_file(sys, `${mpt}/${SUPERBLOCK_PATH}`, SB_AREA, false)
  if (typeof f === 'number') return { error: `cannot map ${mpt}/${SUPERBLOCK_PATH} (errno ${-f})` }
  const bytes = new Uint8Array(SB_SIZE)
  const sig = yield* sys.load_or_signal(f.addr, bytes)
  yield* unmap_file(sys, f)
  if (sig !== null) return { error: `${sig.signal} reading ${mpt}/${SUPERBLOCK_PATH}` }
  const check = decodeSuperblock(bytes)
  return check.ok ? check.sb : { error: check.why }
})

/** The length that the 48 bytes of a log header say, checked or not. */
const logLenOf = (head: Uint8Array): number =>
  Number(new DataView(head.buffer, head.byteOffset).getBigUint64(LH.logLen, true))

/** The used part of the log: header and entries in use, as bytes. */
export interface UsedLog {
  readonly header: LogHeader
  readonly bytes: Uint8Array
}

/**
 * Invalidate a mapped log and load its used part; a header that does not check is one line. How much is invalidated is what the
 * header says before that (c.2), so a header that is stale itself leaves the rest as it is.
 */
export const read_log = kfn('famfs_read_log', function* (sys: Sys, log: Mapped): Step<UsedLog | { error: string }> {
  const head = new Uint8Array(LOG_HEADER_SIZE)
  let sig = yield* sys.load_or_signal(log.addr, head)
  if (sig === null) sig = yield* sys.or_signal(invalidate_processor_cache(sys, log.addr, min(logLenOf(head), log.len)))
  if (sig === null) sig = yield* sys.load_or_signal(log.addr, head)
  if (sig !== null) return { error: `${sig.signal} reading the log` }
  const check = decodeLogHeader(head)
  if (!check.ok) return { error: check.why }
  const used = LOG_HEADER_SIZE + check.header.nextIndex * ENTRY_SIZE
  if (used > log.len)
    return { error: `log header: next_index ${check.header.nextIndex} does not fit into ${log.len} bytes` }
  const bytes = new Uint8Array(used)
  sig = yield* sys.load_or_signal(log.addr, bytes)
  return sig === null ? { header: check.header, bytes } : { error: `${sig.signal} reading the log` }
})
