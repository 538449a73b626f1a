// What is load-bearing: weaken one lock, barrier, exchange or check at a time, search, and say which weakening something
// noticed. A site is a kind of operation on a named object in a named function; all its occurrences are weakened together.
import type { Chooser, Machine, Op, Problem, Task, Verdict } from '../sim/index.ts'
import { type Fewer, fewer } from './fewer.ts'
import { type Deviation, Tape } from './tape.ts'

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
  /** Decisions other than the default that are enough to notice it, as few as a short search for fewer found. */
  readonly deviations: readonly Deviation[]
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

/** What a check sees when it is gone: nothing was ever set. Undefined: it is no check (it reads a name...). */
function nothing(v: unknown): unknown {
  if (typeof v === 'boolean') return false
  if (typeof v === 'number') return 0
  return v === null || typeof v === 'object' ? null : undefined
}

/** A site, and what its load saw: nothing, something, numbers. */
interface Met {
  readonly site: Site
  nothing: boolean
  something: boolean
  number: boolean
}

/**
 * Every site met in a few executions. A load is a check when it ever saw a flag set or a pointer; one of a number when it
 * saw 0 too, so that it may be a flag.
 */
export function sites(s: Subject, chooser: Chooser, executions: number): Site[] {
  const met = new Map<string, Met>()
  s.m.instead = (t, op) => {
    const kind = kindOf(op)
    const r = op.kind.exec(t, op)
    if (kind === null) return r
    const site = siteOf(kind, t, op)
    let x = met.get(key(site))
    if (x === undefined) {
      x = { site, nothing: false, something: false, number: false }
      met.set(key(site), x)
    }
    if (kind !== 'check') return r
    const n = nothing(r)
    if (n === r) x.nothing = true
    else if (n !== undefined) x.something = true
    if (typeof r === 'number') x.number = true
    return r
  }
  try {
    for (let i = 0; i < executions; i++) s.execute(chooser)
  } finally {
    s.m.instead = null
  }
  const order: SiteKind[] = ['lock', 'exchange', 'barrier', 'check']
  const found = [...met.values()].filter(x => x.site.kind !== 'check' || (x.something && (x.nothing || !x.number)))
  return found
    .map(x => x.site)
    .sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || (key(a) < key(b) ? -1 : 1))
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
    // A whole section in one step: nobody sees that the lock is not there, but for the race detector.
    if (kind === 'lock' && typeof op.a === 'function') return op.a()
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

/** Executions that look for fewer deviations. */
const FEWER = 200

/**
 * Weaken one site (null: none) and search, until something is noticed or so many executions are made; of what a weakening
 * brought about, then fewer deviations that have the same kind of problem.
 */
export function tryWithout(s: Subject, site: Site | null, chooser: Chooser, executions: number): Finding {
  const { guards } = s.m
  s.m.instead = site === null ? null : weakened(site)
  // That a lock is not taken is what is tried; what comes of it is asked for.
  if (site?.kind === 'lock') s.m.guards = false
  const tape = new Tape(s.m, chooser)
  try {
    for (let made = 1; made <= executions; made++) {
      const r = execute(s, tape)
      if (r.verdict === 'held') continue
      const deviations = site === null ? [...tape.deviations] : fewest(s, [...tape.deviations], r)
      return { site, problem: r.problem, verdict: r.verdict, executions: made, deviations }
    }
  } finally {
    s.m.instead = null
    s.m.guards = guards
  }
  return { site, problem: null, verdict: 'held', executions, deviations: [] }
}

interface Outcome {
  readonly verdict: Verdict
  readonly problem: Problem | null
}

function execute(s: Subject, c: Chooser): Outcome {
  try {
    const r = s.execute(c)
    return { verdict: r.verdict, problem: r.problems[0] ?? null }
  } catch (e) {
    // The model tripped over its own state: something noticed.
    const text = e instanceof Error ? e.message : String(e)
    return { verdict: 'failed', problem: { kind: 'crash', text, task: '-', backtrace: [] } }
  }
}

class Enough extends Error {}

/** Fewer of the deviations that have the same kind of problem. */
function fewest(s: Subject, all: readonly Deviation[], found: Outcome): readonly Deviation[] {
  let left = FEWER
  const f: Fewer = {
    m: s.m,
    deviations: all,
    fails: c => {
      if (left-- === 0) throw new Enough()
      const r = execute(s, c)
      return r.verdict !== 'held' && r.problem?.kind === found.problem?.kind
    },
  }
  try {
    fewer(f)
  } catch (e) {
    if (!(e instanceof Enough)) throw e
  }
  return f.deviations
}
