// fs/fuse/dev.c, the side of whoever asks: making a request, waiting for its answer, background requests, forgets
// (kernel.md 1.8). The other side of the queues is dev.ts.
// Locking: fiq_lock around the queues; nothing is held while waiting. bg_lock's sections are those of fiq_lock here, or part of a step.
import { divDown, hashBytes, kfn, type Step, spin_section, wait_event, wake_up_all } from '../../sim/index.ts'
import {
  ECONNREFUSED,
  EINTR,
  ENODEV,
  ENOMEM,
  ENOSYS,
  ENOTCONN,
  encodeRequest,
  FUSE_REQ_ID_STEP,
  type OpName,
} from '../../wire/index.ts'
import { FUSE_SENT } from '../events.ts'
import { mark } from '../marks.ts'
import {
  FR_BACKGROUND,
  FR_FINISHED,
  FR_INTERRUPTED,
  FR_ISREPLY,
  FR_PENDING,
  FR_SENT,
  type fuse_args,
  type fuse_conn,
  type fuse_mount,
  fuse_req,
} from './fuse_i.ts'

/** FUSE_TIMEOUT_TIMER_FREQ, ns */
export const FUSE_TIMEOUT_TIMER_FREQ = 15e9

/** A request with a time limit: it will be looked at. The kernel looks every 15 s since INIT; here only while there are any. */
export const arm_timeout = (fc: fuse_conn): void => {
  const now = fc.k.m.clock()
  const since = fc.timeout_start.peek()
  const next = since + (divDown(now - since, FUSE_TIMEOUT_TIMER_FREQ) + 1) * FUSE_TIMEOUT_TIMER_FREQ
  fc.timeout_work.mod(fc.k.m.current!, next)
}

/** The header's unique, ids and bytes are made here, under fiq_lock. */
const make_request = (fm: fuse_mount, args: fuse_args, flags: number): fuse_req => {
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
  const req = new fuse_req(fm, args, unique, bytes, flags)
  k.count(k.requests, args.op.name)
  ts.upcalls.poke(ts.upcalls.peek() + 1)
  if (fc.req_timeout.peek() !== 0) {
    req.create_time = k.m.clock()
    arm_timeout(fc)
  }
  return req
}

/** It is there for the server to read, under fiq_lock. */
const queue_request = (fc: fuse_conn, req: fuse_req): void => {
  const { m } = fc.k
  fc.pending.push(req)
  m.emit(FUSE_SENT, `FUSE_${req.args.op.name}`, fc, req.unique, m.trace.on ? hashBytes(req.bytes) : 0, req.bytes)
  fc.fiq_waitq.wake_up(1)
}

/** Queue a request: the request, or -ENOTCONN. */
const fuse_send_one = kfn('fuse_send_one', function* (fm: fuse_mount, args: fuse_args): Step<fuse_req | number> {
  const { fc } = fm
  return yield* spin_section(fc.fiq_lock, () => {
    if (!fc.connected) return -ENOTCONN
    const req = make_request(fm, args, FR_ISREPLY | FR_PENDING)
    queue_request(fc, req)
    return req
  })
})

/** What was read already goes before all that waits, under fiq_lock (list_splice()). False when the connection is gone. */
export const queue_again = (fc: fuse_conn, reqs: readonly fuse_req[]): boolean => {
  if (!fc.connected) return false
  const behind: fuse_req[] = []
  for (let r = fc.pending.shift(); r !== undefined; r = fc.pending.shift()) behind.push(r)
  for (const r of reqs) queue_request(fc, r)
  for (const r of behind) fc.pending.push(r)
  return true
}

/** queue_interrupt(), under fiq_lock: the server will read an INTERRUPT of this request; one at a time. */
export const queue_interrupt = (fc: fuse_conn, req: fuse_req): void => {
  if (req.test(FR_FINISHED) || fc.interrupts.items.includes(req)) return
  fc.interrupts.push(req)
  fc.fiq_waitq.wake_up(1)
}

/** A signal came. A server that has read the request hears of it now, else when it has read it. */
const interrupt_request = kfn('fuse_interrupt', function* (req: fuse_req): Step<void> {
  const { fc } = req.fm
  yield* spin_section(fc.fiq_lock, () => {
    req.set(FR_INTERRUPTED)
    if (req.test(FR_SENT)) queue_interrupt(fc, req)
  })
})

/**
 * request_wait_answer(): sleep until the reply is there. The first signal makes an INTERRUPT; a fatal one takes back a request
 * that nobody has read.
 */
const request_wait_answer = kfn('request_wait_answer', function* (req: fuse_req): Step<void> {
  const { fc } = req.fm
  const finished = (): boolean => req.test(FR_FINISHED)
  if (!fc.no_op.has('INTERRUPT')) {
    if ((yield* wait_event(req.waitq, finished, 'interruptible')) === 0) return
    mark(fc.k.m, 'request_wait_answer', 'interrupted')
    yield* interrupt_request(req)
  }
  if (!req.args.force) {
    if ((yield* wait_event(req.waitq, finished, 'killable')) === 0) return
    const taken_back = yield* spin_section(fc.fiq_lock, () => req.test(FR_PENDING) && fc.pending.remove(req))
    if (taken_back) {
      mark(fc.k.m, 'request_wait_answer', 'killed and taken back')
      req.error = -EINTR
      return
    }
    mark(fc.k.m, 'request_wait_answer', 'killed too late (R16)')
  }
  yield* wait_event(req.waitq, finished)
})

/** fuse_block_alloc(): must who wants a request wait? */
const fuse_block_alloc = (fc: fuse_conn, background: boolean): boolean =>
  fc.connected && (!fc.initialized.peek() || (background && fc.blocked.peek()))

/**
 * fuse_simple_request(): send and wait. Size of the reply's body, or -errno: the server's, -ENOTCONN (no connection),
 * -ECONNREFUSED (INIT went wrong), -ECONNABORTED (it went meanwhile), -EINTR (killed before the server read it), -EIO
 * (malformed reply), -ENOMEM.
 */
export const fuse_simple_request = kfn(
  'fuse_simple_request',
  function* (fm: fuse_mount, args: fuse_args): Step<number> {
    const { fc } = fm
    const { k } = fc
    if (!(yield* fc.initialized.smp_load_acquire())) {
      mark(k.m, 'fuse_simple_request', 'waited for INIT')
      const rc = yield* wait_event(fc.blocked_waitq, () => !fuse_block_alloc(fc, false), 'killable')
      if (rc !== 0) {
        mark(k.m, 'fuse_simple_request', 'killed before INIT')
        return -EINTR
      }
    }
    if (!fc.connected) {
      mark(k.m, 'fuse_simple_request', 'not connected')
      return -ENOTCONN
    }
    if (fc.life.state === 'refused') return -ECONNREFUSED
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

/** flush_bg_queue(), under fiq_lock: those have their turn that there is room for. */
const flush_bg_queue = (fc: fuse_conn): void => {
  while (fc.bg_queue.length > 0 && fc.active_background.peek() < fc.max_background.peek()) {
    fc.active_background.poke(fc.active_background.peek() + 1)
    const req = fc.bg_queue.shift()!
    req.set(FR_PENDING)
    queue_request(fc, req)
  }
}

/**
 * fuse_simple_background(): send, and let args.end have the answer. One that is not forced waits while there are as many as may
 * be. 0, -ENOTCONN, -ECONNREFUSED, -EINTR (killed while it waited).
 */
export const fuse_simple_background = kfn(
  'fuse_simple_background',
  function* (fm: fuse_mount, args: fuse_args): Step<number> {
    const { fc } = fm
    if (!args.force) {
      if (fuse_block_alloc(fc, true)) {
        mark(fc.k.m, 'fuse_simple_background', 'waited for its turn')
        const rc = yield* wait_event(fc.blocked_waitq, () => !fuse_block_alloc(fc, true), 'killable')
        if (rc !== 0) return -EINTR
      }
      if (fc.life.state === 'refused') return -ECONNREFUSED
    }
    return yield* spin_section(fc.fiq_lock, () => {
      if (!fc.connected) return -ENOTCONN
      fc.num_background.poke(fc.num_background.peek() + 1)
      if (fc.num_background.peek() === fc.max_background.peek()) fc.blocked.poke(true)
      fc.bg_queue.push(make_request(fm, args, FR_ISREPLY | FR_BACKGROUND))
      flush_bg_queue(fc)
      return 0
    })
  },
)

/** A background request is over: the next has its turn. */
const background_end = kfn('fuse_request_end background', function* (fc: fuse_conn): Step<void> {
  const n = fc.num_background.peek()
  if (n === fc.max_background.peek()) fc.blocked.poke(false)
  if (!fc.blocked.peek() && fc.blocked_waitq.waiters.length > 0) fc.blocked_waitq.wake_up(1)
  fc.num_background.poke(n - 1)
  fc.active_background.poke(fc.active_background.peek() - 1)
  if (fc.bg_queue.length > 0) yield* spin_section(fc.fiq_lock, () => flush_bg_queue(fc))
})

/** fuse_request_end(): the request is over; wake its waiter or run its end. */
export const fuse_request_end = kfn('fuse_request_end', function* (req: fuse_req, error: number): Step<void> {
  const { fc } = req.fm
  req.error = error
  req.set(FR_FINISHED)
  if (req.test(FR_INTERRUPTED)) yield* spin_section(fc.fiq_lock, () => fc.interrupts.remove(req))
  if (req.test(FR_BACKGROUND)) yield* background_end(fc)
  if (req.args.end) yield* req.args.end(req.fm, req.args, error)
  else yield* wake_up_all(req.waitq)
})

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

/**
 * fuse_simple_notify_reply(): what a server asked for with RETRIEVE. It has the unique that the server gave, and nobody waits: it
 * is over when it is read. 0 or -ENODEV.
 */
export const fuse_simple_notify_reply = kfn(
  'fuse_simple_notify_reply',
  function* (fm: fuse_mount, args: fuse_args, unique: number): Step<number> {
    const { fc } = fm
    return yield* spin_section(fc.fiq_lock, () => {
      if (!fc.connected) return -ENODEV
      const bytes = encodeRequest(args.op, { unique, nodeid: args.nodeid }, args.arg, [], args.data)
      fc.k.count(fc.k.requests, args.op.name)
      queue_request(fc, new fuse_req(fm, args, unique, bytes, FR_PENDING))
      return 0
    })
  },
)
