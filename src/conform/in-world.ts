// A scripted server mounted on a host of a world, for scenarios about replies that the real daemon does not give. Its threads
// serve again after each rewind; what it wrote down and its files rewind too. A script that counts keeps its count in a Cell;
// a server whose files change has one thread, else an exhaustive search takes different states of it for one.
import { fuse_dev_open, start_daemon, tmpfs_mkdir } from '../kernel/index.ts'
import { Cell, type Step, UsageError } from '../sim/index.ts'
import { errnoName } from '../wire/index.ts'
import type { Host } from '../world/index.ts'
import type { RawServer } from './raw-server.ts'
import { type Mounted, pushDaxdev, serve, serverDies } from './rig.ts'

/**
 * Mount `s` at `mpt` (made if missing); where devices are pushed, those it names by path are. Throws UsageError when it fails.
 * @param o.threads how many requests it works at; 2 unless told otherwise
 */
export function scripted(host: Host, mpt: string, s: RawServer, o: { readonly threads?: number } = {}): Mounted {
  const { world, k } = host
  const dev = fuse_dev_open(k)
  const n = o.threads ?? 2
  const serving = new Cell(world.m, 'server threads', n)
  const released = new Cell(world.m, 'server closed', false)
  const closed = {
    get v() {
      return released.peek()
    },
    set v(v) {
      released.poke(v)
    },
  }
  const body = function* (): Step<number> {
    const rc = yield* serve(k, dev, s)
    serving.poke(serving.peek() - 1)
    if (serving.peek() === 0 && !closed.v) yield* serverDies({ dev, closed })
    return rc
  }
  const notes = [s.log, s.requests, s.messages, s.wrote]
  world.m.journal.addSaver({
    save: () => ({
      lengths: notes.map(list => list.length),
      files: [...s.files].map(([n, f]) => [n, { ...f }] as const),
    }),
    restore: ({ lengths, files }) => {
      for (const [i, list] of notes.entries()) list.length = lengths[i]!
      for (const [n, f] of files) s.files.set(n, { ...f })
    },
  })
  tmpfs_mkdir(k, mpt)
  const must = (what: string, rc: number): void => {
    if (rc < 0) throw new UsageError(`${host.name}: ${what}: ${errnoName(-rc)}`)
  }
  const rc = world.setup(host, 'server', function* (sys) {
    const mounted = yield* sys.mount(dev, mpt)
    const threads = Array.from({ length: n }, (_, i) => ({ comm: `server/${i}`, body }))
    if (mounted === 0) start_daemon(sys.ts.group_leader, threads)
    return mounted
  })
  must(`mount ${mpt}`, rc)
  if (k.profile.t.daxdev === 'push')
    for (const [index, path] of s.daxdevs.entries())
      if (typeof path === 'string')
        must(
          `push ${path}`,
          world.setup(host, 'push', function* (sys) {
            return yield* pushDaxdev(sys, dev, path, index)
          }),
        )
  return { dev, s, closed, threads: [] }
}
