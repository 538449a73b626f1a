// Room for a new file in a session with the log: the bitmap is built at the first request and kept to the end of the session
// (userspace.md c.6 to c.8). Nothing here touches the memory.
import { AU_SIZE, type Fmap } from '../../media/index.ts'
import type { ServerProfile } from '../../profile/index.ts'
import { kfn, roundUp, type Step } from '../../sim/index.ts'
import { ENOMEM } from '../../wire/index.ts'
import {
  type Allocated,
  type AllocSession,
  allocContiguous,
  allocFile,
  allocStriped,
  type Interleave,
  type LogUsage,
  openSession,
  wantsInterleave,
} from '../alloc/index.ts'
import { die, type Proc } from '../proc.ts'
import { build_bitmap } from './bitmap.ts'
import type { LockedLog } from './locked-log.ts'

/** What makes a log unfit to be appended to; null: nothing, or the real one does not mind (Q16, Q19). */
function damage(server: ServerProfile, u: LogUsage): string | null {
  if (!server.has('Q19') && u.notes.length > 0) return `${u.notes[0]}; nothing is appended behind a bad entry`
  if (server.has('Q16')) return null
  for (const [dev, { collisions, outside, misaligned }] of [u.account, ...u.account.further].entries())
    if (collisions + outside + misaligned > 0)
      return `device ${dev}: ${collisions} units with two owners, ${outside} outside, ${misaligned} extents not on a unit; see famfs fsck`
  return null
}

/** The session's space, built if it was not. Null after a line: the log is damaged, and this user space minds. */
export const open_space = kfn('famfs_open_space', function* (p: Proc, lp: LockedLog): Step<LockedLog['space']> {
  if (lp.space !== null) return lp.space
  const usage = yield* build_bitmap(p, lp.sb, lp.log)
  const why = damage(p.site.server, usage)
  if (why !== null) {
    p.err(`${lp.mpt}: ${why}`)
    return null
  }
  const maps = [usage.account, ...usage.account.further].map(a => a.map)
  lp.space = { usage, sessions: maps.map(openSession) }
  return lp.space
})

/** One piece on the first device that has room. */
function one_piece(sessions: readonly AllocSession[], size: number): Allocated {
  for (const [dev, s] of sessions.entries()) {
    const offset = allocContiguous(s, size)
    if (offset >= 0)
      return { ok: true, fmap: { kind: 'simple', extents: [{ dev, offset, len: roundUp(size, AU_SIZE) }] } }
  }
  return { ok: false, code: -ENOMEM, why: `no room for ${size} bytes in one piece on any device` }
}

/** famfs_file_alloc(): a map for `size` bytes, or -errno after a line (a count of wrong parameters comes as it is). */
export const file_alloc = kfn(
  'famfs_file_alloc',
  function* (p: Proc, lp: LockedLog, path: string, size: number, how: Interleave): Step<Fmap | number> {
    const space = yield* open_space(p, lp)
    if (space === null) return -1
    const { sessions } = space
    const { server } = p.site
    const defects = { Q5: server.has('Q5'), Q6: server.has('Q6'), Q7: server.has('Q7'), Q39: server.has('Q39') }
    let got: Allocated
    if (sessions.length === 1) got = allocFile(sessions[0]!, size, how, lp.sb.daxdevSize, n => p.site.draw(n), defects)
    else if (!wantsInterleave(how)) got = one_piece(sessions, size)
    else {
      const maps = sessions.map(s => s.map)
      got = allocStriped(maps, size, { devices: how.nstrips, chunkSize: how.chunkSize })
    }
    if (got.ok) return got.fmap
    if (got.crash !== undefined) return die(p, got.crash, got.why)
    p.err(`${path}: no room for ${size} bytes: ${got.why}`)
    return got.code
  },
)
