// Lock order, by lockdep's rule: if one task asks for B while it holds A, and somewhere A is asked for while B is held, the
// two can meet in a deadlock, even if this execution got by. Locks of one name are one class, in each kernel for itself
// (`realm` of the task's owner): what one kernel does with its locks says nothing of another's. Two of one class, one inside
// the other, are told as well: whoever knows their order takes the inner one with a nesting level (mutex_lock_nested), which
// makes it a class of its own. Only what can wait counts: a trylock closes no cycle. Off (null in the machine) it costs one
// test a lock. State: what is known rewinds with the world, so orders seen in set-up count in every execution.
import type { Saver } from './journal.ts'
import { Name } from './name.ts'
import type { OpObject } from './op.ts'
import type { Task } from './task.ts'

/** Who first asked for a class while it held another. */
interface Order {
  readonly task: string
  readonly where: string
}

/** Scratch. */
const name = new Name()

/** How much was learnt and told, and the two sums. */
type Known = readonly [number, number, number, number]

export class Lockdep implements Saver<Known> {
  /** By class held, by class asked for. */
  private readonly after = new Map<string, Map<string, Order>>()
  /** What was learnt, in order: class held and class asked for. */
  private readonly learnt: (readonly [string, string])[] = []
  private readonly told: string[] = []
  /** Sum over the orders known, for who names states: in two executions that meet, the same must be known. */
  a = 0
  b = 0
  /** Nesting levels of locks that are held with one, by task. */
  private readonly levels = new Map<Task, Map<OpObject, number>>()

  /** An execution starts: with tasks of its own. */
  begin(): void {
    this.levels.clear()
  }
  save(): Known {
    return [this.learnt.length, this.told.length, this.a, this.b]
  }
  restore([learnt, told, a, b]: Known): void {
    while (this.learnt.length > learnt) {
      const [held, asked] = this.learnt.pop()!
      this.after.get(held)!.delete(asked)
    }
    this.told.length = told
    this.a = a
    this.b = b
  }

  /** `t` will ask for `lock` with this nesting level, or does it without (0). */
  private level(t: Task, lock: OpObject, level: number): void {
    const mine = this.levels.get(t)
    if (level > 0) {
      if (mine === undefined) this.levels.set(t, new Map([[lock, level]]))
      else mine.set(lock, level)
    } else mine?.delete(lock)
  }
  private classOf(t: Task, lock: OpObject): string {
    const level = this.levels.get(t)?.get(lock)
    const realm = (t.owner as { readonly realm?: string } | null)?.realm
    const name = lock.lock_class ?? lock.name
    const own = realm === undefined ? name : `${name} of ${realm}`
    return level === undefined ? own : `${own}/${level}`
  }

  /** `t` asks for `lock` and will wait if it must. */
  asking(t: Task, lock: OpObject, level = 0): void {
    // A second time: that it deadlocks, or is a bug, is seen elsewhere.
    if (t.held.includes(lock)) return
    this.level(t, lock, level)
    const asked = this.classOf(t, lock)
    for (const l of t.held) {
      const held = this.classOf(t, l)
      if (held === asked) {
        this.tell(
          t,
          held,
          `${t.label} takes ${asked} while it holds another ${held} (in ${where(t)}); if they have an order, take the inner one by a _nested call`,
        )
        continue
      }
      let known = this.after.get(held)
      if (known === undefined) {
        known = new Map()
        this.after.set(held, known)
      }
      if (known.has(asked)) continue
      known.set(asked, { task: t.label, where: where(t) })
      this.learnt.push([held, asked])
      name.from(0, 0).value(held).value(asked)
      this.a = (this.a + name.a) | 0
      this.b = (this.b + name.b) | 0
      const back = this.path(asked, held)
      if (back !== null) this.report(t, [held, ...back])
    }
  }

  /** A shortest way from one class to another, both named; null if there is none. */
  private path(from: string, to: string): string[] | null {
    const came = new Map<string, string | null>([[from, null]])
    const queue = [from]
    for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
      if (at === to) {
        const way: string[] = []
        for (let c: string | null = to; c !== null; c = came.get(c) ?? null) way.unshift(c)
        return way
      }
      for (const next of this.after.get(at)?.keys() ?? []) {
        if (came.has(next)) continue
        came.set(next, at)
        queue.push(next)
      }
    }
    return null
  }

  private report(t: Task, cycle: readonly string[]): void {
    const edges = cycle.slice(1).map((c, i) => {
      const o = this.after.get(cycle[i]!)!.get(c)!
      return `${o.task} takes ${c} while it holds ${cycle[i]} (in ${o.where})`
    })
    this.tell(t, cycle.slice(1).sort().join('|'), `${edges.join('; ')}; take them in one order everywhere`)
  }
  /** Once for each `key`. */
  private tell(t: Task, key: string, text: string): void {
    if (this.told.includes(key)) return
    this.told.push(key)
    t.m.problem('lock order', text)
  }
}

const where = (t: Task): string => t.backtrace().join(' < ')
