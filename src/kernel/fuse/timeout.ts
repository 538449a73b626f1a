// fs/fuse/dev.c, fuse_check_timeout(): a server that asks for it at INIT (REQUEST_TIMEOUT) has so many seconds for each request;
// one that takes longer loses its connection. Looked at every 15 s since INIT, so it may be that much late.
import { type JList, kfn, max, type Step } from '../../sim/index.ts'
import { fuse_abort_conn } from './abort.ts'
import type { fuse_conn, fuse_req } from './fuse_i.ts'
import { arm_timeout, FUSE_TIMEOUT_TIMER_FREQ } from './request.ts'

/** init_server_timeout(): never less than the time between two looks. */
export const init_server_timeout = (fc: fuse_conn, seconds: number): void => {
  if (seconds === 0) return
  fc.req_timeout.poke(max(seconds * 1e9, FUSE_TIMEOUT_TIMER_FREQ))
  fc.timeout_start.poke(fc.k.m.clock())
}

/** fuse_check_timeout() */
export const fuse_check_timeout = kfn('fuse_check_timeout', function* (fc: fuse_conn): Step<void> {
  const too_old = fc.k.m.clock() - fc.req_timeout.peek()
  const expired = (list: JList<fuse_req>): boolean => list.length > 0 && list.items[0]!.create_time < too_old
  if (expired(fc.pending) || expired(fc.bg_queue) || expired(fc.processing)) yield* fuse_abort_conn(fc)
  else if (fc.pending.length + fc.bg_queue.length + fc.io.length + fc.processing.length > 0) arm_timeout(fc)
})
