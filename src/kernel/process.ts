// Processes of a host: starting them, their threads, how they end, and daemons, which are there again after a rewind.
import type { Step, Task } from '../sim/index.ts'
import { type ProcessOptions, start } from './exit.ts'
import type { Kernel } from './kernel.ts'
import { Sys } from './syscalls.ts'
import { task_struct } from './task_struct.ts'
import { path_get } from './vfs/path.ts'

/** A body that is given its system calls. */
const with_calls = (body: (sys: Sys) => Step<any>) => (ts: task_struct) => body(new Sys(ts))

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
  return { task: start(ts, with_calls(body), o), ts }
}

/** pthread_create(): one more thread of a process, which ends when `body` returns. */
export function spawn_thread(leader: task_struct, comm: string, body: (sys: Sys) => Step<any>): Task {
  leader.nr_threads.poke(leader.nr_threads.peek() + 1)
  return start(new task_struct(leader.k, comm, { user: true, leader }), with_calls(body), {})
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
    start(ts, with_calls(body), { service: true, at })
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
