// Appending to the log (userspace.md c.3). The caller has the lock.
import { ENTRY_SIZE, encodeEntry, entryOffset, LH, type LogEntry } from '../../media/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { ENOMEM } from '../../wire/index.ts'
import type { Proc } from '../proc.ts'
import { header_field, load_header } from './bitmap.ts'
import { flush_processor_cache } from './cache.ts'
import type { Mapped } from './map-file.ts'

const counter = (n: number): Uint8Array => {
  const b = new Uint8Array(8)
  new DataView(b.buffer).setBigUint64(0, BigInt(n), true)
  return b
}

/**
 * Append one entry: 0, or -ENOMEM when the log is full. With Q37 entry and counters are stored, then the whole log is flushed
 * from its lowest line on, and that is the header's: a crash or another host may see the counters before the entry. Without, the
 * entry is in the memory before the counters are stored, both in one store, and they are one line to flush.
 */
export const append_log = kfn(
  'famfs_append_log',
  function* (p: Proc, log: Mapped, make: (seqnum: number) => LogEntry): Step<number> {
    const { sys, site } = p
    const head = yield* load_header(p, log)
    const index = header_field(head, 'nextIndex')
    const seqnum = header_field(head, 'nextSeqnum')
    if (index > header_field(head, 'lastIndex')) {
      p.err('log full')
      return -ENOMEM
    }
    const entry = log.addr + entryOffset(index)
    yield* sys.store(entry, encodeEntry(make(seqnum)))
    if (site.server.has('Q37')) {
      yield* sys.store(log.addr + LH.nextSeqnum, counter(seqnum + 1))
      yield* sys.store(log.addr + LH.nextIndex, counter(index + 1))
      yield* flush_processor_cache(sys, log.addr, log.len)
      return 0
    }
    yield* flush_processor_cache(sys, entry, ENTRY_SIZE)
    const counters = new Uint8Array(16)
    counters.set(counter(seqnum + 1))
    counters.set(counter(index + 1), LH.nextIndex - LH.nextSeqnum)
    yield* sys.store(log.addr + LH.nextSeqnum, counters)
    yield* flush_processor_cache(sys, log.addr + LH.nextSeqnum, counters.length)
    return 0
  },
)
