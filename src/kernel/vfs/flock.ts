// flock(2). The file system's own answer where it has one (a FUSE server), else the kernel's books: whole files, owned by the
// open file, shared or exclusive, gone with the last reference to it.
// Locking: the list changes in the step that looks at it.
import { JList, kfn, type Machine, type Step, WaitQueue, wait_event } from '../../sim/index.ts'
import { EBADF, EINTR, EINVAL, EWOULDBLOCK } from '../../wire/index.ts'
import type { task_struct } from '../task_struct.ts'
import { type File, fdget, LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN } from './file.ts'

interface FileLock {
  readonly file: File
  readonly exclusive: boolean
}

export class FileLocks {
  readonly held: JList<FileLock>
  readonly wq: WaitQueue
  constructor(m: Machine) {
    this.held = new JList(m.journal)
    this.wq = new WaitQueue(m, 'flock')
  }
  /** Would this lock have to wait for another open file's? */
  blocked(file: File, exclusive: boolean): boolean {
    return this.held.items.some(l => l.file.f_inode === file.f_inode && l.file !== file && (exclusive || l.exclusive))
  }
  /** What this open file holds goes. */
  drop(file: File): boolean {
    const mine = this.held.items.find(l => l.file === file)
    if (mine === undefined) return false
    this.held.remove(mine)
    this.wq.wake_up()
    return true
  }
}

/** locks_lock_file_wait() for flock: 0, -EWOULDBLOCK, -EINTR. */
export const flock_lock_inode_wait = kfn('flock_lock_inode_wait', function* (file: File, cmd: number): Step<number> {
  const { flocks } = file.f_inode.k
  if ((cmd & ~LOCK_NB) === LOCK_UN) {
    flocks.drop(file)
    return 0
  }
  const exclusive = (cmd & LOCK_EX) !== 0
  if (flocks.held.items.some(l => l.file === file && l.exclusive === exclusive)) return 0
  // A lock that is changed for the other kind is given up first, whether the other can be had or not, as flock(2) says.
  flocks.drop(file)
  if (flocks.blocked(file, exclusive)) {
    if ((cmd & LOCK_NB) !== 0) return -EWOULDBLOCK
    const rc = yield* wait_event(flocks.wq, () => !flocks.blocked(file, exclusive), 'interruptible')
    if (rc !== 0) return -EINTR
  }
  flocks.held.push({ file, exclusive })
  return 0
})

/** flock(2): 0, -EBADF, -EINVAL, and what the lock says. */
export const do_flock = kfn('sys_flock', function* (ts: task_struct, fd: number, cmd: number): Step<number> {
  const file = fdget(ts, fd)
  if (typeof file === 'number') return -EBADF
  const type = cmd & ~LOCK_NB
  if (type !== LOCK_SH && type !== LOCK_EX && type !== LOCK_UN) return -EINVAL
  if (file.f_op.flock) return yield* file.f_op.flock(file, cmd)
  return yield* flock_lock_inode_wait(file, cmd)
})
