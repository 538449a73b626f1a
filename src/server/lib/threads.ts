// A pool of threads of one process that work off jobs, as the copying and randomizing commands use.
// Locking: the list of jobs changes in the step that looks at it.
import { type Sys, spawn_thread } from '../../kernel/index.ts'
import { Cell, JList, Killed, kfn, type Op, type Step, WaitQueue, wait_event } from '../../sim/index.ts'
import type { Proc } from '../proc.ts'
import { built } from '../stray-clwb.ts'

/** Work for one thread, with the thread's own system calls: how much went wrong. */
export type Job = (sys: Sys) => Op<number>

/** Most threads a command may be told to use. */
export const MAX_THREADS = 256

export class ThreadPool {
  /** Waiting. */
  readonly jobs: JList<Job>
  /** Waiting or at work. */
  readonly left: Cell<number>
  /** What went wrong so far. */
  readonly errors: Cell<number>
  readonly closed: Cell<boolean>
  readonly wq: WaitQueue

  constructor(p: Proc, nthreads: number) {
    const { ts } = p.sys
    const { m } = ts.k
    this.jobs = new JList(m.journal)
    this.left = new Cell(m, 'thpool jobs', 0)
    this.errors = new Cell(m, 'thpool errors', 0)
    this.closed = new Cell(m, 'thpool closed', false)
    this.wq = new WaitQueue(m, 'thpool')
    const pool = this
    for (let i = 0; i < nthreads; i++)
      spawn_thread(ts.group_leader, `${ts.comm}/${i}`, function* (sys) {
        yield* thread_do(pool, built(sys, p.site))
      })
  }

  /** thpool_add_work() */
  add(job: Job): void {
    this.left.poke(this.left.peek() + 1)
    this.jobs.push(job)
    this.wq.wake_up()
  }

  /** The threads end when they have done what is there. */
  close(): void {
    this.closed.poke(true)
    this.wq.wake_up()
  }
}

/** Sleep until `cond`; a process that is killed meanwhile does not come back. */
const wait_for = kfn('futex_wait', function* (pool: ThreadPool, cond: () => boolean): Step<void> {
  if ((yield* wait_event(pool.wq, cond, 'killable')) !== 0) throw new Killed('SIGKILL', null)
})

const thread_do = kfn('thread_do', function* (pool: ThreadPool, sys: Sys): Step<void> {
  for (;;) {
    yield* wait_for(pool, () => pool.jobs.length > 0 || pool.closed.peek())
    const job = pool.jobs.shift()
    if (job === undefined) return
    const errs = yield* job(sys)
    pool.errors.poke(pool.errors.peek() + errs)
    pool.left.poke(pool.left.peek() - 1)
    pool.wq.wake_up()
  }
})

/** thpool_wait(): until every job is done. */
export const thpool_wait = kfn('thpool_wait', function* (pool: ThreadPool): Step<void> {
  yield* wait_for(pool, () => pool.left.peek() === 0)
})
