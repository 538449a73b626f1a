// Processes of a host: starting them, their threads, how they end, and daemons, which are there again after a rewind.
import { has_signal, Killed, kfn, type Op, type Step, signal, type Task, take_signal } from '../sim/index.ts'
import type { Kernel } from './kernel.ts'
import { do_munmap } from './mm/mmap.ts'
import { get_signal } from './signal.ts'
import { Sys } from './syscalls.ts'
import { type Cred, task_struct } from './task_struct.ts'
import { close_fd } from './vfs/file.ts'
import { path_get, path_put } from './vfs/path.ts'

/** do_exit() of the last thread: mappings, descriptors and working directory go. */
const do_exit = kfn('do_exit', function* (ts: task_struct): Step<void> {
  if (ts.has_mm) for (const vma of [...ts.mm!.vmas]) yield* do_munmap(ts, vma.vm_start, vma.vm_end - vma.vm_start)
  for (const fd of ts.files.keys()) yield* close_fd(ts, fd)
  const cwd = ts.cwd.peek()
  if (cwd !== null) yield* path_put(cwd)
})

/** What a process left behind. */
export interface ProcessEnd {
  readonly value: unknown
  /** Signal that ended it, or null. */
  readonly signal: Killed | null
}

/** zap_other_threads(): a signal that ends one thread ends them all. */
const zap_other_threads = (ts: task_struct): void => {
  for (const t of ts.k.m.tasks) {
    const other = t.owner as task_struct | null
    if (other === ts || other?.group_leader !== ts.group_leader) continue
    if (!has_signal(t, 'SIGKILL')) signal(t, 'SIGKILL')
  }
}

function* main(ts: task_struct, body: (sys: Sys) => Step<any>, ended: ProcessOptions['ended']): Step<ProcessEnd> {
  let end: ProcessEnd
  try {
    end = { value: yield* body(new Sys(ts)), signal: null }
    get_signal(ts)
  } catch (e) {
    if (!(e instanceof Killed)) throw e
    const { group_exit } = ts
    end = { value: undefined, signal: group_exit.peek() ?? e }
    // It is delivered: what the task does from here on sleeps as if none had come (FLUSH).
    while (ts.task !== null && take_signal(ts.task, e.signal));
    if (ts.nr_threads.peek() > 1 && group_exit.peek() === null) {
      group_exit.poke(e)
      zap_other_threads(ts)
    }
  }
  ts.nr_threads.poke(ts.nr_threads.peek() - 1)
  if (ts.nr_threads.peek() === 0) {
    const daemon = ts.k.daemons.items.find(d => d.leader === ts.group_leader)
    if (daemon !== undefined) ts.k.daemons.remove(daemon)
    yield* do_exit(ts)
  }
  if (ended !== undefined) yield* ended(end)
  return end
}

export interface ProcessOptions {
  readonly cred?: Cred
  /** A daemon: it may sleep when the run ends. */
  readonly service?: boolean
  /** Virtual start time, ns. */
  readonly at?: number
  /** Label of its task; `host/comm` unless given. */
  readonly label?: string
  /** Whose credentials, directory and umask it starts with. */
  readonly parent?: task_struct
  /** Its first thread has ended: what whoever waits for it does then. */
  readonly ended?: (end: ProcessEnd) => Op<void>
}

const start = (ts: task_struct, body: (sys: Sys) => Step<any>, o: ProcessOptions): Task => {
  const { k, comm } = ts
  const task = k.m.spawn(o.label ?? `${k.name}/${comm}`, main(ts, body, o.ended), {
    owner: ts,
    service: o.service,
    at: o.at,
  })
  ts.task = task
  return task
}

/** fork+exec in one: a new process of this host that runs `body`. */
export function spawn_process(
  k: Kernel,
  comm: string,
  body: (sys: Sys) => Step<any>,
  o: ProcessOptions = {},
): { task: Task; ts: task_struct } {
  const ts = new task_struct(k, comm, { user: true, cred: o.cred, parent: o.parent })
  ts.nr_threads.poke(1)
  const cwd = ts.cwd.peek()
  if (cwd !== null) path_get(cwd)
  return { task: start(ts, body, o), ts }
}

/** pthread_create(): one more thread of a process, which ends when `body` returns. */
export function spawn_thread(leader: task_struct, comm: string, body: (sys: Sys) => Step<any>): Task {
  leader.nr_threads.poke(leader.nr_threads.peek() + 1)
  return start(new task_struct(leader.k, comm, { user: true, leader }), body, {})
}

/**
 * The serving threads of a process. They share its descriptors and memory, may sleep when a run ends, and are started again
 * after a rewind to a time when they ran: what a thread's body keeps must be in cells.
 */
export interface Daemon {
  /** The process. */
  readonly leader: task_struct
  readonly threads: readonly { readonly comm: string; readonly body: (sys: Sys) => Step<any> }[]
}

const start_threads = (d: Daemon, at?: number): void => {
  for (const { comm, body } of d.threads) {
    const ts = new task_struct(d.leader.k, comm, { user: true, leader: d.leader })
    ts.handles_end = true
    start(ts, body, { service: true, at })
  }
}

/** The running process goes on as a daemon: its first thread may return, these serve. */
export function start_daemon(leader: task_struct, threads: Daemon['threads'], at?: number): Daemon {
  const d: Daemon = { leader, threads }
  leader.k.daemons.push(d)
  leader.nr_threads.poke(leader.nr_threads.peek() + threads.length)
  start_threads(d, at)
  return d
}

/** Start what serves on this host again, for a new execution from a mark. */
export function restart_daemons(k: Kernel, at: number): void {
  for (const d of k.daemons) start_threads(d, at)
}
