// The way from a host to the memory. Every access to device bytes goes through here and carries its cause; that is what the
// standing invariant of every world looks at: a kernel never reads or writes the memory for itself.
// The memory is coherent here: what one host stores, the next load of any host sees.
import type { DaxMemory } from '../devdax/index.ts'
import { ACCESS_READ, ACCESS_WRITE, Op, OpKind, roundDown, type Task } from '../sim/index.ts'

/**
 * Why device bytes are touched.
 * read, write: a user task in a system call; load, store: a user task through its own mapping; raw: a user task through a
 * mapping of the device node; tool: a device tool (mkfs on the bare device, daxctl).
 */
export type Cause = 'read' | 'write' | 'load' | 'store' | 'raw' | 'tool'

/** What the layer above hangs on Task.owner; the invariant needs only this. */
export interface Agent {
  /** The task has a user address space; a kernel thread has not. */
  readonly user: boolean
}

/** Cost of the way, ns and bytes per ns. */
export interface LinkCost {
  readonly latency: number
  readonly bytesPerNs: number
}

/** CXL memory behind one link: 300 ns to the first byte, 28 bytes per ns after it. */
export const DEFAULT_LINK: LinkCost = { latency: 300, bytesPerNs: 28 }

/** Grain in which a watch counts the bytes of a memory. */
const WATCHED_PAGE = 4096

interface Access {
  readonly buf: Uint8Array
  readonly cause: Cause
  readonly link: LinkCost
}

const checkCause = (t: Task, mem: DaxMemory, off: number, acc: Access): void => {
  const agent = t.owner as Agent | null
  if (agent?.user) return
  t.m.problem(
    'cause',
    `kernel task ${t.label} touches ${mem.name} at 0x${off.toString(16)} (said to be: ${acc.cause}); only user tasks and device tools may`,
  )
}

const pay = (t: Task, acc: Access): void => {
  t.now += acc.link.latency + ((acc.buf.length / acc.link.bytesPerNs) | 0)
}

/** An operation on a range of a memory: check the cause, pay for the way, move the bytes. Gives how many. */
const access = (
  name: string,
  kind: number,
  move: (t: Task, mem: DaxMemory, off: number, buf: Uint8Array) => void,
): OpKind =>
  new OpKind(name, kind, 0, false, (t, op: Op) => {
    const mem = op.obj as DaxMemory
    const acc = op.b as Access
    checkCause(t, mem, op.a, acc)
    pay(t, acc)
    move(t, mem, op.a, acc.buf)
    return acc.buf.length
  })
const READ = access('mem read', ACCESS_READ, (t, mem, off, buf) => {
  mem.memory.read(off, buf)
  t.m.journal.watch?.saw(buf, t)
})
const WRITE = access('mem write', ACCESS_WRITE, (t, mem, off, buf) => {
  const { watch } = t.m.journal
  if (watch !== null) eachPage(mem, off, buf.length, (page, bytes) => watch.remove(mem.id, bytes, page))
  mem.memory.write(off, buf)
  if (watch !== null) eachPage(mem, off, buf.length, (page, bytes) => watch.add(mem.id, bytes, page))
})

/** The pages a range lies in, as the watch counts them: number and bytes. */
function eachPage(mem: DaxMemory, off: number, length: number, f: (page: number, bytes: Uint8Array) => void): void {
  const bytes = new Uint8Array(WATCHED_PAGE)
  for (let at = roundDown(off, WATCHED_PAGE); at < off + length; at += WATCHED_PAGE) {
    mem.memory.read(at, bytes)
    f(at / WATCHED_PAGE, bytes)
  }
}

/** Copy from the memory at byte `off` into `buf`; gives the bytes copied. */
export const fabric_read = (
  mem: DaxMemory,
  off: number,
  buf: Uint8Array,
  cause: Cause,
  link = DEFAULT_LINK,
): Op<number> => new Op<number>(READ, mem, off, { buf, cause, link })

/** Copy `buf` to the memory at byte `off`; gives the bytes copied. */
export const fabric_write = (
  mem: DaxMemory,
  off: number,
  buf: Uint8Array,
  cause: Cause,
  link = DEFAULT_LINK,
): Op<number> => new Op<number>(WRITE, mem, off, { buf, cause, link })
