// Whole messages: requests and replies to bytes and back, and the checks that write(2) on the device makes
// (kernel.md 1.7, 1.8). Encoders write what they are told, right or wrong: a broken server must be able to speak.
// Decoders never throw; what is wrong comes back as one line. Payloads are views of the message, not copies.
// A `unique` here is without bit 63: that bit marks a RESEND copy and travels as `resend`.

import { alloc, EMPTY, viewOf } from './buffer.ts'
import { FUSE_IN_HEADER_SIZE, FUSE_INT_REQ_BIT, FUSE_OUT_HEADER_SIZE, FUSE_UNIQUE_RESEND_HI } from './constants.ts'
import { EINVAL, EIO, ENOENT, type Errno } from './errno.ts'
import type { Op, OpcodeTable } from './opcodes.ts'
import type { AnyStruct, Input, Values } from './struct.ts'
import { fuse_in_header } from './structs.ts'
import { getText, putText, textLength } from './text.ts'
import { getU64, setU64 } from './u64.ts'

/** What the sender of a request states; what is left out is 0. */
export interface RequestHeader {
  unique: number
  nodeid?: number
  uid?: number
  gid?: number
  pid?: number
  /** A copy sent again after a RESEND notification. */
  resend?: boolean
}

/** A request taken apart. */
export interface Request {
  op: Op
  len: number
  unique: number
  resend: boolean
  nodeid: number
  uid: number
  gid: number
  pid: number
  /** The request struct as an object, null when the op has none. argOf() gives it its type. */
  arg: any
  names: readonly string[]
  /** Payload: a view of the message. */
  data: Uint8Array
  /** Extensions (security contexts, groups): a view of the message's end. */
  ext: Uint8Array
}

/** Why a message could not be read, in one line. */
export interface Malformed {
  error: string
}

const NO_NAMES: readonly string[] = []

/**
 * A request of exactly the length its parts need. `arg` fills the op's struct (fields left out are 0), `names` must be
 * as many as the op has and free of NUL. `ext` goes to the end; its length must be a multiple of 8.
 */
export function encodeRequest(
  op: Op,
  header: Readonly<RequestHeader>,
  arg?: object | null,
  names: readonly string[] = NO_NAMES,
  data: Uint8Array = EMPTY,
  ext: Uint8Array = EMPTY,
): Uint8Array {
  if (names.length !== op.names) throw new Error(`encode ${op.name}: ${names.length} names given, it takes ${op.names}`)
  if (data.length > 0 && !op.data) throw new Error(`encode ${op.name}: it takes no data, ${data.length} bytes given`)
  if ((ext.length & 7) !== 0)
    throw new Error(`encode ${op.name}: ${ext.length} bytes of extensions, not a multiple of 8`)
  let len = FUSE_IN_HEADER_SIZE + (op.struct === null ? 0 : op.struct.size) + data.length + ext.length
  for (let i = 0; i < names.length; i++) len += textLength(names[i]!) + 1

  const bytes = alloc(len)
  const dv = viewOf(bytes)
  const base = bytes.byteOffset
  dv.setUint32(base, len, true)
  dv.setUint32(base + 4, op.number, true)
  putUnique(dv, base + 8, header.unique, header.resend === true)
  if (header.nodeid !== undefined) setU64(dv, base + 16, header.nodeid)
  if (header.uid !== undefined) dv.setUint32(base + 24, header.uid, true)
  if (header.gid !== undefined) dv.setUint32(base + 28, header.gid, true)
  if (header.pid !== undefined) dv.setUint32(base + 32, header.pid, true)
  if (ext.length > 0) dv.setUint16(base + 36, ext.length >>> 3, true)

  let at = FUSE_IN_HEADER_SIZE
  if (op.struct !== null) {
    if (arg != null) op.struct.write(dv, base + at, arg)
    at += op.struct.size
  }
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!
    if (name.includes('\0')) throw new Error(`encode ${op.name}: a name with a NUL in it: ${JSON.stringify(name)}`)
    at = putText(bytes, at, name) + 1
  }
  if (data.length > 0) {
    bytes.set(data, at)
    at += data.length
  }
  if (ext.length > 0) bytes.set(ext, at)
  return bytes
}

/** Take a request apart. Checks the header, the opcode, every length, NULs and the counts; never throws. */
export function decodeRequest(table: OpcodeTable, bytes: Uint8Array): Request | Malformed {
  const size = bytes.length
  if (size < FUSE_IN_HEADER_SIZE)
    return { error: `request: ${size} bytes, a header alone takes ${FUSE_IN_HEADER_SIZE}` }
  const dv = viewOf(bytes)
  const base = bytes.byteOffset
  const len = dv.getUint32(base, true)
  if (len !== size) return { error: `request: the header says ${len} bytes, the message has ${size}` }
  const number = dv.getUint32(base + 4, true)
  const op = table.byNumber(number)
  if (op === undefined) return { error: `request: opcode ${number} is not spoken in this version` }
  const extLen = dv.getUint16(base + 36, true) * 8
  const end = size - extLen
  if (end < FUSE_IN_HEADER_SIZE) return { error: `${op.name}: ${extLen} bytes of extensions in ${size} bytes` }

  let at = FUSE_IN_HEADER_SIZE
  let arg: any = null
  if (op.struct !== null) {
    const there = end - at
    if (there >= op.struct.size) {
      arg = op.struct.read(dv, base + at)
      at += op.struct.size
    } else if (there >= op.least) {
      arg = readCut(op.struct, bytes.subarray(at, end))
      at = end
    } else return { error: `${op.name}: ${there} bytes of body, ${op.struct.name} takes ${op.least}` }
  }
  let names = NO_NAMES
  if (op.names > 0) {
    const list = new Array<string>(op.names)
    for (let i = 0; i < op.names; i++) {
      let nul = at
      while (nul < end && bytes[nul] !== 0) nul++
      if (nul === end) return { error: `${op.name}: name ${i + 1} of ${op.names} has no NUL before the end` }
      list[i] = getText(bytes, at, nul)
      at = nul + 1
    }
    names = list
  }
  let data = EMPTY
  if (op.data) {
    if (at < end) data = new Uint8Array(bytes.buffer, base + at, end - at)
    if (op.counts !== null) {
      const want = arg[op.counts[0]] * op.counts[1]
      if (want !== end - at)
        return { error: `${op.name}: ${op.counts[0]} asks for ${want} bytes of data, ${end - at} came` }
    }
  } else if (at !== end) return { error: `${op.name}: ${end - at} bytes after the last part` }

  const hi = dv.getUint32(base + 12, true)
  return {
    op,
    len,
    unique: (hi & 0x7fffffff) * 4294967296 + dv.getUint32(base + 8, true),
    resend: hi >= FUSE_UNIQUE_RESEND_HI,
    nodeid: getU64(dv, base + 16),
    uid: dv.getUint32(base + 24, true),
    gid: dv.getUint32(base + 28, true),
    pid: dv.getUint32(base + 32, true),
    arg,
    names,
    data,
    ext: extLen > 0 ? new Uint8Array(bytes.buffer, base + end, extLen) : EMPTY,
  }
}

/** The request struct with its type. Throws when the request is of an op that carries another one. */
export function argOf<D extends AnyStruct>(request: Readonly<Request>, def: D): Values<D> {
  if (request.op.struct !== def) {
    throw new Error(`${request.op.name} carries ${request.op.struct?.name ?? 'no struct'}, not ${def.name}`)
  }
  return request.arg
}

/** A reply: 16 bytes of header and the body. `error` is 0 or a negative errno, but anything is written as told. */
export function encodeReply(unique: number, error: Errno, body: Uint8Array = EMPTY, resend = false): Uint8Array {
  const bytes = startReply(unique, error, body.length, resend)
  if (body.length > 0) bytes.set(body, FUSE_OUT_HEADER_SIZE)
  return bytes
}

/** A successful reply whose body is one struct. */
export function encodeReplyStruct<D extends AnyStruct>(
  unique: number,
  def: D,
  values: Input<D>,
  resend = false,
): Uint8Array {
  const bytes = startReply(unique, 0, def.size, resend)
  def.write(viewOf(bytes), bytes.byteOffset + FUSE_OUT_HEADER_SIZE, values)
  return bytes
}

function startReply(unique: number, error: Errno, room: number, resend: boolean): Uint8Array {
  const bytes = alloc(FUSE_OUT_HEADER_SIZE + room)
  const dv = viewOf(bytes)
  dv.setUint32(bytes.byteOffset, bytes.length, true)
  dv.setInt32(bytes.byteOffset + 4, error, true)
  putUnique(dv, bytes.byteOffset + 8, unique, resend)
  return bytes
}

/** What a write(2) of a reply comes to. Shared objects: compare by identity or by `kind`. */
export interface Verdict {
  readonly kind:
    | 'ok'
    | 'short'
    | 'len'
    | 'notify'
    | 'error-range'
    | 'unasked'
    | 'interrupt-size'
    | 'error-body'
    | 'size'
  /** What the writer gets: 0 or a negative errno. For a notification nothing is decided yet (0). */
  readonly writer: Errno
  /** What the waiter gets: the reply as it is, a negative errno instead of it, or nothing (it keeps waiting). */
  readonly waiter: 'reply' | 'waits' | Errno
  /** One line for people. */
  readonly why: string
}

const verdict = (kind: Verdict['kind'], writer: Errno, waiter: Verdict['waiter'], why: string): Verdict => {
  return Object.freeze({ kind, writer, waiter, why })
}

/** The rules of kernel.md 1.8, in the order in which the kernel applies them. */
export const VERDICTS = Object.freeze({
  short: verdict('short', -EINVAL, 'waits', 'a reply is at least 16 bytes'),
  len: verdict('len', -EINVAL, 'waits', 'the len field is not the number of bytes written'),
  notify: verdict('notify', 0, 'waits', 'unique 0: a notification, its code in the error field'),
  errorRange: verdict('error-range', -EINVAL, 'waits', 'error must be 0 or -1..-511; the request stays unanswered'),
  unasked: verdict('unasked', -ENOENT, 'waits', 'nobody waits for an answer to this request'),
  interruptSize: verdict('interrupt-size', -EINVAL, 'waits', 'the reply to an INTERRUPT is exactly 16 bytes'),
  errorBody: verdict('error-body', -EINVAL, -EIO, 'an error reply has no body'),
  size: verdict('size', -EINVAL, -EIO, 'the body does not have the length that the request expects'),
  ok: verdict('ok', 0, 'reply', 'accepted'),
})

/** A reply as far as it could be read, and what becomes of it. */
export interface CheckedReply {
  unique: number
  resend: boolean
  /** 0, a negative errno, or a notification code when the verdict is `notify`. */
  error: Errno
  /** Everything after the header: a view. */
  body: Uint8Array
  verdict: Verdict
}

/**
 * The checks that need no request: length, len field, notification, error range. `ok` means: look the request up by
 * `unique` (ENOENT when there is none), then call checkReply() with its op.
 */
export function checkReplyHeader(bytes: Uint8Array): CheckedReply {
  const size = bytes.length
  if (size < FUSE_OUT_HEADER_SIZE) return { unique: 0, resend: false, error: 0, body: EMPTY, verdict: VERDICTS.short }
  const dv = viewOf(bytes)
  const base = bytes.byteOffset
  const error = dv.getInt32(base + 4, true)
  const lo = dv.getUint32(base + 8, true)
  const hi = dv.getUint32(base + 12, true)
  const unique = (hi & 0x7fffffff) * 4294967296 + lo
  let v = VERDICTS.ok
  if (dv.getUint32(base, true) !== size) v = VERDICTS.len
  else if (lo === 0 && hi === 0) v = VERDICTS.notify
  else if (error > 0 || error <= -512) v = VERDICTS.errorRange
  return {
    unique,
    resend: hi >= FUSE_UNIQUE_RESEND_HI,
    error,
    body: size > FUSE_OUT_HEADER_SIZE ? new Uint8Array(bytes.buffer, base + 16, size - 16) : EMPTY,
    verdict: v,
  }
}

/**
 * All checks on a reply to a request of this op. `room` is the waiter's buffer for a variable body in bytes (default:
 * the op's own, or no limit); 0 for GETXATTR and LISTXATTR means that the request asked with size 0. Never throws.
 */
export function checkReply(op: Op, bytes: Uint8Array, room?: number): CheckedReply {
  const reply = checkReplyHeader(bytes)
  if (reply.verdict === VERDICTS.ok) reply.verdict = bodyVerdict(op, reply, room)
  return reply
}

function bodyVerdict(op: Op, reply: Readonly<CheckedReply>, room: number | undefined): Verdict {
  if (op.name === 'INTERRUPT' || reply.unique % 2 === FUSE_INT_REQ_BIT) {
    return reply.body.length === 0 ? VERDICTS.ok : VERDICTS.interruptSize
  }
  if (!op.reply) return VERDICTS.unasked
  const n = reply.body.length
  if (reply.error !== 0) return n === 0 ? VERDICTS.ok : VERDICTS.errorBody
  const { least, most } = bodyRange(op, room)
  return n >= least && n <= most ? VERDICTS.ok : VERDICTS.size
}

/** Shortest and longest body of a successful reply, bytes. `room` as in checkReply(). */
export function bodyRange(op: Op, room?: number): { least: number; most: number } {
  const out = op.out
  if (out === 'none') return { least: 0, most: 0 }
  if ('fixed' in out) {
    const n = typeof out.fixed === 'number' ? out.fixed : out.fixed.size
    return { least: n, most: n }
  }
  if (out.probe && room === 0) return { least: out.probe.size, most: out.probe.size }
  return { least: out.head?.size ?? 0, most: room ?? out.variable ?? Infinity }
}

/** A reply taken apart. */
export interface Reply {
  unique: number
  resend: boolean
  /** 0 or a negative errno. */
  errno: Errno
  /** The reply struct as an object; null for an error and for bodies without a struct. */
  arg: any
  /** What follows the struct: a view. */
  data: Uint8Array
}

/** Take a reply to a request of this op apart; `room` as in checkReply(). Never throws. */
export function decodeReply(op: Op, bytes: Uint8Array, room?: number): Reply | Malformed {
  const { unique, resend, error, body, verdict: v } = checkReply(op, bytes, room)
  if (v !== VERDICTS.ok) return { error: `reply to ${op.name}: ${v.why} (${bytes.length} bytes)` }
  const def = error === 0 ? replyStruct(op, room) : null
  if (def === null) return { unique, resend, errno: error, arg: null, data: body }
  if (body.length < def.size) return { unique, resend, errno: error, arg: readCut(def, body), data: EMPTY }
  const arg = def.read(viewOf(body), body.byteOffset)
  return { unique, resend, errno: error, arg, data: body.length > def.size ? body.subarray(def.size) : EMPTY }
}

/** The struct in front of a successful reply's body, null when it is bare bytes or nothing. */
export function replyStruct(op: Op, room?: number): AnyStruct | null {
  const out = op.out
  if (out === 'none') return null
  if ('fixed' in out) return typeof out.fixed === 'number' ? null : out.fixed
  if (out.probe && room === 0) return out.probe
  return out.head ?? out.cut ?? null
}

/** A struct out of fewer bytes than it has; the missing ones count as zero. */
function readCut(def: AnyStruct, bytes: Uint8Array): any {
  const whole = alloc(def.size)
  whole.set(bytes.length > def.size ? bytes.subarray(0, def.size) : bytes)
  return def.read(viewOf(whole), whole.byteOffset)
}

function putUnique(dv: DataView, at: number, unique: number, resend: boolean): void {
  setU64(dv, at, unique)
  if (resend) dv.setUint32(at + 4, (dv.getUint32(at + 4, true) | FUSE_UNIQUE_RESEND_HI) >>> 0, true)
}

/** The header of a request alone, for callers that route by nodeid or unique; null when there is none. */
export function peekRequest(bytes: Uint8Array): Values<typeof fuse_in_header> | null {
  return bytes.length < FUSE_IN_HEADER_SIZE ? null : fuse_in_header.read(viewOf(bytes), bytes.byteOffset)
}
