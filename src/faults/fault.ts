// A fault is trigger x action, as data: a scenario, a run file and a search can all hold one. Arming it fills the machine's
// hook points; nothing below this room knows of faults.
import type { DaxMemory } from '../devdax/index.ts'
import { type Kernel, memory_failure } from '../kernel/index.ts'
import { Cell, type Completion, complete, type Machine, roundDown, type Step, UsageError } from '../sim/index.ts'

/** When: at a virtual time (ns after the applications start), or after the n-th event of a label. */
export type Trigger =
  | { readonly on: 'time'; readonly ns: number }
  | { readonly on: 'event'; readonly label: string; readonly nth: number }

/** What: a page of a memory goes bad and these hosts learn of it (default: all). Offset in bytes of the device. */
export type Action = {
  readonly do: 'poison'
  readonly device: string
  readonly offset: number
  readonly hosts?: readonly string[]
}

export interface Fault {
  readonly trigger: Trigger
  readonly action: Action
}

/** At a virtual time, ns after the applications start. */
export const at = (ns: number): Trigger => ({ on: 'time', ns })
/** After the n-th event with this label, e.g. `FUSE_GET_FMAP sent`, `enter famfs_file_init_dax`. */
export const after = (label: string, o: { nth?: number } = {}): Trigger => ({ on: 'event', label, nth: o.nth ?? 1 })
/** Poison the 4 KiB page at a byte offset of a device. */
export const poison = (device: string, offset: number, o: { hosts?: readonly string[] } = {}): Action => ({
  do: 'poison',
  device,
  offset,
  hosts: o.hosts,
})

/** What a fault acts on. */
export interface FaultTarget {
  readonly m: Machine
  memory(device: string): DaxMemory | undefined
  kernels(): readonly Kernel[]
}

const PAGE_SIZE = 4096

/** The bad page, then each host's own memory_failure() in a kernel thread of it. */
function* act(w: FaultTarget, a: Action, mem: DaxMemory, done: Completion): Step<void> {
  const page = roundDown(a.offset, PAGE_SIZE)
  mem.poison.add(page / PAGE_SIZE)
  const told = w.kernels().filter(k => a.hosts === undefined || a.hosts.includes(k.name))
  const left = new Cell(w.m, 'hosts that do not know yet', told.length)
  if (told.length === 0) yield* complete(done)
  for (const k of told)
    k.kthread('memory_failure', function* () {
      yield* memory_failure(k, mem, page)
      left.poke(left.peek() - 1)
      if (left.peek() === 0) yield* complete(done)
    })
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

/**
 * Check a fault against a world and connect it; `done` completes when every host that is to learn of it has dealt with it.
 * Throws UsageError for a device or page that is not there.
 */
export function arm(w: FaultTarget, fault: Fault, done: Completion): Armed {
  const { trigger, action } = fault
  const mem = w.memory(action.device)
  if (mem === undefined) throw new UsageError(`fault: no device '${action.device}' in this world`)
  if (!(action.offset >= 0 && action.offset < mem.size))
    throw new UsageError(`fault: offset ${action.offset} is outside ${action.device} (${mem.size} bytes)`)
  for (const h of action.hosts ?? [])
    if (!w.kernels().some(k => k.name === h)) throw new UsageError(`fault: no host '${h}' in this world`)
  const fired = new Cell(w.m, 'fault fired', false)
  const name = `fault/${action.do} ${action.device}`
  const fire = (when?: number) => {
    w.m.spawn(name, fireOnce(fired, act(w, action, mem, done)), { at: when })
  }
  if (trigger.on === 'event') {
    const seen = new Cell(w.m, 'trigger count', 0)
    w.m.hooks.on(trigger.label, () => {
      if (armed.leftOut) return
      seen.poke(seen.peek() + 1)
      if (seen.peek() === trigger.nth) fire()
    })
  }
  const armed: Armed = {
    fault,
    leftOut: false,
    fired: () => fired.peek(),
    start: t0 => {
      if (trigger.on === 'time' && !armed.leftOut) fire(t0 + trigger.ns)
    },
  }
  return armed
}

function* fireOnce(fired: Cell<boolean>, body: Step<void>): Step<void> {
  fired.poke(true)
  yield* body
}
