// `mkfs.famfs`: make a famfs on a device, or kill the one that is there (userspace.md b). Through a dummy mount from kernel 6.15 on,
// through a raw mapping before. Exit codes: 1 for how it was called, 2 for everything that fails.
import {
  DEVICE_SIZE_MIN,
  decodeSuperblock,
  describeUsage,
  fsckReport,
  isPowerOfTwo,
  LOG_HEADER_SIZE,
  LOG_LEN_DEFAULT,
  LOG_LEN_MIN,
  LOG_OFFSET,
  mkfsPlan,
  openAccount,
  SB_AREA,
  SB_SIZE,
  type Superblock,
} from '../../media/index.ts'
import { kfn, min, type Step } from '../../sim/index.ts'
import { EINVAL } from '../../wire/index.ts'
import { append_log } from '../lib/append.ts'
import { LOG_PATH, SUPERBLOCK_PATH } from '../lib/by-path.ts'
import { flush_processor_cache, invalidate_processor_cache } from '../lib/cache.ts'
import { check_daxmode, device_size, dummy_mounts } from '../lib/daxdev.ts'
import { format_secondary } from '../lib/daxdevs.ts'
import { dummy_mount, dummy_umount } from '../lib/dummy-mount.ts'
import { fsck_text, getopt, parse_size } from '../lib/index.ts'
import { type Mapped, mmap_whole_file } from '../lib/map-file.ts'
import type { Mode } from '../lib/mode.ts'
import { mpt_by_dev } from '../lib/mounts.ts'
import { map_raw } from '../lib/raw-map.ts'
import { get_role, system_uuid } from '../lib/role.ts'
import type { Proc } from '../proc.ts'
import { told_mode } from './mount.ts'
import { argument, given, type Option } from './subcommand.ts'

const USAGE = [
  'usage: mkfs.famfs [OPTIONS] DEVICE [MORE...]       (as root; one, for a user space of one device)',
  '  -f --force           also over a file system that is there',
  '  -k --kill            with --force: invalidate the superblock, make none',
  '  -l --loglen N[kmg]   length of the log, a power of two, 8m or more (8m)',
  '  -D --nodax           through a dummy mount on any kernel',
  '  -M --set-daxmode     bring the device into famfs mode first',
  '  -F --nofuse  --fuse  which famfs the dummy mount is of',
  '  --verbose',
]

const LONG = [
  { name: 'force', arg: 'none', short: 'f' },
  { name: 'kill', arg: 'none', short: 'k' },
  { name: 'loglen', arg: 'required', short: 'l' },
  { name: 'nodax', arg: 'none', short: 'D' },
  { name: 'set-daxmode', arg: 'none', short: 'M' },
  { name: 'nofuse', arg: 'none', short: 'F' },
  { name: 'fuse', arg: 'none' },
  { name: 'verbose', arg: 'none' },
  { name: 'help', arg: 'none', short: 'h' },
] as const

const MAGIC_LEN = 8
/** Zeros to write at a time. */
const ZEROES = new Uint8Array(0x200000)

interface Mkfs {
  readonly device: string
  /** Devices from index 1 on. */
  readonly further: readonly string[]
  readonly deviceSize: number
  readonly logLen: number
  readonly force: boolean
  readonly kill: boolean
}

/** Whether this host may: -1 after a line when it may not. */
const mkfs_allowed = kfn('famfs_mkfs_allowed', function* (p: Proc, o: Mkfs, sb: Mapped): Step<number> {
  const bytes = new Uint8Array(SB_SIZE)
  yield* p.sys.load(sb.addr, bytes)
  const check = decodeSuperblock(bytes)
  if (!o.force && (yield* get_role(p, check.ok ? check.sb : null)) === 'client') {
    p.err(`mkfs.famfs: the superblock on ${o.device} is owned by another host; --force writes over it`)
    return -1
  }
  if (o.deviceSize < DEVICE_SIZE_MIN) {
    p.err(`mkfs.famfs: ${o.device} has ${o.deviceSize} bytes, expected at least ${DEVICE_SIZE_MIN}`)
    return -EINVAL
  }
  return 0
})

/** Any host may: the magic goes, and is gone for all. */
const kill_super = kfn('famfs_kill_super', function* (p: Proc, sb: Mapped): Step<number> {
  yield* p.sys.store(sb.addr, new Uint8Array(MAGIC_LEN))
  yield* flush_processor_cache(p.sys, sb.addr, MAGIC_LEN)
  p.out('Famfs superblock killed')
  return 0
})

/** What fsck would say of the new file system. */
const report = kfn('mkfs report', function* (p: Proc, sb: Mapped, log: Mapped): Step<void> {
  const sbBytes = new Uint8Array(SB_SIZE)
  const header = new Uint8Array(LOG_HEADER_SIZE)
  yield* p.sys.load(sb.addr, sbBytes)
  yield* p.sys.load(log.addr, header)
  const made = decodeSuperblock(sbBytes)
  if (!made.ok) return
  const { daxdevSize, allocUnit, logLen, systemUuid } = made.sb
  const usage = describeUsage(sbBytes, header, openAccount(daxdevSize, allocUnit, logLen), 0)
  const found = fsckReport(usage, systemUuid)
  if (found !== null) for (const line of fsck_text(usage, found, { human: true })) p.out(line)
})

/** Superblock and log written, in the order of the plan; the log flushed first, the superblock last. */
const inner_mkfs = kfn('__famfs_mkfs', function* (p: Proc, o: Mkfs, sb: Mapped, log: Mapped): Step<number> {
  const { sys } = p
  yield* invalidate_processor_cache(sys, sb.addr, SB_AREA)
  const old = new Uint8Array(SB_SIZE)
  yield* sys.load(sb.addr, old)
  const have = decodeSuperblock(old)
  if ((have.ok || have.code === 1) && !o.force) {
    p.err(`mkfs.famfs: ${o.device} already has a famfs superblock; --force writes over it`)
    yield* invalidate_processor_cache(sys, sb.addr, SB_AREA)
    return -1
  }
  const uuid = yield* system_uuid(p)
  if (uuid === null) return -1
  const { deviceSize, logLen, device } = o
  const uuids = { fsUuid: p.site.uuid(), devUuid: p.site.uuid(), systemUuid: uuid }
  const plan = mkfsPlan({ deviceSize, logLen, devName: device, ...uuids })
  if ('error' in plan) {
    p.err(`mkfs.famfs: ${plan.error}`)
    return -EINVAL
  }
  const at = (off: number): number => (off < LOG_OFFSET ? sb.addr + off : log.addr + off - LOG_OFFSET)
  let said = false
  for (const s of plan.steps) {
    if (s.do === 'write') yield* sys.store(at(s.at), s.bytes)
    else if (s.do === 'readback') {
      const back = new Uint8Array(s.bytes.length)
      yield* sys.load(at(s.at), back)
      if (back.some((b, i) => b !== s.bytes[i])) {
        p.err(`mkfs.famfs: ${device} does not take stores`)
        yield* invalidate_processor_cache(sys, sb.addr, SB_AREA)
        return -1
      }
    } else if (s.do === 'zero') {
      for (let done = 0; done < s.len; done += ZEROES.length)
        yield* sys.store(at(s.at + done), ZEROES.subarray(0, min(ZEROES.length, s.len - done)))
    } else {
      if (!said) yield* report(p, sb, log)
      said = true
      yield* flush_processor_cache(sys, at(s.at), s.len)
    }
  }
  return yield* add_devices(p, o, plan.superblock, log)
})

/** Devices from index 1 on: each gets a superblock that says whose it is, and an entry in the new log. 0 or -1. */
const add_devices = kfn(
  'mkfs further devices',
  function* (p: Proc, o: Mkfs, sb: Superblock, log: Mapped): Step<number> {
    for (const [i, device] of o.further.entries()) {
      const made = yield* format_secondary(p, device, sb, o.force)
      if (made === null) return -1
      const entry = { type: 'add_daxdev', index: i + 1, ...made } as const
      if ((yield* append_log(p, log, seqnum => ({ ...entry, seqnum }))) < 0) return -1
    }
    return 0
  },
)

/** The device mapped raw: 0 or negative. */
const mkfs_raw = kfn('famfs_mkfs raw', function* (p: Proc, o: Mkfs): Step<number> {
  const mpt = mpt_by_dev(p, o.device)
  if (mpt !== null) {
    p.err(`mkfs.famfs: ${o.device} is mounted on ${mpt}`)
    return -1
  }
  const map = yield* map_raw(p, o.device, o.kill && o.force ? 0 : o.logLen, true)
  if (typeof map === 'number') return map
  if (o.kill && o.force) return yield* kill_super(p, map.sb)
  const allowed = yield* mkfs_allowed(p, o, map.sb)
  return allowed < 0 ? allowed : yield* inner_mkfs(p, o, map.sb, map.log!)
})

/** The two files of a dummy mount mapped: 0 or negative. */
const mkfs_files = kfn('famfs_mkfs files', function* (p: Proc, o: Mkfs, mpt: string): Step<number> {
  const { sys } = p
  const sb = yield* mmap_whole_file(sys, `${mpt}/${SUPERBLOCK_PATH}`, true)
  if (typeof sb === 'number') return sb
  let rc = 0
  if (o.kill && o.force) rc = yield* kill_super(p, sb)
  else {
    rc = yield* mkfs_allowed(p, o, sb)
    const log = rc < 0 ? rc : yield* mmap_whole_file(sys, `${mpt}/${LOG_PATH}`, true)
    if (typeof log === 'number') rc = log
    else {
      yield* invalidate_processor_cache(sys, log.addr, log.len)
      rc = yield* inner_mkfs(p, o, sb, log)
      yield* sys.munmap(log.addr, log.len)
    }
  }
  yield* sys.munmap(sb.addr, sb.len)
  return rc
})

const mkfs_via_dummy_mount = kfn('famfs_mkfs_via_dummy_mount', function* (p: Proc, o: Mkfs, told?: Mode): Step<number> {
  const mpt = yield* dummy_mount(p, o.device, { mode: told, logLen: o.logLen })
  if (typeof mpt === 'number') return mpt
  const rc = yield* mkfs_files(p, o, mpt)
  const gone = yield* dummy_umount(p, mpt)
  return rc < 0 ? rc : gone
})

/** The whole of it behind the options: 0 or negative. */
const mkfs = kfn(
  'famfs_mkfs',
  function* (p: Proc, device: string, further: readonly string[], opts: readonly Option[]): Step<number> {
    const q = p.site.server
    const words = argument(opts, 'l')
    const logLen = words === undefined ? LOG_LEN_DEFAULT : parse_size(words, q.has('Q23'))
    if (!isPowerOfTwo(logLen) || logLen < LOG_LEN_MIN) {
      p.err(`mkfs.famfs: invalid log length ${words} (${logLen}); expected a power of two of 8m or more`)
      return -EINVAL
    }
    if (words !== undefined) p.out(`loglen: ${logLen}`)
    const [force, kill] = [given(opts, 'f'), given(opts, 'k')]
    if (kill) p.out('kill superblock: 1')
    // Q22: without --force, --kill makes a file system where there is none.
    if (kill && !force && !q.has('Q22')) {
      p.err('mkfs.famfs: --kill goes with --force only')
      return -EINVAL
    }
    const deviceSize = yield* device_size(p, device)
    if (deviceSize < 0) return deviceSize
    p.out(`devsize: ${deviceSize}`)
    const o = { device, further, deviceSize, logLen, force, kill }
    if (!dummy_mounts(p) && !given(opts, 'D')) return yield* mkfs_raw(p, o)
    const mode = yield* check_daxmode(p, device, given(opts, 'M'))
    return mode < 0 ? mode : yield* mkfs_via_dummy_mount(p, o, told_mode(opts))
  },
)

/** main() of mkfs.famfs. */
export const mkfs_main = kfn('mkfs.famfs', function* (p: Proc): Step<number> {
  const q21 = p.site.server.has('Q21')
  const { opts, rest } = getopt(p.argv, { short: `+fkl:DMFh?${q21 ? '' : 'v'}`, long: LONG })
  const good: Option[] = []
  for (const o of opts) {
    if ('error' in o) p.err(o.error)
    if ('error' in o || o.opt === 'h' || o.opt === '?') {
      for (const line of USAGE) p.out(line)
      return 'error' in o && !q21 ? 1 : 0
    }
    good.push(o.opt === 'fuse' ? { opt: 'fuse', value: null } : o)
  }
  // Words behind the device mean nothing to the real one.
  const [device, ...words] = rest
  const further = p.site.server.several_devices ? words : []
  if (device === undefined) {
    p.err('mkfs.famfs: a device expected')
    return 1
  }
  if (p.sys.ts.cred.uid !== 0) {
    p.err('mkfs.famfs: only root makes file systems')
    return 1
  }
  return (yield* mkfs(p, device, further, good)) < 0 ? 2 : 0
})
