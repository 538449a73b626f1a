// fs/fuse/control.c: the files of /sys/fs/fuse/connections/N, one directory for each mounted connection.
import { kfn, type Op, type Step } from '../../sim/index.ts'
import { EINVAL } from '../../wire/index.ts'
import type { Kernel } from '../kernel.ts'
import { fuse_conn_abort_write } from './abort.ts'
import type { fuse_conn } from './fuse_i.ts'

/** Mounted connections by the number of their directory. */
export const fuse_connections = (k: Kernel): [string, fuse_conn][] =>
  k.supers.items.flatMap(sb => (sb.fuse === null ? [] : [[String(sb.fuse.dev.peek()), sb.fuse]]))

type Limit = 'max_background' | 'congestion_threshold'

/** fuse_conn_limit_write(): a number for a limit. */
const limit_write = kfn('fuse_conn_limit_write', function* (fc: fuse_conn, limit: Limit, text: string): Step<number> {
  const n = /^\d+$/.test(text.trim()) ? Number(text.trim()) : Number.NaN
  if (!(n <= 0xffff)) return -EINVAL
  fc[limit].poke(n)
  if (limit === 'max_background') fc.blocked.poke(fc.num_background.peek() >= n)
  if (!fc.blocked.peek()) fc.blocked_waitq.wake_up()
  return 0
})

const limit =
  (which: Limit) =>
  (fc: fuse_conn, text: string): Op<number> =>
    limit_write(fc, which, text)

interface ControlFile {
  readonly name: string
  readonly show?: (fc: fuse_conn) => string
  /** 0 or -errno. */
  readonly store?: (fc: fuse_conn, text: string) => Op<number>
}

/** Requests that the server owes an answer, and those that wait to be sent. */
const waiting = (fc: fuse_conn): number => fc.pending.length + fc.io.length + fc.processing.length + fc.bg_queue.length

export const CONTROL_FILES: readonly ControlFile[] = [
  { name: 'abort', store: fuse_conn_abort_write },
  {
    name: 'congestion_threshold',
    show: fc => String(fc.congestion_threshold.peek()),
    store: limit('congestion_threshold'),
  },
  { name: 'max_background', show: fc => String(fc.max_background.peek()), store: limit('max_background') },
  { name: 'waiting', show: fc => String(waiting(fc)) },
]
