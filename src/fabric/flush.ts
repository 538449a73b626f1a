// The instructions that move cache lines (Intel's names), each for a range of lines of one memory: from the line that holds the
// first byte to the one that holds the last. CLWB and CLFLUSHOPT are weakly ordered: what they ask for is in flight until the
// task's SFENCE, and may land before (chance.ts). CLFLUSH waits. There is no way to drop a dirty line without writing it back.
import type { DaxMemory } from '../devdax/index.ts'
import { ACCESS_NONE, ACCESS_WRITE, max, Op, OpKind, type Task, trunc } from '../sim/index.ts'
import { type Cause, checkCause } from './cause.ts'
import { chance } from './chance.ts'
import { FLUSH } from './costs.ts'
import { type Flight, land, type Port } from './fabric.ts'
import { dirtyOf, LINE, type Lines, type Page, validOf } from './lines.ts'
import { type Agent, portOf } from './port.ts'

interface Range {
  readonly len: number
  readonly cause: Cause
}

const linesIn = (off: number, len: number): number => trunc((off + len - 1) / LINE) - trunc(off / LINE) + 1

type Each = (port: Port, lines: Lines, no: number, page: Page, lo: number, hi: number) => void

/** An instruction for each line of a range: `begin` gives what to do with those of a page that are in the cache. Gives the length. */
const instruction = (name: string, begin: (t: Task, port: Port) => { each: Each; end: () => void }): OpKind =>
  new OpKind(name, ACCESS_WRITE, 0, true, (t, op: Op) => {
    const mem = op.obj as DaxMemory
    const { len, cause } = op.b as Range
    checkCause(t, (t.owner as Agent | null)?.user === true, mem, op.a, cause)
    if (len > 0) t.now += trunc(linesIn(op.a, len) * FLUSH)
    const port = portOf(t, mem)
    if (port === null || port.lines === null) return len
    const { lines } = port
    const { each, end } = begin(t, port)
    lines.within(op.a, len, (no, page, lo, hi) => each(port, lines, no, page, lo, hi))
    end()
    return len
  })

/** What is in flight from now on: those lines that `of` a page gives. */
const weakly = (drop: boolean, of: (p: Page) => readonly [number, number]) => (t: Task, port: Port) => {
  const flights: Flight[] = []
  const each: Each = (_port, _lines, no, page, lo, hi) => {
    const [a, b] = of(page)
    if (((lo & a) | (hi & b)) !== 0) flights.push({ task: t, port, no, lo: lo & a, hi: hi & b, drop })
  }
  return { each, end: () => port.device.fly(flights) }
}

const CLWB = instruction('clwb', weakly(false, dirtyOf))
const CLFLUSHOPT = instruction('clflushopt', weakly(true, validOf))
const CLFLUSH = instruction('clflush', (t, port) => {
  let written = 0
  return {
    each: (_port, lines, no, page, lo, hi) => {
      if (port.device.restless) chance(t, port, [{ no, lo, hi }], 'landing')
      written += lines.drop(no, page, lo, hi)
    },
    end: () => {
      if (written > 0) t.now = max(t.now, port.settled(t.now, written))
    },
  }
})

/** All that the task asked for lands, in its order; it goes on when it has. */
const SFENCE = new OpKind('sfence', ACCESS_NONE, 5, true, t => {
  const fabric = (t.owner as Agent | null)?.fabric?.fabric
  if (fabric === undefined) return
  for (const device of fabric.devices) {
    const mine = device.flights.filter(f => f.task === t)
    if (mine.length === 0) continue
    t.m.journal.watch?.touch(device.memory, true)
    let written = 0
    for (const f of mine) {
      chance(t, f.port, [f], 'landing')
      written += land(f, f.lo, f.hi)
    }
    device.landed(mine)
    if (written > 0) t.now = max(t.now, mine[0]!.port.settled(t.now, written))
  }
})

const range = (kind: OpKind, mem: DaxMemory, off: number, len: number, cause: Cause): Op<number> =>
  new Op<number>(kind, mem, off, { len, cause })

/** Write dirty lines back; they stay, clean. Complete at the task's next `fabric_sfence`. */
export const fabric_clwb = (mem: DaxMemory, off: number, len: number, cause: Cause): Op<number> =>
  range(CLWB, mem, off, len, cause)
/** Write dirty lines back and drop all. Complete at the task's next `fabric_sfence`. */
export const fabric_clflushopt = (mem: DaxMemory, off: number, len: number, cause: Cause): Op<number> =>
  range(CLFLUSHOPT, mem, off, len, cause)
/** The same, complete when it returns. */
export const fabric_clflush = (mem: DaxMemory, off: number, len: number, cause: Cause): Op<number> =>
  range(CLFLUSH, mem, off, len, cause)
export const fabric_sfence = (): Op<void> => new Op<void>(SFENCE, null)
