// The way into the kernel and out of it, which all system calls share.
import { ACCESS_NONE, Killed, kfn, Op, OpKind, type Step } from '../../sim/index.ts'
import { SYSCALL } from '../events.ts'
import { get_signal } from '../signal.ts'
import type { task_struct } from '../task_struct.ts'
import { put_held } from '../vfs/path.ts'

const ENTER = new OpKind('syscall', ACCESS_NONE, 100, true, () => undefined)

/** A system call: entry, body, what its walks held let go, the fatal-signal check on the way out. */
export const syscall = <A extends any[], T>(name: string, body: (ts: task_struct, ...a: A) => Op<T>) =>
  kfn(`sys_${name}`, function* (ts: task_struct, ...a: A): Step<T> {
    yield* new Op<void>(ENTER, null)
    let r: T
    try {
      r = yield* body(ts, ...a)
    } catch (e) {
      if (e instanceof Killed && ts.held.length > 0) yield* put_held(ts)
      throw e
    }
    if (ts.held.length > 0) yield* put_held(ts)
    const { m } = ts.k
    if (m.trace.on || m.hooks.live) m.emit(SYSCALL, name, null, typeof r === 'number' ? r : 0, 0, null)
    get_signal(ts)
    return r
  })

/** What every part of `Sys` starts from: the task that calls. */
export class Caller {
  readonly ts: task_struct
  constructor(ts: task_struct) {
    this.ts = ts
  }
}
