// The operations on device bytes: loads and stores. Who may import the room reaches the memory by these and by those of flush.ts.
import type { DaxMemory } from '../devdax/index.ts'
import { ACCESS_NONE, ACCESS_READ, ACCESS_WRITE, Op, OpKind, type Task, trunc } from '../sim/index.ts'
import { type Cause, checkCause } from './cause.ts'
import { chance } from './chance.ts'
import { DEVICE, LINK, LOCAL } from './costs.ts'
import { changing, type FabricHost, type Port } from './fabric.ts'
import { healed } from './heal.ts'
import { pagesOf } from './lines.ts'
import { arriving, landing, troubled } from './ras.ts'

/** What the layer above hangs on Task.owner; the fabric needs only this. */
export interface Agent {
  /** The task has a user address space; a kernel thread has not. */
  readonly user: boolean
  /** What its host has of the fabric. Without one it reaches the memory itself, as with caches off. */
  readonly fabric?: FabricHost | null
}

interface Access {
  readonly buf: Uint8Array
  readonly cause: Cause
}

/** The way that `t` has to a memory. */
export const portOf = (t: Task, mem: DaxMemory): Port | null => (t.owner as Agent | null)?.fabric?.port(mem) ?? null

const bare = (bytes: number): number => trunc(LINK.latency + DEVICE.latency + bytes / LINK.bytesPerNs)

/** An operation on a range of a memory: check the cause, move the bytes, pay for the way. Gives how many. */
const READ = new OpKind('mem read', ACCESS_READ, 0, false, (t, op: Op) => {
  const mem = op.obj as DaxMemory
  const { buf, cause } = op.b as Access
  checkCause(t, (t.owner as Agent | null)?.user === true, mem, op.a, cause)
  const port = portOf(t, mem)
  if (port?.device.restless) chance(t, port, pagesOf(op.a, buf.length), 'load')
  const n = troubled(mem) ? arriving(t, mem, port, op.a, buf.length) : buf.length
  const got = n === buf.length ? buf : buf.subarray(0, n)
  if (port === null) {
    mem.memory.read(op.a, got)
    t.now += bare(n)
  } else port.read(t, op.a, got, cause)
  t.m.journal.watch?.saw(got, t)
  return n
})
const WRITE = new OpKind('mem write', ACCESS_WRITE, 0, false, (t, op: Op) => {
  const mem = op.obj as DaxMemory
  const { buf, cause } = op.b as Access
  checkCause(t, (t.owner as Agent | null)?.user === true, mem, op.a, cause)
  const port = portOf(t, mem)
  if (port?.device.restless) chance(t, port, pagesOf(op.a, buf.length), 'store')
  if (troubled(mem)) {
    const [from, to] = landing(t, mem, port, op.a, buf.length)
    store(t, mem, port, from, buf.subarray(from - op.a, to - op.a), cause)
  } else store(t, mem, port, op.a, buf, cause)
  return buf.length
})
const store = (t: Task, mem: DaxMemory, port: Port | null, off: number, src: Uint8Array, cause: Cause): void => {
  if (port !== null) {
    port.write(t, off, src, cause)
    return
  }
  changing(t.m.journal, mem, off, src.length, () => mem.memory.write(off, src))
  if (mem.poison.any) healed(mem, off, src.length)
  t.now += bare(src.length)
}

/** Copy from the memory at byte `off` into `buf`; gives the bytes copied: fewer is a machine check at the next. */
export const fabric_read = (mem: DaxMemory, off: number, buf: Uint8Array, cause: Cause): Op<number> =>
  new Op<number>(READ, mem, off, { buf, cause })

/** Copy `buf` to the memory at byte `off`; gives the bytes copied. */
export const fabric_write = (mem: DaxMemory, off: number, buf: Uint8Array, cause: Cause): Op<number> =>
  new Op<number>(WRITE, mem, off, { buf, cause })

const LOCAL_ACCESS = new OpKind('local mem', ACCESS_NONE, 0, false, (t, op: Op) => {
  t.now += trunc(LOCAL.latency + op.a / LOCAL.bytesPerNs)
})
/** The time that `bytes` in the host's own memory take. What lies there is nobody's business but the caller's. */
export const local_access = (bytes: number): Op<void> => new Op<void>(LOCAL_ACCESS, null, bytes)
