// mkfs.famfs on the bare device (userspace.md b.4, b.5): checks, then superblock and log, log first on the way out.
import type { Sys } from '../../kernel/index.ts'
import { decodeSuperblock, LOG_OFFSET, type MkfsArgs, mkfsPlan, SB_AREA, SB_SIZE } from '../../media/index.ts'
import { kfn, type Step } from '../../sim/index.ts'

export interface MkfsOptions extends MkfsArgs {
  /** Write over a famfs superblock that is there. */
  readonly force?: boolean
}

const ZEROES = new Uint8Array(0x200000)

const tool_invalidate = kfn(
  'invalidate_processor_cache',
  function* (sys: Sys, device: string, off: number, len: number): Step<number> {
    const n = yield* sys.tool_clflushopt(device, off, len)
    yield* sys.sfence()
    return n
  },
)

/** 0 and nothing said, or an exit code and one line. */
export const famfs_mkfs = kfn('famfs_mkfs', function* (sys: Sys, o: MkfsOptions): Step<{ rc: number; error?: string }> {
  const plan = mkfsPlan(o)
  if ('error' in plan) return { rc: 2, error: `mkfs.famfs: ${plan.error}` }
  const { devName } = o
  const no_device = { rc: 1, error: `mkfs.famfs: no such device: ${devName}` }
  if ((yield* tool_invalidate(sys, devName, LOG_OFFSET, o.logLen)) < 0) return no_device
  if ((yield* tool_invalidate(sys, devName, 0, SB_AREA)) < 0) return no_device
  const old = new Uint8Array(SB_SIZE)
  yield* sys.tool_read(devName, 0, old)
  const have = decodeSuperblock(old)
  if ((have.ok || have.code === 1) && !o.force) {
    yield* tool_invalidate(sys, devName, 0, SB_AREA)
    return { rc: 2, error: `mkfs.famfs: ${devName} already has a famfs superblock; use force to write over it` }
  }
  for (const s of plan.steps) {
    if (s.do === 'write') yield* sys.tool_write(devName, s.at, s.bytes)
    else if (s.do === 'readback') {
      const back = new Uint8Array(s.bytes.length)
      yield* sys.tool_read(devName, s.at, back)
      if (back.some((b, i) => b !== s.bytes[i])) return { rc: 2, error: `mkfs.famfs: ${devName} does not take stores` }
    } else if (s.do === 'zero')
      for (let at = 0; at < s.len; at += ZEROES.length)
        yield* sys.tool_write(devName, s.at + at, s.len - at < ZEROES.length ? ZEROES.subarray(0, s.len - at) : ZEROES)
    else {
      yield* sys.tool_clwb(devName, s.at, s.len)
      yield* sys.sfence()
    }
  }
  return { rc: 0 }
})
