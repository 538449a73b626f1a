// struct path: a name and the mount it is on, held while somebody uses them: an open file, a working directory, a system call that
// walked there. What is held is not evicted, and its mount is busy.
import { kfn, type Step } from '../../sim/index.ts'
import type { task_struct } from '../task_struct.ts'
import type { Dentry } from './dcache.ts'
import { iget } from './inode.ts'
import { iput } from './iput.ts'

/** path_get() */
export const path_get = (d: Dentry): void => {
  iget(d.d_inode.peek()!)
  const sb = d.d_sb
  if (sb !== null) sb.mnt_count.poke(sb.mnt_count.peek() + 1)
}

/** path_put(): the last use of a mount that has lost its place (MNT_DETACH) ends it. */
export const path_put = kfn('path_put', function* (d: Dentry): Step<void> {
  yield* iput(d.d_inode.peek()!)
  const sb = d.d_sb
  if (sb === null) return
  sb.mnt_count.poke(sb.mnt_count.peek() - 1)
  if (sb.mnt_count.peek() === 0 && sb.detached.peek()) yield* sb.kill()
})

/**
 * The running system call came by this name: it is held until the call is over. The host's own tmpfs is never unmounted and its
 * names go only when they are removed.
 */
export const hold = (ts: task_struct, d: Dentry): void => {
  if (d.d_sb === null) return
  path_get(d)
  ts.held.push(d)
}

/** What the running system call held is let go. */
export const put_held = kfn('terminate_walk', function* (ts: task_struct): Step<void> {
  for (let d = ts.held.pop(); d !== undefined; d = ts.held.pop()) yield* path_put(d)
})
