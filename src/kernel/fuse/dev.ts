// fs/fuse/dev.c: requests, their queues, and the two ends of /dev/fuse (kernel.md 1.8).
// Locking: fiq_lock around the queues and what is known of interrupted requests, fpq_lock around the requests in the server's
// hands; neither is held while waiting.
import { hashBytes, kfn, type Step, spin_section, wait_event, wake_up_all } from '../../sim/index.ts'
import {
  type CheckedReply,
  checkReply,
  checkReplyHeader,
  EAGAIN,
  ECONNABORTED,
  EINTR,
  EINVAL,
  ENODEV,
  ENOENT,
  ENOMEM,
  ENOSYS,
  ENOTCONN,
  ENOTTY,
  encodeRequest,
  FUSE_DEV_IOC_DAXDEV_OPEN,
  FUSE_INT_REQ_BIT,
  FUSE_REQ_ID_STEP,
  fuse_backing_map,
  fuse_forget_one,
  type OpName,
  VERDICTS,
  viewOf,
} from '../../wire/index.ts'
import { famfs_daxdev_open } from '../famfs/famfs_push.ts'
import { FUSE_READ_BY_SERVER, FUSE_REPLIED, FUSE_SENT } from '../kernel.ts'
import { mark } from '../marks.ts'
import { exit_to_user_mode } from '../signal.ts'
import { type fuse_args, type fuse_conn, type fuse_mount, fuse_req } from './fuse_i.ts'

/** The header's unique, ids and bytes are made here, under fiq_lock. */
const queue_request = (fm: fuse_mount, args: fuse_args): fuse_req => {
  const { fc } = fm
  const { k } = fc
  const unique = fc.reqctr.peek() + FUSE_REQ_ID_STEP
  fc.reqctr.poke(unique)
  const ts = k.current
  const { nodeid } = args
  const header = args.nocreds
    ? { unique, nodeid, uid: 0, gid: 0, pid: 0 }
    : { unique, nodeid, uid: ts.cred.uid, gid: ts.cred.gid, pid: ts.pid }
  const bytes = encodeRequest(args.op, header, args.arg, args.names, args.data)
  const req = new fuse_req(fm, args, unique, bytes)
  fc.pending.push(req)
  k.count(k.requests, args.op.name)
  ts.upcalls.poke(ts.upcalls.peek() + 1)
  k.m.emit(FUSE_SENT, `FUSE_${args.op.name}`, fc, unique, k.m.trace.on ? hashBytes(bytes) : 0, bytes)
  return req
}

/** Queue a request: the request, or -ENOTCONN. */
const fuse_send_one = kfn('fuse_send_one', function* (fm: fuse_mount, args: fuse_args): Step<fuse_req | number> {
  const { fc } = fm
  return yield* spin_section(fc.fiq_lock, () => {
    if (!fc.connected) return -ENOTCONN
    const req = queue_request(fm, args)
    fc.fiq_waitq.wake_up(1)
    return req
  })
})

/** queue_interrupt(), under fiq_lock: the server will read an INTERRUPT of this request; one at a time. */
const queue_interrupt = (fc: fuse_conn, req: fuse_req): void => {
  if (req.state.peek() === 'FINISHED' || fc.interrupts.items.includes(req)) return
  fc.interrupts.push(req)
  fc.fiq_waitq.wake_up(1)
}

/** FR_INTERRUPTED: a signal came. A server that has read the request hears of it now, else when it has read it. */
const interrupt_request = kfn('fuse_interrupt', function* (req: fuse_req): Step<void> {
  const { fc } = req.fm
  yield* spin_section(fc.fiq_lock, () => {
    fc.interrupted.set(req.unique, true)
    if (fc.processing.items.includes(req)) queue_interrupt(fc, req)
  })
})

/**
 * request_wait_answer(): sleep until the reply is there. The first signal makes an INTERRUPT; a fatal one takes back a request
 * that nobody has read.
 */
const request_wait_answer = kfn('request_wait_answer', function* (req: fuse_req): Step<void> {
  const { fc } = req.fm
  const finished = (): boolean => req.state.peek() === 'FINISHED'
  if (!fc.no_op.has('INTERRUPT')) {
    if ((yield* wait_event(req.waitq, finished, 'interruptible')) === 0) return
    mark(fc.k.m, 'request_wait_answer', 'interrupted')
    yield* interrupt_request(req)
  }
  if (!req.args.force) {
    if ((yield* wait_event(req.waitq, finished, 'killable')) === 0) return
    const taken_back = yield* spin_section(fc.fiq_lock, () => req.state.peek() === 'PENDING' && fc.pending.remove(req))
    if (taken_back) {
      mark(fc.k.m, 'request_wait_answer', 'killed and taken back')
      req.error = -EINTR
      return
    }
    mark(fc.k.m, 'request_wait_answer', 'killed too late (R16)')
  }
  yield* wait_event(req.waitq, finished)
})

/**
 * fuse_simple_request(): send and wait. Size of the reply's body, or -errno: the server's, -ENOTCONN (no connection),
 * -ECONNABORTED (it went meanwhile), -EINTR (killed before the server read it), -EIO (malformed reply), -ENOMEM.
 */
export const fuse_simple_request = kfn(
  'fuse_simple_request',
  function* (fm: fuse_mount, args: fuse_args): Step<number> {
    const { fc } = fm
    const { k } = fc
    if (!(yield* fc.initialized.smp_load_acquire())) {
      mark(k.m, 'fuse_simple_request', 'waited for INIT')
      const rc = yield* wait_event(fc.blocked_waitq, () => fc.initialized.peek() || !fc.connected, 'killable')
      if (rc !== 0) {
        mark(k.m, 'fuse_simple_request', 'killed before INIT')
        return -EINTR
      }
    }
    if (!fc.connected) {
      mark(k.m, 'fuse_simple_request', 'not connected')
      return -ENOTCONN
    }
    const a = yield* k.kzalloc('fuse_req', 208, { nofail: args.force })
    if (a === null) {
      mark(k.m, 'fuse_simple_request', 'no memory')
      return -ENOMEM
    }
    const req = yield* fuse_send_one(fm, args)
    if (typeof req !== 'number') yield* request_wait_answer(req)
    yield* k.kfree(a)
    if (typeof req === 'number') return req
    return req.error !== 0 ? req.error : args.out!.length
  },
)

/**
 * A request that a server may not know. What it answers with ENOSYS once is not sent again on this connection (fc->no_create and
 * its like), and `without` is what the caller gets.
 */
export function* fuse_optional_request(fm: fuse_mount, args: fuse_args, without: number): Step<number> {
  const { no_op } = fm.fc
  const name = args.op.name as OpName
  if (no_op.has(name)) return without
  const rc = yield* fuse_simple_request(fm, args)
  if (rc !== -ENOSYS) return rc
  no_op.set(name, true)
  return without
}

/** fuse_simple_background(): send, and let args.end have the answer. */
export const fuse_simple_background = kfn(
  'fuse_simple_background',
  function* (fm: fuse_mount, args: fuse_args): Step<number> {
    const req = yield* fuse_send_one(fm, args)
    return typeof req === 'number' ? req : 0
  },
)

/** fuse_queue_forget(): the server may drop `nlookup` references; there is no answer. */
export const fuse_queue_forget = kfn(
  'fuse_queue_forget',
  function* (fc: fuse_conn, nodeid: number, nlookup: number): Step<void> {
    yield* spin_section(fc.fiq_lock, () => {
      if (!fc.connected) return
      fc.forgets.push({ nodeid, nlookup })
      fc.k.count(fc.k.requests, 'FORGET')
      fc.fiq_waitq.wake_up(1)
    })
  },
)

const has_work = (fc: fuse_conn) => (): boolean =>
  fc.pending.length > 0 || fc.forgets.length > 0 || fc.interrupts.length > 0 || !fc.connected

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

/** FORGET; BATCH_FORGET of all there are (fuse_read_batch_forget()) when there is more than one and the server is of 7.16 or later. */
const take_forgets = (fc: fuse_conn): Uint8Array => {
  const unique = fc.reqctr.peek() + FUSE_REQ_ID_STEP
  fc.reqctr.poke(unique)
  const { nodeid, nlookup } = fc.forgets.shift()!
  if (fc.forgets.length === 0 || fc.minor.peek() < 16)
    return send_message(fc, 'FORGET', { unique, nodeid }, { nlookup })
  const all = [{ nodeid, nlookup }]
  for (let f = fc.forgets.shift(); f !== undefined; f = fc.forgets.shift()) all.push(f)
  const data = new Uint8Array(all.length * fuse_forget_one.size)
  for (const [i, f] of all.entries()) fuse_forget_one.write(viewOf(data), i * fuse_forget_one.size, f)
  return send_message(fc, 'BATCH_FORGET', { unique, nodeid: 0 }, { count: all.length }, data)
}

/** What the server gets next, under fiq_lock: a message, a request, nothing (another worker was faster), or -ENODEV. */
const take_next = (fc: fuse_conn): Uint8Array | fuse_req | null | number => {
  if (!fc.connected) return -ENODEV
  const { k } = fc
  const intr = fc.interrupts.shift()
  if (intr !== undefined) {
    k.count(k.requests, 'INTERRUPT')
    return send_message(fc, 'INTERRUPT', { unique: intr.unique + FUSE_INT_REQ_BIT, nodeid: 0 }, { unique: intr.unique })
  }
  if (fc.forgets.length > 0) return take_forgets(fc)
  const req = fc.pending.shift()
  if (req === undefined) return null
  // No longer pending from here on, while fiq_lock is held: a killed waiter must not take it back any more.
  req.state.poke('SENT')
  return req
}

/**
 * fuse_dev_do_read(): the next message for the server, interrupts first, then forgets; -ENODEV when the connection is gone, -EINTR
 * when a signal came that the server handles.
 */
export const fuse_dev_do_read = kfn('fuse_dev_do_read', function* (fc: fuse_conn): Step<Uint8Array | number> {
  const { k } = fc
  for (;;) {
    if ((yield* wait_event(fc.fiq_waitq, has_work(fc), 'interruptible')) !== 0) {
      exit_to_user_mode(k.current)
      return -EINTR
    }
    const next = yield* spin_section(fc.fiq_lock, () => take_next(fc))
    if (typeof next === 'number') return next
    if (next === null) {
      mark(k.m, 'fuse_dev_do_read', 'another worker was faster')
      continue
    }
    if (next instanceof Uint8Array) return next
    const req = next
    const alive = yield* spin_section(fc.fpq_lock, () => {
      if (fc.connected) fc.processing.push(req)
      return fc.connected
    })
    if (!alive) {
      mark(k.m, 'fuse_dev_do_read', 'aborted in between')
      // An abort came in between and found the request in neither queue.
      yield* fuse_request_end(req, -ECONNABORTED)
      return -ENODEV
    }
    if (fc.interrupted.has(req.unique)) yield* spin_section(fc.fiq_lock, () => queue_interrupt(fc, req))
    k.m.emit(FUSE_READ_BY_SERVER, `FUSE_${req.args.op.name}`, fc, req.unique, 0, null)
    return req.bytes
  }
})

/** fuse_request_end(): the request is over; wake its waiter or run its end. */
const fuse_request_end = kfn('fuse_request_end', function* (req: fuse_req, error: number): Step<void> {
  const { fc } = req.fm
  req.error = error
  req.state.poke('FINISHED')
  if (fc.interrupted.has(req.unique))
    yield* spin_section(fc.fiq_lock, () => {
      fc.interrupted.delete(req.unique)
      fc.interrupts.remove(req)
    })
  if (req.args.end) yield* req.args.end(req.fm, req.args, error)
  else yield* wake_up_all(req.waitq)
})

/** A reply to an INTERRUPT: ENOSYS ends them for this connection, EAGAIN asks for another one. */
const interrupt_reply = kfn(
  'fuse_interrupt_reply',
  function* (fc: fuse_conn, head: CheckedReply, len: number): Step<number> {
    const unique = head.unique - FUSE_INT_REQ_BIT
    const req = yield* spin_section(fc.fpq_lock, () =>
      fc.connected ? fc.processing.items.find(r => r.unique === unique) : undefined,
    )
    if (req === undefined) return -ENOENT
    if (head.body.length > 0) return VERDICTS.interruptSize.writer
    if (head.error === -ENOSYS) fc.no_op.set('INTERRUPT', true)
    else if (head.error === -EAGAIN) yield* spin_section(fc.fiq_lock, () => queue_interrupt(fc, req))
    return len
  },
)

/**
 * fuse_dev_do_write(): one reply from the server. Bytes taken, or what the writer gets: -EINVAL (malformed), -ENOENT
 * (nobody waits for it). The rules and their order are kernel.md 1.8.
 */
export const fuse_dev_do_write = kfn('fuse_dev_do_write', function* (fc: fuse_conn, bytes: Uint8Array): Step<number> {
  const { k } = fc
  const head = checkReplyHeader(bytes)
  if (head.verdict.kind === 'notify') return -EINVAL
  if (head.verdict.kind !== 'ok') return head.verdict.writer
  if (head.unique % FUSE_REQ_ID_STEP === FUSE_INT_REQ_BIT) return yield* interrupt_reply(fc, head, bytes.length)
  const req = yield* spin_section(fc.fpq_lock, () => {
    const i = fc.connected ? fc.processing.items.findIndex(r => r.unique === head.unique) : -1
    return i < 0 ? undefined : fc.processing.removeAt(i)
  })
  if (req === undefined) {
    mark(k.m, 'fuse_dev_do_write', 'nobody waits for it')
    return -ENOENT
  }
  const reply = checkReply(req.args.op, bytes, req.args.room)
  req.args.out = reply.body
  const hash = k.m.trace.on ? hashBytes(bytes) : 0
  k.m.emit(FUSE_REPLIED, `FUSE_${req.args.op.name}`, fc, head.unique, hash, { bytes, op: req.args.op })
  const { writer, waiter } = reply.verdict
  yield* fuse_request_end(req, waiter === 'reply' ? reply.error : (waiter as number))
  return writer !== 0 ? writer : bytes.length
})

/** fuse_abort_conn(): every request ends with -ECONNABORTED; nothing is sent any more. */
export const fuse_abort_conn = kfn('fuse_abort_conn', function* (fc: fuse_conn): Step<void> {
  const queued = yield* spin_section(fc.fiq_lock, () => {
    if (!fc.life.send('ABORT')) return null
    const list: fuse_req[] = []
    for (let r = fc.pending.shift(); r !== undefined; r = fc.pending.shift()) list.push(r)
    while (fc.forgets.shift() !== undefined);
    while (fc.interrupts.shift() !== undefined);
    fc.fiq_waitq.wake_up()
    return list
  })
  if (queued === null) return
  const sent = yield* spin_section(fc.fpq_lock, () => {
    const list: fuse_req[] = []
    for (let r = fc.processing.shift(); r !== undefined; r = fc.processing.shift()) list.push(r)
    return list
  })
  yield* wake_up_all(fc.blocked_waitq)
  for (const r of [...queued, ...sent]) yield* fuse_request_end(r, -ECONNABORTED)
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
