// How a process runs and ends (kernel/exit.c): its last thread gives back what it had.
import { has_signal, Killed, kfn, type Op, type Step, signal, type Task, take_signal } from '../sim/index.ts'
import { exit_mmap } from './mm/mmap.ts'
import { get_signal } from './signal.ts'
import type { Cred, task_struct } from './task_struct.ts'
import { close_fd } from './vfs/file.ts'
import { path_put } from './vfs/path.ts'

/** do_exit() of the last thread: mappings, descriptors and working directory go. */
const do_exit = kfn('do_exit', function* (ts: task_struct): Step<void> {
  if (ts.has_mm) yield* exit_mmap(ts)
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

function* main(
  ts: task_struct,
  body: (ts: task_struct) => Step<any>,
  ended: ProcessOptions['ended'],
): Step<ProcessEnd> {
  let end: ProcessEnd
  try {
    end = { value: yield* body(ts), signal: null }
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

/** A task begins to run `body`; what it had goes when it returns or is killed. */
export const start = (ts: task_struct, body: (ts: task_struct) => Step<any>, o: ProcessOptions): Task => {
  const { k, comm } = ts
  const task = k.m.spawn(o.label ?? `${k.name}/${comm}`, main(ts, body, o.ended), {
    owner: ts,
    service: o.service,
    at: o.at,
  })
  ts.task = task
  return task
}
