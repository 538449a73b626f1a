// A session with the log of a mounted famfs, to create something: owner, lock, mapped log, shadow tree, defaults (userspace.md c.4,
// c.5). Whoever has one has the exclusive flock of .meta/.log, as far as that goes (Q1, Q2).
import { LOCK_EX, LOCK_UN, MAP_SHARED, O_RDONLY, O_RDWR, PROT_READ, PROT_WRITE } from '../../kernel/index.ts'
import { decodeLogHeader, type Superblock } from '../../media/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { type AllocSession, CONTIGUOUS, type Interleave, type LogUsage } from '../alloc/index.ts'
import type { Proc } from '../proc.ts'
import { parse_alloc_cfg } from './alloc-cfg.ts'
import { header_field, load_header } from './bitmap.ts'
import { LOG_PATH, map_superblock_by_path, open_relpath } from './by-path.ts'
import { invalidate_processor_cache } from './cache.ts'
import { file_is_famfs } from './is-famfs.ts'
import type { Mapped } from './map-file.ts'
import { get_role } from './role.ts'
import { shadow_of_mount, shadow_root } from './shadow.ts'

export interface LockedLog {
  /** Mount point. */
  readonly mpt: string
  readonly sb: Superblock
  /** Open on the log, and holds the lock. */
  readonly fd: number
  readonly log: Mapped
  /** Root of the shadow tree; null: a standalone famfs, which is its own. */
  readonly shadow: string | null
  /** How files are interleaved unless the command says: .alloc.cfg. */
  readonly defaults: Interleave
  /** What the log takes, and where searches go on; built at the first allocation. */
  space: { readonly usage: LogUsage; readonly sessions: readonly AllocSession[] } | null
}

const ALLOC_CFG = '.meta/.alloc.cfg'
const CFG_MAX = 16384

/** .alloc.cfg, or contiguous when it is missing or cannot be read; on a mount the real one never can (Q26). */
const read_alloc_cfg = kfn(
  'famfs_read_alloc_cfg',
  function* (p: Proc, mpt: string, shadow: string | null): Step<Interleave> {
    const { sys, site } = p
    const fd = yield* sys.open(`${site.server.has('Q26') ? mpt : (shadow ?? mpt)}/${ALLOC_CFG}`, O_RDONLY)
    if (fd < 0) return CONTIGUOUS
    const buf = new Uint8Array(CFG_MAX)
    const n = yield* sys.read(fd, buf)
    yield* sys.close(fd)
    if (n < 0) return CONTIGUOUS
    const cfg = parse_alloc_cfg(String.fromCharCode(...buf.subarray(0, n)))
    if (!cfg.ok) {
      p.err(`${mpt}/${ALLOC_CFG}: ${cfg.why}; ignored`)
      return CONTIGUOUS
    }
    return cfg
  },
)

/** What is wrong with a log that is to be appended to; null: nothing. The real one looks at its length only (Q16, Q18). */
function header_damage(p: Proc, head: Uint8Array): string | null {
  const { server } = p.site
  if (server.has('Q16')) return null
  const check = decodeLogHeader(head)
  if (!check.ok) return check.why
  const { nextIndex, nextSeqnum, lastIndex } = check.header
  if (nextIndex > lastIndex + 1)
    return `log header: next_index ${nextIndex}, but the log holds ${lastIndex + 1} entries`
  if (nextSeqnum !== nextIndex && !server.has('Q18'))
    return `log header: next_seqnum ${nextSeqnum}, expected next_index ${nextIndex}`
  return null
}

/** The log's file mapped and invalidated, its length that of its header; null after a line. */
const map_locked_log = kfn(
  'famfs_init_locked_log map',
  function* (p: Proc, fd: number, len: number): Step<Mapped | null> {
    const { sys } = p
    const addr = yield* sys.mmap(0, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
    if (addr < 0) {
      p.err(`${LOG_PATH}: cannot be mapped`)
      return null
    }
    const log = { addr, len }
    let said = 0
    for (let tries = 0; tries < 2; tries++) {
      said = header_field(yield* load_header(p, log), 'logLen')
      if (said === len) break
      p.err(`${LOG_PATH}: ${len} bytes, its header says ${said}${tries === 0 ? '; once more' : ''}`)
    }
    if (said === len) {
      yield* invalidate_processor_cache(sys, addr, len)
      const damage = header_damage(p, yield* load_header(p, log))
      if (damage === null) return log
      p.err(damage)
    }
    yield* sys.munmap(addr, len)
    return null
  },
)

/** famfs_init_locked_log(): a session for the file system that `path` lies in, or null after a line. Waits for the lock. */
export const init_locked_log = kfn('famfs_init_locked_log', function* (p: Proc, path: string): Step<LockedLog | null> {
  const { sys } = p
  const type = yield* file_is_famfs(p, path)
  if (type === null) return null
  const super_map = yield* map_superblock_by_path(p, path)
  if (super_map === null) return null
  const { sb } = super_map
  yield* sys.munmap(super_map.addr, super_map.len)
  if ((yield* get_role(p, sb)) !== 'owner') {
    p.err(`${super_map.mpt}: this host is not the owner of the file system; only the owner creates`)
    return null
  }
  const found = yield* open_relpath(sys, path, LOG_PATH, O_RDWR)
  if (typeof found === 'number') {
    p.err(`${super_map.mpt}/${LOG_PATH}: cannot be opened for writing`)
    return null
  }
  const { fd, mpt } = found
  if ((yield* sys.flock(fd, LOCK_EX)) < 0) {
    p.err(`${mpt}/${LOG_PATH}: failed to get the lock`)
    yield* sys.close(fd)
    return null
  }
  const v1 = type === 'v1'
  const told = v1 ? null : yield* shadow_of_mount(sys, mpt)
  const shadow = told === null ? null : yield* shadow_root(p, told)
  if (told === null && !v1) p.err(`${mpt}: tells no shadow tree; is it a famfs mount?`)
  const log = shadow === null && !v1 ? null : yield* map_locked_log(p, fd, found.size)
  if (log === null) {
    yield* sys.flock(fd, LOCK_UN)
    yield* sys.close(fd)
    return null
  }
  return { mpt, sb, fd, log, shadow, defaults: yield* read_alloc_cfg(p, mpt, shadow), space: null }
})

/** famfs_release_locked_log(): the lock goes. That it was gone already (Q1) is a line and no failure. */
export const release_locked_log = kfn('famfs_release_locked_log', function* (p: Proc, lp: LockedLog): Step<void> {
  const { sys } = p
  if ((yield* sys.flock(lp.fd, LOCK_UN)) < 0) p.err(`${lp.mpt}/${LOG_PATH}: unlocking failed`)
  yield* sys.munmap(lp.log.addr, lp.log.len)
  yield* sys.close(lp.fd)
})
