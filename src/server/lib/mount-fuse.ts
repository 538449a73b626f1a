// Mounting a famfs (userspace.md e.7): the daemon with a shadow tree of its own, superblock and log in it, then the log played.
import {
  decodeSuperblock,
  isSecondary,
  LOG_LEN_DEFAULT,
  LOG_OFFSET,
  SB_AREA,
  SB_SIZE,
  type Superblock,
  secondaryWhy,
} from '../../media/index.ts'
import { kfn, type Op, type Step } from '../../sim/index.ts'
import { EPERM, errnoName } from '../../wire/index.ts'
import { rest_request } from '../daemon/diagnostics.ts'
import { sock_request } from '../daemon/sock.ts'
import type { Proc } from '../proc.ts'
import { LOG_PATH, SUPERBLOCK_PATH, superblock_why } from './by-path.ts'
import { invalidate_processor_cache } from './cache.ts'
import { mmap_whole_file } from './map-file.ts'
import { mount_lines, mpt_by_dev } from './mounts.ts'
import { get_role, type Role } from './role.ts'
import { shadow_of_mount, write_shadow_file } from './shadow.ts'
import { mkdtemp, remove_tree } from './temp-dir.ts'

const MS = 1e6
const POLL_NS = 100 * MS
/** Polls until the daemon is asked whether it lives, and those it gets then. */
const FIRST_POLLS = 150
const MORE_POLLS = 300
const UMOUNT_TRIES = 10
const YEAR_S = 31536000

/** Exit code of a mount that failed and could not be undone. */
export const STILL_MOUNTED = 99

export type CacheWord = 'always' | 'normal' | 'never'

export interface FuseMountOptions {
  readonly device: string
  readonly mpt: string
  /** Shadow directory; a temporary one unless given. */
  readonly shadow?: string
  /** Seconds that names and attributes hold; a year unless given. */
  readonly timeout?: number
  readonly cache?: CacheWord
  readonly debug?: boolean
  /** For whoever mounts only. */
  readonly nouseraccess?: boolean
  readonly nodefaultperm?: boolean
  /** What is done with the log in the end, into the tree of this shadow directory: 0, or what a failed mount ends with. */
  readonly play?: (shadow: string) => Op<number>
  /** Show superblock and log, whatever is in them, and play nothing. */
  readonly dummy?: boolean
  /** Length of a dummy mount's log file; the superblock's unless given. */
  readonly logLen?: number
}

/** famfs_umount(): again and again while the file system is busy: 0 or -errno. */
export const famfs_umount = kfn('famfs_umount', function* (p: Proc, mpt: string): Step<number> {
  let wait = POLL_NS
  for (let n = 1; ; n++) {
    const rc = yield* p.sys.umount(mpt)
    if (rc === 0) return 0
    if (n === UMOUNT_TRIES) {
      p.err(`umount ${mpt}: ${errnoName(-rc)}`)
      return rc
    }
    p.err(`umount ${mpt}: ${errnoName(-rc)}; try ${n + 1}`)
    yield* p.sys.sleep(wait)
    wait *= 2
  }
})

/** Write the shadow file of a meta file. */
const meta_file = kfn(
  'famfs_shadow_meta',
  function* (p: Proc, shadow: string, path: string, mode: number, offset: number, len: number): Step<number> {
    const fmap = { kind: 'simple' as const, extents: [{ dev: 0, offset, len }] }
    return yield* write_shadow_file(p.sys, `${shadow}/root/${path}`, {
      path,
      size: len,
      flags: 0,
      mode,
      uid: 0,
      gid: 0,
      fmap,
    })
  },
)

/** Is there a file of this size now? Asked ten times a second. */
const poll_size = kfn('poll file', function* (p: Proc, path: string, size: number, polls: number): Step<boolean> {
  for (let i = 0; i < polls; i++) {
    const st = yield* p.sys.stat(path)
    if (typeof st !== 'number' && st.size === size) return true
    yield* p.sys.sleep(POLL_NS)
  }
  return false
})

/** Wait for the mount to show its superblock; a daemon that is late is asked whether it lives. */
const wait_superblock = kfn(
  'wait for superblock',
  function* (p: Proc, o: FuseMountOptions, shadow: string): Step<boolean> {
    const path = `${o.mpt}/${SUPERBLOCK_PATH}`
    if (yield* poll_size(p, path, SB_AREA, FIRST_POLLS)) return true
    const probe = yield* sock_request(p.sys, `${shadow}/sock`, rest_request('GET', '/icache_stats'))
    if (typeof probe === 'number' || probe.status !== 200) {
      p.err(`${o.mpt}: famfs_fused appears to have crashed`)
      return false
    }
    return yield* poll_size(p, path, SB_AREA, MORE_POLLS)
  },
)

/** What the mounted superblock says, with a handler for what its loads may raise; null after a line. */
const look_at_superblock = kfn(
  'famfs_get_role_and_logstats',
  function* (p: Proc, o: FuseMountOptions): Step<Superblock | null> {
    const { sys } = p
    const path = `${o.mpt}/${SUPERBLOCK_PATH}`
    const map = yield* mmap_whole_file(sys, path, false)
    if (typeof map === 'number') {
      p.err(`${path}: cannot be mapped (${errnoName(-map)})`)
      return null
    }
    const bytes = new Uint8Array(SB_SIZE)
    let sig = p.site.server.has('Q36') ? null : yield* sys.or_signal(invalidate_processor_cache(sys, map.addr, map.len))
    if (sig === null) sig = yield* sys.load_or_signal(map.addr, bytes)
    yield* sys.munmap(map.addr, map.len)
    if (sig !== null) {
      p.err(`${path}: ${sig.signal} at the first load`)
      return null
    }
    const check = decodeSuperblock(bytes)
    const secondary = check.ok && p.site.server.several_devices && isSecondary(check.sb)
    if (check.ok && !secondary) return check.sb
    // Who made a dummy mount looks for himself.
    if (!o.dummy) p.err(check.ok ? secondaryWhy(check.sb) : `${o.mpt}: no valid superblock: ${superblock_why(check)}`)
    return null
  },
)

/** The directory of the shadow tree with its `root`, or null after a line. */
const make_shadow = kfn('famfs_shadow_dir', function* (p: Proc, o: FuseMountOptions): Step<string | null> {
  const { sys } = p
  const shadow = o.shadow?.replace(/\/+$/, '') ?? (yield* mkdtemp(p, '/tmp/famfs_shadow_'))
  if (typeof shadow === 'number') {
    p.err(`/tmp/famfs_shadow_XXXXXX: cannot be made (${errnoName(-shadow)})`)
    return null
  }
  if (o.shadow === undefined && !o.nouseraccess) yield* sys.chmod(shadow, 0o755)
  if (o.shadow !== undefined && !p.site.server.has('Q35'))
    for (const l of mount_lines(p).filter(m => m.type.startsWith('fuse')))
      if ((yield* shadow_of_mount(sys, l.mpt)) === shadow) {
        p.err(`shadow path ${shadow}: in use by the mount on ${l.mpt}`)
        return null
      }
  const rc = yield* sys.mkdir(`${shadow}/root`, 0o755)
  if (rc === 0) return shadow
  p.err(`shadow path ${shadow}: cannot make ${shadow}/root (${errnoName(-rc)}); expected a directory without one`)
  return null
})

/** The daemon's options, for -o. `threads`: how many serve. */
export function fused_options(o: FuseMountOptions, shadow: string, threads: number | undefined): string {
  const options = [`daxdev=${o.device}`, `shadow=${shadow}`, `fsname=${o.device}`]
  if (o.cache !== undefined) options.push(`cache=${o.cache === 'normal' ? 'auto' : o.cache}`)
  else options.push(`timeout=${(o.timeout ?? YEAR_S).toFixed(6)}`)
  if (!o.nouseraccess) options.push('allow_other')
  if (!o.nodefaultperm) options.push('default_permissions')
  if (threads !== undefined) options.push(`max_threads=${threads}`)
  return options.join(',')
}

/** What a mounted tree needs before anybody can use it: superblock, log, and for a real mount the log played. 0, or -errno. */
const fill = kfn('famfs_mount_fuse fill', function* (p: Proc, o: FuseMountOptions, shadow: string): Step<number> {
  const { sys } = p
  yield* sys.mkdir(`${shadow}/root/.meta`, 0o755)
  if ((yield* meta_file(p, shadow, SUPERBLOCK_PATH, 0o444, 0, SB_AREA)) < 0) return -1
  if (!(yield* wait_superblock(p, o, shadow))) return -1
  const sb = yield* look_at_superblock(p, o)
  if (sb === null && !o.dummy) return -EPERM
  const role: Role = yield* get_role(p, sb)
  const logLen = o.logLen ?? sb?.logLen ?? LOG_LEN_DEFAULT
  if ((yield* meta_file(p, shadow, LOG_PATH, role === 'owner' ? 0o644 : 0o444, LOG_OFFSET, logLen)) < 0) return -1
  if (!(yield* poll_size(p, `${o.mpt}/${LOG_PATH}`, logLen, MORE_POLLS))) {
    p.err(`${o.mpt}/${LOG_PATH}: does not appear`)
    return -1
  }
  if (o.dummy) return 0
  return o.play === undefined ? 0 : yield* o.play(shadow)
})

/** famfs_mount_fuse(): 0; -1 or -errno when nothing is mounted; 99 when what failed could not be unmounted (Q4). */
export const famfs_mount_fuse = kfn('famfs_mount_fuse', function* (p: Proc, o: FuseMountOptions): Step<number> {
  const there = mpt_by_dev(p, o.device)
  if (there !== null) {
    p.err(`famfs mount: ${o.device} is mounted on ${there} already`)
    return -1
  }
  const shadow = yield* make_shadow(p, o)
  if (shadow === null) return -1
  const daemon = yield* p.run([
    'famfs_fused',
    ...(o.debug ? ['-s', '-d'] : []),
    '-o',
    fused_options(o, shadow, p.site.threads),
    o.mpt,
  ])
  let rc = daemon.rc === 0 ? 0 : -1
  for (const line of daemon.err) p.err(line)
  if (rc === 0) {
    rc = yield* fill(p, o, shadow)
    if (rc === 0) return 0
    if ((yield* famfs_umount(p, o.mpt)) < 0) return STILL_MOUNTED
  }
  yield* tidy_shadow(p, shadow, o.shadow !== undefined)
  return rc > 0 ? -1 : rc
})

/** Nothing is left behind, unless Q31 leaves it: of a directory that was given, only what was made in it goes. */
export const tidy_shadow = kfn('remove shadow', function* (p: Proc, shadow: string, given: boolean): Step<void> {
  if (!p.site.server.has('Q31')) yield* remove_tree(p.sys, given ? `${shadow}/root` : shadow)
})
