// Who waits for whom, when nothing can run any more.
import type { Task } from './task.ts'

/** A lock or queue that can say who keeps its waiters waiting. */
export interface Waitable {
  readonly name: string
  /** Tasks that must act before this waiter gets on; empty when nobody in particular. */
  holders(waiter: Task): readonly Task[]
}

const where = (t: Task): string => {
  const fn = t.fn?.name
  return fn ? `${t.label} in ${fn}` : t.label
}

/** One line: the wait-for cycle if there is one, else every waiter and what it waits for. */
export function describeDeadlock(stuck: readonly Task[]): string {
  const waits = (t: Task) => t.pending?.obj as (Waitable & { holders?: unknown }) | null
  const next = (t: Task): Task | undefined => {
    const w = waits(t)
    return typeof w?.holders === 'function' ? w.holders(t).find(h => stuck.includes(h)) : undefined
  }
  for (const start of stuck) {
    const path: Task[] = []
    let t: Task | undefined = start
    while (t !== undefined && !path.includes(t)) {
      path.push(t)
      t = next(t)
    }
    if (t === undefined) continue
    const cycle = path.slice(path.indexOf(t))
    const arrows = cycle.map(x => `${where(x)} waits for ${waits(x)?.name}`)
    return `wait-for cycle: ${arrows.join('; ')}; held by ${where(cycle[0]!)}`
  }
  return `no task can run: ${stuck.map(t => `${where(t)} waits for ${waits(t)?.name ?? t.pending?.kind.name}`).join('; ')}`
}
