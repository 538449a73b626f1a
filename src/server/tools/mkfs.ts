// mkfs.famfs on the bare device (userspace.md b.4, b.5): checks, then superblock and log, log first on the way out.
import type { Sys } from '../../kernel/index.ts'
import { decodeSuperblock, type MkfsArgs, mkfsPlan, SB_SIZE } from '../../media/index.ts'
import { kfn, type Step } from '../../sim/index.ts'

export interface MkfsOptions extends MkfsArgs {
  /** Write over a famfs superblock that is there. */
  readonly force?: boolean
}

const ZEROES = new Uint8Array(0x200000)

/** 0 and nothing said, or an exit code and one line. */
export const famfs_mkfs = kfn('famfs_mkfs', function* (sys: Sys, o: MkfsOptions): Step<{ rc: number; error?: string }> {
  const plan = mkfsPlan(o)
  if ('error' in plan) return { rc: 2, error: `mkfs.famfs: ${plan.error}` }
  const old = new Uint8Array(SB_SIZE)
  if ((yield* sys.tool_read(o.devName, 0, old)) < 0) return { rc: 1, error: `mkfs.famfs: no such device: ${o.devName}` }
  const have = decodeSuperblock(old)
  if ((have.ok || have.code === 1) && !o.force)
    return { rc: 2, error: `mkfs.famfs: ${o.devName} already has a famfs superblock; use force to write over it` }
  for (const s of plan.steps) {
    if (s.do === 'write') yield* sys.tool_write(o.devName, s.at, s.bytes)
    else if (s.do === 'readback') {
      const back = new Uint8Array(s.bytes.length)
      yield* sys.tool_read(o.devName, s.at, back)
      if (back.some((b, i) => b !== s.bytes[i]))
        return { rc: 2, error: `mkfs.famfs: ${o.devName} does not take stores` }
    } else if (s.do === 'zero')
      for (let at = 0; at < s.len; at += ZEROES.length)
        yield* sys.tool_write(
          o.devName,
          s.at + at,
          s.len - at < ZEROES.length ? ZEROES.subarray(0, s.len - at) : ZEROES,
        )
  }
  return { rc: 0 }
})
