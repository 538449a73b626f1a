// famfs verify: does a file hold the data of its seed? (userspace.md f)
import { kfn, type Step } from '../../sim/index.ts'
import { strtoull, tokenize_string } from '../lib/index.ts'
import { verify_file } from '../lib/seeded.ts'
import { MAX_THREADS, ThreadPool, thpool_wait } from '../lib/threads.ts'
import type { Proc } from '../proc.ts'
import { argument, given, type Option, type Subcommand } from './subcommand.ts'

const USAGE = [
  'usage: famfs verify -S SEED -f FILE',
  '       famfs verify -m FILE,SEED [-m ...] [-t N]',
  '  -S --seed N     -f --fname FILE     -m --multi FILE,SEED',
  '  -t --threadct N     -q --quiet',
]

/** Threads unless the command says; the real one takes as many as there are processors. */
const THREADS = 2

const verify_one = kfn(
  'verify_one',
  function* (p: Proc, sys: Proc['sys'], path: string, seed: number, quiet: boolean): Step<number> {
    const end = yield* verify_file(sys, path, seed)
    if (typeof end === 'number') {
      p.err(`famfs verify: ${path}: cannot be opened or mapped`)
      return 1
    }
    if (end.wrong !== null) {
      p.err(`Verify fail: ${path} at offset ${end.wrong} of ${end.size} bytes`)
      return 1
    }
    if (!quiet) p.out(`Success: verified ${end.size} bytes in file ${path}`)
    return 0
  },
)

const multi = kfn('verify_multi', function* (p: Proc, opts: readonly Option[]): Step<number> {
  const quiet = given(opts, 'q')
  const t = argument(opts, 't')
  const nthreads = strtoull(t ?? '0') || THREADS
  if (nthreads > MAX_THREADS) {
    p.err(`famfs verify: ${t} threads: expected 1 to ${MAX_THREADS}`)
    return 1
  }
  const files: { path: string; seed: number }[] = []
  for (const o of opts.filter(x => x.opt === 'm')) {
    const [path, seed, ...more] = tokenize_string(o.value ?? '', ',')
    if (path === undefined || seed === undefined || more.length > 0) {
      p.err(`famfs verify: -m ${o.value}: expected FILE,SEED`)
      return 1
    }
    files.push({ path, seed: strtoull(seed) })
  }
  const pool = new ThreadPool(p, nthreads)
  for (const { path, seed } of files) pool.add(sys => verify_one(p, sys, path, seed, quiet))
  yield* thpool_wait(pool)
  pool.close()
  return pool.errors.peek()
})

const run = kfn('do_famfs_cli_verify', function* (p: Proc, opts: readonly Option[]): Step<number> {
  if (given(opts, 'm')) return yield* multi(p, opts)
  const [path, seed] = [argument(opts, 'f'), argument(opts, 'S')]
  if (path === undefined || seed === undefined) {
    p.err(`famfs verify: ${path === undefined ? 'a file name (-f)' : 'the seed (-S) of its data'} expected`)
    return 1
  }
  return yield* verify_one(p, p.sys, path, strtoull(seed), given(opts, 'q'))
})

export const verify: Subcommand = {
  name: 'verify',
  usage: USAGE,
  options: {
    short: 'S:f:m:t:q',
    long: [
      { name: 'seed', arg: 'required', short: 'S' },
      { name: 'fname', arg: 'required', short: 'f' },
      { name: 'multi', arg: 'required', short: 'm' },
      { name: 'threadct', arg: 'required', short: 't' },
      { name: 'quiet', arg: 'none', short: 'q' },
    ],
  },
  run,
}
