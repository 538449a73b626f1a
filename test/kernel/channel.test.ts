// The rules of the channel (kernel.md 1.8) at the two ends of /dev/fuse: what the writer of a reply gets and what the one
// who waits for it gets; aborts, forgets, and a waiter that is killed.
import { describe, expect, it } from 'vitest'
import { RawServer, Rig, simpleMap } from '../../src/conform/index.ts'
import { RandomChooser } from '../../src/explore/strategies/random.ts'
import {
  fuse_abort_conn,
  fuse_dev_do_read,
  fuse_dev_do_write,
  fuse_dev_open,
  fuse_dev_release,
  type ProcessEnd,
  type StatFs,
} from '../../src/kernel/index.ts'
import { type Chooser, ms, signal, sleep, step } from '../../src/sim/index.ts'
import {
  decodeRequest,
  encodeReply,
  encodeReplyStruct,
  errnoName,
  fuse_statfs_out,
  type Request,
} from '../../src/wire/index.ts'
import { answer, bare, E, next } from './bare-mount.ts'

const TWO = 0x200000
/** STATFS is asked by a process; `reply` writes for it; what the writer got, and what the process got in the end. */
const exchange = (
  writes: (req: Request, good: Uint8Array) => Uint8Array[],
): { writer: (number | string)[]; waiter: number | string } => {
  const { rig, dev } = bare()
  const t = rig.spawn('client', function* (sys) {
    const r = yield* sys.statfs('/mnt')
    return typeof r === 'number' ? r : (r as StatFs).blocks
  })
  const writer: (number | string)[] = []
  rig.kthread('server', function* () {
    const req = yield* next({ rig, dev })
    const good = encodeReplyStruct(req.unique, fuse_statfs_out, { st: { blocks: 77, bsize: 4096 } })
    for (const b of writes(req, good)) writer.push(E(yield* fuse_dev_do_write(dev.fc, b)))
  })
  rig.go()
  const end = t.value as ProcessEnd | undefined
  return { writer, waiter: end === undefined ? 'waits' : E(end.value as number) }
}

const withLen = (b: Uint8Array, len: number): Uint8Array => {
  const c = b.slice()
  new DataView(c.buffer).setUint32(0, len, true)
  return c
}

describe('replies', () => {
  const GOOD = 96
  const table: [string, (req: Request, good: Uint8Array) => Uint8Array[], (number | string)[], number | string][] = [
    ['a good one', (_r, good) => [good], [GOOD], 77],
    ['an error', r => [encodeReply(r.unique, -5)], [16], 'EIO'],
    ['the largest error', r => [encodeReply(r.unique, -511)], [16], errnoName(511)],
    ['shorter than a header', (_r, good) => [good.subarray(0, 15)], ['EINVAL'], 'waits'],
    ['nothing at all', () => [new Uint8Array(0)], ['EINVAL'], 'waits'],
    ['a len field that is not its length', (_r, good) => [withLen(good, GOOD + 8)], ['EINVAL'], 'waits'],
    ['a len field of 16', (_r, good) => [withLen(good, 16)], ['EINVAL'], 'waits'],
    ['a positive error', r => [encodeReply(r.unique, 95)], ['EINVAL'], 'waits'],
    ['-512', r => [encodeReply(r.unique, -512)], ['EINVAL'], 'waits'],
    ['-1000', r => [encodeReply(r.unique, -1000)], ['EINVAL'], 'waits'],
    ['a positive error, then a good one', (r, good) => [encodeReply(r.unique, 95), good], ['EINVAL', GOOD], 77],
    ['an unknown unique', r => [encodeReply(r.unique + 2, 0)], ['ENOENT'], 'waits'],
    ['an unknown unique, then a good one', (r, good) => [encodeReply(r.unique + 2, 0), good], ['ENOENT', GOOD], 77],
    ['twice', (_r, good) => [good, good], [GOOD, 'ENOENT'], 77],
    ['an error with a body', r => [encodeReply(r.unique, -2, new Uint8Array(80))], ['EINVAL'], 'EIO'],
    ['a body 8 bytes short', r => [encodeReply(r.unique, 0, new Uint8Array(72))], ['EINVAL'], 'EIO'],
    ['a body 8 bytes long', r => [encodeReply(r.unique, 0, new Uint8Array(88))], ['EINVAL'], 'EIO'],
    ['no body', r => [encodeReply(r.unique, 0)], ['EINVAL'], 'EIO'],
    ['unique 0 and an unknown code', () => [encodeReply(0, 77)], ['EINVAL'], 'waits'],
    ['after a malformed one, again', (r, good) => [encodeReply(r.unique, 0), good], ['EINVAL', 'ENOENT'], 'EIO'],
  ]
  it.each(table)('%s', (_name, writes, writer, waiter) => {
    expect(exchange(writes)).toEqual({ writer, waiter })
  })

  it('of variable length may be short, not long', () => {
    for (const [len, open] of [
      [4096, 3],
      [4097, 'EIO'],
      [56, 3],
      [0, 'EINVAL'],
    ] as const) {
      const rig = new Rig()
      const s = rig.server()
      const fmap = new Uint8Array(len)
      fmap.set(simpleMap([[0, 0, TWO]]).subarray(0, len))
      s.files.set('f', { nodeid: 100, size: TWO, fmap })
      rig.mount(s)
      s.wrote.length = 0
      const fd = rig.run(function* (sys) {
        return yield* sys.open('/mnt/f')
      })
      expect(E(fd)).toBe(open)
      expect(s.wrote.includes(-22)).toBe(len > 4096)
    }
  })
})

describe('requests', () => {
  it('step by two in unique, from 2', () => {
    const rig = new Rig()
    const s = rig.server()
    s.files.set('f', { nodeid: 100, size: TWO, fmap: simpleMap([[0, 0, TWO]]) })
    rig.mount(s)
    rig.run(function* (sys) {
      yield* sys.close(yield* sys.open('/mnt/f'))
      yield* sys.drop_caches()
    })
    expect(s.log).toContain('FORGET:100')
    const uniques = s.requests.map(r => r.unique).sort((a, b) => a - b)
    expect(uniques).toEqual(uniques.map((_, i) => 2 + 2 * i))
  })

  it('wait until INIT is answered', () => {
    const rig = new Rig()
    const dev = fuse_dev_open(rig.k)
    const order: string[] = []
    rig.spawn('app', function* (sys) {
      yield* sys.mount(dev, '/mnt')
      order.push('mounted')
      yield* sys.statfs('/mnt')
      order.push('statfs')
    })
    rig.kthread('server', function* () {
      yield* sleep(ms(1))
      yield* step()
      const s = new RawServer()
      order.push((yield* answer({ rig, dev, s })).op.name)
      order.push((yield* answer({ rig, dev, s })).op.name)
    })
    rig.go()
    expect(order).toEqual(['mounted', 'INIT', 'STATFS', 'statfs'])
  })

  it('are read after forgets', () => {
    const rig = new Rig()
    const dev = fuse_dev_open(rig.k)
    const s = rig.server()
    s.files.set('f', { nodeid: 100, size: TWO, fmap: simpleMap([[0, 0, TWO]]) })
    const seen: string[] = []
    const app = rig.spawn('app', function* (sys) {
      yield* sys.mount(dev, '/mnt')
      return yield* sys.stat('/mnt/f')
    })
    rig.kthread('server', function* () {
      while (seen.at(-1) !== 'LOOKUP') seen.push((yield* answer({ rig, dev, s })).op.name)
    })
    rig.go()
    expect((app.value as ProcessEnd).signal).toBeNull()
    // Nobody reads now: a request goes into the queue, then a forget.
    rig.spawn('asks', function* (sys) {
      yield* sys.statfs('/mnt')
    })
    rig.spawn('forgets', function* (sys) {
      yield* sys.sleep(ms(1))
      yield* sys.drop_caches()
    })
    rig.kthread('server', function* () {
      yield* sleep(ms(2))
      yield* step()
      for (let i = 0; i < 2; i++) seen.push((yield* answer({ rig, dev, s })).op.name)
    })
    expect(rig.go()).toBe('held')
    expect(seen.slice(-2)).toEqual(['FORGET', 'STATFS'])
  })
})

describe('the end of a connection', () => {
  /** One request read by the server, one still in the queue, one sent later; then the connection ends. */
  const ended = (how: 'abort' | 'release') => {
    const { rig, dev } = bare()
    const statfs = (name: string, at: number) =>
      rig.spawn(
        name,
        function* (sys) {
          yield* step()
          return yield* sys.statfs('/mnt')
        },
        { at },
      )
    const read = statfs('read', 0)
    const queued = statfs('queued', ms(1))
    const later = statfs('later', ms(5))
    const server: (number | string)[] = []
    rig.kthread('server', function* () {
      const req = yield* next({ rig, dev })
      yield* sleep(ms(3))
      yield* step()
      if (how === 'abort') yield* fuse_abort_conn(dev.fc)
      else yield* fuse_dev_release(dev)
      server.push(E(yield* fuse_dev_do_write(dev.fc, encodeReply(req.unique, 0, new Uint8Array(80)))))
      server.push(E((yield* fuse_dev_do_read(dev.fc)) as number))
    })
    rig.go()
    const got = [read, queued, later].map(t => E((t.value as ProcessEnd).value as number))
    expect(rig.problems()).toEqual([])
    return { got, server }
  }
  it.each(['abort', 'release'] as const)('by %s: those under way ECONNABORTED, later ones ENOTCONN', how => {
    expect(ended(how)).toEqual({
      got: ['ECONNABORTED', 'ECONNABORTED', 'ENOTCONN'],
      server: ['ENOENT', 'ENODEV'],
    })
  })

  it('at any moment of a request: whoever waits is answered, and nothing is left in a queue', () => {
    // The aborter meets the reader between the queue of those waiting and the table of those read, among other places.
    const seen = new Set<string>()
    for (let seed = 0; seed < 400; seed++) {
      const { rig, dev } = bare({ policy: 'free' })
      const t = rig.spawn('client', function* (sys) {
        return yield* sys.statfs('/mnt')
      })
      rig.kthread('server', function* () {
        yield* fuse_dev_do_read(dev.fc)
      })
      rig.kthread('abort', function* () {
        yield* fuse_abort_conn(dev.fc)
      })
      expect(rig.go(new RandomChooser(seed)), `seed ${seed}: ${rig.problems()[0]}`).toBe('held')
      seen.add(String(E((t.value as ProcessEnd).value as number)))
      expect([dev.fc.pending.length, dev.fc.processing.length, rig.leaks()]).toEqual([0, 0, ['fuse_conn']])
    }
    expect([...seen].sort()).toEqual(['ECONNABORTED', 'ENOTCONN'])
  })

  it('of a waiter that is killed at any moment: it is answered or takes the request back, never both', () => {
    const seen = new Set<string>()
    const ends = new Set<string>()
    for (let seed = 0; seed < 400; seed++) {
      const { rig, dev } = bare({ policy: 'free' })
      const t = rig.spawn('client', function* (sys) {
        return yield* sys.statfs('/mnt')
      })
      const server = rig.kthread('server', function* () {
        const msg = yield* fuse_dev_do_read(dev.fc)
        if (typeof msg === 'number') return E(msg)
        const req = decodeRequest(rig.k.opcodes, msg)
        return 'error' in req ? req.error : E(yield* fuse_dev_do_write(dev.fc, encodeReply(req.unique, -5)))
      })
      rig.kthread('killer', function* () {
        yield* step()
        signal(t, 'SIGKILL')
      })
      rig.kthread('abort', function* () {
        for (let i = 0; i < 60; i++) yield* step()
        yield* fuse_abort_conn(dev.fc)
      })
      expect(rig.go(new RandomChooser(seed)), `seed ${seed}: ${rig.problems()[0]}`).toBe('held')
      // Killed, unless it had its answer and was gone before the signal came.
      const end = t.value as ProcessEnd
      if (end.signal === null) expect(end.value).toBe(-5)
      else expect(end.signal.signal).toBe('SIGKILL')
      ends.add(end.signal?.signal ?? 'answered')
      seen.add(String(server.value))
      expect([dev.fc.pending.length, dev.fc.processing.length, rig.leaks()]).toEqual([0, 0, ['fuse_conn']])
    }
    // The server's view: its reply was taken, or there was nothing to read, or the abort came first.
    for (const view of seen) expect(['16', 'ENODEV', 'ENOENT']).toContain(view)
    expect(seen.size).toBeGreaterThan(1)
    expect(ends).toContain('SIGKILL')
  })
})

describe('while the reader has a request in neither queue', () => {
  /** Run the others only when the server is about to take fpq_lock; until then it goes on, and its victims wait. */
  const atTheGap = (first: string): Chooser => {
    let there = false
    return {
      choose(_kind, options) {
        const server = options.findIndex(o => o.label.endsWith('server'))
        const pending = server < 0 ? null : options[server]!.pending
        there ||= pending?.kind.name === 'spin_lock' && pending.obj?.name === 'fpq->lock'
        const wanted = there ? options.findIndex(o => o.label.endsWith(first)) : -1
        if (wanted >= 0) return wanted
        const client = options.findIndex(o => o.label.endsWith('client'))
        return server >= 0 ? server : client >= 0 ? client : 0
      },
    }
  }
  it('an abort does not lose it', () => {
    const { rig, dev } = bare({ policy: 'free' })
    const t = rig.spawn('client', function* (sys) {
      return yield* sys.statfs('/mnt')
    })
    const server = rig.kthread('server', function* () {
      return yield* fuse_dev_do_read(dev.fc)
    })
    rig.kthread('aborter', function* () {
      yield* fuse_abort_conn(dev.fc)
    })
    expect(rig.go(atTheGap('aborter')), rig.problems()[0]).toBe('held')
    expect(E((t.value as ProcessEnd).value as number)).toBe('ECONNABORTED')
    expect(E(server.value as number)).toBe('ENODEV')
  })
  it('a kill does not take it back', () => {
    const { rig, dev } = bare({ policy: 'free' })
    const order: string[] = []
    const t = rig.spawn('client', function* (sys) {
      return yield* sys.statfs('/mnt')
    })
    rig.kthread('server', function* () {
      const req = yield* next({ rig, dev })
      expect(t.state, 'the client waits').not.toBe(2)
      order.push(String(E(yield* fuse_dev_do_write(dev.fc, encodeReply(req.unique, -5)))))
    })
    rig.kthread('killer', function* () {
      yield* step()
      signal(t, 'SIGKILL')
    })
    // The killer goes first at the gap, then the client with its signal, as far as it gets.
    const killer = atTheGap('killer')
    const client = atTheGap('client')
    const chooser: Chooser = {
      choose(kind, options, ctx) {
        const i = killer.choose(kind, options, ctx)
        const j = client.choose(kind, options, ctx)
        return options[i]!.label.endsWith('killer') ? i : j
      },
    }
    expect(rig.go(chooser), rig.problems()[0]).toBe('held')
    expect(order).toEqual(['16'])
    expect((t.value as ProcessEnd).signal?.signal).toBe('SIGKILL')
  })
})

describe('a waiter that is killed', () => {
  const kill = (o: { serverReads: boolean }) => {
    const { rig, dev } = bare()
    const t = rig.spawn('client', function* (sys) {
      return yield* sys.statfs('/mnt')
    })
    const start = t.now
    let wrote: number | string = 'nothing'
    rig.kthread('server', function* () {
      if (!o.serverReads) {
        yield* sleep(ms(5))
        yield* step()
        expect(dev.fc.pending.length).toBe(0)
        return
      }
      const req = yield* next({ rig, dev })
      yield* sleep(ms(5))
      yield* step()
      const good = encodeReplyStruct(req.unique, fuse_statfs_out, { st: { blocks: 1 } })
      wrote = E(yield* fuse_dev_do_write(dev.fc, good))
    })
    rig.kthread('killer', function* () {
      yield* sleep(ms(1))
      yield* step()
      signal(t, 'SIGKILL')
    })
    expect(rig.go()).toBe('held')
    expect((t.value as ProcessEnd).signal?.signal).toBe('SIGKILL')
    return { wrote, after: t.now - start }
  }
  it('before the server has read the request: the request goes, the process dies at once', () => {
    const { wrote, after } = kill({ serverReads: false })
    expect(wrote).toBe('nothing')
    expect(after).toBeLessThan(ms(2))
  })
  it('after the server has read it: the process stays until the reply', () => {
    const { wrote, after } = kill({ serverReads: true })
    expect(wrote).toBe(96)
    expect(after).toBeGreaterThan(ms(4.9))
  })
  it('in open: FLUSH and RELEASE still go out, and FLUSH is waited for', () => {
    const rig = new Rig({ threads: 1 })
    const s = rig.server()
    s.files.set('f', { nodeid: 100, size: TWO, fmap: simpleMap([[0, 0, TWO]]) })
    s.delays.GET_FMAP = ms(5)
    s.delays.FLUSH = ms(5)
    s.busy = ms(0.1)
    rig.mount(s)
    const t = rig.spawn('opener', function* (sys) {
      yield* sys.open('/mnt/f')
    })
    const start = t.now
    rig.kthread('killer', function* () {
      yield* sleep(ms(1))
      yield* step()
      signal(t, 'SIGKILL')
    })
    expect(rig.go()).toBe('held')
    expect(s.log.slice(-2)).toEqual(['FLUSH:100', 'RELEASE:100'])
    expect(t.now - start).toBeGreaterThan(ms(9.9))
    expect(rig.leaks().filter(n => n === 'fuse_req' || n === 'fuse_file')).toEqual([])
  })
})
