// Views of the weak model: for each cell, the newest store (in coherence order) that is known to have reached somebody.
// A View never changes once made, so that messages share them; Known is the growing one of a task, journaled.
import type { Journal, Undoable } from './journal.ts'
import type { History, Message } from './order-graph.ts'

export class View {
  readonly of: ReadonlyMap<History, Message>
  constructor(of: ReadonlyMap<History, Message>) {
    this.of = of
  }
  /** Position in coherence order of the newest store to `h` in here; 0 (what was there before the run) when there is none. */
  at(h: History): number {
    return this.of.get(h)?.pos ?? 0
  }
}

export const EMPTY = new View(new Map())

/** What is in either. */
export function join(a: View, b: View): View {
  if (a === b || b.of.size === 0) return a
  if (a.of.size === 0) return b
  let out: Map<History, Message> | null = null
  for (const [h, m] of b.of) {
    const old = a.of.get(h)
    if (old !== undefined && old.pos >= m.pos) continue
    out ??= new Map(a.of)
    out.set(h, m)
  }
  return out === null ? a : new View(out)
}

/** A view that grows with what a task does. */
export class Known implements Undoable {
  private readonly of = new Map<History, Message>()
  /** The same as a View, until it grows again. */
  private shot: View | null = EMPTY
  private readonly j: Journal
  constructor(j: Journal) {
    this.j = j
  }
  add(m: Message): void {
    const old = this.of.get(m.in)
    if (old !== undefined && old.pos >= m.pos) return
    this.j.push(this, m.in, old)
    this.of.set(m.in, m)
    this.shot = null
  }
  join(v: View): void {
    if (v === this.shot) return
    for (const m of v.of.values()) this.add(m)
  }
  undo(h: History, old: Message | undefined): void {
    if (old === undefined) this.of.delete(h)
    else this.of.set(h, old)
    this.shot = null
  }
  view(): View {
    this.shot ??= new View(new Map(this.of))
    return this.shot
  }
}
