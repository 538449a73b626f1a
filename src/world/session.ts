// Commands typed one after another on the hosts of a world, while its set-up lasts: a shell for each host, which keeps its working
// directory and umask, and jobs in the background, which go on while others are typed. Virtual time passes only while a command runs.
import { type Sys, spawn_process, type task_struct } from '../kernel/index.ts'
import { commandLine, type End, exec, splitLine } from '../server/index.ts'
import {
  defaultChooser,
  has_signal,
  kfn,
  type Problem,
  type Step,
  signal,
  UsageError,
  WaitQueue,
  wait_event,
} from '../sim/index.ts'
import type { Host } from './host.ts'
import type { World } from './world.ts'

/** A command line and how it ended; null: it runs. */
export interface Job {
  readonly host: Host
  readonly line: string
  readonly background: boolean
  /** The youngest process of its host when it was typed. */
  readonly after: number
  /** Virtual times at which it was typed and at which it ended, ns. */
  readonly at: number
  ended: number
  end: End | null
}

/** The shell of one host: a process that takes the next line when the last one in the foreground has ended. */
interface Shell {
  readonly todo: Job[]
  readonly wq: WaitQueue
}

const nothing = (rc: number, ...err: string[]): End => ({ rc, signal: null, out: [], err })

/** What only the shell itself can do. Null: it is a program. */
const builtin = kfn('sh builtin', function* (sys: Sys, words: readonly string[]): Step<End | null> {
  const [name, arg] = words
  if (name === 'cd') {
    const to = arg ?? '/root'
    const n = yield* sys.chdir(to)
    return n === 0 ? nothing(0) : nothing(1, `cd: ${to}: no directory to work in`)
  }
  if (name === 'pwd') return { ...nothing(0), out: [sys.getcwd()] }
  if (name !== 'umask') return null
  if (arg === undefined) {
    const old = sys.umask(0)
    sys.umask(old)
    return { ...nothing(0), out: [old.toString(8).padStart(4, '0')] }
  }
  if (!/^[0-7]{1,4}$/.test(arg)) return nothing(1, `umask: '${arg}': expected an octal number`)
  sys.umask(Number.parseInt(arg, 8))
  return nothing(0)
})

const run_line = kfn('sh -c', function* (sys: Sys, job: Job): Step<void> {
  const split = splitLine(job.line)
  const { words, env } = commandLine(split ?? [])
  if (split === null) job.end = nothing(2, 'sh: a quote is not closed')
  else if (words.length === 0) job.end = nothing(0)
  else job.end = (yield* builtin(sys, words)) ?? (yield* exec(sys, job.host.site, words, env))
  job.ended = sys.clock()
})

function* in_background(sys: Sys, job: Job): Step<void> {
  yield* run_line(sys, job)
}

export class Session {
  readonly world: World
  private readonly shells = new Map<Host, Shell>()
  /** Told after every 4096 steps. */
  onProgress: (() => void) | null = null
  private told = 0
  /** Virtual time, ns: the end of the last command that was waited for. */
  private now = 0

  constructor(world: World) {
    this.world = world
  }

  /** A host's shell, started at its first command. */
  private shellOf(host: Host): Shell {
    const there = this.shells.get(host)
    if (there !== undefined) return there
    const shell: Shell = { todo: [], wq: new WaitQueue(this.world.m, 'terminal') }
    const read_eval = function* (sys: Sys): Step<never> {
      for (;;) {
        yield* wait_event(shell.wq, () => shell.todo.length > 0)
        const job = shell.todo.shift()!
        // It was typed after the last one had ended, on whichever host that was.
        if (job.at > sys.clock()) yield* sys.sleep(job.at - sys.clock())
        if (!job.background) yield* run_line(sys, job)
        else spawn_process(host.k, 'sh', own => in_background(own, job), { parent: sys.ts, at: sys.clock() })
      }
    }
    spawn_process(host.k, 'sh', read_eval, { service: true })
    this.shells.set(host, shell)
    return shell
  }

  /** Type a line. In the background it runs as soon as something else does. */
  start(host: Host, line: string, background = false): Job {
    const shell = this.shellOf(host)
    const after = host.k.last_pid()
    const job: Job = { host, line, background, after, at: this.now, ended: 0, end: null }
    shell.todo.push(job)
    this.world.m.current = null
    shell.wq.wake_up()
    return job
  }

  /** Go on until these jobs have ended. Those of them that cannot end are given back, with why. */
  finish(jobs: readonly Job[]): { readonly stuck: readonly Job[]; readonly why: string } {
    const { m } = this.world
    const done = (): boolean => jobs.every(j => j.end !== null)
    let n = 0
    m.afterStep = () => {
      if (++n % 4096 === 0) this.onProgress?.()
      if (done()) m.pause()
    }
    let verdict = 'held'
    if (!done()) verdict = m.run(defaultChooser)
    m.afterStep = null
    m.buryTasks()
    this.world.fabric.settle()
    for (const j of jobs) if (j.ended > this.now) this.now = j.ended
    const stuck = jobs.filter(j => j.end === null)
    for (const j of stuck) this.kill(j)
    return { stuck, why: verdict === 'held' ? 'it waits for something that does not come' : verdict }
  }

  /** A job that does not end: whatever its host has started since dies, as of Ctrl-C that cannot be caught. */
  private kill(job: Job): void {
    const { m } = this.world
    for (const t of m.tasks) {
      const ts = t.owner as task_struct | null
      if (ts?.k !== job.host.k || !ts.user || t.service || ts.pid <= job.after) continue
      if (!has_signal(t, 'SIGKILL')) signal(t, 'SIGKILL')
    }
    m.run(defaultChooser)
    m.buryTasks()
    // A shell that waits for it all the same takes no more lines: the host gets a new one.
    if (job.end === null) this.shells.delete(job.host)
  }

  /** What has gone wrong in the model since this was last asked: warnings, oopses, wrong locking. */
  problems(): readonly Problem[] {
    const all = this.world.m.problems
    const fresh = all.slice(this.told)
    this.told = all.length
    return fresh
  }

  /** The host of a name. Throws UsageError. */
  host(name: string): Host {
    const h = this.world.hosts.find(x => x.name === name)
    if (h !== undefined) return h
    throw new UsageError(`no host '${name}'; expected one of ${this.world.hosts.map(x => x.name).join(', ')}`)
  }
}
