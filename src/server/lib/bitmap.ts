// Where a log's files lie: the bitmap that the tools build anew for every session, from the mapped log (userspace.md c.6). An
// entry that does not check is invalidated and read once more, and then passed over.
import {
  claimRange,
  ENTRY_FILE,
  ENTRY_SIZE,
  EXT_SIMPLE,
  EXTENT_SIZE,
  entryOffset,
  FM,
  LE,
  LE_FILE,
  LH,
  LOG_HEADER_SIZE,
  logCapacity,
  MAX_EXTENTS,
  SE,
  type Superblock,
} from '../../media/index.ts'
import { kfn, min, type Step } from '../../sim/index.ts'
import { type LogUsage, openUsage, useEntry } from '../alloc/index.ts'
import { die, type Proc } from '../proc.ts'
import { invalidate_processor_cache } from './cache.ts'
import type { Mapped } from './map-file.ts'

const u32 = (b: Uint8Array, at: number): number => new DataView(b.buffer, b.byteOffset, b.length).getUint32(at, true)
const u64 = (b: Uint8Array, at: number): number =>
  Number(new DataView(b.buffer, b.byteOffset, b.length).getBigUint64(at, true))

/** The header's 48 bytes as they are now, read by loads. */
export const load_header = kfn('famfs log header', function* (p: Proc, log: Mapped): Step<Uint8Array> {
  const head = new Uint8Array(LOG_HEADER_SIZE)
  yield* p.sys.load(log.addr, head)
  return head
})

export const header_field = (head: Uint8Array, field: keyof typeof LH): number => u64(head, LH[field])

/**
 * The header and the entries in use as bytes. A next_index that the file has no room for is believed by the real one, which runs
 * off the end of its mapping (Q16); the other reads what is there.
 */
const load_used = kfn('famfs log in use', function* (p: Proc, log: Mapped): Step<Uint8Array> {
  const used = entryOffset(header_field(yield* load_header(p, log), 'nextIndex'))
  const bytes = new Uint8Array(min(used, entryOffset(logCapacity(log.len))))
  yield* p.sys.load(log.addr, bytes)
  if (used > log.len && p.site.server.has('Q16')) yield* p.sys.load(log.addr + used - 1, new Uint8Array(1))
  return bytes
})

/** Q16: more extents than an entry has are taken from the bytes that follow it; with more than fit, none was claimed so far. */
function claim_beyond(p: Proc, u: LogUsage, bytes: Uint8Array, at: number, count: number): void {
  for (let j = 0; count > MAX_EXTENTS && j < count; j++) {
    const e = at + LE_FILE.fmap + FM.extents + j * EXTENT_SIZE
    if (e + EXTENT_SIZE > bytes.length) die(p, 'SIGSEGV', 'Segmentation fault')
    claimRange(u.account, u64(bytes, e + SE.offset), u64(bytes, e + SE.len))
  }
}

/** famfs_build_bitmap(): maps, counts and notes of a log that is mapped, or that was read (then there is no second look). A device that an entry adds is nothing to the real one, which knows one map. */
export const build_bitmap = kfn(
  'famfs_build_bitmap',
  function* (p: Proc, sb: Superblock, log: Mapped | Uint8Array): Step<LogUsage> {
    const { server } = p.site
    const u = openUsage(sb, server.several_devices)
    const bytes = log instanceof Uint8Array ? log : yield* load_used(p, log)
    for (let i = 0; entryOffset(i) < bytes.length; i++) {
      const at = entryOffset(i)
      const entry = bytes.subarray(at, at + ENTRY_SIZE)
      let errs = useEntry(u, entry, i, false)
      if (errs > 0) {
        if (!(log instanceof Uint8Array)) {
          yield* invalidate_processor_cache(p.sys, log.addr + at, ENTRY_SIZE)
          yield* p.sys.load(log.addr + at, entry)
        }
        errs = useEntry(u, entry, i, true)
      }
      if (errs > 0 || !server.has('Q16')) continue
      if (u32(entry, LE.type) === ENTRY_FILE && u32(entry, LE_FILE.fmap + FM.extType) === EXT_SIMPLE)
        claim_beyond(p, u, bytes, at, u32(entry, LE_FILE.fmap + FM.count))
      if (u.account.misaligned > 0)
        die(p, 'SIGABRT', `log entry ${i}: an extent does not start on a unit: assertion failed`)
    }
    return u
  },
)
