// `famfs fsck`: what a famfs holds, and what is wrong with it; by device when it is not mounted, or by any path in a mount
// (userspace.md f, f.1).
import { O_RDONLY, S_IFBLK, S_IFCHR, S_IFDIR, S_IFMT, S_IFREG } from '../../kernel/index.ts'
import {
  checkEntry,
  counterProblems,
  decodeLogHeader,
  decodeSuperblock,
  describeUsage,
  ENTRY_SIZE,
  entryOffset,
  fsckReport,
  LOG_HEADER_SIZE,
  LogValidator,
  logCapacity,
  SB_SIZE,
} from '../../media/index.ts'
import { kfn, min, type Step } from '../../sim/index.ts'
import { EBUSY, EINVAL } from '../../wire/index.ts'
import { build_bitmap } from '../lib/bitmap.ts'
import { LOG_PATH, map_log_by_path, map_superblock_by_path, open_relpath, superblock_why } from '../lib/by-path.ts'
import { check_daxmode, device_size, dummy_mounts } from '../lib/daxdev.ts'
import { dummy_mount, dummy_umount } from '../lib/dummy-mount.ts'
import { fsck_mount_text, fsck_text } from '../lib/fsck-text.ts'
import { strtoull } from '../lib/index.ts'
import type { Mapped } from '../lib/map-file.ts'
import { mount_at, mpt_by_dev } from '../lib/mounts.ts'
import { dirname, realpath } from '../lib/path.ts'
import { map_raw } from '../lib/raw-map.ts'
import { system_uuid } from '../lib/role.ts'
import { shadow_of_mount } from '../lib/shadow.ts'
import type { Proc } from '../proc.ts'
import { told_mode } from './mount.ts'
import { argument, given, type Option, type Subcommand } from './subcommand.ts'

const USAGE = [
  'usage: famfs fsck [OPTIONS] DEVICE|PATH',
  '  -v --verbose     -h --human       sizes in GiB',
  '  -B --nbuckets N  what is free in each of N buckets',
  '  -m --mmap        look by loads (default)',
  '  -r --read        read by read(2); may be stale',
  '  -D --nodax       through a dummy mount on any kernel',
  '  -M --set-daxmode bring the device into famfs mode first',
  '  -f --force  -L --load-module  -F --nofuse  --fuse',
  'exit: 0 clean, 1 no file system, 2 not there, 16 mounted; else the collisions',
]

/** Read the used part of a log by read(2), or -errno. */
const read_log = kfn('famfs_fsck read', function* (p: Proc, path: string): Step<Uint8Array | number> {
  const found = yield* open_relpath(p.sys, path, LOG_PATH, O_RDONLY)
  if (typeof found === 'number') return found
  const head = new Uint8Array(LOG_HEADER_SIZE)
  yield* p.sys.pread(found.fd, head, 0)
  const check = decodeLogHeader(head)
  if (!check.ok) p.err(`${found.mpt}/${LOG_PATH}: ${check.why}`)
  const n = check.ok ? min(check.header.nextIndex, logCapacity(found.size)) : 0
  const bytes = new Uint8Array(entryOffset(n))
  yield* p.sys.pread(found.fd, bytes, 0)
  yield* p.sys.close(found.fd)
  return check.ok ? bytes : -EINVAL
})

/** Everything that is wrong, a line each. `size`: of the device. */
const all_problems = kfn(
  'fsck problems',
  function* (p: Proc, sb: Uint8Array, log: Mapped | Uint8Array, size: number): Step<string[]> {
    const superblock = decodeSuperblock(sb)
    const head = log instanceof Uint8Array ? log.slice(0, LOG_HEADER_SIZE) : new Uint8Array(LOG_HEADER_SIZE)
    if (!(log instanceof Uint8Array)) yield* p.sys.load(log.addr, head)
    const header = decodeLogHeader(head)
    if (!superblock.ok || !header.ok) return []
    const v = new LogValidator(superblock.sb, size)
    const out = [...v.header(header.header), ...counterProblems(header.header)]
    const entry = new Uint8Array(ENTRY_SIZE)
    const n = min(header.header.nextIndex, logCapacity(log instanceof Uint8Array ? log.length : log.len))
    for (let i = 0; i < n; i++) {
      if (log instanceof Uint8Array) entry.set(log.subarray(entryOffset(i), entryOffset(i + 1)))
      else yield* p.sys.load(log.addr + entryOffset(i), entry)
      const check = checkEntry(entry, i)
      out.push(...(check.errs > 0 ? [check.why] : v.entry(i, entry)))
    }
    return out
  },
)

/** famfs_fsck_scan(): the text, and the exit code: collisions, or with Q17 away anything that is wrong. */
const scan = kfn(
  'famfs_fsck_scan',
  function* (p: Proc, sbAddr: number, log: Mapped | Uint8Array, device: string, opts: readonly Option[]): Step<number> {
    const { sys, site } = p
    const sbBytes = new Uint8Array(SB_SIZE)
    yield* sys.load(sbAddr, sbBytes)
    const check = decodeSuperblock(sbBytes)
    if (!check.ok) {
      p.err(`invalid superblock: ${superblock_why(check)}`)
      return 1
    }
    const usage = yield* build_bitmap(p, check.sb, log)
    const header = log instanceof Uint8Array ? log.slice(0, LOG_HEADER_SIZE) : new Uint8Array(LOG_HEADER_SIZE)
    if (!(log instanceof Uint8Array)) yield* sys.load(log.addr, header)
    const dump = describeUsage(sbBytes, header, usage.account, usage.bad)
    const found = fsckReport(dump, yield* system_uuid(p), strtoull(argument(opts, 'B') ?? '0'))
    if (found === null) {
      const bad = decodeLogHeader(header)
      p.err(bad.ok ? 'invalid log' : bad.why)
      return 1
    }
    const how = { verbose: given(opts, 'v'), human: given(opts, 'h'), q24: site.server.has('Q24') }
    for (const line of fsck_text(dump, found, how)) p.out(line)
    if (site.server.has('Q17')) {
      for (const note of usage.notes) p.err(note)
      return usage.account.collisions
    }
    const size = device === '' ? check.sb.daxdevSize : yield* device_size(p, device)
    const problems = yield* all_problems(p, sbBytes, log, size < 0 ? check.sb.daxdevSize : size)
    for (const line of problems) p.err(line)
    return problems.length
  },
)

/** What is said of the mount that a path lies in; its device, '' when there is none. */
const mount_header = kfn('fsck mount header', function* (p: Proc, path: string): Step<string> {
  const real = yield* realpath(p.sys, path)
  for (let dir = real.path ?? path; dir !== '/' && dir !== '.'; dir = dirname(dir)) {
    const line = mount_at(p, dir)
    if (line === null) continue
    const shadow = yield* shadow_of_mount(p.sys, dir)
    const v1 = line.type === 'famfs'
    if (shadow === null && !v1) return ''
    for (const l of fsck_mount_text({ mpt: dir, type: v1 ? 'FAMFS_V1' : 'FAMFS_FUSE', dev: line.dev, shadow })) p.out(l)
    return line.dev
  }
  return ''
})

/** famfs_fsck_mounted(): by any path in a mount. */
const fsck_mounted = kfn(
  'famfs_fsck_mounted',
  function* (p: Proc, path: string, opts: readonly Option[]): Step<number> {
    const { sys } = p
    const device = yield* mount_header(p, path)
    const sb = yield* map_superblock_by_path(p, path)
    if (sb === null) return 1
    const log = given(opts, 'r') ? yield* read_log(p, path) : yield* map_log_by_path(p, path)
    const rc = log === null || typeof log === 'number' ? 1 : yield* scan(p, sb.addr, log, device, opts)
    if (log !== null && typeof log !== 'number' && !(log instanceof Uint8Array)) yield* sys.munmap(log.addr, log.len)
    yield* sys.munmap(sb.addr, sb.len)
    return rc
  },
)

/** By device. An abort in here leaves the dummy mount behind (Q20). */
const fsck_device = kfn(
  'famfs_fsck device',
  function* (p: Proc, device: string, opts: readonly Option[]): Step<number> {
    const at = mpt_by_dev(p, device)
    if (at !== null) {
      p.err(`famfs fsck: ${device} is mounted on ${at}; try famfs fsck ${at}`)
      return -EBUSY
    }
    if (!dummy_mounts(p) && !given(opts, 'D')) {
      const map = yield* map_raw(p, device, null, false)
      if (typeof map === 'number') return 1
      return yield* scan(p, map.sb.addr, map.log ?? new Uint8Array(0), device, opts)
    }
    const mode = yield* check_daxmode(p, device, given(opts, 'M'))
    if (mode < 0) return mode
    const mpt = yield* dummy_mount(p, device, { mode: told_mode(opts), loadModule: given(opts, 'L') })
    if (typeof mpt === 'number') return mpt
    const rc = yield* fsck_mounted(p, mpt, opts)
    const gone = yield* dummy_umount(p, mpt)
    return rc !== 0 ? rc : gone
  },
)

export const fsck: Subcommand = {
  name: 'fsck',
  usage: USAGE,
  options: {
    short: 'vhfB:mrDMLF',
    long: [
      { name: 'verbose', arg: 'none', short: 'v' },
      { name: 'human', arg: 'none', short: 'h' },
      { name: 'force', arg: 'none', short: 'f' },
      { name: 'nbuckets', arg: 'required', short: 'B' },
      { name: 'mmap', arg: 'none', short: 'm' },
      { name: 'read', arg: 'none', short: 'r' },
      { name: 'nodax', arg: 'none', short: 'D' },
      { name: 'set-daxmode', arg: 'none', short: 'M' },
      { name: 'load-module', arg: 'none', short: 'L' },
      { name: 'nofuse', arg: 'none', short: 'F' },
      { name: 'fuse', arg: 'none' },
    ],
  },
  run: kfn('do_famfs_cli_fsck', function* (p: Proc, opts: readonly Option[], [path]: readonly string[]): Step<number> {
    if (given(opts, 'r')) p.err('famfs fsck: what is read by read(2) may be stale in a cache')
    if (given(opts, 'r') && given(opts, 'm')) {
      p.err('famfs fsck: --mmap and --read are mutually exclusive')
      return 1
    }
    if (path === undefined) {
      p.err('famfs fsck: a device or a path in a famfs expected')
      for (const line of USAGE) p.err(line)
      return 1
    }
    const st = yield* p.sys.stat(path)
    if (typeof st === 'number') {
      p.err(`famfs fsck: ${path}: not there`)
      return st
    }
    const type = st.mode & S_IFMT
    if (type === S_IFCHR || type === S_IFBLK) return yield* fsck_device(p, path, opts)
    if (type === S_IFREG || type === S_IFDIR) return yield* fsck_mounted(p, path, opts)
    p.err(`famfs fsck: ${path}: neither device, file nor directory`)
    return -EINVAL
  }),
}
