// What is load-bearing: weaken one lock, barrier, exchange or check at a time, search, and say which weakening something
// noticed. A site is a kind of operation on a named object in a named function; all its occurrences are weakened together.
import type { Chooser, Machine, Op, Problem, Task, Verdict } from '../sim/index.ts'

export type SiteKind = 'lock' | 'barrier' | 'exchange' | 'check'

/** A place that can be weakened. */
export interface Site {
  readonly kind: SiteKind
  /** Function it stands in, as the kernel names it. */
  readonly fn: string
  /** Operation and object, e.g. `down_write fc->famfs_devlist_sem`. */
  readonly what: string
}

/** What became of one weakening. */
export interface Finding {
  /** Null: nothing was weakened. */
  readonly site: Site | null
  /** Null: nothing noticed within the budget. */
  readonly problem: Problem | null
  readonly verdict: Verdict
  /** Executions until it was noticed, or all that were tried. */
  readonly executions: number
}

/** One execution of the thing under test, from its start. */
export interface Subject {
  readonly m: Machine
  execute(chooser: Chooser): { readonly verdict: Verdict; readonly problems: readonly Problem[] }
}

/** Operations that can be weakened, and how each is done when it is. */
const LOCKS = new Set([
  'mutex_lock',
  'mutex_lock_killable',
  'mutex_lock_interruptible',
  'spin_lock',
  'down_read',
  'down_read_killable',
  'down_write',
  'down_write_killable',
])
const UNLOCKS = new Set(['mutex_unlock', 'spin_unlock', 'up_read', 'up_write', 'downgrade_write'])
const BARRIERS = new Set(['smp_wmb', 'smp_rmb', 'smp_mb'])
const CHECKS = new Set(['load', 'READ_ONCE', 'smp_load_acquire'])

const kindOf = (op: Op): SiteKind | null => {
  const { name } = op.kind
  if (LOCKS.has(name)) return 'lock'
  if (BARRIERS.has(name)) return 'barrier'
  if (name === 'cmpxchg') return 'exchange'
  return CHECKS.has(name) ? 'check' : null
}

const siteOf = (kind: SiteKind, t: Task, op: Op): Site => ({
  kind,
  fn: t.fn?.name ?? t.label,
  what: op.obj === null ? op.kind.name : `${op.kind.name} ${op.obj.name}`,
})

const key = (s: Site): string => `${s.fn}: ${s.what}`

/** What a check sees when it is gone: nothing was ever set. Undefined: it is no check (it reads a number, a name...). */
const nothing = (v: unknown): unknown =>
  typeof v === 'boolean' ? false : v === null || typeof v === 'object' ? null : undefined

/** Every site met in a few executions. Loads count when they ever saw a flag set or a pointer. */
export function sites(s: Subject, choosers: readonly Chooser[]): Site[] {
  const met = new Map<string, Site>()
  s.m.instead = (t, op) => {
    const kind = kindOf(op)
    const r = op.kind.exec(t, op)
    if (kind !== null && (kind !== 'check' || (nothing(r) !== undefined && r !== null && r !== false))) {
      const site = siteOf(kind, t, op)
      met.set(key(site), site)
    }
    return r
  }
  try {
    for (const c of choosers) s.execute(c)
  } finally {
    s.m.instead = null
  }
  const order: SiteKind[] = ['lock', 'exchange', 'barrier', 'check']
  return [...met.values()].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || (key(a) < key(b) ? -1 : 1))
}

/** Carry out operations with one site weakened. */
const weakened =
  (site: Site) =>
  (t: Task, op: Op): any => {
    // The unlock that belongs to a lock that was not taken.
    if (site.kind === 'lock' && UNLOCKS.has(op.kind.name) && op.obj !== null && !t.held.includes(op.obj))
      return undefined
    const kind = kindOf(op)
    if (kind !== site.kind || key(siteOf(kind, t, op)) !== key(site)) return op.kind.exec(t, op)
    if (kind === 'exchange') {
      // A plain store that believes it won.
      const c = op.obj as unknown as { poke(v: unknown): void }
      c.poke(op.b)
      return op.a
    }
    if (kind === 'check') {
      const r = op.kind.exec(t, op)
      const n = nothing(r)
      return n === undefined ? r : n
    }
    return kind === 'lock' ? 0 : undefined // not taken, but who asked thinks so; a barrier that is not there
  }

/** Weaken one site (null: none) and search: `choosers` are tried in order until something is noticed. */
export function tryWithout(s: Subject, site: Site | null, choosers: Iterable<Chooser>): Finding {
  const { guards } = s.m
  s.m.instead = site === null ? null : weakened(site)
  // That a lock is not taken is what is tried; what comes of it is asked for.
  if (site?.kind === 'lock') s.m.guards = false
  let executions = 0
  try {
    for (const c of choosers) {
      executions++
      let r: ReturnType<Subject['execute']>
      try {
        r = s.execute(c)
      } catch (e) {
        // The model tripped over its own state: something noticed.
        const text = e instanceof Error ? e.message : String(e)
        const problem = { kind: 'crash', text, task: '-', backtrace: [] }
        return { site, problem, verdict: 'failed', executions }
      }
      if (r.verdict !== 'held') return { site, problem: r.problems[0] ?? null, verdict: r.verdict, executions }
    }
  } finally {
    s.m.instead = null
    s.m.guards = guards
  }
  return { site, problem: null, verdict: 'held', executions }
}
