// Why a load of the weak model saw an old value: which store it missed, what its task had seen of the storing task by then,
// and which barrier would have ordered the two. For reports; nothing here changes anything.
import { valueLabel } from './order.ts'
import { comesAfter, type Event, type Message, READ, type Thread } from './order-graph.ts'

/** A store of another task that `load` missed although its task had read something stored after it. */
interface Missed {
  readonly load: Event
  readonly store: Event
  /** The earlier load, and the later store it read. */
  readonly seenBy: Event
  readonly seen: Event
}

/** The latest such load of `t`, and its nearest witness; or the latest load that missed anything; or null. */
function latest(t: Thread): Missed | Event | null {
  let any: Event | null = null
  for (let i = t.evs.length - 1; i >= 0; i--) {
    const load = t.evs[i]!
    if (load.kind !== READ || load.behind === null) continue
    any ??= load
    const { list } = load.msg!.in
    const newer = list.slice(load.msg!.pos + 1, load.behind.pos + 1)
    for (let k = i - 1; k >= 0; k--) {
      const seenBy = t.evs[k]!
      const seen = seenBy.kind === READ ? (seenBy.msg!.ev ?? null) : null
      if (seen === null || seen.t === t) continue
      const at = seen.t.evs.indexOf(seen)
      const missed = newer.find(m => m.ev !== null && m.ev.t === seen.t && seen.t.evs.indexOf(m.ev) < at)
      if (missed !== undefined) return { load, store: missed.ev!, seenBy, seen }
    }
  }
  return any
}

const value = (m: Message): string => valueLabel(m.value)
const place = (e: Event): string => `${e.t.label} in ${e.where}`

/** Lines of a report: the store, the load, and what is missing between them; none when the task saw nothing old. */
export function whyOld(t: Thread): string[] {
  const found = latest(t)
  if (found === null) return []
  if (!('seenBy' in found)) {
    const { msg, behind } = found
    const by = behind!.ev === null ? '' : `, stored by ${place(behind!.ev)}`
    return [
      `${place(found)} loads ${msg!.in.of.name} and gets ${value(msg!)}; the newer ${value(behind!)}${by} is missed`,
      'nothing orders that store before this load: a lock on both sides, or smp_mb() between the accesses of each task',
    ]
  }
  const { load, store, seenBy, seen } = found
  const [x, flag] = [store.msg!.in.of.name, seen.msg!.in.of.name]
  const stores = comesAfter(seen, store)
  const loads = comesAfter(load, seenBy)
  const missing = [
    ...(stores ? [] : [`smp_wmb() between the two stores (or smp_store_release for ${flag})`]),
    ...(loads ? [] : [`smp_rmb() between the two loads (or smp_load_acquire for ${flag})`]),
  ]
  const there = [...(stores ? ['the stores are ordered'] : []), ...(loads ? ['the loads are ordered'] : [])]
  return [
    `store: ${place(store)} stores ${x} = ${value(store.msg!)}, then ${flag} = ${value(seen.msg!)} (in ${seen.where})`,
    `load: ${place(seenBy)} loads ${flag} = ${value(seenBy.msg!)}, then ${x} = ${value(load.msg!)}, the old one (in ${load.where})`,
    `missing: ${missing.length === 0 ? 'smp_mb() in one of the tasks in between' : missing.join('; ')}${there.length === 0 ? '' : `; ${there.join(', ')} already`}`,
  ]
}
