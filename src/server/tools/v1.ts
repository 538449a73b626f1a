// The subcommands that only the standalone famfs answers to: getmap, clone, check, mkmeta. On a FUSE mount each says so, and exits
// as there (userspace.md f).
import { S_ISDIR, S_ISREG } from '../../kernel/index.ts'
import { FILE_ALL_HOSTS_RW } from '../../media/index.ts'
import { kfn, type Op, type Step } from '../../sim/index.ts'
import { EBADF, EINVAL, EISDIR, type FileMap } from '../../wire/index.ts'
import { append_log } from '../lib/append.ts'
import { init_locked_log, release_locked_log } from '../lib/locked-log.ts'
import { mkmeta_standalone } from '../lib/mount-v1.ts'
import { mount_at, mpt_by_dev } from '../lib/mounts.ts'
import { relpath_of } from '../lib/relpath.ts'
import { create_mapped, get_file_map, mapped_fmap } from '../lib/v1-file.ts'
import type { Proc } from '../proc.ts'
import { given, type Option, type Subcommand } from './subcommand.ts'

const VERBOSE = { short: 'v', long: [{ name: 'verbose', arg: 'none', short: 'v' }] } as const

/** Too few operands: a line, the help, and the exit code. */
const expected = (p: Proc, c: string, what: string, usage: readonly string[], rc: number): number => {
  p.err(`famfs ${c}: ${what} expected`)
  for (const line of usage) p.err(line)
  return rc
}

const GETMAP = [
  'usage: famfs getmap [-q] [-c] FILE...      (standalone famfs only)',
  '  -q --quiet     -c --continue     go on after a file without a map',
  'exit: 1 not in a standalone famfs, 2 no map, 9 not there, 21 no regular file, 22 no file given',
]

/** Exit code of a file without a map. */
const UNMAPPED = 2

/** One file's map, printed: the exit code for it. */
const getmap_one = kfn('famfs_getmap', function* (p: Proc, path: string, quiet: boolean): Step<number> {
  const st = yield* p.sys.stat(path)
  if (typeof st === 'number') {
    p.err(`famfs getmap: ${path}: not there`)
    return EBADF
  }
  if (!S_ISREG(st.mode)) {
    p.err(`famfs getmap: ${path}: no regular file`)
    return EISDIR
  }
  const got = yield* get_file_map(p.sys, path)
  if (typeof got === 'number' || !got.famfs) {
    p.err(`famfs getmap: ${path}: not in a standalone famfs`)
    return 1
  }
  if (got.map === null) {
    p.err(`famfs getmap: ${path}: has no map`)
    return UNMAPPED
  }
  if (!quiet) for (const line of map_text(path, got.map)) p.out(line)
  return 0
})

/** A map in lines: the file, then each extent, or each strip. */
const map_text = (path: string, map: FileMap): string[] => {
  const line = (what: string, e: { offset: number; len: number }, i: number): string =>
    `  ${what} ${i}: offset 0x${e.offset.toString(16)} length 0x${e.len.toString(16)}`
  if (map.kind === 'simple')
    return [
      `${path}: ${map.fileSize} bytes, ${map.extents.length} extents`,
      ...map.extents.map((e, i) => line('extent', e, i)),
    ]
  const [g] = map.groups
  return [
    `${path}: ${map.fileSize} bytes, ${g!.strips.length} strips, chunks of 0x${g!.chunkSize.toString(16)}`,
    ...g!.strips.map((e, i) => line('strip', e, i)),
  ]
}

export const getmap: Subcommand = {
  name: 'getmap',
  usage: GETMAP,
  options: {
    short: 'qc',
    long: [
      { name: 'quiet', arg: 'none', short: 'q' },
      { name: 'continue', arg: 'none', short: 'c' },
    ],
  },
  run: kfn(
    'do_famfs_cli_getmap',
    function* (p: Proc, opts: readonly Option[], operands: readonly string[]): Step<number> {
      if (operands.length === 0) return expected(p, 'getmap', 'a file', GETMAP, EINVAL)
      let rc = 0
      for (const file of operands) {
        rc = yield* getmap_one(p, file, given(opts, 'q'))
        if (rc !== 0 && !given(opts, 'c')) return rc
      }
      return rc
    },
  ),
}

const CLONE = ['usage: famfs clone SOURCE DEST      (standalone famfs only; makes a file system error, for tests)']

/**
 * famfs_clone(): a second file over the bytes of the first, logged: two owners of the same space. 0, -1, or -EPERM on a client. What
 * is checked last is what the kernel says of the map; then the entry is appended.
 */
const clone_file = kfn('famfs_clone', function* (p: Proc, src: string, dst: string): Step<number> {
  const { sys } = p
  const st = yield* sys.stat(src)
  const got = typeof st === 'number' ? st : yield* get_file_map(sys, src)
  if (typeof st === 'number' || typeof got === 'number' || !got.famfs || got.map === null) {
    p.err(
      `famfs clone: ${src}: ${typeof st === 'number' ? 'not there' : 'not in a standalone famfs, or without a map'}`,
    )
    return -1
  }
  const fmap = yield* mapped_fmap(sys, src)
  const lp = fmap === null ? null : yield* init_locked_log(p, dst)
  if (fmap === null || lp === null) return -1
  const relpath = yield* relpath_of(p, lp.mpt, dst)
  const { size, mode, uid, gid } = st
  const attr = { mode: mode & 0o777, uid, gid }
  const there = relpath === null || typeof (yield* sys.stat(dst)) !== 'number'
  if (there) p.err(`famfs clone: ${dst}: is there already, or not below ${lp.mpt}`)
  const fd = there ? -1 : yield* create_mapped(p, dst, size, fmap, attr)
  let rc = fd < 0 ? -1 : 0
  if (fd >= 0 && relpath !== null) {
    yield* sys.close(fd)
    const entry = { type: 'file' as const, path: relpath, size, flags: FILE_ALL_HOSTS_RW, ...attr, fmap }
    rc = yield* append_log(p, lp.log, seqnum => ({ ...entry, seqnum }))
  }
  yield* release_locked_log(p, lp)
  return rc
})

export const clone: Subcommand = {
  name: 'clone',
  usage: CLONE,
  options: VERBOSE,
  run: kfn(
    'do_famfs_cli_clone',
    function* (p: Proc, _opts: readonly Option[], [src, dst]: readonly string[]): Step<number> {
      if (src === undefined || dst === undefined) return expected(p, 'clone', 'a source and a destination', CLONE, 1)
      return yield* clone_file(p, src, dst)
    },
  ),
}

/** How many files below `dir` have no map. */
const recursive_check: (p: Proc, dir: string) => Op<number> = kfn(
  'famfs_recursive_check',
  function* (p: Proc, dir: string): Step<number> {
    const { sys } = p
    const fd = yield* sys.open(dir)
    const names = fd < 0 ? fd : yield* sys.getdents(fd)
    if (fd >= 0) yield* sys.close(fd)
    let errs = 0
    for (const { name } of typeof names === 'number' ? [] : names) {
      if (name === '.' || name === '..') continue
      const path = `${dir}/${name}`
      const st = yield* sys.stat(path)
      if (typeof st !== 'number' && S_ISDIR(st.mode)) errs += yield* recursive_check(p, path)
      else {
        const got = yield* get_file_map(sys, path)
        if (typeof got !== 'number' && got.famfs && got.map !== null) continue
        p.err(`famfs check: ${path}: not mapped`)
        errs++
      }
    }
    return errs
  },
)

const CHECK = ['usage: famfs check [-v] MOUNTPOINT      (standalone famfs only: has every file a map?)']

export const check: Subcommand = {
  name: 'check',
  usage: CHECK,
  options: VERBOSE,
  run: kfn(
    'do_famfs_cli_check',
    function* (p: Proc, _opts: readonly Option[], [path]: readonly string[]): Step<number> {
      if (path === undefined) return expected(p, 'check', 'a mount point', CHECK, EINVAL)
      const mpt = path.replace(/(?<=.)\/+$/, '')
      if (!path.startsWith('/') || mount_at(p, mpt) === null) {
        p.err(`famfs check: ${path}: expected the absolute path of a mount point`)
        return 1
      }
      return (yield* recursive_check(p, mpt)) > 0 ? 1 : 0
    },
  ),
}

const MKMETA = ['usage: famfs mkmeta [-v] DEVICE      (standalone famfs only: makes its .meta files)']

/** Exits with 0 once the device is found, whatever comes of it: that is what the real one does. */
export const mkmeta: Subcommand = {
  name: 'mkmeta',
  usage: MKMETA,
  options: VERBOSE,
  run: kfn(
    'do_famfs_cli_mkmeta',
    function* (p: Proc, _opts: readonly Option[], [dev]: readonly string[]): Step<number> {
      if (dev === undefined) return expected(p, 'mkmeta', 'a device', MKMETA, 1)
      if (typeof (yield* p.sys.stat(dev)) === 'number') {
        p.err(`famfs mkmeta: ${dev}: not there`)
        return 1
      }
      const mpt = mpt_by_dev(p, dev)
      if (mpt !== null && mount_at(p, mpt)?.type === 'famfs') yield* mkmeta_standalone(p, mpt)
      else p.err(`famfs mkmeta: ${dev}: ${mpt === null ? 'not mounted' : `${mpt} is no mount of a standalone famfs`}`)
      return 0
    },
  ),
}
