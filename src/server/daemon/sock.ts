// Daemons at their Unix sockets: who asks one needs the path, and gets no answer from one that is gone.
import type { Kernel, Sys } from '../../kernel/index.ts'
import { JMap, kfn, type Step } from '../../sim/index.ts'
import { ECONNREFUSED } from '../../wire/index.ts'
import { type RestAnswer, rest_answer } from './diagnostics.ts'
import type { Fused } from './fused.ts'

/** Those of a host that listen, by the inode number of the socket. */
const listening = new WeakMap<Kernel, JMap<number, Fused>>()

const of = (k: Kernel): JMap<number, Fused> => {
  let map = listening.get(k)
  if (map === undefined) {
    map = new JMap(k.m.journal)
    listening.set(k, map)
  }
  return map
}

export const sock_listen = (d: Fused, ino: number): void => of(d.k).set(ino, d)

export const sock_close = (d: Fused): void => {
  const map = of(d.k)
  for (const [ino, other] of map.entries()) if (other === d) map.delete(ino)
}

/** Send a request, as text, to the daemon that listens at this path. Its answer, or -errno: -ENOENT, -ECONNREFUSED. */
export const sock_request = kfn('famfs_rest_request', function* (sys: Sys, path: string, request: string): Step<
  RestAnswer | number
> {
  const st = yield* sys.stat(path)
  if (typeof st === 'number') return st
  const d = of(sys.ts.k).get(st.ino)
  return d === undefined ? -ECONNREFUSED : rest_answer(d, request)
})
