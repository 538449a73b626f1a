// Data races, by KCSAN's rules: two accesses of one cell by two tasks, at least one of them a store, at least one of them
// plain (unmarked), and nothing that orders them. Order comes from locks, wake-ups, starting tasks, release and acquire, and
// smp_wmb paired with smp_rmb; it is kept as vector clocks. Off (null in the machine) it costs one test a step.
// State: of one execution only; what happened before its start is settled. peek and poke do not count.
import { type Cell, CMPXCHG, LOAD_ACQUIRE, RMW, SMP_MB, SMP_RMB, SMP_WMB, STORE_RELEASE, XCHG } from './cell.ts'
import { Name } from './name.ts'
import { ACCESS_NONE, ACCESS_WRITE, type Op, type OpKind, type OpObject } from './op.ts'
import { changesRefcount } from './refcount.ts'
import { RwSemaphore } from './rwsem.ts'
import type { Task } from './task.ts'

/** Number of the last thing of each task that is known to be before; by task id. */
export type Clock = number[]

const join = (into: Clock, from: Clock | null | undefined): void => {
  if (from) for (let i = 0; i < from.length; i++) if ((from[i] ?? 0) > (into[i] ?? 0)) into[i] = from[i]!
}

/** One access, as far as a report needs it. */
interface Access {
  readonly task: Task
  readonly at: number
  readonly kind: OpKind
  readonly write: boolean
  readonly where: readonly string[]
  readonly held: readonly string[]
}

interface CellState {
  write: Access | null
  reads: Access[]
  /** What somebody who acquires from the cell knows. */
  sync: Clock | null
}

interface TaskState {
  readonly now: Clock
  /** Its clock at its last store barrier. */
  fence: Clock | null
  /** What its loads could acquire, once a load barrier comes. */
  pending: Clock
}

/** Two clocks of a lock: what its writers did, and what its readers did. Readers are not ordered among each other. */
interface LockState {
  readonly writers: Clock
  readonly readers: Clock
}

const isRmw = (k: OpKind): boolean => k === CMPXCHG || k === XCHG || k === RMW || changesRefcount(k)

/** Scratch. */
const part = new Name()

export class Races {
  private readonly cells = new Map<OpObject, CellState>()
  private readonly tasks = new Map<Task, TaskState>()
  private readonly locks = new Map<OpObject, LockState>()
  private readonly told = new Set<string>()

  /** An execution starts. */
  begin(): void {
    this.cells.clear()
    this.tasks.clear()
    this.locks.clear()
    this.told.clear()
  }

  /**
   * Mix in what later reports depend on: which accesses and clocks are known, and what was told. Two orders of independent
   * steps must give the same name, so nothing here depends on the order of a map.
   */
  state(into: Name): void {
    const clock = (n: Name, c: Clock | null): void => {
      n.word(c === null ? -1 : c.length)
      if (c !== null) for (let i = 0; i < c.length; i++) n.word(c[i] ?? 0)
    }
    const access = (n: Name, x: Access): void => {
      n.word(x.task.id).word(x.at).value(x.kind.name).value(x.where).value(x.held)
    }
    let a = 0
    let b = 0
    const add = (): void => {
      a = (a + part.a) | 0
      b = (b + part.b) | 0
    }
    for (const [o, c] of this.cells) {
      part.from(1, 1).value(o.id)
      clock(part, c.sync)
      if (c.write !== null) access(part, c.write)
      add()
      for (const r of c.reads) {
        access(part.from(2, 2).value(o.id), r)
        add()
      }
    }
    for (const [t, s] of this.tasks) {
      clock(part.from(3, 3).word(t.id), s.now)
      clock(part, s.fence)
      clock(part, s.pending)
      add()
    }
    for (const [o, l] of this.locks) {
      clock(part.from(4, 4).value(o.id), l.writers)
      clock(part, l.readers)
      add()
    }
    for (const t of this.told) {
      part.from(5, 5).value(t)
      add()
    }
    into.word(a).word(b)
  }

  private of(t: Task): TaskState {
    let s = this.tasks.get(t)
    if (s === undefined) {
      s = { now: [], fence: null, pending: [] }
      s.now[t.id] = 1
      this.tasks.set(t, s)
    }
    return s
  }
  private tick(t: Task, s: TaskState): void {
    s.now[t.id] = (s.now[t.id] ?? 0) + 1
  }
  private lock(o: OpObject): LockState {
    let l = this.locks.get(o)
    if (l === undefined) {
      l = { writers: [], readers: [] }
      this.locks.set(o, l)
    }
    return l
  }

  /** `parent` made `t`. */
  spawned(t: Task, parent: Task): void {
    const p = this.of(parent)
    join(this.of(t).now, p.now)
    this.tick(parent, p)
  }
  /** `t` took `lock`. */
  locked(t: Task, lock: OpObject): void {
    const l = this.lock(lock)
    const s = this.of(t)
    join(s.now, l.writers)
    if (!(lock instanceof RwSemaphore) || lock.writer === t) join(s.now, l.readers)
  }
  /** `t` gives `lock` up. */
  unlocking(t: Task, lock: OpObject): void {
    const l = this.lock(lock)
    const s = this.of(t)
    join(lock instanceof RwSemaphore && lock.writer !== t ? l.readers : l.writers, s.now)
    this.tick(t, s)
  }
  /** `t` wakes whoever waits at `o`, or completes it. */
  waking(t: Task, o: OpObject): void {
    const s = this.of(t)
    join(this.lock(o).writers, s.now)
    this.tick(t, s)
  }
  /** `t` goes on after waiting at `o`. */
  waited(t: Task, o: OpObject): void {
    join(this.of(t).now, this.lock(o).writers)
  }

  /** What `t` has done so far, for others to learn. */
  tell(t: Task): Clock {
    const s = this.of(t)
    const c = s.now.slice()
    this.tick(t, s)
    return c
  }
  /** `t` follows all of `c`. */
  learn(t: Task, c: Clock): void {
    join(this.of(t).now, c)
  }

  /** `t` has done `op` with result `r`. */
  done(t: Task, op: Op, r: unknown): void {
    const { kind } = op
    if (kind === SMP_WMB || kind === SMP_MB) this.of(t).fence = this.of(t).now.slice()
    if (kind === SMP_RMB || kind === SMP_MB) join(this.of(t).now, this.of(t).pending)
    if (kind.access === ACCESS_NONE || !isCell(op.obj)) return
    const s = this.of(t)
    const write = kind.access === ACCESS_WRITE && !(kind === CMPXCHG && r !== op.a)
    const a: Access = {
      task: t,
      at: s.now[t.id]!,
      kind,
      write,
      where: t.backtrace(),
      held: t.held.map(l => l.name),
    }
    let c = this.cells.get(op.obj)
    if (c === undefined) {
      c = { write: null, reads: [], sync: null }
      this.cells.set(op.obj, c)
    }
    if (c.write !== null) this.check(op.obj, c.write, a, s)
    if (write) for (const x of c.reads) this.check(op.obj, x, a, s)
    this.synchronise(t, s, c, kind, write)
    if (write) {
      c.write = a
      c.reads = []
    } else c.reads = [...c.reads.filter(x => x.task !== t), a]
    if (write) this.tick(t, s)
  }

  /** What the access makes its task know, and what it leaves for those who come after. */
  private synchronise(t: Task, s: TaskState, c: CellState, kind: OpKind, write: boolean): void {
    const full = isRmw(kind)
    if (!write || full) {
      if (full || kind === LOAD_ACQUIRE) join(s.now, c.sync)
      else join(s.pending, c.sync)
    }
    if (!write) return
    const gives = full || kind === STORE_RELEASE ? s.now.slice() : (s.fence?.slice() ?? null)
    // A read-modify-write goes on with what was released before it; any other store starts anew.
    if (full && c.sync !== null) {
      if (gives) join(gives, c.sync)
      c.sync = gives ?? c.sync
    } else c.sync = gives
    this.tick(t, s)
  }

  private check(cell: OpObject, old: Access, now: Access, s: TaskState): void {
    if (old.task === now.task || (old.kind.marked && now.kind.marked)) return
    if ((s.now[old.task.id] ?? 0) >= old.at) return
    const key = [cell.name, old.where[0], old.kind.name, now.where[0], now.kind.name].join('|')
    if (this.told.has(key)) return
    this.told.add(key)
    const side = (a: Access): string => `${a.task.label} (${a.kind.name} in ${a.where.join(' < ')})`
    now.task.m.problem('data race', `${cell.name}: ${side(old)} and ${side(now)}; ${missing(old, now)}`)
  }
}

const isCell = (o: OpObject | null): o is Cell<any> => o !== null && 'poke' in o

/** What would have ordered the two, in one clause. */
function missing(a: Access, b: Access): string {
  const lacks = (x: Access, y: Access): string | null => {
    const l = x.held.find(h => !y.held.includes(h))
    return l === undefined ? null : `${x.task.label} holds ${l}, ${y.task.label} does not`
  }
  const lock = lacks(a, b) ?? lacks(b, a)
  const plain = [a, b]
    .filter(x => !x.kind.marked)
    .map(x => `${x.write ? 'WRITE_ONCE' : 'READ_ONCE'} for ${x.task.label}`)
  return `${lock ?? 'no lock is held by either'}; or: release and acquire around them, or ${plain.join(' and ')}`
}
