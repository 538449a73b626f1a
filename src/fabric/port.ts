// The operations on device bytes: loads and stores. Who may import the room reaches the memory by these and by those of flush.ts.
import type { DaxMemory } from '../devdax/index.ts'
import { ACCESS_NONE, ACCESS_READ, ACCESS_WRITE, Op, OpKind, type Task, trunc } from '../sim/index.ts'
import { type Cause, checkCause } from './cause.ts'
import { chance } from './chance.ts'
import { DEVICE, LINK, LOCAL } from './costs.ts'
import { changing, type FabricHost, type Port } from './fabric.ts'
import { pagesOf } from './lines.ts'

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
  if (port === null) {
    mem.memory.read(op.a, buf)
    t.now += bare(buf.length)
  } else {
    if (port.device.restless) chance(t, port, pagesOf(op.a, buf.length), 'load')
    port.read(t, op.a, buf, cause)
  }
  t.m.journal.watch?.saw(buf, t)
  return buf.length
})
const WRITE = new OpKind('mem write', ACCESS_WRITE, 0, false, (t, op: Op) => {
  const mem = op.obj as DaxMemory
  const { buf, cause } = op.b as Access
  checkCause(t, (t.owner as Agent | null)?.user === true, mem, op.a, cause)
  const port = portOf(t, mem)
  if (port === null) {
    changing(t.m.journal, mem, op.a, buf.length, () => mem.memory.write(op.a, buf))
    t.now += bare(buf.length)
  } else {
    if (port.device.restless) chance(t, port, pagesOf(op.a, buf.length), 'store')
    port.write(t, op.a, buf, cause)
  }
  return buf.length
})

/** Copy from the memory at byte `off` into `buf`; gives the bytes copied. */
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
