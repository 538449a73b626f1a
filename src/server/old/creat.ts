// famfs creat and mkdir: allocate, show in the owner's shadow tree, append to the log (userspace.md c.3, c.5 to c.8, f).
import type { Sys } from '../../kernel/index.ts'
import { ENTRY_SIZE, encodeEntry, entryOffset, type LogEntry, logCapacity, type Superblock } from '../../media/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import {
  allocFile,
  allocStriped,
  CONTIGUOUS,
  type Interleave,
  type LogUsage,
  openSession,
  openUsage,
  type Stripe,
  useEntry,
} from '../alloc/index.ts'
import { flush_processor_cache, invalidate_processor_cache } from '../lib/cache.ts'
import { S_IFDIR, S_IFREG } from '../shadow.ts'
import { LOG_PATH, type Mapped, map_file, read_log, type UsedLog, unmap_file } from './media_file.ts'
import type { FamfsMount } from './mount.ts'

export interface CreatOptions {
  /** Permission bits. */
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  /** Interleaving over buckets of the first device; without it one extent. */
  readonly interleave?: Interleave
  /** Striping over devices, in place of that. */
  readonly stripe?: Stripe
}

export type Done = { rc: 0 } | { rc: number; error: string }

/** A session with the log: opened for writing by the owner, its used part read. */
export const with_log = kfn(
  'famfs_init_locked_log',
  function* (sys: Sys, mt: FamfsMount, body: (sb: Superblock, log: Mapped, used: UsedLog) => Step<Done>): Step<Done> {
    const sb = mt.superblock
    if (sb === null || mt.role !== 'owner')
      return { rc: 1, error: 'not the owner of this file system: only it may create' }
    const log = yield* map_file(sys, `${mt.mpt}/${LOG_PATH}`, sb.logLen, true)
    if (typeof log === 'number') return { rc: 1, error: `cannot map ${mt.mpt}/${LOG_PATH} (errno ${-log})` }
    const used = yield* read_log(sys, log)
    const done: Done = 'error' in used ? { rc: 1, error: used.error } : yield* run(sys, sb, log, used, body)
    yield* unmap_file(sys, log)
    return done
  },
)

const run = kfn(
  'famfs log session',
  function* (
    _sys: Sys,
    sb: Superblock,
    log: Mapped,
    used: UsedLog,
    body: (sb: Superblock, log: Mapped, used: UsedLog) => Step<Done>,
  ): Step<Done> {
    return yield* body(sb, log, used)
  },
)

/** Where the log's files lie (c.6). An entry that does not check is invalidated and read once more. */
export const build_bitmap = kfn(
  'famfs_build_bitmap',
  function* (sys: Sys, sb: Superblock, log: Mapped, used: UsedLog): Step<LogUsage> {
    const u = openUsage(sb)
    for (let i = 0; i < used.header.nextIndex; i++) {
      const at = entryOffset(i)
      const entry = used.bytes.subarray(at, at + ENTRY_SIZE)
      if (useEntry(u, entry, i, false) === 0) continue
      yield* invalidate_processor_cache(sys, log.addr + at, ENTRY_SIZE)
      yield* sys.load(log.addr + at, entry)
      useEntry(u, entry, i, true)
    }
    return u
  },
)

/**
 * Append one entry: the entry first, then both counters, then the whole log is flushed. No fence in between, and the header's
 * line is the lowest: a crash or another host may see the counters before the entry (c.3).
 */
export const append_log = kfn(
  'famfs_append_log',
  function* (sys: Sys, log: Mapped, used: UsedLog, make: (seqnum: number) => LogEntry): Step<Done> {
    const { nextIndex, nextSeqnum } = used.header
    if (nextIndex >= logCapacity(log.len)) return { rc: 12, error: 'log full' }
    yield* sys.store(log.addr + entryOffset(nextIndex), encodeEntry(make(nextSeqnum)))
    const counters = new Uint8Array(16)
    const dv = new DataView(counters.buffer)
    dv.setBigUint64(0, BigInt(nextSeqnum + 1), true)
    dv.setBigUint64(8, BigInt(nextIndex + 1), true)
    yield* sys.store(log.addr + 32, counters)
    yield* flush_processor_cache(sys, log.addr, log.len)
    return { rc: 0 }
  },
)

/** Make one file of `size` bytes. `draw` shuffles buckets. */
export const famfs_mkfile = kfn(
  'famfs_mkfile',
  function* (
    sys: Sys,
    mt: FamfsMount,
    path: string,
    size: number,
    o: CreatOptions,
    draw: (n: number) => number,
  ): Step<Done> {
    return yield* with_log(sys, mt, function* (sb, log, used): Step<Done> {
      if (mt.shadow.find(path) !== undefined) return { rc: 1, error: `${path} exists` }
      const { account } = yield* build_bitmap(sys, sb, log, used)
      const maps = [account, ...account.further].map(a => a.map)
      const { stripe, interleave = CONTIGUOUS } = o
      const got =
        stripe !== undefined
          ? allocStriped(maps, size, stripe)
          : allocFile(openSession(account.map), size, interleave, sb.daxdevSize, draw)
      if (!got.ok) return { rc: 12, error: `no room for ${path} (${size} bytes): ${got.why}` }
      const { uid = 0, gid = 0, mode = 0o644 } = o
      if (mt.shadow.add(path, { mode: S_IFREG | mode, uid, gid, size, fmap: got.fmap }) !== 'created')
        return { rc: 1, error: `${path}: its directory does not exist` }
      return yield* append_log(sys, log, used, seqnum => ({
        type: 'file',
        seqnum,
        path,
        size,
        flags: 2,
        uid,
        gid,
        mode,
        fmap: got.fmap,
      }))
    })
  },
)

/** Make one directory. */
export const famfs_mkdir = kfn(
  'famfs_mkdir',
  function* (sys: Sys, mt: FamfsMount, path: string, o: CreatOptions): Step<Done> {
    return yield* with_log(sys, mt, function* (_sb, log, used): Step<Done> {
      const { uid = 0, gid = 0, mode = 0o755 } = o
      const r = mt.shadow.add(path, { mode: S_IFDIR | mode, uid, gid })
      if (r !== 'created')
        return { rc: 1, error: `${path}: ${r === 'no parent' ? 'its directory does not exist' : 'exists'}` }
      return yield* append_log(sys, log, used, seqnum => ({ type: 'mkdir', seqnum, path, uid, gid, mode }))
    })
  },
)
