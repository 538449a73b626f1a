// RCU for litmus tests: sleepable RCU of the machine, where only the outermost critical section counts, as LKMM has it.
// One per execution.
import { ACCESS_WRITE, type Machine, Op, OpKind, type OpObject, Srcu, type Task } from '../../sim/index.ts'

const READ_LOCK = new OpKind('rcu_read_lock', ACCESS_WRITE, 1, true, (t, op) => (op.obj as Rcu).readLock(t))
const READ_UNLOCK = new OpKind('rcu_read_unlock', ACCESS_WRITE, 1, true, (t, op) => (op.obj as Rcu).readUnlock(t))
const START = new OpKind('synchronize_rcu', ACCESS_WRITE, 1, true, (t, op) => (op.obj as Rcu).start(t))
const END = new OpKind('synchronize_rcu ends', ACCESS_WRITE, 1, true, (t, op) => (op.obj as Rcu).end(t))

export class Rcu implements OpObject {
  readonly id = 0
  readonly name = 'rcu'
  private readonly srcu: Srcu
  /** Who is in a critical section: how deep, and its idx. */
  private readonly inside = new Map<Task, { depth: number; readonly idx: number }>()
  /** Grace periods under way. */
  private readonly waiting = new Map<Task, ReturnType<Srcu['start']>>()
  private readonly readers: string[] = []
  private readonly began: string[] = []
  /** Who was under way when whom began: what the future depends on, besides what the processes have read. */
  readonly facts: string[] = []

  constructor(m: Machine) {
    this.srcu = new Srcu(m, 'rcu')
  }
  readLock(t: Task): void {
    const mine = this.inside.get(t)
    if (mine !== undefined) {
      mine.depth++
      return
    }
    this.inside.set(t, { depth: 1, idx: this.srcu.enter(t) })
    this.readers.push(t.label)
    this.facts.push(`${t.label}[${this.began.join()}`)
  }
  /** False when `t` is in no critical section. */
  readUnlock(t: Task): boolean {
    const mine = this.inside.get(t)
    if (mine === undefined) return false
    if (--mine.depth > 0) return true
    this.inside.delete(t)
    return this.srcu.leave(t, mine.idx)
  }
  start(t: Task): void {
    this.waiting.set(t, this.srcu.start(t))
    this.began.push(t.label)
    this.facts.push(`${t.label}:${this.readers.join()}`)
  }
  end(t: Task): any {
    return this.srcu.end(t, this.waiting.get(t)!)
  }
  /** Would the end of `t`'s grace period have to wait? */
  waits(t: Task): boolean {
    return this.srcu.holders(t).length > 0
  }
}

export const rcu_read_lock = (r: Rcu): Op<void> => new Op<void>(READ_LOCK, r)
export const rcu_read_unlock = (r: Rcu): Op<boolean> => new Op<boolean>(READ_UNLOCK, r)
/** The two halves of synchronize_rcu(). */
export const rcu_start = (r: Rcu): Op<void> => new Op<void>(START, r)
export const rcu_end = (r: Rcu): Op<void> => new Op<void>(END, r)
