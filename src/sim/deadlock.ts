// Who waits for whom, when nothing can run any more and when one has waited for too long; and who runs without end.
import { DEAD, RUNNABLE, SLEEPING, type Task } from './task.ts'

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

const waits = (t: Task) => t.pending?.obj as (Waitable & { holders?: unknown }) | null
const holders = (t: Task): readonly Task[] => {
  const w = waits(t)
  return typeof w?.holders === 'function' ? w.holders(t) : []
}

/** What `t` waits for; and who holds it, if that one will never give it up. */
const wait = (t: Task): string => {
  const dead = holders(t).find(h => h.state === DEAD)
  return `${where(t)} waits for ${waits(t)?.name ?? t.pending?.kind.name}${dead ? `, held by ${dead.label}, which is dead` : ''}`
}

/** One line: whom `t` waits for, whom that one waits for, and so on. */
export function describeWait(t: Task): string {
  const path: Task[] = [t]
  const said: string[] = []
  for (;;) {
    const last = path[path.length - 1]!
    said.push(wait(last))
    const next = holders(last).find(h => !path.includes(h) && h.state !== DEAD)
    if (next === undefined) return said.join('; ')
    if (next.state !== SLEEPING) return `${said.join('; ')}, held by ${where(next)}`
    path.push(next)
  }
}

/** One line: the wait-for cycle if there is one, else every waiter and what it waits for. */
export function describeDeadlock(stuck: readonly Task[]): string {
  const next = (t: Task): Task | undefined => holders(t).find(h => stuck.includes(h))
  for (const start of stuck) {
    const path: Task[] = []
    let t: Task | undefined = start
    while (t !== undefined && !path.includes(t)) {
      path.push(t)
      t = next(t)
    }
    if (t === undefined) continue
    const cycle = path.slice(path.indexOf(t))
    const arrows = cycle.map(wait)
    return `wait-for cycle: ${arrows.join('; ')}; held by ${where(cycle[0]!)}`
  }
  return `no task can run: ${stuck.map(wait).join('; ')}`
}

/** Most tasks that are named. */
const NAMED = 4

/** One line: who could run on when an execution was cut short, and what each would do next. */
export function describeRunnable(tasks: readonly Task[]): string {
  const able = tasks.filter(t => t.state === RUNNABLE)
  const next = (t: Task): string => `${t.pending!.kind.name}${t.pending!.obj === null ? '' : ` ${t.pending!.obj.name}`}`
  const named = able.slice(0, NAMED).map(t => `${where(t)} is at ${next(t)}`)
  return `${named.join(', ')}${able.length > NAMED ? `, and ${able.length - NAMED} more` : ''}`
}
