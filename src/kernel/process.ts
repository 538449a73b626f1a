// Starting and ending user processes of a host.
import { Killed, kfn, type Step, type Task } from '../sim/index.ts'
import type { Kernel } from './kernel.ts'
import { do_munmap } from './mm/mmap.ts'
import { get_signal } from './signal.ts'
import { Sys } from './syscalls.ts'
import { type Cred, task_struct } from './task_struct.ts'
import { close_fd } from './vfs/file.ts'

/** do_exit(): mappings and descriptors go. */
const do_exit = kfn('do_exit', function* (ts: task_struct): Step<void> {
  if (ts.has_mm) for (const vma of [...ts.mm!.vmas]) yield* do_munmap(ts, vma.vm_start, vma.vm_end - vma.vm_start)
  for (const fd of ts.files.keys()) yield* close_fd(ts, fd)
})

/** What a process left behind. */
export interface ProcessEnd {
  readonly value: unknown
  /** Signal that ended it, or null. */
  readonly signal: Killed | null
}

function* main(ts: task_struct, body: (sys: Sys) => Step<any>): Step<ProcessEnd> {
  let end: ProcessEnd
  try {
    end = { value: yield* body(new Sys(ts)), signal: null }
    get_signal(ts)
  } catch (e) {
    if (!(e instanceof Killed)) throw e
    end = { value: undefined, signal: e }
  }
  yield* do_exit(ts)
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
}

/** fork+exec in one: a new process of this host that runs `body`. */
export function spawn_process(
  k: Kernel,
  comm: string,
  body: (sys: Sys) => Step<any>,
  o: ProcessOptions = {},
): { task: Task; ts: task_struct } {
  const ts = new task_struct(k, comm, { user: true, cred: o.cred })
  const task = k.m.spawn(o.label ?? `${k.name}/${comm}`, main(ts, body), { owner: ts, service: o.service, at: o.at })
  ts.task = task
  return { task, ts }
}
