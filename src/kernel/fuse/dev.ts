// fs/fuse/dev.c, the server's side: read(2), write(2) and ioctl(2) on /dev/fuse (kernel.md 1.8). The other side of the queues is
// request.ts. Copying a message is one step, with the section that takes or finds the request.
// Locking: fiq_lock around the queues, fpq_lock around the requests in the server's hands; neither is held while waiting.
import { divDown, hashBytes, kfn, max, type Step, spin_section, wait_event } from '../../sim/index.ts'
import {
  type CheckedReply,
  checkReply,
  checkReplyHeader,
  E2BIG,
  EAGAIN,
  ECONNABORTED,
  EINTR,
  EINVAL,
  EIO,
  ENODEV,
  ENOENT,
  ENOSYS,
  ENOTTY,
  encodeRequest,
  FUSE_DEV_IOC_DAXDEV_OPEN,
  FUSE_IN_HEADER_SIZE,
  FUSE_INT_REQ_BIT,
  FUSE_MIN_READ_BUFFER,
  FUSE_REQ_ID_STEP,
  FUSE_UNIQUE_RESEND_HI,
  fuse_backing_map,
  fuse_batch_forget_in,
  fuse_forget_one,
  fuse_write_in,
  type OpName,
  VERDICTS,
  viewOf,
} from '../../wire/index.ts'
import { FUSE_READ_BY_SERVER, FUSE_REPLIED, FUSE_SENT } from '../events.ts'
import { famfs_daxdev_open } from '../famfs/famfs_push.ts'
import { mark } from '../marks.ts'
import { get_signal } from '../signal.ts'
import {
  FORGETS_FIRST,
  FR_ABORTED,
  FR_INTERRUPTED,
  FR_ISREPLY,
  FR_LOCKED,
  FR_PENDING,
  FR_RESENT,
  FR_SENT,
  type fuse_conn,
  type fuse_req,
  REQUESTS_THEN,
} from './fuse_i.ts'
import { fuse_notify } from './notify.ts'
import { fuse_request_end, queue_interrupt } from './request.ts'

/** request_pending(), or there is nothing to wait for any more. */
const has_work = (fc: fuse_conn) => (): boolean =>
  fc.pending.length > 0 || fc.forgets.length > 0 || fc.interrupts.length > 0 || !fc.connected

/** Bit 63 of the unique at this place of a message. */
const set_resend = (bytes: Uint8Array, at: number): void => {
  const dv = viewOf(bytes)
  const hi = bytes.byteOffset + at + 4
  dv.setUint32(hi, (dv.getUint32(hi, true) | FUSE_UNIQUE_RESEND_HI) >>> 0, true)
}

/** The message of a request: with bit 63 in its unique when it is sent once more. */
const message_of = (req: fuse_req): Uint8Array => {
  if (!req.test(FR_RESENT)) return req.bytes
  const copy = req.bytes.slice()
  set_resend(copy, 8)
  return copy
}

/** A message that no request stands behind goes out. */
const send_message = (
  fc: fuse_conn,
  name: OpName,
  head: { unique: number; nodeid: number },
  arg: object,
  data?: Uint8Array,
): Uint8Array => {
  const { k } = fc
  const { unique } = head
  const bytes = encodeRequest(k.opcodes.op[name], head, arg, [], data)
  k.m.emit(FUSE_SENT, `FUSE_${name}`, fc, unique, k.m.trace.on ? hashBytes(bytes) : 0, bytes)
  return bytes
}

/** fuse_read_interrupt() */
const take_interrupt = (fc: fuse_conn, req: fuse_req): Uint8Array => {
  const { unique } = req
  fc.k.count(fc.k.requests, 'INTERRUPT')
  const bytes = send_message(fc, 'INTERRUPT', { unique: unique + FUSE_INT_REQ_BIT, nodeid: 0 }, { unique })
  if (req.test(FR_RESENT)) for (const at of [8, FUSE_IN_HEADER_SIZE]) set_resend(bytes, at)
  return bytes
}

/** fuse_read_forget(): FORGET; BATCH_FORGET of those the buffer holds when there are more and the server is of 7.16 or later. */
const take_forgets = (fc: fuse_conn, nbytes: number): Uint8Array => {
  const unique = fc.reqctr.peek() + FUSE_REQ_ID_STEP
  fc.reqctr.poke(unique)
  const { nodeid, nlookup } = fc.forgets.shift()!
  if (fc.forgets.length === 0 || fc.minor.peek() < 16)
    return send_message(fc, 'FORGET', { unique, nodeid }, { nlookup })
  const room = divDown(nbytes - FUSE_IN_HEADER_SIZE - fuse_batch_forget_in.size, fuse_forget_one.size)
  const all = [{ nodeid, nlookup }]
  while (all.length < room && fc.forgets.length > 0) all.push(fc.forgets.shift()!)
  const data = new Uint8Array(all.length * fuse_forget_one.size)
  for (const [i, f] of all.entries()) fuse_forget_one.write(viewOf(data), i * fuse_forget_one.size, f)
  return send_message(fc, 'BATCH_FORGET', { unique, nodeid: 0 }, { count: all.length }, data)
}

/** Have forgets their turn, while requests wait too? */
const forgets_first = (fc: fuse_conn): boolean => {
  if (fc.pending.length === 0) return true
  const left = fc.forget_batch.peek()
  fc.forget_batch.poke(left - 1)
  if (left > 0) return true
  if (left - 1 <= -REQUESTS_THEN) fc.forget_batch.poke(FORGETS_FIRST)
  return false
}

/** What the server gets next, under fiq_lock: a message, a request, nothing (another worker was faster), or -errno. */
const take_next = (fc: fuse_conn, nbytes: number): Uint8Array | fuse_req | null | number => {
  if (!fc.connected) return fc.aborted.peek() ? -ECONNABORTED : -ENODEV
  const intr = fc.interrupts.shift()
  if (intr !== undefined) return take_interrupt(fc, intr)
  if (fc.forgets.length > 0 && forgets_first(fc)) return take_forgets(fc, nbytes)
  const req = fc.pending.shift()
  if (req === undefined) return null
  // No longer pending from here on, while fiq_lock is held: a killed waiter must not take it back any more.
  req.flags.poke((req.flags.peek() & ~FR_PENDING) | FR_LOCKED)
  fc.io.push(req)
  return req
}

/** The copy is made: the request is in the server's hands, or over. False when the connection went meanwhile. */
const copied = (fc: fuse_conn, req: fuse_req, over: boolean): boolean => {
  fc.io.remove(req)
  req.clear(FR_LOCKED)
  if (req.test(FR_ABORTED)) return false
  if (!over) {
    req.set(FR_SENT)
    fc.processing.push(req)
  }
  return true
}

/** A buffer for any message, bytes. */
const ANY_BUFFER = 2 ** 40

/** Smallest buffer that read(2) takes: an old header's, and the largest WRITE. */
const least_buffer = (fc: fuse_conn): number =>
  max(FUSE_MIN_READ_BUFFER, FUSE_IN_HEADER_SIZE + fuse_write_in.size + fc.max_write.peek())

/**
 * fuse_dev_do_read(): the next message for the server, interrupts first, then forgets, then requests. `nbytes`: its buffer.
 * -EINVAL when that is too small for this connection, -ENODEV when the connection is gone (-ECONNABORTED when it was aborted and
 * the server knows ABORT_ERROR), -EINTR when a signal came that the server handles. A request that the buffer does not hold ends
 * with -EIO (SETXATTR: -E2BIG).
 */
export const fuse_dev_do_read = kfn('fuse_dev_do_read', function* (fc: fuse_conn, nbytes = ANY_BUFFER): Step<
  Uint8Array | number
> {
  const { k } = fc
  if (nbytes < least_buffer(fc)) return -EINVAL
  for (;;) {
    if ((yield* wait_event(fc.fiq_waitq, has_work(fc), 'interruptible')) !== 0) {
      get_signal(k.current)
      return -EINTR
    }
    const next = yield* spin_section(fc.fiq_lock, () => take_next(fc, nbytes))
    if (typeof next === 'number') return next
    if (next === null) {
      mark(k.m, 'fuse_dev_do_read', 'another worker was faster')
      continue
    }
    if (next instanceof Uint8Array) return next
    const req = next
    const { op } = req.args
    const large = nbytes < req.bytes.length
    const over = large || !req.test(FR_ISREPLY)
    const alive = yield* spin_section(fc.fpq_lock, () => copied(fc, req, over))
    if (!alive) {
      mark(k.m, 'fuse_dev_do_read', 'aborted in between')
      yield* fuse_request_end(req, -ECONNABORTED)
      return fc.aborted.peek() ? -ECONNABORTED : -ENODEV
    }
    if (over) yield* fuse_request_end(req, !large ? 0 : op.name === 'SETXATTR' ? -E2BIG : -EIO)
    if (large) {
      mark(k.m, 'fuse_dev_do_read', 'request larger than the buffer')
      continue
    }
    if (!over && req.test(FR_INTERRUPTED)) yield* spin_section(fc.fiq_lock, () => queue_interrupt(fc, req))
    k.m.emit(FUSE_READ_BY_SERVER, `FUSE_${op.name}`, fc, req.unique, 0, null)
    return message_of(req)
  }
})

/** request_find(), under fpq_lock: the request that a reply is for; bit 63 is part of its name. */
const request_find = (fc: fuse_conn, unique: number, resend: boolean): number =>
  fc.connected ? fc.processing.items.findIndex(r => r.unique === unique && r.test(FR_RESENT) === resend) : -1

/** A reply to an INTERRUPT: ENOSYS ends them for this connection, EAGAIN asks for another one. */
const interrupt_reply = kfn(
  'fuse_interrupt_reply',
  function* (fc: fuse_conn, head: CheckedReply, len: number): Step<number> {
    const unique = head.unique - FUSE_INT_REQ_BIT
    const req = yield* spin_section(fc.fpq_lock, () => fc.processing.items[request_find(fc, unique, head.resend)])
    if (req === undefined) return -ENOENT
    if (head.body.length > 0) return VERDICTS.interruptSize.writer
    if (head.error === -ENOSYS) fc.no_op.set('INTERRUPT', true)
    else if (head.error === -EAGAIN) {
      if (!req.test(FR_INTERRUPTED)) return -EINVAL
      yield* spin_section(fc.fiq_lock, () => queue_interrupt(fc, req))
    }
    return len
  },
)

/**
 * fuse_dev_do_write(): one reply, or a notification, from the server. Bytes taken, or what the writer gets: -EINVAL (malformed),
 * -ENOENT (nobody waits for it), what a notification answers. The rules and their order are kernel.md 1.8.
 */
export const fuse_dev_do_write = kfn('fuse_dev_do_write', function* (fc: fuse_conn, bytes: Uint8Array): Step<number> {
  const { k } = fc
  const head = checkReplyHeader(bytes)
  if (head.verdict.kind === 'notify') {
    const rc = yield* fuse_notify(fc, bytes)
    return rc < 0 ? rc : bytes.length
  }
  if (head.verdict.kind !== 'ok') return head.verdict.writer
  if (head.unique % FUSE_REQ_ID_STEP === FUSE_INT_REQ_BIT) return yield* interrupt_reply(fc, head, bytes.length)
  const req = yield* spin_section(fc.fpq_lock, () => {
    const i = request_find(fc, head.unique, head.resend)
    return i < 0 ? undefined : fc.processing.removeAt(i)
  })
  if (req === undefined) {
    mark(k.m, 'fuse_dev_do_write', 'nobody waits for it')
    return -ENOENT
  }
  req.clear(FR_SENT)
  const reply = checkReply(req.args.op, bytes, req.args.room)
  req.args.out = reply.body
  const hash = k.m.trace.on ? hashBytes(bytes) : 0
  k.m.emit(FUSE_REPLIED, `FUSE_${req.args.op.name}`, fc, head.unique, hash, { bytes, op: req.args.op })
  const { writer, waiter } = reply.verdict
  yield* fuse_request_end(req, waiter === 'reply' ? reply.error : (waiter as number))
  return writer !== 0 ? writer : bytes.length
})

/** ioctl(2) on /dev/fuse: what the call says, or -ENOTTY for one that this kernel has not. */
export const fuse_dev_ioctl = kfn(
  'fuse_dev_ioctl',
  function* (fc: fuse_conn, cmd: number, arg: Uint8Array): Step<number> {
    if (cmd !== FUSE_DEV_IOC_DAXDEV_OPEN || fc.k.profile.t.daxdev !== 'push') return -ENOTTY
    const { fd, daxdev_index } = fuse_backing_map.read(viewOf(arg), arg.byteOffset)
    return yield* famfs_daxdev_open(fc, fd, daxdev_index)
  },
)
