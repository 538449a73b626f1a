// pcq: a producer-consumer queue on famfs, to see messages go from one host to another through memory alone (userspace.md g).
import { O_CREAT, O_TRUNC, O_WRONLY, type Sys } from '../../../kernel/index.ts'
import { kfn, type Step } from '../../../sim/index.ts'
import { putText, textLength } from '../../../wire/index.ts'
import { getopt, parse_size, strtoull } from '../../lib/index.ts'
import { RandomBytes } from '../../lib/random.ts'
import { ThreadPool, thpool_wait } from '../../lib/threads.ts'
import { die, type Proc } from '../../proc.ts'
import { argument, given, type Option } from '../subcommand.ts'
import { pcq_create } from './create.ts'
import { C_INDEX, C_NEXT_SEQ, P_INDEX, P_NEXT_SEQ, TRAILER } from './layout.ts'
import { load_u64, pcq_get, pcq_open, pcq_put, type Queue, type Until } from './queue.ts'

const USAGE = [
  'usage: pcq --create --bsize SIZE --nbuckets N [-u UID] [-g GID] QUEUE',
  '       pcq -p|-c|-pc -N MESSAGES|--time SECONDS [--seed N] [--statusfile F] QUEUE',
  '       pcq --drain [--seed N] [--statusfile F] QUEUE',
  '       pcq --info QUEUE        --setperm p|c|b|n QUEUE',
  '  -p --producer    -c --consumer    -N --nmessages    -t --time    -s --seed',
  '  -C --create      -b --bsize       -n --nbuckets     -u --uid     -g --gid',
  '  -d --drain       -i --info        -f --statusfile   -D --dontflush (nothing)',
]

const OPTIONS = [
  ['create', 'none', 'C'],
  ['bsize', 'required', 'b'],
  ['nbuckets', 'required', 'n'],
  ['uid', 'required', 'u'],
  ['gid', 'required', 'g'],
  ['producer', 'none', 'p'],
  ['consumer', 'none', 'c'],
  ['nmessages', 'required', 'N'],
  ['time', 'required', 't'],
  ['seed', 'required', 's'],
  ['drain', 'none', 'd'],
  ['info', 'none', 'i'],
  ['setperm', 'required', 'P'],
  ['statusfile', 'required', 'f'],
  ['dontflush', 'none', 'D'],
  ['help', 'none', 'h'],
] as const

/** What one side of a queue came to. */
interface Tally {
  sent: number
  received: number
  errors: number
  empty: number
  retries: number
}
const fresh = (): Tally => ({ sent: 0, received: 0, errors: 0, empty: 0, retries: 0 })

/** What to send or expect, and for how long. */
interface Work {
  readonly messages: number
  /** Virtual seconds; 0: no bound. */
  readonly seconds: number
  readonly seed: number
}

/** The payload of message `seq`: the bytes of a seed of its own, or zeros without one. */
function payload_of(q: Queue, seed: number, seq: number): Uint8Array {
  const b = new Uint8Array(q.bucketSize < TRAILER ? 0 : q.bucketSize - TRAILER)
  if (seed !== 0) new RandomBytes(seed + seq).fill(b)
  return b
}

const EXIT_BROKEN = 255

const time_is_up = (sys: Sys, w: Work): Until => {
  const end = w.seconds === 0 ? Number.POSITIVE_INFINITY : sys.clock() + w.seconds * 1e9
  return s => s.clock() >= end
}

const produce = kfn('pcq producer', function* (p: Proc, sys: Sys, q: Queue, w: Work, t: Tally): Step<number> {
  const until = time_is_up(sys, w)
  for (; t.sent < w.messages && !until(sys); t.sent++) {
    const seq = yield* load_u64(sys, q.producer.addr + P_NEXT_SEQ)
    if ((yield* pcq_put(p, sys, q, payload_of(q, w.seed, seq), until)) !== 0) break
  }
  return 0
})

/** @param once take what there is, and do not wait for more. Exit code of a queue that is broken, else 0. */
const consume = kfn(
  'pcq consumer',
  function* (p: Proc, sys: Sys, q: Queue, w: Work, t: Tally, once: boolean): Step<number> {
    const up = time_is_up(sys, w)
    const until: Until = s => once || up(s)
    while (t.received < w.messages && !up(sys)) {
      const got = yield* pcq_get(p, sys, q, () => t.empty++, until)
      if ('none' in got) {
        if (got.none === 'empty') break
        p.err(`pcq: ${got.why}`)
        t.errors++
        return EXIT_BROKEN
      }
      t.received++
      if (got.retried) t.retries++
      if (w.seed === 0) continue
      const want = payload_of(q, w.seed, got.seq)
      if (got.payload.every((b, i) => b === want[i])) continue
      p.err(`pcq: message ${got.seq}: its payload is not that of seed ${w.seed}`)
      t.errors++
    }
    return 0
  },
)

/** What came of it, in the status file: messages, or errors as a negative number. */
const write_status = kfn('pcq status', function* (p: Proc, opts: readonly Option[], t: Tally): Step<number> {
  const path = argument(opts, 'f')
  if (path === undefined) return 0
  const text = `${t.errors > 0 ? -t.errors : t.sent + t.received}\n`
  const bytes = new Uint8Array(textLength(text))
  putText(bytes, 0, text)
  const fd = yield* p.sys.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
  const n = fd < 0 ? fd : yield* p.sys.write(fd, bytes)
  if (fd >= 0) yield* p.sys.close(fd)
  if (n < 0) p.err(`pcq: ${path}: cannot be written`)
  return n < 0 ? 1 : 0
})

const drain = kfn('pcq drain', function* (p: Proc, base: string, opts: readonly Option[], w: Work): Step<number> {
  const t = fresh()
  const q = yield* pcq_open(p, base, 'consumer')
  let rc = q === null ? 1 : 0
  if (q !== null) rc = yield* consume(p, p.sys, q, { ...w, messages: Number.POSITIVE_INFINITY }, t, true)
  p.out(`pcq drain: nreceived=${t.received} nerrors=${t.errors} nempty=${t.empty} retries=${t.retries}`)
  const told = yield* write_status(p, opts, t)
  return rc || told || (t.errors > 0 ? 1 : 0)
})

/** One side, or both as two threads. */
const work = kfn('pcq_worker', function* (p: Proc, base: string, opts: readonly Option[], w: Work): Step<number> {
  const sides = (['producer', 'consumer'] as const).filter(s => given(opts, s[0]!))
  const tallies = sides.map(fresh)
  const ends = sides.map(() => 0)
  const pool = new ThreadPool(p, sides.length)
  for (const [i, side] of sides.entries()) {
    const q = yield* pcq_open(p, base, side)
    if (q === null) {
      p.err(`pcq: the ${side} cannot start`)
      pool.close()
      return 1
    }
    const run = kfn(`pcq ${side}`, function* (sys: Sys): Step<number> {
      const t = tallies[i]!
      ends[i] = yield* side === 'producer' ? produce(p, sys, q, w, t) : consume(p, sys, q, w, t, false)
      return 0
    })
    pool.add(run)
  }
  yield* thpool_wait(pool)
  pool.close()
  const all = fresh()
  for (const [i, t] of tallies.entries()) {
    all.sent += t.sent
    all.received += t.received
    all.errors += t.errors
    p.out(
      sides[i] === 'producer'
        ? `pcq producer: nsent=${t.sent}`
        : `pcq consumer: nreceived=${t.received} nerrors=${t.errors} nempty=${t.empty} retries=${t.retries}`,
    )
  }
  const told = yield* write_status(p, opts, all)
  return ends.find(rc => rc !== 0) ?? (told || (all.errors > 0 ? 1 : 0))
})

const info = kfn('pcq info', function* (p: Proc, base: string): Step<number> {
  const q = yield* pcq_open(p, base, 'look')
  if (q === null) return 1
  const { sys } = p
  const word = (side: 'producer' | 'consumer', off: number) => load_u64(sys, q[side].addr + off)
  const put = yield* word('producer', P_INDEX)
  const got = yield* word('consumer', C_INDEX)
  const waiting = q.nbuckets === 0 ? 0 : (put - got + q.nbuckets) % q.nbuckets
  p.out(`queue:          ${base}`)
  p.out(`bucket size:    ${q.bucketSize}`)
  p.out(`buckets:        ${q.nbuckets}`)
  p.out(`payload size:   ${q.bucketSize - TRAILER}`)
  p.out(`producer index: ${put}, next sequence number ${yield* word('producer', P_NEXT_SEQ)}`)
  p.out(`consumer index: ${got}, next sequence number ${yield* word('consumer', C_NEXT_SEQ)}`)
  p.out(`messages:       ${waiting}`)
  return 0
})

/** Which of the two files each letter makes writable. */
const PERMISSIONS: Readonly<Record<string, readonly [producer: boolean, consumer: boolean]>> = {
  p: [true, false],
  c: [false, true],
  b: [true, true],
  n: [false, false],
}

const set_perm = kfn('pcq_set_perm', function* (p: Proc, base: string, who: string): Step<number> {
  const may = PERMISSIONS[who]!
  const files = [base, `${base}.consumer`]
  for (const [i, path] of files.entries()) {
    const rc = yield* p.sys.chmod(path, may[i] ? 0o644 : 0o444)
    if (rc === 0) continue
    if (p.site.server.has('Q25')) die(p, 'SIGABRT', `pcq: ${path}: assertion failed: chmod gave ${rc}`)
    p.err(`pcq: ${path}: its permissions cannot be set`)
    return 1
  }
  return 0
})

/** Exactly one of these is asked for. */
const KINDS = ['C', 'd', 'i', 'P'] as const

/** What is wrong with the combination of options; null: nothing. */
function conflict(opts: readonly Option[]): string | null {
  const kinds = KINDS.filter(k => given(opts, k))
  const sides = given(opts, 'p') || given(opts, 'c')
  if (kinds.length + (sides ? 1 : 0) !== 1)
    return 'expected one of --create, --producer and --consumer, --drain, --info, --setperm'
  if (kinds[0] === 'C' && (!given(opts, 'b') || !given(opts, 'n'))) return '--create needs --bsize and --nbuckets'
  if (sides && given(opts, 'N') === given(opts, 't')) return 'expected -N MESSAGES or --time SECONDS'
  if (!sides && (given(opts, 'N') || given(opts, 't'))) return '-N and --time are for --producer and --consumer'
  if (kinds[0] !== 'C' && (given(opts, 'b') || given(opts, 'n'))) return '--bsize and --nbuckets are for --create'
  return null
}

/** main() of pcq. */
export const pcq_main = kfn('pcq', function* (p: Proc): Step<number> {
  const { server } = p.site
  // The letter for --setperm has no argument in the table of the real one, which then follows a null pointer (Q21).
  const letters = OPTIONS.map(([, arg, letter]) => letter + (arg === 'none' || letter === 'P' ? '' : ':')).join('')
  const long = OPTIONS.map(([name, arg, short]) => ({ name, arg, short }))
  const { opts, rest } = getopt(p.argv, {
    short: `+${server.has('Q21') ? letters : letters.replace('P', 'P:')}?`,
    long,
  })
  const good: Option[] = []
  const usage = (why: string | null, rc: number): number => {
    if (why !== null) p.err(`pcq: ${why}`)
    for (const l of USAGE) (why === null ? p.out : p.err)(l)
    return rc
  }
  for (const o of opts) {
    if ('error' in o) return usage(o.error.replace(/^pcq: /, ''), 1)
    if (o.opt === 'h' || o.opt === '?') return usage(null, 0)
    if (o.opt === 'P' && o.value === null) die(p, 'SIGSEGV', 'pcq: bad pointer: -P takes no argument')
    good.push(o)
  }
  const who = argument(good, 'P')
  if (who !== undefined && PERMISSIONS[who] === undefined)
    return usage(`--setperm '${who}': expected p, c, b (both) or n (none)`, 1)
  const [base] = rest
  if (base === undefined) return usage('the name of the queue expected', 1)
  const wrong = conflict(good)
  if (wrong !== null) return usage(wrong, 1)
  const w: Work = {
    messages: given(good, 'N') ? strtoull(argument(good, 'N')!) : Number.POSITIVE_INFINITY,
    seconds: strtoull(argument(good, 't') ?? '0'),
    seed: strtoull(argument(good, 's') ?? '0'),
  }
  if (given(good, 'C')) {
    const ids = { uid: strtoull(argument(good, 'u') ?? '0'), gid: strtoull(argument(good, 'g') ?? '0') }
    const bsize = parse_size(argument(good, 'b')!, server.has('Q23'))
    return yield* pcq_create(p, base, bsize, strtoull(argument(good, 'n')!), ids)
  }
  if (given(good, 'd')) return yield* drain(p, base, good, w)
  if (given(good, 'i')) return yield* info(p, base)
  if (who !== undefined) return yield* set_perm(p, base, who)
  return yield* work(p, base, good, w)
})
