// Modelled allocations: a heap for each kernel, and KASAN's and kmemleak's rules over them. An allocation knows the cells and
// locks that lie in it (`owns`); an operation on one of those after kfree() is a use after free, what nobody freed when all
// is over is a leak. Off (null in the machine) nothing is noted and a step pays one test. peek and poke are not looked at.
// State: what is live is journaled. Who freed an allocation is read only while it is free, so it needs no undoing.
import { Cell } from './cell.ts'
import { JChain, Link } from './journal.ts'
import type { Machine } from './machine.ts'
import { might_sleep } from './might-sleep.ts'
import { ACCESS_NONE, Op, OpKind, type OpObject } from './op.ts'
import type { Task } from './task.ts'

/** Who did something. Put into words only for a report: every allocation notes one. */
class Site {
  private readonly task: Task | null
  private readonly where: readonly string[]
  constructor(t: Task | null) {
    this.task = t
    this.where = t === null ? [] : t.backtrace()
  }
  toString(): string {
    return this.task === null ? 'set-up' : `${this.task.label} in ${this.where.join(' < ')}`
  }
}

/** A cell, lock or queue that may lie in an allocation. */
interface Owned extends OpObject {
  alloc?: Alloc
}

/** One allocation. It is live while it is linked. */
export class Alloc extends Link implements OpObject {
  readonly id: number
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** Who allocated it; null when nobody asked. */
  readonly made: Site | null
  /** Who freed it last; means nothing while it is live. */
  freed: Site | null = null
  constructor(id: number, name: string, size: number, made: Site | null) {
    super()
    this.id = id
    this.name = name
    this.size = size
    this.made = made
  }
  /** These lie in it. */
  owns(...parts: Owned[]): void {
    if (this.made === null) return
    for (const p of parts) p.alloc = this
  }
  /** Its story, for a report. */
  history(): string {
    return this.made === null ? '' : `; allocated by ${this.made}; freed by ${this.freed}`
  }
}

/** What to allocate. */
interface Request {
  readonly name: string
  readonly size: number
  /** __GFP_NOFAIL: never refused. */
  readonly nofail: boolean
}

/** Makes one allocation fail. */
interface Refusal {
  /** Null: whatever its name. */
  readonly name: string | null
  /** How many allocations until then, itself included; 0 when none is to fail. */
  readonly left: Cell<number>
  readonly hit: () => void
}

const KZALLOC = new OpKind('kzalloc', ACCESS_NONE, 30, true, (t, op) => {
  might_sleep(t, op) // GFP_KERNEL
  return (op.a as Heap).take(op.b)
})
const KFREE = new OpKind('kfree', ACCESS_NONE, 20, true, (t, op) => (op.a as Heap).drop(t, op.b))

const NOTHING_KEPT: ReadonlySet<Alloc> = new Set()

/** The memory of one kernel. */
export class Heap {
  /** For reports, e.g. the host. */
  readonly name: string
  readonly live: JChain<Alloc>
  private readonly refusals: Refusal[] = []
  private readonly m: Machine

  constructor(m: Machine, name: string) {
    this.m = m
    this.name = name
    this.live = new JChain(m.journal)
    m.heaps.push(this)
  }

  /** Allocate; null when it fails. */
  alloc(name: string, size: number, o: { nofail?: boolean } = {}): Op<Alloc | null> {
    return new Op<Alloc | null>(KZALLOC, null, this, { name, size, nofail: o.nofail === true })
  }
  free(a: Alloc): Op<void> {
    return new Op<void>(KFREE, null, this, a)
  }

  /**
   * A way to make one allocation fail (of this name, if one is given): call it with n, and the n-th from then on does; then
   * `hit` is called, in the same step. Set-up only.
   */
  refusal(name: string | null, hit: () => void): (nth: number) => void {
    const left = new Cell(this.m, 'allocations until one fails', 0)
    this.refusals.push({ name, left, hit })
    return nth => left.poke(nth)
  }

  /** Allocate within the running step. */
  take(r: Request): Alloc | null {
    const { m } = this
    if (this.refusals.length > 0 && !r.nofail && this.refuses(r.name)) return null
    const a = new Alloc(m.newId(), r.name, r.size, m.kasan === null ? null : new Site(m.current))
    this.live.add(a)
    return a
  }
  /**
   * An allocation of something that is watched in another way or not at all, as its life is that of an object here: is there
   * room? It can be made to fail like every other, and costs no step.
   */
  room(name: string): boolean {
    return this.refusals.length === 0 || !this.refuses(name)
  }
  /** Free within the running step. */
  drop(t: Task, a: Alloc): void {
    this.m.journal.watch?.touch(a, true)
    if (this.live.remove(a)) a.freed = this.m.kasan === null ? null : new Site(t)
    else this.m.problem('double free', `${a.name} (${a.size} bytes) is freed twice on ${this.name}${a.history()}`)
  }

  /** Somebody stored to the first `len` bytes of an allocation: KASAN tells when it has not so many. */
  wrote(a: Alloc, len: number): void {
    if (this.m.kasan === null || len <= a.size) return
    this.m.problem('out of bounds', `${len} bytes are stored to ${a.name} (${a.size} bytes)${a.history()}`)
  }

  private refuses(name: string): boolean {
    let hit = false
    for (const r of this.refusals) {
      const left = r.left.peek()
      if (left === 0 || (r.name !== null && r.name !== name)) continue
      r.left.poke(left - 1)
      if (left > 1) continue
      hit = true
      r.hit()
    }
    return hit
  }

  /** Everything should be free by now but what is `kept`: report what is not. */
  report_leaks(kept: ReadonlySet<Alloc> = NOTHING_KEPT): void {
    const groups = new Map<string, Alloc[]>()
    for (const a of this.live.values()) {
      if (kept.has(a)) continue
      const key = `${a.name} ${a.size} ${a.made}`
      const g = groups.get(key)
      if (g === undefined) groups.set(key, [a])
      else g.push(a)
    }
    for (const [first, ...more] of groups.values()) {
      const { name, size, made } = first!
      const what = `${more.length + 1} x ${name} (${size} bytes) never freed on ${this.name}`
      this.m.problem('leak', `${what}; allocated by ${made ?? 'a task that was not noted'}`)
    }
  }
}

/** Looks at every operation for memory that is gone. State: what was told, of one execution. */
export class Kasan {
  private readonly told = new Set<string>()
  /** An execution starts. */
  begin(): void {
    this.told.clear()
  }
  /** `t` is about to do `op` to `obj`, or to go on with it. */
  access(t: Task, op: Op, obj: Owned): void {
    const a = obj.alloc
    if (a === undefined) return
    t.m.journal.watch?.touch(a, false)
    if (a.linked) return
    const key = `${obj.name} ${op.kind.name} ${t.fn?.name}`
    if (this.told.has(key)) return
    this.told.add(key)
    const what = `${op.kind.name} of ${obj.name}, which lies in ${a.name} (${a.size} bytes)`
    t.m.problem('use after free', `${what}, by ${new Site(t)}${a.history()}`)
  }
}
