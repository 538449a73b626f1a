// The subcommands that only the standalone module answers to: getmap, clone, check, mkmeta. No kernel of this world has it, so each
// says what it says of a FUSE mount, and exits as there (userspace.md f).
import { S_ISDIR, S_ISREG } from '../../kernel/index.ts'
import { kfn, type Op, type Step } from '../../sim/index.ts'
import { EBADF, EINVAL, EISDIR } from '../../wire/index.ts'
import { mount_at, mpt_by_dev } from '../lib/mounts.ts'
import type { Proc } from '../proc.ts'
import type { Option, Subcommand } from './subcommand.ts'

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
  'exit: 1 not in a standalone famfs, 9 not there, 21 no regular file, 22 no file given',
]

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
    function* (p: Proc, _opts: readonly Option[], [path]: readonly string[]): Step<number> {
      if (path === undefined) return expected(p, 'getmap', 'a file', GETMAP, EINVAL)
      const st = yield* p.sys.stat(path)
      if (typeof st === 'number') {
        p.err(`famfs getmap: ${path}: not there`)
        return EBADF
      }
      p.err(`famfs getmap: ${path}: ${S_ISREG(st.mode) ? 'not in a standalone famfs' : 'no regular file'}`)
      return S_ISREG(st.mode) ? 1 : EISDIR
    },
  ),
}

const CLONE = ['usage: famfs clone SOURCE DEST      (standalone famfs only; makes a file system error, for tests)']

export const clone: Subcommand = {
  name: 'clone',
  usage: CLONE,
  options: VERBOSE,
  run: kfn(
    'do_famfs_cli_clone',
    function* (p: Proc, _opts: readonly Option[], [src, dst]: readonly string[]): Step<number> {
      if (src === undefined || dst === undefined) return expected(p, 'clone', 'a source and a destination', CLONE, 1)
      const there = typeof (yield* p.sys.stat(src)) !== 'number'
      p.err(`famfs clone: ${src}: ${there ? 'not in a standalone famfs' : 'not there'}`)
      return -1
    },
  ),
}

/** How many files below `dir` there are: none has a map that could be asked for. */
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
      p.err(`famfs mkmeta: ${dev}: ${mpt === null ? 'not mounted' : `${mpt} is no mount of a standalone famfs`}`)
      return 0
    },
  ),
}
