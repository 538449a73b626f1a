// fork(2) and waitpid(2) (kernel/fork.c, kernel/exit.c).
// Locking: the parent's mmap_lock while its memory is copied.
import { kfn, type Step, wait_event, wake_up_all } from '../sim/index.ts'
import { ECHILD, EINTR } from '../wire/index.ts'
import { type ProcessEnd, start } from './exit.ts'
import { dup_mmap } from './mm/fork.ts'
import { task_struct } from './task_struct.ts'
import { get_file } from './vfs/file.ts'
import { path_get } from './vfs/path.ts'

/** A child that nobody has waited for yet. */
export interface Child {
  readonly parent: task_struct
  /** How it ended; null: it runs. */
  readonly end: ProcessEnd | null
}

/** copy_files(), copy_fs(): the same open files, the same directory. */
const copy_files = (ts: task_struct, child: task_struct): void => {
  for (const [fd, f] of ts.files.entries()) {
    get_file(f)
    child.files.set(fd, f)
  }
  const cwd = child.cwd.peek()
  if (cwd !== null) path_get(cwd)
}

/** The parent hears of the end of a child. */
const exit_notify = kfn('exit_notify', function* (child: task_struct, end: ProcessEnd): Step<void> {
  const { children, wait_chldexit } = child.k
  const c = children.get(child.pid)
  if (c !== undefined) children.set(child.pid, { ...c, end })
  yield* wake_up_all(wait_chldexit)
})

/** kernel_clone() of a process: the child runs `body`. Its number. */
export const kernel_clone = kfn(
  'kernel_clone',
  function* (ts: task_struct, body: (ts: task_struct) => Step<any>): Step<number> {
    const { k, comm, cred } = ts
    const child = new task_struct(k, comm, { user: true, cred, parent: ts })
    child.nr_threads.poke(1)
    child.mce_kill = ts.mce_kill
    copy_files(ts, child)
    if (ts.has_mm) yield* dup_mmap(ts.mm!, child.mm!)
    k.children.set(child.pid, { parent: ts.group_leader, end: null })
    start(child, body, {
      label: `${k.name}/${comm}:${child.pid}`,
      at: k.m.clock(),
      ended: end => exit_notify(child, end),
    })
    return child.pid
  },
)

/** wait4(2) for one child: how it ended; -ECHILD: no child of ours, or waited for already; -EINTR. */
export const do_wait = kfn('do_wait', function* (ts: task_struct, pid: number): Step<ProcessEnd | number> {
  const { children, wait_chldexit } = ts.k
  if (children.get(pid)?.parent !== ts.group_leader) return -ECHILD
  const rc = yield* wait_event(wait_chldexit, () => children.get(pid)?.end != null, 'interruptible')
  if (rc !== 0) return -EINTR
  const { end } = children.get(pid)!
  children.delete(pid)
  return end!
})
