// kill, ps, pkill, flock, sleep, echo: other programs, time, and words.
import { FATAL_SIGNALS, LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, O_CREAT, O_RDONLY } from '../../../kernel/index.ts'
import { kfn, type Step } from '../../../sim/index.ts'
import { EISDIR, ESRCH, EWOULDBLOCK } from '../../../wire/index.ts'
import type { Program } from '../../proc.ts'
import { argument, given } from '../subcommand.ts'
import { program, type Run } from './tool.ts'

/** `9`, `KILL` or `SIGKILL` as a name that kill(2) takes; null: none of those that end a process, nor 0. */
function signal_of(text: string): string | null {
  if (text === '0') return text
  const name = /^\d+$/.test(text)
    ? Object.keys(FATAL_SIGNALS).find(s => FATAL_SIGNALS[s] === Number(text))
    : text.startsWith('SIG')
      ? text
      : `SIG${text}`
  return name !== undefined && FATAL_SIGNALS[name] !== undefined ? name : null
}

/** `-9 PID` and `-TERM PID` as well as `-s TERM PID`: the words with the first form made the second. */
const with_signal =
  (main: Program): Program =>
  p => {
    const [name, first = '', ...rest] = p.argv
    const short = /^-(\d+|[A-Z][A-Z0-9]*)$/.exec(first)
    return main(short === null ? p : { ...p, argv: [name!, '-s', short[1]!, ...rest] })
  }

/** The signal asked for; null after a line. */
const asked = (t: Run): string | null => {
  const text = argument(t.opts, 's') ?? 'TERM'
  const name = signal_of(text)
  if (name === null) t.complain(`${text}: invalid signal specification`)
  return name
}

export const kill_main = with_signal(
  program({
    name: 'kill',
    usage: '[-SIGNAL] PID...',
    short: 's:',
    least: 1,
    run: kfn('kill', function* (t: Run): Step<number> {
      const name = asked(t)
      if (name === null) return 1
      let rc = 0
      for (const word of t.operands) {
        const pid = /^\d+$/.test(word) ? Number(word) : 0
        const n = pid === 0 ? 0 : yield* t.p.sys.kill(pid, name)
        if (pid > 0 && n === 0) continue
        if (pid === 0) t.complain(`${word}: expected a process id; see ps`)
        else t.complain(`(${word})`, n)
        rc = 1
      }
      return rc
    }),
  }),
)

export const ps_main = program({
  name: 'ps',
  usage: '',
  most: 0,
  run: kfn('ps', function* (t: Run): Step<number> {
    t.p.out('    PID CMD')
    for (const { pid, comm } of t.p.sys.proc_list()) t.p.out(`${String(pid).padStart(7)} ${comm}`)
    return 0
  }),
})

export const pkill_main = with_signal(
  program({
    name: 'pkill',
    usage: '[-SIGNAL] NAME',
    short: 's:',
    least: 1,
    most: 1,
    run: kfn('pkill', function* (t: Run): Step<number> {
      const name = asked(t)
      if (name === null) return 2
      let hit = 0
      for (const { pid, comm } of t.p.sys.proc_list()) {
        if (comm !== t.operands[0]) continue
        const n = yield* t.p.sys.kill(pid, name)
        if (n === 0) hit++
        else if (n !== -ESRCH) t.complain(`killing pid ${pid} failed`, n)
      }
      return hit > 0 ? 0 : 1
    }),
  }),
)

/** Exit codes of flock(1), by sysexits.h. */
const EX_DATAERR = 65
const EX_NOINPUT = 66

export const flock_main = program({
  name: 'flock',
  usage: '[-s|-x|-u] [-n] FILE COMMAND [ARG...]',
  short: '+sxun',
  least: 2,
  run: kfn('flock', function* (t: Run): Step<number> {
    const { p } = t
    const [path, ...words] = t.operands as [string, ...string[]]
    const kind = given(t.opts, 's') ? LOCK_SH : given(t.opts, 'u') ? LOCK_UN : LOCK_EX
    let fd = yield* p.sys.open(path, O_RDONLY | O_CREAT)
    if (fd === -EISDIR) fd = yield* p.sys.open(path, O_RDONLY)
    if (fd < 0) {
      t.complain(`cannot open lock file ${path}`, fd)
      return EX_NOINPUT
    }
    const n = yield* p.sys.flock(fd, kind | (given(t.opts, 'n') ? LOCK_NB : 0))
    if (n < 0) {
      if (n !== -EWOULDBLOCK) t.complain(path, n)
      yield* p.sys.close(fd)
      return n === -EWOULDBLOCK ? 1 : EX_DATAERR
    }
    const end = yield* p.run(words)
    for (const line of end.out) p.out(line)
    for (const line of end.err) p.err(line)
    yield* p.sys.close(fd)
    return end.rc
  }),
})

export const sleep_main = program({
  name: 'sleep',
  usage: 'SECONDS',
  least: 1,
  most: 1,
  run: kfn('sleep', function* (t: Run): Step<number> {
    const text = t.operands[0]!
    if (!/^\d+(\.\d+)?$/.test(text)) {
      t.complain(`invalid time interval '${text}'`)
      return 1
    }
    yield* t.p.sys.sleep(Number((Number(text) * 1e9).toFixed(0)))
    return 0
  }),
})

export const echo_main: Program = kfn('echo', function* (p): Step<number> {
  p.out(p.argv.slice(1).join(' '))
  return 0
})
