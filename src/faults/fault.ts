// A fault is trigger x action, as data: a scenario, a run file and a search can all hold one. Arming it fills the machine's
// hook points; nothing below this room knows of faults.
import type { DaxMemory } from '../devdax/index.ts'
import type { Kernel } from '../kernel/index.ts'
import { Cell, type Completion, complete, type Machine, type Step, UsageError } from '../sim/index.ts'
import type { Action, CrashHost } from './actions.ts'
import { checkRange, strike } from './memory.ts'

/** When: at a virtual time (ns after the applications start), or after the n-th event of a label. */
export type Trigger =
  | { readonly on: 'time'; readonly ns: number }
  | { readonly on: 'event'; readonly label: string; readonly nth: number }

export interface Fault {
  readonly trigger: Trigger
  readonly action: Action
}

/** At a virtual time, ns after the applications start. */
export const at = (ns: number): Trigger => ({ on: 'time', ns })
/** After the n-th event with this label, e.g. `FUSE_GET_FMAP sent`, `enter famfs_file_init_dax`. */
export const after = (label: string, o: { nth?: number } = {}): Trigger => ({ on: 'event', label, nth: o.nth ?? 1 })
/** What a fault acts on. */
export interface FaultTarget {
  readonly m: Machine
  memory(device: string): DaxMemory | undefined
  kernels(): readonly Kernel[]
}

/** An armed fault: `start` is called at the start of every execution. */
export interface Armed {
  readonly fault: Fault
  /** It does not happen while this is set. */
  leftOut: boolean
  /** Has it fired in this execution? */
  fired(): boolean
  start(t0: number): void
}

/** What firing a fault does: in the step of its trigger, or as a task of its own. `fired` is called once it has struck. */
type Effect =
  | { readonly name: string; readonly task: () => Step<void> }
  | { readonly name: string; readonly now: () => void }

function effect(w: FaultTarget, a: Action, done: Completion, fired: () => void): Effect {
  if (a.do === 'crash') return crash(w, a, done, fired)
  if (a.do === 'delay') return preempt(w, a.ns, done, fired)
  const named = 'hosts' in a ? a.hosts : undefined
  for (const h of named ?? []) hostOf(w, h)
  const hosts = w.kernels().filter(k => named === undefined || named.includes(k.name))
  if (a.do === 'fail allocation') {
    if (!Number.isSafeInteger(a.nth) || a.nth < 1)
      throw new UsageError(`fault: failAlloc: nth ${a.nth}: expected a whole number from 1`)
    const hit = (): void => {
      fired()
      if (!done.isDone()) done.complete()
    }
    const fail = hosts.map(k => k.heap.refusal(a.name ?? null, hit))
    const now = (): void => {
      for (const f of fail) f(a.nth)
    }
    return { name: a.do, now }
  }
  const mem = w.memory(a.device)
  if (mem === undefined) throw new UsageError(`fault: no device '${a.device}' in this world`)
  checkRange(a, mem)
  const task = function* (): Step<void> {
    fired()
    yield* strike(
      w,
      a,
      mem,
      hosts.filter(k => !k.crashed.peek()),
      done,
    )
  }
  return { name: `${a.do} ${a.device}`, task }
}

/** A host loses its power. */
function crash(w: FaultTarget, a: CrashHost, done: Completion, fired: () => void): Effect {
  const k = hostOf(w, a.host)
  const task = function* (): Step<void> {
    fired()
    k.crash()
    yield* complete(done)
  }
  return { name: `${a.do} ${a.host}`, task }
}

/** The running task is away for a while. Whoever waits for the fault goes on where it was. */
function preempt(w: FaultTarget, ns: number, done: Completion, fired: () => void): Effect {
  if (!Number.isSafeInteger(ns) || ns < 1)
    throw new UsageError(`fault: delay: ns ${ns}: expected a whole number from 1`)
  const now = (): void => {
    fired()
    done.complete()
    w.m.current!.now += ns
  }
  return { name: 'delay', now }
}

const hostOf = (w: FaultTarget, name: string): Kernel => {
  const k = w.kernels().find(h => h.name === name)
  if (k === undefined) throw new UsageError(`fault: no host '${name}' in this world`)
  return k
}

/**
 * Check a fault against a world and connect it; `done` completes when every host that is to learn of it has dealt with it.
 * Throws UsageError for a device, page or host that is not there.
 */
export function arm(w: FaultTarget, fault: Fault, done: Completion): Armed {
  const { trigger, action } = fault
  const fired = new Cell(w.m, 'fault fired', false)
  if (action.do === 'delay' && trigger.on === 'time')
    throw new UsageError('fault: delay: it is the task of an event that is delayed; expected after(label), not at(ns)')
  const e = effect(w, action, done, () => fired.poke(true))
  const spawn = (body: Step<void>, when?: number) => w.m.spawn(`fault/${e.name}`, body, { at: when })
  if (trigger.on === 'event') {
    const seen = new Cell(w.m, 'trigger count', 0)
    w.m.hooks.on(trigger.label, () => {
      if (armed.leftOut) return
      seen.poke(seen.peek() + 1)
      if (seen.peek() !== trigger.nth) return
      if ('now' in e) e.now()
      else spawn(e.task())
    })
  }
  const armed: Armed = {
    fault,
    leftOut: false,
    fired: () => fired.peek(),
    start: t0 => {
      if (trigger.on !== 'time' || armed.leftOut) return
      if ('task' in e) spawn(e.task(), t0 + trigger.ns)
      else if (trigger.ns === 0) e.now()
      else spawn(later(e.now), t0 + trigger.ns)
    },
  }
  return armed
}

function* later(now: () => void): Step<void> {
  now()
}
