// RCU for litmus tests: readers, and grace periods that wait for the readers that were there when they began. One per
// execution.
import { ACCESS_WRITE, BLOCKED, Op, OpKind, type OpObject, type Point, type Task } from '../../sim/index.ts'

interface Reader {
  readonly task: Task
  depth: number
  ended: Point | null
}
interface GracePeriod {
  readonly task: Task
  readonly start: Point
  /** The readers that began before it, ended or not. */
  readonly waitsFor: readonly Reader[]
}

const READ_LOCK = new OpKind('rcu_read_lock', ACCESS_WRITE, 1, true, (t, op) => (op.obj as Rcu).readLock(t))
const READ_UNLOCK = new OpKind('rcu_read_unlock', ACCESS_WRITE, 1, true, (t, op) => (op.obj as Rcu).readUnlock(t))
const START = new OpKind('synchronize_rcu', ACCESS_WRITE, 1, true, (t, op) => (op.obj as Rcu).start(t))
const END = new OpKind('synchronize_rcu ends', ACCESS_WRITE, 1, true, (t, op) => (op.obj as Rcu).end(t))

export class Rcu implements OpObject {
  readonly id = 0
  readonly name = 'rcu'
  /** In a critical section now, and ever. */
  private readonly readers: Reader[] = []
  private readonly all: Reader[] = []
  /** Under way. */
  private readonly periods: GracePeriod[] = []
  private readonly began: GracePeriod[] = []
  /** Who was under way when whom began: what the future depends on, besides what the processes have read. */
  readonly facts: string[] = []

  readLock(t: Task): void {
    const mine = this.readers.find(r => r.task === t)
    if (mine !== undefined) {
      mine.depth++
      return
    }
    const r = { task: t, depth: 1, ended: null }
    this.readers.push(r)
    this.all.push(r)
    // A grace period that began before, done or not, is no business of this reader's: all of it is seen here.
    t.m.order?.readLock(
      t,
      this.began.map(g => g.start),
    )
    this.facts.push(`${t.label}[${this.began.map(g => g.task.label).join()}`)
  }
  /** False when `t` is in no critical section. */
  readUnlock(t: Task): boolean {
    const i = this.readers.findIndex(r => r.task === t)
    if (i < 0) return false
    const r = this.readers[i]!
    if (--r.depth > 0) return true
    r.ended = t.m.order?.readUnlock(t) ?? t
    this.readers.splice(i, 1)
    for (const g of this.periods) if (g.waitsFor.every(w => w.ended !== null)) t.m.retry(g.task)
    return true
  }
  start(t: Task): void {
    const start = t.m.order?.gpStart(t) ?? t
    const g = { task: t, start, waitsFor: [...this.all] }
    this.periods.push(g)
    this.began.push(g)
    this.facts.push(`${t.label}:${this.all.map(r => r.task.label).join()}`)
  }
  end(t: Task): any {
    const i = this.periods.findIndex(g => g.task === t)
    const g = this.periods[i]!
    if (g.waitsFor.some(r => r.ended === null)) return BLOCKED
    this.periods.splice(i, 1)
    t.m.order?.gpEnd(
      t,
      g.waitsFor.map(r => r.ended!),
    )
    return undefined
  }
  /** Would the end of `t`'s grace period have to wait? */
  waits(t: Task): boolean {
    return this.periods.some(g => g.task === t && g.waitsFor.some(r => r.ended === null))
  }
}

export const rcu_read_lock = (r: Rcu): Op<void> => new Op<void>(READ_LOCK, r)
export const rcu_read_unlock = (r: Rcu): Op<boolean> => new Op<boolean>(READ_UNLOCK, r)
/** The two halves of synchronize_rcu(). */
export const rcu_start = (r: Rcu): Op<void> => new Op<void>(START, r)
export const rcu_end = (r: Rcu): Op<void> => new Op<void>(END, r)
