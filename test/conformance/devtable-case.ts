// One measured sequence of operations on the device table: opens, reads and mappings while devices fail, heal, are poisoned
// and lose their driver. Replayed on the model; a difference is one line.

import { DEVICE_SIZE, type RawDaxdev, Rig, runsOf, simpleMap, wordBacking } from '../../src/conform/index.ts'
import { MAP_SHARED, O_RDONLY, PROT_READ, type Sys } from '../../src/kernel/index.ts'
import { Completion, complete, MiB, type Step, sleep, step, wait_for_completion } from '../../src/sim/index.ts'
import { encodeFmap, errnoName } from '../../src/wire/index.ts'

/** One line: an operation, what it answered and the messages it caused. */
export interface DevtableOp {
  readonly i: number
  readonly op: string
  readonly file?: string
  readonly dev?: number
  readonly index?: number
  readonly to?: string
  readonly off?: number
  readonly len?: number
  readonly ret?: number
  readonly err?: string
  readonly devoff?: number
  readonly signal?: string
  readonly si_code?: number
  readonly mmap_err?: string
  readonly umount?: number
  readonly msgs: readonly string[]
}
export interface DevtableCase {
  readonly seq: number
  readonly daxdev0: string
  readonly daxdev1: string
  readonly ops: readonly DevtableOp[]
}

const M = (n: number): number => MiB(n)
const FILES: Record<string, Uint8Array> = {
  s0: simpleMap([[0, 0, M(4)]]),
  s1: simpleMap([[1, 0, M(4)]]),
  s01: simpleMap([
    [0, M(8), M(2)],
    [1, M(8), M(2)],
  ]),
  i01: encodeFmap({
    kind: 'interleaved',
    fileSize: M(8),
    groups: [{ chunkSize: M(2), nbytes: M(8), strips: [0, 1].map(dev => ({ dev, offset: M(16), len: M(4) })) }],
  }),
  s10: simpleMap([
    [1, M(24), M(2)],
    [0, M(24), M(2)],
  ]),
  t0: simpleMap([[0, M(32), M(2)]]),
}
const SIZES: Record<string, number> = { s0: M(4), s1: M(4), s01: M(4), i01: M(8), s10: M(4), t0: M(2) }

const daxdev = (index: number, to: string): RawDaxdev => {
  const table: Record<string, RawDaxdev> = {
    ok: `/dev/dax${index}.0`,
    EIO: 5,
    ENOENT_path: '/dev/nope',
    empty_name: '',
    'unacquirable(devdax mode)': '/dev/dax2.0',
  }
  const v = table[to]
  if (v === undefined) throw new Error(`unknown setting ${to}`)
  return v
}

/** Several forgets may have travelled as one message; which nodes it named was not recorded. */
const sameForgets = (got: readonly string[], want: readonly string[]): boolean => {
  const alone = want.filter(w => !w.startsWith('BATCH'))
  if (alone.length === want.length) return JSON.stringify([...got].sort()) === JSON.stringify([...want].sort())
  return got.length >= alone.length + 2 && alone.every(w => got.includes(w))
}

/** Run the sequence on the model; what came out otherwise than measured. */
export function replayDevtableCase(c: DevtableCase): string[] {
  const rig = new Rig({
    switches: { noDefect: ['B44'] },
    threads: 1,
    devices: [
      { backing: wordBacking(0, DEVICE_SIZE) },
      { backing: wordBacking(1, DEVICE_SIZE) },
      { size: MiB(2), driver: 'device_dax' },
    ],
  })
  const s = rig.server()
  Object.entries(FILES).forEach(([name, fmap], i) => {
    s.files.set(name, { nodeid: 100 + i, size: SIZES[name]!, fmap })
  })
  s.daxdevs.length = 0
  s.daxdevs.push(daxdev(0, c.daxdev0), daxdev(1, c.daxdev1))
  s.errnos.FLUSH = 38
  const out: string[] = []
  rig.mount(s)
  s.log.length = 0
  let page = M(400)
  /** One process has all the descriptors; it takes orders until it is told to close everything. */
  const owner = () => {
    const orders: ((sys: Sys, fds: Map<string, number>) => Step<void>)[] = []
    let wake = new Completion(rig.m, 'order')
    let quit = false
    const t = rig.spawn('app', function* (sys) {
      const fds = new Map<string, number>()
      for (;;) {
        const order = orders.shift()
        if (order !== undefined) {
          yield* order(sys, fds)
          continue
        }
        if (quit) return
        const mine = wake
        yield* wait_for_completion(mine)
      }
    })
    const go = (order: ((sys: Sys, fds: Map<string, number>) => Step<void>) | null): void => {
      if (order === null) quit = true
      else orders.push(order)
      const now = wake
      wake = new Completion(rig.m, 'order')
      rig.kthread('order', function* () {
        yield* sleep(1)
        yield* step()
        yield* complete(now)
      })
      rig.go()
      rig.m.problems.length = 0 // the process that waits for orders is no deadlock
    }
    return { t, go }
  }
  let app = owner()
  for (const o of c.ops) {
    const got: Partial<Record<keyof DevtableOp, unknown>> = {}
    const from = s.log.length
    const want: Partial<Record<keyof DevtableOp, unknown>> = {}
    switch (o.op) {
      case 'server_sets_daxdev':
        s.daxdevs[o.index!] = daxdev(o.index!, o.to!)
        break
      case 'poison_unused_page':
        rig.poison(o.dev!, page)
        page += 4096
        rig.m.problems.length = 0
        break
      case 'unbind_fsdev':
        rig.unbind(o.dev!)
        rig.m.problems.length = 0
        break
      case 'bind_fsdev':
        rig.bind(o.dev!)
        break
      case 'evict_closed_inodes':
        app.go(function* (sys) {
          yield* sys.drop_caches()
        })
        break
      case 'close_all_umount_mount': {
        app.go(null)
        want.umount = o.umount
        got.umount = rig.run(function* (sys) {
          return yield* sys.umount('/mnt')
        })
        s.log.length = 0
        rig.mount(s)
        app = owner()
        break
      }
      default:
        app.go(function* (sys, fds) {
          yield* operate(sys, fds, o, got, want)
        })
    }
    const msgs = s.log.slice(o.op === 'close_all_umount_mount' ? 0 : from)
    const forgets = o.op === 'evict_closed_inodes'
    if (forgets ? !sameForgets(msgs, o.msgs) : JSON.stringify(msgs) !== JSON.stringify(o.msgs))
      out.push(`seq ${c.seq} ${o.i} ${o.op} ${o.file ?? ''}: messages ${msgs}, measured ${o.msgs}`)
    const [g, w] = [JSON.stringify(got), JSON.stringify(want)]
    if (g !== w) out.push(`seq ${c.seq} ${o.i} ${o.op} ${o.file ?? ''}: model ${g}, measured ${w}`)
  }
  app.go(null)
  return out
}

function* operate(
  sys: Sys,
  fds: Map<string, number>,
  o: DevtableOp,
  got: Record<string, unknown>,
  want: Record<string, unknown>,
): Step<void> {
  const file = o.file!
  const name = (n: number): string => (n < 0 ? errnoName(-n) : '0')
  switch (o.op) {
    case 'open': {
      const fd = yield* sys.open(`/mnt/${file}`, O_RDONLY)
      if (fd >= 0) fds.set(file, fd)
      got.err = name(fd)
      want.err = o.err
      return
    }
    case 'close':
      got.err = name(yield* sys.close(fds.get(file) ?? -1))
      want.err = o.err
      fds.delete(file)
      return
    case 'pread': {
      const buf = new Uint8Array(o.len!)
      const n = yield* sys.pread(fds.get(file) ?? -1, buf, o.off!)
      got.err = name(n)
      want.err = o.err
      got.ret = n < 0 ? -1 : n
      want.ret = o.ret
      if (n > 0 && o.dev !== undefined) {
        got.at = runsOf(buf, n)[0]!.slice(1)
        want.at = [o.dev, o.devoff]
      }
      return
    }
    case 'mmap_only':
    case 'mmap_load_munmap': {
      const len = SIZES[file]!
      const at = yield* sys.mmap(0, len, PROT_READ, MAP_SHARED, fds.get(file) ?? -1)
      want.mmap = o.op === 'mmap_only' ? o.err : (o.mmap_err ?? '0')
      got.mmap = name(at)
      if (at < 0) return
      if (o.op === 'mmap_load_munmap') {
        const buf = new Uint8Array(8)
        const sig = yield* sys.load_or_signal(at + o.off!, buf)
        got.load = sig ? [sig.signal, sig.si_code === 'BUS_ADRERR' ? 2 : sig.si_code] : runsOf(buf, 8)[0]!.slice(1)
        want.load = o.signal ? [o.signal, o.si_code] : [o.dev, o.devoff]
      }
      yield* sys.munmap(at, len)
      return
    }
    default:
      throw new Error(`unknown operation ${o.op}`)
  }
}
