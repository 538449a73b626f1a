// Lock order, by lockdep's rule: if one task asks for B while it holds A, and somewhere A is asked for while B is held, the
// two can meet in a deadlock, even if this execution got by. Locks of one name are one class; nesting two of one class is
// not judged. Only what can wait counts: a trylock closes no cycle. Off (null in the machine) it costs one test a lock.
// State: of one execution only, so that a replay reports what the run did.
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

export class Lockdep {
  /** By class held, by class asked for. */
  private readonly after = new Map<string, Map<string, Order>>()
  private readonly told = new Set<string>()
  /** Sum over the orders known, for who names states: in two executions that meet, the same must be known. */
  a = 0
  b = 0

  /** An execution starts. */
  begin(): void {
    this.after.clear()
    this.told.clear()
    this.a = 0
    this.b = 0
  }

  /** `t` asks for `lock` and will wait if it must. */
  asking(t: Task, lock: OpObject): void {
    for (const held of t.held) {
      if (held.name === lock.name) continue
      let known = this.after.get(held.name)
      if (known === undefined) {
        known = new Map()
        this.after.set(held.name, known)
      }
      if (known.has(lock.name)) continue
      name.from(0, 0).value(held.name).value(lock.name)
      this.a = (this.a + name.a) | 0
      this.b = (this.b + name.b) | 0
      known.set(lock.name, { task: t.label, where: t.backtrace().join(' < ') })
      const back = this.path(lock.name, held.name)
      if (back !== null) this.report(t, [held.name, ...back])
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
    const key = [...cycle.slice(1)].sort().join('|')
    if (this.told.has(key)) return
    this.told.add(key)
    const edges = cycle.slice(1).map((c, i) => {
      const o = this.after.get(cycle[i]!)!.get(c)!
      return `${o.task} takes ${c} while it holds ${cycle[i]} (in ${o.where})`
    })
    t.m.problem('lock order', `${edges.join('; ')}; take them in one order everywhere`)
  }
}
