// Coverage marks: named places in functions of the model, declared as data, and how often a search came by. A mark of a
// function that was entered, and that was never hit, is a path the search says nothing about. Off (null in the machine) it
// costs a test at the mark and one a call. State: counts of a whole search; a rewind does not take them back.
import type { FnInfo } from './kfn.ts'

/** Names of the marks in each function, by the function's name. */
export type MarkTable = Readonly<Record<string, readonly string[]>>

export interface MarkCount {
  readonly fn: string
  readonly mark: string
  readonly hits: number
  /** The function was called at least once. */
  readonly entered: boolean
}

export class Marks {
  private readonly fns = new Map<string, { entered: boolean; readonly hits: Map<string, number> }>()
  constructor(table: MarkTable) {
    for (const [fn, marks] of Object.entries(table))
      this.fns.set(fn, { entered: false, hits: new Map(marks.map(m => [m, 0])) })
  }
  /** A task calls a function. */
  enter(fn: FnInfo): void {
    const f = this.fns.get(fn.name)
    if (f !== undefined) f.entered = true
  }
  hit(fn: string, mark: string): void {
    const { hits } = this.fns.get(fn)!
    hits.set(mark, hits.get(mark)! + 1)
  }
  /** All of them, in the order of the table. */
  counts(): MarkCount[] {
    return [...this.fns].flatMap(([fn, { entered, hits }]) =>
      [...hits].map(([mark, n]) => ({ fn, mark, hits: n, entered })),
    )
  }
}
