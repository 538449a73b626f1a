// The queues between the kernel and a server (kernel.md 1.8): what read(2) takes and in which order, how many background
// requests there may be, how long a request may take, and what a bad INIT leads to.
import { describe, expect, it } from 'vitest'
import type { RawServer } from '../../src/conform/index.ts'
import type { fuse_args } from '../../src/kernel/fuse/fuse_i.ts'
import { fuse_queue_forget, fuse_simple_background, fuse_simple_request } from '../../src/kernel/fuse/request.ts'
import {
  fuse_conn_abort_write,
  fuse_dev_do_read,
  fuse_dev_do_write,
  fuse_dev_release,
  type ProcessEnd,
  type Sys,
} from '../../src/kernel/index.ts'
import { kfn, MiB, ms, type Step, signal, step, type Task } from '../../src/sim/index.ts'
import { decodeRequest, EAGAIN, ENOSYS, encodeReply, INIT_BIT, type Request } from '../../src/wire/index.ts'
import { answer, type Bare, bare, E, next, pass, reply, statfs } from './bare-mount.ts'

const resultOf = (t: Task): unknown => (t.value as ProcessEnd).value

const small = (max_write: number) => (s: RawServer) => {
  s.initOut = { max_write }
}

/** What a reader with a buffer of this size gets: an errno, or the request. */
function* readWith({ rig, dev }: Bare, nbytes: number): Step<string | Request> {
  const msg = yield* fuse_dev_do_read(dev.fc, nbytes)
  return typeof msg === 'number' ? String(E(msg)) : (decodeRequest(rig.k.opcodes, msg) as Request)
}

describe('the buffer of read(2)', () => {
  it.each([
    [0x100000, [4096, 8192, 80 + 0x100000 - 1, 80 + 0x100000], ['EINVAL', 'EINVAL', 'EINVAL', 'STATFS']],
    // max_write is never less than a page, and the buffer never less than 8192.
    [100, [4176, 8191, 8192], ['EINVAL', 'EINVAL', 'STATFS']],
    [8112, [8191, 8192], ['EINVAL', 'STATFS']],
    [8113, [8192, 8193], ['EINVAL', 'STATFS']],
  ])('max_write %i', (max_write, sizes, expected) => {
    const b = bare({}, small(max_write))
    b.rig.spawn('client', statfs)
    const t = b.rig.kthread('server', function* () {
      const got: unknown[] = []
      for (const n of sizes) {
        const r = yield* readWith(b, n)
        got.push(typeof r === 'string' ? r : r.op.name)
      }
      return got
    })
    b.rig.go()
    expect(t.value).toEqual(expected)
  })

  it.each([
    ['WRITE', 'EIO', 8192 - 80, 'WRITE'],
    ['WRITE', 'EIO', 8192 - 79, 'STATFS'],
    ['SETXATTR', 'E2BIG', 9000, 'STATFS'],
  ] as const)(
    'a %s that is too large for it ends with %s, and the reader gets the next (%i bytes)',
    (name, errno, size, first) => {
      const b = bare({}, small(4096))
      const client = b.rig.kthread('client', function* (k) {
        const names = name === 'SETXATTR' ? ['user.x'] : []
        const op = k.opcodes.op[name]
        return E(
          yield* fuse_simple_request(b.dev.fm, { op, nodeid: 1, arg: { size }, names, data: new Uint8Array(size) }),
        )
      })
      b.rig.spawn('next', function* (sys) {
        yield* pass(1)
        return yield* statfs(sys)
      })
      const server = b.rig.kthread('server', function* () {
        yield* pass(2)
        const r = yield* readWith(b, 8192)
        return typeof r === 'string' ? r : r.op.name
      })
      b.rig.go()
      expect(server.value).toBe(first)
      expect(client.value).toBe(first === name ? undefined : errno)
      expect(b.dev.fc.io.length).toBe(0)
    },
  )
})

describe('the order of reading', () => {
  it('is interrupts, then forgets, then requests; forgets 16 times, then requests 8 times, while there are both', () => {
    const b = bare({}, s => {
      // Before 7.16 each forget is a message.
      s.initOut = { minor: 15 }
    })
    const clients = Array.from({ length: 20 }, (_, i) => b.rig.spawn(`client ${i}`, statfs))
    b.rig.kthread('forgets', function* () {
      for (let i = 0; i < 40; i++) yield* fuse_queue_forget(b.dev.fc, 100 + i, 1)
    })
    const server = b.rig.kthread('server', function* () {
      yield* pass(1)
      const order: string[] = []
      for (let i = 0; i < 60; i++) {
        const req = yield* next(b)
        order.push(req.op.name === 'FORGET' ? 'f' : 'r')
        // One request is read and interrupted: that goes before everything.
        if (i === 16) {
          signal(clients.find((_, n) => n === 0)!, 'SIGUSR1')
          yield* step()
          yield* pass(1)
          const intr = yield* next(b)
          order.push(intr.op.name === 'INTERRUPT' && intr.unique === req.unique + 1 ? 'I' : '?')
        }
      }
      return order.join('')
    })
    b.rig.go()
    const f = 'f'.repeat(16)
    const r = 'r'.repeat(8)
    expect(server.value).toBe(`${f}rI${r.slice(1)}${f}${r}${'f'.repeat(8)}${'r'.repeat(4)}`)
  })

  it('gives as many forgets in one message as the buffer holds', () => {
    const b = bare({}, small(4096))
    const server = b.rig.kthread('server', function* () {
      for (let i = 0; i < 1200; i++) yield* fuse_queue_forget(b.dev.fc, 100 + i, i)
      const got: number[][] = []
      while (b.dev.fc.forgets.length > 0) {
        const req = (yield* readWith(b, 8192)) as Request
        got.push([req.op.number, req.arg.count, req.len])
      }
      return got
    })
    b.rig.go()
    // (8192 - 40 - 8) / 16
    expect(server.value).toEqual([
      [42, 509, 8192],
      [42, 509, 8192],
      [42, 182, 48 + 182 * 16],
    ])
  })
})

describe('background requests', () => {
  /** `n` processes that each send one in the background, as read-ahead does; `forced` ones ask nobody. */
  const flood = (b: Bare, n: number, forced = false): { sent: string[]; ended: number[] } => {
    const [sent, ended]: [string[], number[]] = [[], []]
    for (let i = 0; i < n; i++)
      b.rig.kthread(`bg ${i}`, function* (k) {
        const args: fuse_args = {
          op: k.opcodes.op.STATFS,
          nodeid: 1,
          force: forced,
          end: kfn('end', function* (_fm: unknown, _args: unknown, error: number): Step<void> {
            ended.push(error)
          }),
        }
        sent.push(`${i} ${E(yield* fuse_simple_background(b.dev.fm, args))}`)
      })
    return { sent, ended }
  }
  const limits = (max_background: number) => (s: RawServer) => {
    s.initOut = { max_background, congestion_threshold: 2 }
  }
  const counts = ({ dev: { fc } }: Bare) => [
    fc.num_background.peek(),
    fc.active_background.peek(),
    fc.pending.length,
    fc.bg_queue.length,
    fc.blocked.peek(),
  ]

  it('are 12 at most, unless the server says otherwise at INIT; from 7.13 on', () => {
    expect(bare().dev.fc.max_background.peek()).toBe(12)
    expect(bare({}, limits(3)).dev.fc.max_background.peek()).toBe(3)
    const old = bare({}, s => {
      s.initOut = { max_background: 3, minor: 12 }
    })
    expect([old.dev.fc.max_background.peek(), old.dev.fc.congestion_threshold.peek()]).toEqual([12, 9])
  })

  it('wait when there are as many as may be, and have their turn one by one', () => {
    const b = bare({}, limits(3))
    const { sent, ended } = flood(b, 7)
    const server = b.rig.kthread('server', function* () {
      yield* pass(1)
      const seen = [counts(b)]
      for (let i = 0; i < 7; i++) {
        yield* answer(b)
        yield* pass(1)
        seen.push(counts(b))
      }
      return seen
    })
    expect(b.rig.go()).toBe('held')
    const full = [3, 3, 3, 0, true]
    expect(server.value).toEqual([
      full,
      full,
      full,
      full,
      full,
      [2, 2, 2, 0, false],
      [1, 1, 1, 0, false],
      [0, 0, 0, 0, false],
    ])
    expect(sent).toHaveLength(7)
    expect(ended).toEqual(Array(7).fill(-ENOSYS))
  })

  it('that are forced (RELEASE) are queued beyond it, and sent in order', () => {
    const b = bare({}, limits(3))
    const { sent } = flood(b, 5, true)
    const server = b.rig.kthread('server', function* () {
      yield* pass(1)
      const seen = [counts(b)]
      for (let i = 0; i < 5; i++) yield* answer(b)
      return [...seen, counts(b)]
    })
    expect(b.rig.go()).toBe('held')
    expect(sent).toHaveLength(5)
    expect(server.value).toEqual([
      [5, 3, 3, 2, true],
      [0, 0, 0, 0, false],
    ])
  })

  it('are told of in the files of the connection, and the limit can be raised there', () => {
    const b = bare({}, limits(1))
    flood(b, 3)
    const dir = '/sys/fs/fuse/connections/1'
    const t = b.rig.spawn('admin', function* (sys: Sys) {
      yield* pass(1)
      const read = (f: string) => sys.sysfs_read(`${dir}/${f}`)
      const out: unknown[] = [yield* sys.sysfs_list(dir)]
      for (const f of ['waiting', 'max_background', 'congestion_threshold', 'abort']) out.push(yield* read(f))
      out.push(yield* sys.sysfs_write(`${dir}/max_background`, 'x'))
      out.push(yield* sys.sysfs_write(`${dir}/max_background`, '3\n'))
      yield* pass(1)
      return [...out, yield* read('waiting')]
    })
    b.rig.go()
    const names = ['abort', 'congestion_threshold', 'max_background', 'waiting']
    expect(resultOf(t)).toEqual([names, '1', '1', '2', -13, -22, 2, '3'])
  })

  it('that wait are let go by an abort: ENOTCONN; those queued end with ECONNABORTED', () => {
    const b = bare({}, limits(1))
    const [free, forced] = [flood(b, 2), flood(b, 2, true)]
    b.rig.kthread('abort', function* () {
      yield* pass(1)
      yield* fuse_conn_abort_write(b.dev.fc)
    })
    expect(b.rig.go()).toBe('held')
    expect([...free.sent, ...forced.sent].filter(l => l.endsWith('ENOTCONN'))).toHaveLength(1)
    expect([...free.ended, ...forced.ended]).toEqual([-103, -103, -103])
  })
})

describe('a time limit of requests', () => {
  /** STATFS is answered after so many seconds; what its caller got, and when the connection went. */
  const takes = (server_s: number, initOut: object, flags: number[] = [INIT_BIT.REQUEST_TIMEOUT]) => {
    const b = bare({}, s => {
      s.init = [...s.init, ...flags]
      s.initOut = initOut
    })
    const t = b.rig.spawn('client', function* (sys) {
      yield* pass(1000)
      const rc = yield* statfs(sys)
      return [rc, Math.round(sys.clock() / 1e9)]
    })
    b.rig.kthread('server', function* () {
      const req = yield* next(b)
      yield* pass(server_s * 1000)
      yield* reply(b, req)
    })
    expect(b.rig.go()).toBe('held')
    return resultOf(t)
  }
  it('is what the server says at INIT, 15 s at least, and looked at every 15 s', () => {
    // Sent at 1 s; looks at 15, 30, 45 s.
    expect(takes(10, { request_timeout: 5 })).toEqual(['ENOSYS', 11])
    expect(takes(40, { request_timeout: 5 })).toEqual(['ECONNABORTED', 30])
    expect(takes(40, { request_timeout: 15 })).toEqual(['ECONNABORTED', 30])
    expect(takes(40, { request_timeout: 28 })).toEqual(['ECONNABORTED', 30])
    expect(takes(60, { request_timeout: 30 })).toEqual(['ECONNABORTED', 45])
    expect(takes(60, { request_timeout: 65 })).toEqual(['ENOSYS', 61])
  })
  it('is none without the flag, or with 0', () => {
    expect(takes(100, { request_timeout: 15 }, [])).toEqual(['ENOSYS', 101])
    expect(takes(100, { request_timeout: 0 })).toEqual(['ENOSYS', 101])
  })
})

describe('INIT', () => {
  /** What statfs() gives after this answer to INIT, and the life of the connection. */
  const onInit = (writes: (req: Request) => Uint8Array): unknown => {
    const b = bare({}, s => {
      s.script = req => (req.op.name === 'INIT' ? { raw: [writes(req)] } : undefined)
    })
    const t = b.rig.spawn('client', statfs)
    b.rig.kthread('server', function* () {
      for (;;) yield* answer(b)
    })
    b.rig.go()
    return [t.value === undefined ? 'waits' : resultOf(t), b.dev.fc.life.state, b.dev.fc.minor.peek()]
  }
  const words = (...w: number[]): Uint8Array => new Uint8Array(new Uint32Array(w).buffer)

  it('that fails, or of another major version, refuses the connection: ECONNREFUSED', () => {
    expect(onInit(r => encodeReply(r.unique, -5))).toEqual(['ECONNREFUSED', 'refused', 0])
    expect(onInit(r => encodeReply(r.unique, 0, words(8, 0)))).toEqual(['ECONNREFUSED', 'refused', 0])
    expect(onInit(r => encodeReply(r.unique, 0))).toEqual(['ECONNREFUSED', 'refused', 0])
    // Too long: malformed, and so EIO.
    expect(onInit(r => encodeReply(r.unique, 0, new Uint8Array(65)))).toEqual(['ECONNREFUSED', 'refused', 0])
  })
  it('of an old server is short, and the rest counts as 0', () => {
    expect(onInit(r => encodeReply(r.unique, 0, words(7, 31)))).toEqual(['ENOSYS', 'connected', 31])
    expect(onInit(r => encodeReply(r.unique, 0, words(7, 4)))).toEqual(['ENOSYS', 'connected', 4])
    expect(onInit(r => encodeReply(r.unique, 0, words(7, 46, 0x20000, 0, 0, 0x1000)))).toEqual([
      'ENOSYS',
      'connected',
      46,
    ])
  })
  it.each([
    // flags2 counts with INIT_EXT only; no flags before 7.6.
    [45, [INIT_BIT.INIT_EXT, 43], 1],
    [46, [INIT_BIT.INIT_EXT, 43], 1],
    [45, [43], 0],
    [45, [INIT_BIT.INIT_EXT], 0],
    [5, [INIT_BIT.INIT_EXT, 43], 0],
  ] as const)('of minor %i with bits %j: famfs %i', (minor, bits, famfs) => {
    const b = bare({}, s => {
      s.init = [...bits]
      s.initOut = { minor }
    })
    expect(b.dev.fc.famfs_iomap.peek()).toBe(famfs)
  })
  it('says how many pages a request has, between 1 and 256; 32 without MAX_PAGES', () => {
    const pages = (max_pages: number, flags: number[]) =>
      bare({}, s => {
        s.init = flags
        s.initOut = { max_pages }
      }).dev.fc.max_pages.peek()
    expect([0, 1, 100, 256, 1000].map(n => pages(n, [INIT_BIT.MAX_PAGES]))).toEqual([1, 1, 100, 256, 256])
    expect(pages(100, [])).toBe(32)
  })
})

describe('the end of a connection', () => {
  it('is ENODEV to its reader; ECONNABORTED with ABORT_ERROR, when it came by the control file', () => {
    const end = (flags: number[], how: 'file' | 'close' | 'umount') => {
      const b = bare({}, s => {
        s.init = [...s.init, ...flags]
      })
      b.rig.spawn('admin', function* (sys) {
        yield* pass(1)
        if (how === 'file') yield* sys.sysfs_write('/sys/fs/fuse/connections/1/abort', '1\n')
        else if (how === 'umount') yield* sys.umount('/mnt')
        else yield* fuse_dev_release(b.dev)
      })
      const t = b.rig.kthread('server', function* () {
        return E((yield* fuse_dev_do_read(b.dev.fc)) as number)
      })
      b.rig.go()
      return t.value
    }
    expect([end([], 'file'), end([], 'umount'), end([], 'close')]).toEqual(['ENODEV', 'ENODEV', 'ENODEV'])
    const abortError = [INIT_BIT.ABORT_ERROR]
    expect([end(abortError, 'file'), end(abortError, 'umount')]).toEqual(['ECONNABORTED', 'ENODEV'])
  })
  it.each([
    [true, ['INIT:0', 'DESTROY:0:ENOSYS'], 'fuseblk'],
    [false, ['INIT:0'], 'fuse'],
  ])('at unmount: DESTROY, waited for, on a block device only (%s)', (destroy, log, type) => {
    const b = bare({ destroy })
    const t = b.rig.spawn('admin', function* (sys) {
      const mounts = sys.proc_mounts()
      const start = sys.clock()
      const rc = yield* sys.umount('/mnt')
      return [rc, mounts.includes(` /mnt ${type} `), sys.clock() - start > ms(5)]
    })
    b.rig.kthread('server', function* () {
      if (!destroy) return
      const req = yield* next(b)
      yield* pass(6)
      yield* reply(b, req)
    })
    b.rig.go()
    expect(resultOf(t)).toEqual([0, true, destroy])
    expect(b.s.log).toEqual(log)
  })
})

describe('an answer to an INTERRUPT', () => {
  it('with EAGAIN for a request that no signal came for is EINVAL', () => {
    const b = bare()
    b.rig.spawn('client', statfs)
    const server = b.rig.kthread('server', function* () {
      const { unique } = yield* next(b)
      return E(yield* fuse_dev_do_write(b.dev.fc, encodeReply(unique + 1, -EAGAIN)))
    })
    b.rig.go()
    expect(server.value).toBe('EINVAL')
  })
})

it('a buffer of 1 MiB and a page, as libfuse has it, holds every message of this kernel', () => {
  const b = bare()
  const t = b.rig.kthread('server', function* () {
    yield* fuse_queue_forget(b.dev.fc, 5, 1)
    return (yield* readWith(b, MiB(1) + 4096)) as Request
  })
  b.rig.go()
  expect((t.value as Request).op.name).toBe('FORGET')
})
