// Why device bytes are touched. Every access carries its cause; a write-back that of the store that dirtied the line. The
// standing invariant of every world looks at it: a kernel never reads or writes the memory for itself.
import type { DaxMemory } from '../devdax/index.ts'
import type { Task } from '../sim/index.ts'

/**
 * read, write: a user task in a system call; load, store: a user task through its own mapping; raw: a user task through a
 * mapping of the device node; tool: a device tool (mkfs on the bare device, daxctl).
 */
export const CAUSES = ['read', 'write', 'load', 'store', 'raw', 'tool'] as const
export type Cause = (typeof CAUSES)[number]

/** A task that touches device bytes, or a line of them, must have a user address space; a kernel thread has none. */
export function checkCause(t: Task, user: boolean, mem: DaxMemory, off: number, cause: Cause): void {
  if (user) return
  t.m.problem(
    'cause',
    `kernel task ${t.label} touches ${mem.name} at 0x${off.toString(16)} (said to be: ${cause}); only user tasks and device tools may`,
  )
}
