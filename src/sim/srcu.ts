// struct srcu_struct: readers that may sleep, and grace periods that wait for the readers that began before them, never for
// later ones. A reader is told which of two counters it is in (idx) and gives it back at the end, as in the kernel. All is
// journaled. Under a memory model and for the race detector past sections and periods are kept too: a period ends after
// everything in the sections it waited for, a section that begins after a period's start sees what was before it.
import { Cell } from './cell.ts'
import { JList, type Journal, type Undoable } from './journal.ts'
import { kfn } from './kfn.ts'
import type { Machine } from './machine.ts'
import { imul } from './math.ts'
import { might_sleep } from './might-sleep.ts'
import { ACCESS_READ, ACCESS_WRITE, Op, OpKind, type Step } from './op.ts'
import type { Point } from './order.ts'
import type { Clock } from './races.ts'
import { asleep } from './signal.ts'
import type { Task } from './task.ts'

/** A read section, over or not. */
class Section implements Undoable {
  readonly id: number
  readonly task: Task
  readonly idx: number
  over = false
  point: Point | undefined
  clock: Clock | undefined
  constructor(id: number, task: Task, idx: number) {
    this.id = id
    this.task = task
    this.idx = idx
  }
  end(j: Journal): void {
    j.push(this, 0, 0)
    this.over = true
    this.point = this.task.m.order?.readUnlock(this.task)
    this.clock = this.task.m.races?.tell(this.task)
    j.watch?.add(this.id, this.clock, 'clock')
  }
  undo(): void {
    this.over = false
  }
}

/** A grace period. Its id says whom it waits for, so that equal states hash alike. */
class GracePeriod {
  readonly id: number
  readonly task: Task
  readonly point: Point | undefined
  readonly clock: Clock | undefined
  readonly waitsFor: readonly Section[]
  constructor(id: number, task: Task, waitsFor: readonly Section[]) {
    this.id = waitsFor.reduce((h, s) => (s.over ? h : imul(h ^ s.id, 0x01000193)), id | 0)
    this.task = task
    this.point = task.m.order?.gpStart(task)
    this.clock = task.m.races?.tell(task)
    task.m.journal.watch?.add(this.id, this.clock, 'clock')
    this.waitsFor = waitsFor
  }
  get due(): boolean {
    return this.waitsFor.every(s => s.over)
  }
}

export class Srcu {
  readonly id: number
  readonly name: string
  private readonly m: Machine
  /** Which counter a reader goes into; each grace period turns it over. */
  private readonly idx: Cell<number>
  private readonly open: JList<Section>
  private readonly underWay: JList<GracePeriod>
  /** Over or not; kept for orderings only. */
  private readonly sections: JList<Section>
  private readonly periods: JList<GracePeriod>
  constructor(m: Machine, name: string) {
    this.m = m
    this.id = m.newId()
    this.name = name
    this.idx = new Cell(m, `${name} idx`, 0)
    this.open = new JList(m.journal, true)
    this.underWay = new JList(m.journal, true)
    this.sections = new JList(m.journal, true)
    this.periods = new JList(m.journal, true)
  }
  /** Does anybody want to know what was before what? */
  private get ordering(): boolean {
    return this.m.order !== null || this.m.races !== null
  }
  /** Whom `waiter` waits for. */
  holders(waiter: Task): readonly Task[] {
    const p = this.underWay.items.find(g => g.task === waiter)
    return p === undefined ? [] : p.waitsFor.filter(s => !s.over).map(s => s.task)
  }
  /** Is `t` in a section of this? */
  reads(t: Task): boolean {
    return this.open.items.some(s => s.task === t)
  }
  /** A section begins; gives its idx. */
  enter(t: Task): number {
    const s = new Section(this.m.newId(), t, this.idx.peek())
    this.open.push(s)
    if (this.ordering) {
      const past = this.periods.items
      this.m.order?.readLock(
        t,
        past.map(g => g.point!),
      )
      for (const g of past) this.m.races?.learn(t, g.clock!)
      this.sections.push(s)
    }
    return s.idx
  }
  /** The newest section of `t` with this idx ends; false when there is none. */
  leave(t: Task, idx: number): boolean {
    const open = this.open.items
    let i = open.length - 1
    while (i >= 0 && (open[i]!.task !== t || open[i]!.idx !== idx)) i--
    if (i < 0) return false
    const s = open[i]!
    // A period that begins later does not ask for it any more.
    if (this.underWay.length > 0 || this.ordering) s.end(this.m.journal)
    this.open.removeAt(i)
    if (this.underWay.length > 0) for (const g of this.underWay.items) if (g.due) this.m.retry(g.task)
    return true
  }
  /** A grace period begins. */
  start(t: Task): GracePeriod {
    const g = new GracePeriod(this.m.newId(), t, [...(this.ordering ? this.sections : this.open).items])
    this.idx.poke(1 - this.idx.peek())
    this.underWay.push(g)
    if (this.ordering) this.periods.push(g)
    return g
  }
  /** It ends; BLOCKED while there is a section to wait for. */
  end(t: Task, g: GracePeriod): any {
    if (!g.due) return asleep(t, 'uninterruptible')
    this.underWay.remove(g)
    this.m.order?.gpEnd(
      t,
      g.waitsFor.map(s => s.point!),
    )
    for (const s of g.waitsFor) this.m.races?.learn(t, s.clock!)
    return 0
  }
}

// A section that begins or ends and another commute: each CPU counts for itself. Only a grace period must not change places
// with one, so a reader's footprint is a read, the period's a write.
const READ_LOCK = new OpKind('srcu_read_lock', ACCESS_READ, 10, true, (t, op) => {
  t.held.push(op.obj!)
  return (op.obj as Srcu).enter(t)
})
const READ_UNLOCK = new OpKind('srcu_read_unlock', ACCESS_READ, 10, true, (t, op) => {
  const ss = op.obj as Srcu
  if (ss.leave(t, op.a)) t.held.splice(t.held.lastIndexOf(ss), 1)
  else t.m.problem('wrong unlock', `${t.label} ends a read section of ${ss.name} with idx ${op.a}, which it is not in`)
})
const START = new OpKind('synchronize_srcu', ACCESS_WRITE, 50, true, (t, op) => {
  const ss = op.obj as Srcu
  // A reader never waits, so only who synchronizes asks: a lock it holds must not be one that readers take.
  might_sleep(t, op)
  t.m.lockdep?.asking(t, ss)
  if (ss.reads(t))
    t.m.problem('self-deadlock', `${t.label} waits in synchronize_srcu(${ss.name}) for its own read section`)
  return ss.start(t)
})
const END = new OpKind('synchronize_srcu ends', ACCESS_WRITE, 0, true, (t, op) => (op.obj as Srcu).end(t, op.a))

/** Gives the idx for srcu_read_unlock(). Never waits; the section may sleep. */
export const srcu_read_lock = (ss: Srcu): Op<number> => new Op<number>(READ_LOCK, ss)
export const srcu_read_unlock = (ss: Srcu, idx: number): Op<void> => new Op<void>(READ_UNLOCK, ss, idx)
/** Wait until every read section that is open now has ended. */
export const synchronize_srcu = kfn('synchronize_srcu', function* (ss: Srcu): Step<void> {
  const g = yield* new Op<GracePeriod>(START, ss)
  yield* new Op<void>(END, ss, g)
})
