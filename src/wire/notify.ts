// Notifications: what a server writes on its own, with unique 0 and the code in the error field (kernel.md 1.7).
// One table of codes, and the length checks that the kernel makes before it acts.

import { alloc, EMPTY, viewOf } from './buffer.ts'
import { checkReplyHeader, VERDICTS } from './codec.ts'
import * as c from './constants.ts'
import { EINVAL, ENAMETOOLONG, type Errno } from './errno.ts'
import type { AnyStruct } from './struct.ts'
import * as s from './structs.ts'
import { getText, putText, textLength } from './text.ts'

/** What follows the struct: nothing, one name with its NUL, or bytes counted by a field. */
type Tail = 'none' | 'name' | { readonly field: string; readonly unit: number } | 'any'

/** One code. */
export interface Notify {
  readonly name: string
  readonly code: number
  readonly struct: AnyStruct | null
  readonly tail: Tail
}

/** Every code there is, at index code - 1. RESEND and INC_EPOCH do not look at what follows them. */
export const NOTIFIES: readonly Notify[] = [
  { name: 'POLL', code: c.FUSE_NOTIFY_POLL, struct: s.fuse_notify_poll_wakeup_out, tail: 'none' },
  { name: 'INVAL_INODE', code: c.FUSE_NOTIFY_INVAL_INODE, struct: s.fuse_notify_inval_inode_out, tail: 'none' },
  { name: 'INVAL_ENTRY', code: c.FUSE_NOTIFY_INVAL_ENTRY, struct: s.fuse_notify_inval_entry_out, tail: 'name' },
  {
    name: 'STORE',
    code: c.FUSE_NOTIFY_STORE,
    struct: s.fuse_notify_store_out,
    tail: { field: 'size', unit: 1 },
  },
  { name: 'RETRIEVE', code: c.FUSE_NOTIFY_RETRIEVE, struct: s.fuse_notify_retrieve_out, tail: 'none' },
  { name: 'DELETE', code: c.FUSE_NOTIFY_DELETE, struct: s.fuse_notify_delete_out, tail: 'name' },
  { name: 'RESEND', code: c.FUSE_NOTIFY_RESEND, struct: null, tail: 'any' },
  { name: 'INC_EPOCH', code: c.FUSE_NOTIFY_INC_EPOCH, struct: null, tail: 'any' },
  {
    name: 'PRUNE',
    code: c.FUSE_NOTIFY_PRUNE,
    struct: s.fuse_notify_prune_out,
    tail: { field: 'count', unit: 8 },
  },
]

/** Row of a code, undefined when there is none (the writer gets EINVAL). */
export function notifyByCode(code: number): Notify | undefined {
  return NOTIFIES[code - 1]
}

/** A notification. namelen of a named one is filled from `name`; counts are written as given. */
export function encodeNotify(n: Notify, values: object | null = null, name = '', data: Uint8Array = EMPTY): Uint8Array {
  const named = n.tail === 'name'
  const head = n.struct?.size ?? 0
  const nameLen = named ? textLength(name) : 0
  const bytes = alloc(c.FUSE_OUT_HEADER_SIZE + head + (named ? nameLen + 1 : data.length))
  const dv = viewOf(bytes)
  const base = bytes.byteOffset
  s.fuse_out_header.write(dv, base, { len: bytes.length, error: n.code, unique: 0 })
  if (n.struct) n.struct.write(dv, base + 16, named ? { namelen: nameLen, ...values } : (values ?? {}))
  if (named) putText(bytes, 16 + head, name)
  else bytes.set(data, 16 + head)
  return bytes
}

/** A notification taken apart; `errno` says why the writer would get an error instead. */
export interface Notification {
  notify: Notify
  arg: any
  name: string
  data: Uint8Array
}

/**
 * Take a notification apart (a message whose unique is 0). A wrong one answers with the negative errno that the writer
 * gets and one line of why: EINVAL, or ENAMETOOLONG for a name over 1024 bytes. Never throws.
 */
export function decodeNotify(bytes: Uint8Array): Notification | { errno: Errno; error: string } {
  const { verdict, error: code, body } = checkReplyHeader(bytes)
  const bad = (why: string, errno: Errno = -EINVAL) => ({ errno, error: `notification: ${why}` })
  if (verdict !== VERDICTS.notify) return bad(verdict === VERDICTS.ok ? 'unique is not 0: a reply' : verdict.why)
  const notify = notifyByCode(code)
  if (notify === undefined) return bad(`code ${code}, known are 1..${NOTIFIES.length}`)
  const { struct, tail } = notify
  const head = struct?.size ?? 0
  if (body.length < head) return bad(`${notify.name}: ${body.length} bytes of body, ${struct!.name} takes ${head}`)
  const arg = struct ? struct.read(viewOf(body), body.byteOffset) : null
  const rest = body.length - head
  const result = { notify, arg, name: '', data: EMPTY }
  if (tail === 'any') {
    result.data = body
    return result
  }
  if (tail === 'name') {
    if (arg.namelen > c.FUSE_NAME_MAX) return bad(`${notify.name}: a name of ${arg.namelen} bytes`, -ENAMETOOLONG)
    if (rest !== arg.namelen + 1) {
      return bad(`${notify.name}: namelen ${arg.namelen} and a NUL need ${arg.namelen + 1} bytes, ${rest} came`)
    }
    result.name = getText(body, head, head + arg.namelen)
    return result
  }
  const want = tail === 'none' ? 0 : arg[tail.field] * tail.unit
  if (rest !== want) return bad(`${notify.name}: ${want} bytes should follow ${struct!.name}, ${rest} came`)
  if (rest > 0) result.data = body.subarray(head)
  return result
}
