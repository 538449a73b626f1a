// A cell that is written under a lock only: `lock` held, for writing where that makes a difference. A store of a task that
// does not hold it is reported when it is asked for. Other cells pay nothing. Off: `guards` of the machine. poke is not
// looked at; nor are reads, which many such fields have without a lock, on purpose.
import { Cell } from './cell.ts'
import type { Machine } from './machine.ts'
import type { Op, OpObject } from './op.ts'
import { FULL, type NO_WRITE } from './order.ts'
import type { Task } from './task.ts'

/** A lock that knows how it is held. */
export interface Guard extends OpObject {
  /** How `t` holds it; null: not at all. */
  heldBy(t: Task): 'read' | 'write' | null
}

export class GuardedCell<T> extends Cell<T> {
  private readonly guard: Guard
  private readonly on: Machine
  constructor(m: Machine, name: string, v: T, guard: Guard, id = 0) {
    super(m, name, v, id)
    this.guard = guard
    this.on = m
  }
  private check(): void {
    const t = this.on.current
    if (!this.on.guards || t === null) return
    const { name } = this.guard
    const mode = this.guard.heldBy(t)
    if (mode === 'read')
      this.on.problem(
        'wrong-mode write',
        `${t.label} writes ${this.name} and holds ${name} for reading; take it for writing`,
      )
    else if (mode === null)
      this.on.problem('unguarded write', `${t.label} writes ${this.name} and does not hold ${name}, which guards it`)
  }
  override store(v: T): Op<void> {
    this.check()
    return super.store(v)
  }
  override WRITE_ONCE(v: T): Op<void> {
    this.check()
    return super.WRITE_ONCE(v)
  }
  override smp_store_release(v: T): Op<void> {
    this.check()
    return super.smp_store_release(v)
  }
  override cmpxchg(old: T, v: T): Op<T> {
    this.check()
    return super.cmpxchg(old, v)
  }
  override xchg(v: T): Op<T> {
    this.check()
    return super.xchg(v)
  }
  override rmw(f: (old: T) => T | typeof NO_WRITE, order: number = FULL): Op<T> {
    this.check()
    return super.rmw(f, order)
  }
}
