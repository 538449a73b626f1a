// famfs cp: files and trees into a famfs, or compared with what is there (userspace.md f). Every copied file is logged before its
// bytes are, so another host may see it before them.
import { S_ISDIR, S_ISREG, type Stat } from '../../kernel/index.ts'
import { kfn, type Op, type Step } from '../../sim/index.ts'
import { EEXIST, EINVAL } from '../../wire/index.ts'
import type { Interleave } from '../alloc/index.ts'
import { copy_data } from '../lib/copy.ts'
import { strtoull } from '../lib/index.ts'
import { init_locked_log, type LockedLog, release_locked_log } from '../lib/locked-log.ts'
import { mkdir_locked } from '../lib/mkdir.ts'
import { mkfile_locked } from '../lib/mkfile.ts'
import { basename, dirname, realpath } from '../lib/path.ts'
import { MAX_THREADS, ThreadPool, thpool_wait } from '../lib/threads.ts'
import type { Proc } from '../proc.ts'
import { ATTR_OPTIONS, INTERLEAVE_OPTIONS, ids, interleave_of, octal, umask_of } from './file-options.ts'
import { argument, given, type Option, type Subcommand } from './subcommand.ts'

const USAGE = [
  'usage: famfs cp [OPTIONS] SOURCE DEST',
  '       famfs cp [OPTIONS] SOURCE... DIRECTORY',
  '  -r --recursive      directories with what is in them',
  '  -t --threadct N     copy with N threads',
  '  -m --mode OCTAL     -u --uid N     -g --gid N',
  '  -c --compare        compare with what is there instead',
  '  -N --nstrips N -B --nbuckets N -C --chunksize SIZE[kKmMgG]   interleave',
  '  -v --verbose',
]

/** One command on its way. */
interface Cp {
  readonly lp: LockedLog
  readonly pool: ThreadPool | null
  /** Permission bits given; null: those of each source. */
  readonly mode: number | null
  readonly uid: number
  readonly gid: number
  readonly how: Interleave | null
  readonly compare: boolean
  readonly recursive: boolean
}

/** 0; above 0: this one failed, go on; below: stop. */
type Rc = number

/** One regular file. An existing one of the same size is written over. */
const cp_file = kfn(
  '__famfs_cp',
  function* (p: Proc, c: Cp, src: string, st: Stat, dst: string, mode: number): Step<Rc> {
    const { sys } = p
    if (st.size === 0) {
      p.err(`famfs cp: ${src}: empty; skipped`)
      return 1
    }
    const there = yield* sys.stat(dst)
    if (typeof there !== 'number' && (!S_ISREG(there.mode) || there.size !== st.size)) {
      p.err(`famfs cp: ${dst}: exists already${S_ISREG(there.mode) ? ', with another size' : ' and is no file'}`)
      return 1
    }
    if (typeof there === 'number') {
      const fd = yield* mkfile_locked(p, c.lp, dst, st.size, { mode, uid: c.uid, gid: c.gid }, c.how)
      if (fd === -EEXIST) return 1
      if (fd < 0) return fd
      yield* sys.close(fd)
    }
    return yield* copy_data(p, src, dst, st.size, c)
  },
)

/**
 * A directory and what is in it. With Q12 files get the mode of their directory; and what goes wrong two levels down shows in no
 * exit code.
 */
const cp_tree: (p: Proc, c: Cp, src: string, st: Stat, dst: string) => Op<Rc> = kfn(
  'famfs_cp_dir',
  function* (p: Proc, c: Cp, src: string, st: Stat, dst: string): Step<Rc> {
    const { sys, site } = p
    const dir_mode = c.mode ?? st.mode & 0o777
    const there = yield* sys.stat(dst)
    if (typeof there !== 'number' && !S_ISDIR(there.mode)) {
      p.err(`famfs cp: ${dst}: exists and is no directory`)
      return 1
    }
    if (typeof there === 'number') {
      const rc = yield* mkdir_locked(p, c.lp, dst, { mode: dir_mode, uid: c.uid, gid: c.gid })
      if (rc < 0) return rc
    }
    const fd = yield* sys.open(src)
    const names = fd < 0 ? fd : yield* sys.getdents(fd)
    if (fd >= 0) yield* sys.close(fd)
    if (typeof names === 'number') {
      p.err(`famfs cp: ${src}: cannot be read`)
      return 1
    }
    let failed = 0
    for (const { name } of names) {
      if (name === '.' || name === '..') continue
      const [from, to] = [`${src}/${name}`, `${dst}/${name}`]
      const child = yield* sys.stat(from)
      let rc: number
      if (typeof child === 'number') rc = 1
      else if (S_ISDIR(child.mode)) {
        rc = yield* cp_tree(p, c, from, child, to)
        if (rc > 0 && site.server.has('Q12')) rc = 0
      } else if (S_ISREG(child.mode))
        rc = yield* cp_file(p, c, from, child, to, site.server.has('Q12') ? dir_mode : (c.mode ?? child.mode & 0o777))
      else {
        p.err(`famfs cp: ${from}: neither a file nor a directory`)
        rc = -EINVAL
      }
      if (rc < 0) return rc
      if (rc > 0) failed = 1
    }
    return failed
  },
)

/** Where the sources go: into a directory, or to this very path; null after a line. */
const destination = kfn('famfs cp destination', function* (p: Proc, dst: string, nsources: number): Step<{
  path: string
  into: boolean
} | null> {
  const st = yield* p.sys.stat(dst)
  if (typeof st !== 'number') {
    const real = yield* realpath(p.sys, dst)
    if (S_ISDIR(st.mode)) return { path: real.path!, into: true }
    if (nsources === 1 && S_ISREG(st.mode)) return { path: real.path!, into: false }
    p.err(`famfs cp: ${dst}: exists and is no directory`)
    return null
  }
  const dir = yield* realpath(p.sys, dirname(dst))
  if (dir.rc === 0 && nsources === 1) return { path: `${dir.path}/${basename(dst)}`, into: false }
  p.err(
    `famfs cp: ${dst}: ${dir.rc === 0 ? 'not there; several sources go into a directory' : 'its directory is not there'}`,
  )
  return null
})

/** famfs_cp_multi(), with the log locked. */
const cp_sources = kfn(
  'famfs_cp_multi',
  function* (p: Proc, c: Cp, sources: readonly string[], to: { path: string; into: boolean }): Step<Rc> {
    let failed = 0
    for (const src of sources) {
      const st = yield* p.sys.stat(src)
      if (typeof st === 'number') {
        p.err(`famfs cp: cannot stat '${src}'`)
        return -1
      }
      const dst = to.into ? `${to.path}/${basename(src)}` : to.path
      let rc: number
      if (S_ISREG(st.mode)) rc = yield* cp_file(p, c, src, st, dst, c.mode ?? st.mode & 0o777)
      else if (!S_ISDIR(st.mode)) {
        p.err(`famfs cp: ${src}: neither a file nor a directory`)
        return -EINVAL
      } else if (c.recursive) rc = yield* cp_tree(p, c, src, st, dst)
      else {
        p.err(`famfs cp: ${src}: a directory; omitted without -r`)
        rc = 1
      }
      if (rc < 0) return rc
      if (rc > 0) failed = 1
    }
    return failed
  },
)

const run = kfn('famfs_cp', function* (p: Proc, opts: readonly Option[], operands: readonly string[]): Step<number> {
  const how = interleave_of(p, opts)
  const nthreads = strtoull(argument(opts, 't') ?? '0')
  const sources = operands.slice(0, -1)
  const dst = operands.at(-1)
  if (dst === undefined || sources.length === 0) {
    p.err('famfs cp: source and destination expected')
    for (const line of USAGE) p.err(line)
    return 1
  }
  if (how !== null && 'error' in how) {
    p.err(`famfs cp: ${how.error}`)
    return 1
  }
  if (nthreads > MAX_THREADS) {
    p.err(`famfs cp: ${argument(opts, 't')} threads: expected 0 to ${MAX_THREADS}`)
    return 1
  }
  const to = yield* destination(p, dst, sources.length)
  if (to === null) return 1
  const lp = yield* init_locked_log(p, to.path)
  if (lp === null) return 1
  const m = argument(opts, 'm')
  const pool = nthreads === 0 ? null : new ThreadPool(p, nthreads)
  const c: Cp = {
    lp,
    pool,
    mode: m === undefined ? null : octal(m) & ~umask_of(p),
    ...ids(p, opts),
    how,
    compare: given(opts, 'c'),
    recursive: given(opts, 'r'),
  }
  const rc = yield* cp_sources(p, c, sources, to)
  // Q32: the lock goes while threads still copy.
  if (pool !== null && !p.site.server.has('Q32')) yield* thpool_wait(pool)
  yield* release_locked_log(p, lp)
  if (pool !== null) {
    yield* thpool_wait(pool)
    pool.close()
  }
  return rc < 0 || pool === null || pool.errors.peek() === 0 ? rc : 1
})

export const cp: Subcommand = {
  name: 'cp',
  usage: USAGE,
  options: {
    short: 'rt:m:u:g:vcN:B:C:',
    long: [
      { name: 'recursive', arg: 'none', short: 'r' },
      { name: 'threadct', arg: 'required', short: 't' },
      { name: 'compare', arg: 'none', short: 'c' },
      ...ATTR_OPTIONS,
      ...INTERLEAVE_OPTIONS,
    ],
  },
  run,
}
