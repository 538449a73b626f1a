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
interface Poison {
  readonly do: 'poison'
  readonly device: string
  readonly offset: number
  readonly hosts?: readonly string[]
}
/** What: the n-th allocation from then on (of this name, on these hosts) fails, on each host by its own count. */
interface FailAlloc {
  readonly do: 'fail allocation'
  readonly nth: number
  readonly name?: string
  readonly hosts?: readonly string[]
}
export type Action = Poison | FailAlloc

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

/** Let the n-th allocation of kernel memory fail: the first unless told otherwise, of any name unless one is given. */
export const failAlloc = (o: { nth?: number; name?: string; hosts?: readonly string[] } = {}): Action => ({
  do: 'fail allocation',
  nth: o.nth ?? 1,
  name: o.name,
  hosts: o.hosts,
})
/** An action in a few words. */
export const actionText = (a: Action): string =>
  a.do === 'poison'
    ? `poison of ${a.device}`
    : `failing allocation ${a.nth}${a.name === undefined ? '' : ` of ${a.name}`}`

/** What a fault acts on. */
export interface FaultTarget {
  readonly m: Machine
  memory(device: string): DaxMemory | undefined
  kernels(): readonly Kernel[]
}

const PAGE_SIZE = 4096

/** The bad page, then each host's own memory_failure() in a kernel thread of it. */
function* poisonPage(w: FaultTarget, a: Poison, mem: DaxMemory, told: readonly Kernel[], done: Completion): Step<void> {
  const page = roundDown(a.offset, PAGE_SIZE)
  mem.poison.add(page / PAGE_SIZE)
  const left = new Cell(w.m, 'hosts that do not know yet', told.length)
  if (told.length === 0) yield* complete(done)
  for (const k of told)
    k.kthread('memory_failure', function* () {
      yield* memory_failure(k, mem, page, 0)
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

/** What firing a fault does: in the step of its trigger, or as a task of its own. `fired` is called once it has struck. */
type Effect =
  | { readonly name: string; readonly task: () => Step<void> }
  | { readonly name: string; readonly now: () => void }

function effect(w: FaultTarget, a: Action, done: Completion, fired: () => void): Effect {
  for (const h of a.hosts ?? [])
    if (!w.kernels().some(k => k.name === h)) throw new UsageError(`fault: no host '${h}' in this world`)
  const hosts = w.kernels().filter(k => a.hosts === undefined || a.hosts.includes(k.name))
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
  if (!(a.offset >= 0 && a.offset < mem.size))
    throw new UsageError(`fault: offset ${a.offset} is outside ${a.device} (${mem.size} bytes)`)
  const task = function* (): Step<void> {
    fired()
    yield* poisonPage(w, a, mem, hosts, done)
  }
  return { name: `${a.do} ${a.device}`, task }
}

/**
 * Check a fault against a world and connect it; `done` completes when every host that is to learn of it has dealt with it.
 * Throws UsageError for a device, page or host that is not there.
 */
export function arm(w: FaultTarget, fault: Fault, done: Completion): Armed {
  const { trigger, action } = fault
  const fired = new Cell(w.m, 'fault fired', false)
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
