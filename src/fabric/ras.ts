// Lines that are lost and ways that time out (reliability, availability, serviceability): what of an access still comes in or gets
// out. Asked only when anything is wrong with a memory; the rest is one test. A line in a cache does not come from the memory.
import { type DaxMemory, POISON_LINE } from '../devdax/index.ts'
import { ACCESS_WRITE, max, min, Op, OpKind, roundDown, roundUp, type Task } from '../sim/index.ts'
import { changing, type Port } from './fabric.ts'

/** Is anything wrong with this memory? */
export const troubled = (mem: DaxMemory): boolean => mem.poison.any || mem.timeouts.size > 0

/** How long an access over this way waits before it fails, ns; undefined: it does not. */
const timeout = (mem: DaxMemory, port: Port | null): number | undefined =>
  port === null ? undefined : mem.timeouts.get(port.host.name)

/** The first byte of a range that would have to come from the memory and does not, or -1. */
const missing = (mem: DaxMemory, port: Port | null, from: number, end: number): number => {
  const slow = timeout(mem, port) !== undefined
  for (let at = from; at < end; ) {
    const bad = slow ? at : mem.poison.first(at, end - at)
    if (bad < 0) return -1
    if (port === null || !port.covers(bad)) return bad
    at = roundDown(bad, POISON_LINE) + POISON_LINE
  }
  return -1
}

/** A load: how many bytes come in before the first that does not. Fewer than `len` is a machine check on this host. */
export function arriving(t: Task, mem: DaxMemory, port: Port | null, off: number, len: number): number {
  const bad = missing(mem, port, off, off + len)
  if (bad < 0) return len
  t.now += timeout(mem, port) ?? 0
  return bad - off
}

/**
 * A store: what of it means anything, as first byte and end. Of a lost line that it covers in part the rest is still lost, and
 * with it the part; a store waits for nothing, so nobody notices. A line that it covers whole needs not come in.
 */
export function landing(t: Task, mem: DaxMemory, port: Port | null, off: number, len: number): [number, number] {
  let from = off
  let to = off + len
  const gone = (at: number): boolean => missing(mem, port, at, at + 1) >= 0
  if (from % POISON_LINE !== 0 && gone(from)) from = min(to, roundUp(from, POISON_LINE))
  if (to % POISON_LINE !== 0 && from < to && gone(to - 1)) to = max(from, roundDown(to, POISON_LINE))
  if (to - from < len) t.now += timeout(mem, port) ?? 0
  return [from, to]
}

/** What the device does when it is told to clear poison: every lost line of a range is sound again and holds zeros. */
const CLEAR = new OpKind('clear poison', ACCESS_WRITE, 0, false, (t, op: Op) => {
  const mem = op.obj as DaxMemory
  const [from, to] = [op.a as number, op.b as number]
  for (const { off, len } of mem.poison.ranges()) {
    const start = max(off, from)
    const end = min(off + len, to)
    if (start >= end) continue
    for (const [at, n] of mem.memory.used(start, end - start))
      changing(t.m.journal, mem, at, n, () => mem.memory.fill(at, n, 0))
  }
  mem.poison.clearRange(from, to - from)
})

/** Clear what is poisoned in `len` bytes at `off`, whole lines of it. Caches keep what they have. */
export const clear_poison = (mem: DaxMemory, off: number, len: number): Op<void> =>
  new Op<void>(CLEAR, mem, roundDown(off, POISON_LINE), roundUp(off + len, POISON_LINE))

const LOSE = new OpKind('power loss', ACCESS_WRITE, 0, false, (_t, op: Op) => {
  const mem = op.obj as DaxMemory
  mem.poison.addRange(0, mem.size)
})

/** The memory was without power: every line of it is lost until it is written whole or cleared. Caches keep what they have. */
export const lose_contents = (mem: DaxMemory): Op<void> => new Op<void>(LOSE, mem)
