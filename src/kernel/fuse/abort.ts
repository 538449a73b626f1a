// The end of a connection while requests are under way (fs/fuse/dev.c; kernel.md 1.8): its device is closed, its file system is
// unmounted, a request took too long, or somebody wrote to its control file.
import { kfn, type Step, spin_section, wake_up_all } from '../../sim/index.ts'
import { ECONNABORTED } from '../../wire/index.ts'
import { FR_ABORTED, FR_PENDING, type fuse_conn, type fuse_req } from './fuse_i.ts'
import { fuse_has } from './iget.ts'
import { fuse_request_end } from './request.ts'

const drain = <T>(list: { shift(): T | undefined }): T[] => {
  const all: T[] = []
  for (let x = list.shift(); x !== undefined; x = list.shift()) all.push(x)
  return all
}

/** fuse_abort_conn(): every request ends with -ECONNABORTED; nothing is sent any more. */
export const fuse_abort_conn = kfn('fuse_abort_conn', function* (fc: fuse_conn): Step<void> {
  const queued = yield* spin_section(fc.fiq_lock, () => {
    if (!fc.life.send('ABORT')) return null
    // Whoever copies one of these ends it.
    for (const r of fc.io) r.set(FR_ABORTED)
    const list: fuse_req[] = [...drain(fc.pending), ...drain(fc.bg_queue)]
    for (const r of list) r.clear(FR_PENDING)
    drain(fc.forgets)
    drain(fc.interrupts)
    fc.blocked.poke(false)
    fc.fiq_waitq.wake_up()
    return list
  })
  if (queued === null) return
  const sent = yield* spin_section(fc.fpq_lock, () => drain(fc.processing))
  yield* wake_up_all(fc.blocked_waitq)
  for (const r of [...queued, ...sent]) yield* fuse_request_end(r, -ECONNABORTED)
})

/** fuse_conn_abort_write(): anything written to the connection's control file. A server that knows ABORT_ERROR can tell. */
export const fuse_conn_abort_write = kfn('fuse_conn_abort_write', function* (fc: fuse_conn): Step<number> {
  if (fc.connected && fuse_has(fc, 'ABORT_ERROR')) fc.aborted.poke(true)
  yield* fuse_abort_conn(fc)
  return 0
})
