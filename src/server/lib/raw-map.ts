// Superblock and log of a device that is mapped raw, as programs did before kernels kept that to devices in devdax mode: for mkfs and
// fsck on a kernel older than 6.15 (userspace.md c.2). Both are invalidated.
import { MAP_SHARED, O_RDONLY, O_RDWR, PROT_READ, PROT_WRITE } from '../../kernel/index.ts'
import { decodeSuperblock, LOG_OFFSET, SB_AREA, SB_SIZE } from '../../media/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { errnoName } from '../../wire/index.ts'
import type { Proc } from '../proc.ts'
import { invalidate_processor_cache } from './cache.ts'
import type { Mapped } from './map-file.ts'

/** What a program has of a device: its superblock area, and its log if that was asked for. */
export interface RawMap {
  readonly sb: Mapped
  readonly log: Mapped | null
}

/**
 * famfs_mmap_superblock_and_log_raw(): `logLen` bytes of log; null: as many as the superblock says, and none when it does not check.
 * -errno after a line.
 */
export const map_raw = kfn(
  'famfs_mmap_superblock_and_log_raw',
  function* (p: Proc, device: string, logLen: number | null, write: boolean): Step<RawMap | number> {
    const { sys } = p
    const prot = PROT_READ | (write ? PROT_WRITE : 0)
    const fd = yield* sys.open(device, write ? O_RDWR : O_RDONLY)
    const addr = fd < 0 ? fd : yield* sys.mmap(0, SB_AREA, prot, MAP_SHARED, fd)
    if (addr < 0) {
      p.err(`${device}: superblock cannot be mapped (${errnoName(-addr)})`)
      if (fd >= 0) yield* sys.close(fd)
      return addr
    }
    yield* invalidate_processor_cache(sys, addr, SB_AREA)
    const sb = { addr, len: SB_AREA }
    const bytes = new Uint8Array(SB_SIZE)
    yield* sys.load(addr, bytes)
    const check = decodeSuperblock(bytes)
    const len = logLen ?? (check.ok ? check.sb.logLen : 0)
    let log: Mapped | null = null
    if (len > 0) {
      const at = yield* sys.mmap(0, len, prot, MAP_SHARED, fd, LOG_OFFSET)
      if (at < 0) {
        p.err(`${device}: log cannot be mapped (${errnoName(-at)})`)
        yield* sys.munmap(addr, SB_AREA)
        yield* sys.close(fd)
        return at
      }
      yield* invalidate_processor_cache(sys, at, len)
      log = { addr: at, len }
    }
    yield* sys.close(fd)
    return { sb, log }
  },
)
