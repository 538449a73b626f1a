// famfs creat: one new file, or several with -M, with the data of a seed if wished (userspace.md f). Several are made one after the
// other, each in a session of its own; then threads fill those that have a seed.
import { S_ISREG } from '../../kernel/index.ts'
import { kfn, min, type Step } from '../../sim/index.ts'
import type { Interleave } from '../alloc/index.ts'
import { map_superblock_by_path } from '../lib/by-path.ts'
import { parse_size, strtoull, tokenize_string } from '../lib/index.ts'
import { file_is_famfs } from '../lib/is-famfs.ts'
import { mkfile, type NewAttr } from '../lib/mkfile.ts'
import { get_role } from '../lib/role.ts'
import { randomize_file } from '../lib/seeded.ts'
import { MAX_THREADS, ThreadPool, thpool_wait } from '../lib/threads.ts'
import type { Proc } from '../proc.ts'
import { ATTR_OPTIONS, INTERLEAVE_OPTIONS, ids, interleave_of, octal, umask_of } from './file-options.ts'
import { argument, given, type Option, type Subcommand } from './subcommand.ts'

const USAGE = [
  'usage: famfs creat [OPTIONS] -s SIZE[kKmMgG] FILE',
  '       famfs creat [OPTIONS] -M FILE,SIZE[,SEED] [-M ...]',
  '  -s --size SIZE      -r --randomize -S --seed N   fill with the data of a seed',
  '  -m --mode OCTAL     0644 unless given, without the bits of the umask',
  '  -u --uid N     -g --gid N     -t --threadct N   threads that fill (-M)',
  '  -N --nstrips N -B --nbuckets N -C --chunksize SIZE[kKmMgG]   interleave',
  '  -v --verbose',
]

/** One file that is asked for. */
interface Wish {
  readonly path: string
  /** Bytes; 0: not said. */
  readonly size: number
  /** 0: leave its data. */
  readonly seed: number
}

const say = (p: Proc, line: string): number => {
  p.err(`famfs creat: ${line}`)
  return 1
}

/** creat_one(): a file of this size is there after this: 0, or 1 after a line. An existing one of the same size is fine. */
const creat_one = kfn(
  'creat_one',
  function* (p: Proc, { path, size }: Wish, attr: NewAttr, how: Interleave | null): Step<number> {
    const st = yield* p.sys.stat(path)
    if (typeof st !== 'number') {
      if (!S_ISREG(st.mode)) return say(p, `${path}: exists and is no file`)
      if ((yield* file_is_famfs(p, path)) === 'none') return say(p, `${path}: exists and is not in a famfs`)
      return size === 0 || size === st.size ? 0 : say(p, `${path}: exists and has another size, ${st.size}`)
    }
    if (size <= 0) return say(p, `${path}: a new file needs a size above 0`)
    const fd = yield* mkfile(p, path, size, attr, how)
    if (fd < 0) return say(p, `${path}: not made`)
    yield* p.sys.close(fd)
    return 0
  },
)

/** Fill a file: 0, or 1 after a line. A client may, as far as the real one goes (Q28). */
const randomize = kfn('randomize_one', function* (p: Proc, sys: Proc['sys'], { path, seed }: Wish): Step<number> {
  if (!p.site.server.has('Q28')) {
    const sb = yield* map_superblock_by_path(p, path)
    if (sb === null) return 1
    yield* sys.munmap(sb.addr, sb.len)
    if ((yield* get_role(p, sb.sb)) !== 'owner') return say(p, `${path}: only the owner of the file system writes`)
  }
  const n = yield* randomize_file(sys, path, seed)
  if (n < 0) return say(p, `${path}: cannot be filled`)
  p.out(`randomized ${n} bytes: ${path}`)
  return 0
})

/** -M: what they ask for, or null after a line. */
function wishes(p: Proc, opts: readonly Option[]): Wish[] | null {
  const list: Wish[] = []
  for (const o of opts.filter(x => x.opt === 'M')) {
    const [path, size, seed, ...more] = tokenize_string(o.value ?? '', ',')
    if (path === undefined || size === undefined || more.length > 0) {
      say(p, `-M ${o.value}: expected FILE,SIZE or FILE,SIZE,SEED`)
      return null
    }
    list.push({ path, size: parse_size(size, p.site.server.has('Q23')), seed: strtoull(seed ?? '0') })
  }
  return list
}

const multi = kfn(
  'creat_multi',
  function* (p: Proc, list: readonly Wish[], nthreads: number, attr: NewAttr, how: Interleave | null): Step<number> {
    let errs = 0
    for (const wish of list) errs += yield* creat_one(p, wish, attr, how)
    p.out(`Create complete for ${list.length - errs} of ${list.length} files with ${errs} errs`)
    if (errs > 0) return errs
    if (nthreads > MAX_THREADS) return say(p, `${nthreads} threads: expected 1 to ${MAX_THREADS}`)
    const seeded = list.filter(w => w.seed !== 0)
    const pool = new ThreadPool(p, nthreads)
    for (const wish of seeded) pool.add(sys => randomize(p, sys, wish))
    yield* thpool_wait(pool)
    pool.close()
    errs = pool.errors.peek()
    p.out(`Randomize complete for ${seeded.length - errs} of ${list.length} files with ${errs} errs`)
    return errs
  },
)

const run = kfn(
  'do_famfs_cli_creat',
  function* (p: Proc, opts: readonly Option[], operands: readonly string[]): Step<number> {
    const q23 = p.site.server.has('Q23')
    const how = interleave_of(p, opts)
    if (how !== null && 'error' in how) return say(p, how.error)
    const attr = { mode: octal(argument(opts, 'm') ?? '644') & ~umask_of(p), ...ids(p, opts) }
    const [s, seed] = [argument(opts, 's'), argument(opts, 'S')]
    if (given(opts, 'M')) {
      if (s !== undefined || seed !== undefined)
        return say(p, '-M has size and seed with each file; give no -s and no -S')
      const list = wishes(p, opts)
      if (list === null) return 1
      return yield* multi(p, list, strtoull(argument(opts, 't') ?? '0') || min(list.length, MAX_THREADS), attr, how)
    }
    if (seed !== undefined && !given(opts, 'r')) return say(p, 'a seed (-S) without -r')
    const [path] = operands
    if (path === undefined) {
      say(p, 'a file name expected')
      for (const line of USAGE) p.err(line)
      return 1
    }
    const size = s === undefined ? 0 : parse_size(s, q23)
    if (size < 0) return say(p, `size ${s}: expected a number with at most one of k, m, g behind it`)
    const wish = { path, size, seed: strtoull(seed ?? '0') }
    const rc = yield* creat_one(p, wish, attr, how)
    return rc !== 0 || wish.seed === 0 ? rc : yield* randomize(p, p.sys, wish)
  },
)

export const creat: Subcommand = {
  name: 'creat',
  usage: USAGE,
  options: {
    short: 's:rS:m:u:g:vN:B:C:M:t:',
    long: [
      { name: 'size', arg: 'required', short: 's' },
      { name: 'randomize', arg: 'none', short: 'r' },
      { name: 'seed', arg: 'required', short: 'S' },
      { name: 'multi', arg: 'required', short: 'M' },
      { name: 'threadct', arg: 'required', short: 't' },
      ...ATTR_OPTIONS,
      ...INTERLEAVE_OPTIONS,
    ],
  },
  run,
}
