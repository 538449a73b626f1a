// Events of the kernel in the trace. Their labels are `<subject> <name>`.
import { EventKind } from '../sim/index.ts'

export const FUSE_SENT = new EventKind('sent')
export const FUSE_READ_BY_SERVER = new EventKind('read by server')
export const FUSE_REPLIED = new EventKind('replied')
export const PUSHED = new EventKind('pushed')
export const FAULT = new EventKind('fault')
export const POISON = new EventKind('poison')
export const RECOVERY = new EventKind('recovery action')
export const SIGNAL = new EventKind('signal')
export const SYSCALL = new EventKind('returns')
export const UNMAP = new EventKind('unmap')
