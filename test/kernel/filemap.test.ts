// Files without a map: the page cache, writing through it and back, direct I/O, and mappings. Messages are counted, and a random
// run is compared with a plain buffer.
import { describe, expect, it } from 'vitest'
import { notification, notify } from '../../src/conform/index.ts'
import {
  fuse_dev_do_write,
  MAP_PRIVATE,
  MAP_SHARED,
  O_CREAT,
  O_DIRECT,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  PROT_READ,
  PROT_WRITE,
  type Stat,
  type Sys,
} from '../../src/kernel/index.ts'
import { ms, type Step } from '../../src/sim/index.ts'
import {
  FATTR_CTIME,
  FATTR_FH,
  FATTR_MTIME,
  FOPEN_DIRECT_IO,
  FOPEN_KEEP_CACHE,
  FOPEN_PARALLEL_DIRECT_WRITES,
  FOPEN_PASSTHROUGH,
  FUSE_WRITE_CACHE,
  INIT_BIT,
} from '../../src/wire/index.ts'
import { times } from '../times.ts'
import { E, pass } from './bare-mount.ts'
import { type ByteServer, bytesOf } from './byte-server.ts'

const K = 1024
const bytes = (n: number, seed = 1): Uint8Array => Uint8Array.from({ length: n }, (_, i) => (i * 7 + seed * 31) & 0xff)
const close = ['FLUSH', 'RELEASE']

function* readAt(sys: Sys, fd: number, n: number, off: number): Step<number[] | string> {
  const b = new Uint8Array(n)
  const rc = yield* sys.pread(fd, b, off)
  return rc < 0 ? String(E(rc)) : [...b.subarray(0, rc)]
}

describe('reading', () => {
  it('fills pages, some ahead, and asks once', () => {
    const { s, io } = bytesOf(40 * K)
    s.bytes.set(bytes(40 * K))
    const { got, log } = io(function* (sys) {
      const fd = yield* sys.open('/mnt/f')
      const out = [yield* readAt(sys, fd, 16, 0), yield* readAt(sys, fd, 4, 8190), yield* readAt(sys, fd, 3, 20 * K)]
      yield* sys.close(fd)
      return out
    })
    expect(got).toEqual([
      [...s.bytes.slice(0, 16)],
      [...s.bytes.slice(8190, 8194)],
      [...s.bytes.slice(20 * K, 20 * K + 3)],
    ])
    expect(log).toEqual(['OPEN', 'R 0+16384', 'R 20480+16384', ...close])
  })
  it('is in pieces of max_pages, and stops at the end of the file', () => {
    const { io } = bytesOf(40 * K + 5, [], {}, s => {
      s.initOut = { max_pages: 8 }
    })
    const { got, log } = io(function* (sys) {
      const fd = yield* sys.open('/mnt/f')
      return [yield* sys.pread(fd, 100 * K, 0), yield* sys.pread(fd, 10, 40 * K + 5), yield* sys.pread(fd, 10, 40 * K)]
    })
    expect(got).toEqual([40 * K + 5, 0, 5])
    expect(log.filter(l => l.startsWith('R '))).toEqual(['R 0+32768', 'R 32768+12288'])
  })
  it('reads nothing ahead when the server says so', () => {
    const { io } = bytesOf(40 * K, [], {}, s => {
      s.initOut = { max_readahead: 0 }
    })
    const { log } = io(function* (sys) {
      yield* sys.pread(yield* sys.open('/mnt/f'), 1, 5000)
    })
    expect(log).toEqual(['OPEN', 'R 4096+4096', ...close])
  })
  it.each([
    [0, ['R 0+4096']],
    [FOPEN_KEEP_CACHE, []],
  ])('another open, with open flags %i, reads %j again', (flags, again) => {
    const { s, io } = bytesOf(4096)
    s.openFlags = flags
    const read = function* (sys: Sys): Step<void> {
      const fd = yield* sys.open('/mnt/f')
      yield* sys.pread(fd, 8, 0)
      yield* sys.close(fd)
    }
    io(read)
    expect(io(read).log).toEqual(['OPEN', ...again, ...close])
  })
  it('of less than was asked for ends the file there', () => {
    const { s, io } = bytesOf(8 * K)
    s.bytes = s.bytes.slice(0, 5000)
    const { got } = io(function* (sys) {
      const fd = yield* sys.open('/mnt/f')
      return [yield* sys.pread(fd, 8 * K, 0), yield* sys.pread(fd, 8 * K, 5000)]
    })
    expect(got).toEqual([5000, 0])
  })
  it('that fails is tried again by the next', () => {
    const { s, io } = bytesOf(8 * K)
    const { got } = io(function* (sys) {
      const fd = yield* sys.open('/mnt/f')
      s.errnos.READ = 5
      const first = E(yield* sys.pread(fd, 8, 0))
      delete s.errnos.READ
      return [first, yield* sys.pread(fd, 8, 0)]
    })
    expect(got).toEqual(['EIO', 8])
  })
  it('by two at once is one READ', () => {
    const { rig, s, io } = bytesOf(8 * K)
    s.delays.READ = ms(1)
    for (const name of ['a', 'b']) rig.spawn(name, sys => openRead(sys))
    const from = s.requests.length
    rig.go()
    expect(s.requests.slice(from).filter(r => r.op.name === 'READ')).toHaveLength(1)
    expect(io(sys => openRead(sys)).got).toBe(8)
  })
})

function* openRead(sys: Sys): Step<number> {
  return yield* sys.pread(yield* sys.open('/mnt/f'), 8, 0)
}

describe('writing', () => {
  it('goes through to the server, and stays in the pages that it fills', () => {
    const { s, io } = bytesOf(0)
    const data = bytes(10 * K)
    const { got, log } = io(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const rc = [yield* sys.pwrite(fd, data, 100)]
      const whole = yield* readAt(sys, fd, 4, 4096)
      const part = yield* readAt(sys, fd, 4, 100)
      return [...rc, whole, part, ((yield* sys.fstat(fd)) as Stat).size]
    })
    expect(got).toEqual([10 * K, [...data.slice(3996, 4000)], [...data.slice(0, 4)], 10 * K + 100])
    expect(log).toEqual(['OPEN', 'W 100+10240', 'R 0+4096', 'GETATTR', ...close])
    expect([...s.bytes.subarray(100)]).toEqual([...data])
  })
  it('is in pieces of max_write and max_pages; of one page without BIG_WRITES', () => {
    const sizes = (initOut: object, big: boolean) => {
      const { s, io } = bytesOf(0, [], {}, srv => {
        srv.initOut = initOut
        if (!big) srv.init = srv.init.filter(b => b !== INIT_BIT.BIG_WRITES)
      })
      const { got, log } = io(function* (sys) {
        return yield* sys.pwrite(yield* sys.open('/mnt/f', O_RDWR), bytes(20000), 5000)
      })
      expect(got).toBe(20000)
      expect([...s.bytes.subarray(5000)]).toEqual([...bytes(20000)])
      return log.filter(l => l.startsWith('W '))
    }
    expect(sizes({ max_pages: 2 }, true)).toEqual(['W 5000+7288', 'W 12288+8192', 'W 20480+4520'])
    expect(sizes({ max_write: 9000 }, true)).toEqual(['W 5000+9000', 'W 14000+9000', 'W 23000+2000'])
    expect(sizes({}, false)).toEqual([
      'W 5000+3192',
      'W 8192+4096',
      'W 12288+4096',
      'W 16384+4096',
      'W 20480+4096',
      'W 24576+424',
    ])
  })
  it('that the server refuses, or takes half of, or claims too much of', () => {
    const { s, io } = bytesOf(4096)
    const { got } = io(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const out: unknown[] = []
      for (const size of [-28, 1000, 5000]) {
        const { script } = s
        s.script = req =>
          req.op.name === 'WRITE'
            ? size < 0
              ? { errno: -size }
              : { body: Uint8Array.from([size & 255, size >> 8, 0, 0, 0, 0, 0, 0]) }
            : script!(req)
        out.push(E(yield* sys.pwrite(fd, bytes(4096), 0)))
        s.script = script
        out.push((yield* readAt(sys, fd, 2, 0)) as number[])
      }
      return out
    })
    expect(got).toEqual(['ENOSPC', [0, 0], 1000, [0, 0], 'EIO', [0, 0]])
  })
})

describe('direct I/O', () => {
  it.each([
    ['FOPEN_DIRECT_IO', FOPEN_DIRECT_IO, 0],
    ['O_DIRECT', 0, O_DIRECT],
  ])('with %s asks for what is asked for', (_name, open_flags, flags) => {
    const { s, io } = bytesOf(8 * K)
    s.openFlags = open_flags
    const { got, log } = io(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR | flags)
      const rc = [
        yield* sys.pread(fd, 4096, 0),
        yield* sys.pread(fd, 4096, 0),
        yield* sys.pwrite(fd, bytes(4096), 4096),
      ]
      return [...rc, (yield* readAt(sys, fd, 4096, 4096)).length]
    })
    expect(got).toEqual([4096, 4096, 4096, 4096])
    expect(log).toEqual(['OPEN', 'R 0+4096', 'R 0+4096', 'W 4096+4096', 'R 4096+4096', ...close])
  })
  it('drops what it writes over from the page cache', () => {
    const { io } = bytesOf(8 * K)
    const { got } = io(function* (sys) {
      const [a, b] = [yield* sys.open('/mnt/f', O_RDWR), yield* sys.open('/mnt/f', O_RDWR | O_DIRECT)]
      yield* sys.pread(a, 8, 0)
      yield* sys.pwrite(b, bytes(4096, 9), 0)
      return yield* readAt(sys, a, 2, 0)
    })
    expect(got).toEqual([...bytes(2, 9)])
  })
})

describe('write-back caching', () => {
  const WB = [INIT_BIT.WRITEBACK_CACHE]
  it('keeps pages until a flush, joins them, and tells of the times', () => {
    const { s, io } = bytesOf(0, WB)
    const { got, log } = io(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      for (let i = 0; i < 8; i++) yield* sys.pwrite(fd, bytes(1024, i), i * 1024)
      const st = (yield* sys.fstat(fd)) as Stat
      const before = s.bytes.length
      yield* sys.close(fd)
      return [st.size, before, st.mtime > 0]
    })
    expect(got).toEqual([8 * K, 0, true])
    expect(log).toEqual(['OPEN', 'W 0+8192', 'SETATTR', ...close])
    const write = s.requests.find(r => r.op.name === 'WRITE')!
    expect(write.arg).toMatchObject({ write_flags: FUSE_WRITE_CACHE, fh: 100 })
    expect(s.requests.find(r => r.op.name === 'SETATTR')!.arg.valid).toBe(FATTR_MTIME | FATTR_CTIME | FATTR_FH)
    for (let i = 0; i < 8; i++) expect([...s.bytes.slice(i * 1024, i * 1024 + 4)]).toEqual([...bytes(4, i)])
  })
  it('reads a page before a part of it is written, and takes no size from the server meanwhile', () => {
    const { s, io } = bytesOf(6000, WB)
    s.bytes.fill(7)
    const { got, log } = io(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      yield* sys.pwrite(fd, bytes(10), 9000)
      yield* sys.pwrite(fd, bytes(10), 100)
      s.attrValid = 0
      const size = ((yield* sys.stat('/mnt/f')) as Stat).size
      const rc = yield* sys.fsync(fd)
      return [size, rc, ...(yield* readAt(sys, fd, 2, 99))]
    })
    expect(got).toEqual([9010, 0, 7, ...bytes(1)])
    expect(log.slice(0, 2)).toEqual(['OPEN', 'R 0+8192'])
    expect(log.filter(l => l.startsWith('W '))).toEqual(['W 0+4096', 'W 8192+818'])
    expect(s.bytes.length).toBe(9010)
    expect(s.bytes[6001]).toBe(0)
  })
  it('tells who flushes what could not be written', () => {
    const { s, io } = bytesOf(0, WB)
    const { got } = io(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const n = yield* sys.pwrite(fd, bytes(10), 0)
      s.errnos.WRITE = 28
      return [n, E(yield* sys.fsync(fd)), E(yield* sys.close(fd))]
    })
    expect(got).toEqual([10, 'ENOSPC', 0])
  })
  it('drops what a truncation cuts off', () => {
    const { s, io } = bytesOf(0, WB)
    const { log } = io(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      yield* sys.pwrite(fd, bytes(12 * K), 0)
      yield* sys.ftruncate(fd, 5000)
      yield* sys.close(fd)
    })
    expect(log.filter(l => l.startsWith('W '))).toEqual(['W 0+5000'])
    expect(s.bytes.length).toBe(5000)
  })
})

describe('mappings', () => {
  it('of one page are shared by all who map it, and are what is read and written', () => {
    const { rig, s } = bytesOf(8 * K)
    const got: unknown[] = []
    rig.spawn('a', function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const at = yield* sys.mmap(0, 8 * K, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
      yield* sys.store(at + 5, Uint8Array.of(42))
      yield* pass(2)
      const b = new Uint8Array(1)
      yield* sys.load(at + 6, b)
      got.push(['a', b[0], (yield* readAt(sys, fd, 2, 5)) as number[]])
    })
    rig.spawn('b', function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      yield* pass(1)
      const at = yield* sys.mmap(0, 8 * K, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
      const b = new Uint8Array(1)
      yield* sys.load(at + 5, b)
      yield* sys.pwrite(fd, Uint8Array.of(43), 6)
      got.push(['b', b[0]])
    })
    expect(rig.go()).toBe('held')
    expect(got).toEqual([
      ['b', 42],
      ['a', 43, [42, 43]],
    ])
    // And it has come to the server.
    expect([...s.bytes.slice(5, 7)]).toEqual([42, 43])
    expect(rig.problems()).toEqual([])
  })
  it('are dirty from their first store on, and again after they were written back', () => {
    const { io, s } = bytesOf(8 * K)
    const { got, log } = io(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const at = yield* sys.mmap(0, 8 * K, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
      const out: number[] = []
      for (const v of [1, 2]) {
        yield* sys.store(at + 4096, Uint8Array.of(v))
        yield* sys.fsync(fd)
        out.push(s.bytes[4096]!)
      }
      yield* sys.fsync(fd)
      yield* sys.store(at, Uint8Array.of(3))
      yield* sys.munmap(at, 8 * K)
      yield* sys.close(fd)
      return [...out, s.bytes[0]]
    })
    expect(got).toEqual([1, 2, 3])
    expect(log.filter(l => l.startsWith('W '))).toEqual(['W 4096+4096', 'W 4096+4096', 'W 0+4096'])
  })
  it('that are private are copied, and the file does not change', () => {
    const { io, s } = bytesOf(4 * K)
    const { got } = io(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const at = yield* sys.mmap(0, 4 * K, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd)
      yield* sys.store(at, Uint8Array.of(1))
      const b = new Uint8Array(1)
      yield* sys.load(at, b)
      return [b[0], yield* readAt(sys, fd, 1, 0)]
    })
    expect(got).toEqual([1, [0]])
    expect(s.bytes[0]).toBe(0)
  })
  it('end with the file: SIGBUS behind it, also when it is cut', () => {
    const { io } = bytesOf(12 * K)
    const { got } = io(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const at = yield* sys.mmap(0, 16 * K, PROT_READ, MAP_SHARED, fd)
      const touch = function* (off: number): Step<string> {
        return (yield* sys.load_or_signal(at + off, new Uint8Array(1)))?.si_code ?? 'ok'
      }
      const out = [yield* touch(8 * K), yield* touch(12 * K)]
      yield* sys.ftruncate(fd, 4096)
      return [...out, yield* touch(0), yield* touch(8 * K)]
    })
    expect(got).toEqual(['ok', 'BUS_ADRERR', 'ok', 'BUS_ADRERR'])
  })
  it('of a page that cannot be read are SIGBUS', () => {
    const { io, s } = bytesOf(4 * K)
    const { got } = io(function* (sys) {
      const fd = yield* sys.open('/mnt/f')
      s.errnos.READ = 5
      const at = yield* sys.mmap(0, 4 * K, PROT_READ, MAP_SHARED, fd)
      return (yield* sys.load_or_signal(at, new Uint8Array(1)))?.si_code
    })
    expect(got).toBe('BUS_ADRERR')
  })
  it('of a file that is read and written directly are private, unless the server allows more', () => {
    const tries = (bits: number[]) => {
      const { io, s } = bytesOf(4 * K, bits)
      s.openFlags = FOPEN_DIRECT_IO
      return io(function* (sys) {
        const fd = yield* sys.open('/mnt/f', O_RDWR)
        const how = [MAP_SHARED, MAP_PRIVATE]
        const out: unknown[] = []
        for (const flags of how) {
          const at = yield* sys.mmap(0, 4 * K, PROT_READ, flags, fd)
          out.push(at < 0 ? E(at) : 'ok')
        }
        return out
      }).got
    }
    expect(tries([])).toEqual(['ENODEV', 'ok'])
    expect(tries([INIT_BIT.INIT_EXT, INIT_BIT.DIRECT_IO_ALLOW_MMAP])).toEqual(['ok', 'ok'])
  })
})

describe('what the server changes', () => {
  /** Read, let the server change the file, stat, read: the byte then. */
  const changed = (bits: number[], change: (s: ByteServer) => void): unknown => {
    const { s, io, mt } = bytesOf(4 * K, bits)
    return io(function* (sys) {
      const fd = yield* sys.open('/mnt/f')
      yield* readAt(sys, fd, 1, 0)
      s.bytes[0] = 9
      s.attrValid = 0
      change(s)
      yield* fuse_dev_do_write(mt.dev.fc, notification.inval_inode(100, -1))
      yield* sys.stat('/mnt/f')
      return (yield* readAt(sys, fd, 1, 0))[0]
    }).got
  }
  it('shows with AUTO_INVAL_DATA when mtime or size differ, without it only by the size', () => {
    const mtime = (s: ByteServer) => {
      s.mtime = 77
    }
    const size = (s: ByteServer) => s.resize(5 * K)
    const none = () => {}
    expect([changed([], none), changed([], mtime), changed([], size)]).toEqual([0, 0, 9])
    const auto = [INIT_BIT.AUTO_INVAL_DATA]
    expect([changed(auto, none), changed(auto, mtime), changed(auto, size)]).toEqual([0, 9, 9])
    expect(changed([INIT_BIT.EXPLICIT_INVAL_DATA], size)).toBe(0)
  })
  it('shows after INVAL_INODE of its range', () => {
    const { io, mt } = bytesOf(12 * K)
    const { log } = io(function* (sys) {
      const fd = yield* sys.open('/mnt/f')
      yield* sys.pread(fd, 12 * K, 0)
      for (const [off, len] of [
        [-1, 0],
        [4096, 1],
        [8000, 0],
      ] as const) {
        yield* fuse_dev_do_write(mt.dev.fc, notification.inval_inode(100, off, len))
        yield* sys.pread(fd, 12 * K, 0)
      }
    })
    expect(log.filter(l => l.startsWith('R '))).toEqual(['R 0+12288', 'R 4096+4096', 'R 4096+8192'])
  })
  it('comes with STORE, and goes with RETRIEVE', () => {
    const { rig, s, mt, io } = bytesOf(4096)
    const say = (m: Uint8Array) => E(notify(rig, mt, m))
    io(function* (sys) {
      yield* sys.stat('/mnt/f')
    })
    expect(say(notification.store(100, 0, bytes(6000)))).toBe(16 + 24 + 6000)
    expect(say(notification.store(999, 0, bytes(10)))).toBe('ENOENT')
    expect(say(notification.retrieve(77, 999, 0, 10))).toBe('ENOENT')
    expect(say(notification.retrieve(77, 100, 10, 5000))).toBe(48)
    rig.go()
    const reply = s.requests.find(r => r.op.name === 'NOTIFY_REPLY')!
    expect([reply.unique, reply.nodeid, reply.arg.offset, reply.arg.size]).toEqual([77, 100, 10, 5000])
    expect([...reply.data]).toEqual([...bytes(6000).slice(10, 5010)])
    s.openFlags = FOPEN_KEEP_CACHE
    const { got, log } = io(function* (sys) {
      const fd = yield* sys.open('/mnt/f')
      return (yield* readAt(sys, fd, 6000, 0)).length
    })
    expect([got, log]).toEqual([6000, ['OPEN', ...close]])
  })
})

describe('the modes of I/O', () => {
  it('passthrough needs a backing file, and there is none: EIO', () => {
    const { io, s } = bytesOf(4096)
    s.openFlags = FOPEN_PASSTHROUGH
    const { got, log } = io(function* (sys) {
      return E(yield* sys.open('/mnt/f'))
    })
    expect([got, log]).toEqual(['EIO', ['OPEN', 'RELEASE']])
  })
  it('direct writes go side by side, if the server wants that; one that makes the file longer does not', () => {
    const took = (flags: number, off: number) => {
      const { rig, s } = bytesOf(64 * K)
      s.openFlags = flags
      s.delays.WRITE = ms(5)
      for (const i of [0, 1])
        rig.spawn(`w${i}`, function* (sys) {
          const fd = yield* sys.open('/mnt/f', O_WRONLY)
          yield* sys.pwrite(fd, bytes(4096), off + i * 4096)
        })
      const [start] = rig.m.tasks.map(t => t.now)
      rig.go()
      return rig.m.tasks.reduce((end, t) => Math.max(end, t.now), 0) - start! < ms(10)
    }
    const parallel = FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES
    expect([took(FOPEN_DIRECT_IO, 0), took(parallel, 0), took(parallel, 64 * K)]).toEqual([false, true, false])
  })
  it('an open for cached I/O waits for direct writes that run side by side', () => {
    const { rig, s } = bytesOf(64 * K)
    s.openFlags = FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES
    s.delays.WRITE = ms(5)
    rig.spawn('writer', function* (sys) {
      yield* sys.pwrite(yield* sys.open('/mnt/f', O_WRONLY), bytes(4096), 0)
    })
    const t = rig.spawn('cached', function* (sys) {
      yield* pass(1)
      s.openFlags = 0
      const start = sys.clock()
      yield* sys.open('/mnt/f')
      return sys.clock() - start > ms(3)
    })
    rig.go()
    expect((t.value as { value: unknown }).value).toBe(true)
  })
})

describe('a random run', () => {
  const random = (seed: number) => {
    let s = seed
    return (n: number): number => {
      s = (Math.imul(s, 1664525) + 1013904223) >>> 0
      return Math.floor((s / 2 ** 32) * n)
    }
  }
  it.each([
    ['written through', [], 0],
    ['written back', [INIT_BIT.WRITEBACK_CACHE], 0],
    ['written through, pages kept', [], FOPEN_KEEP_CACHE],
    ['one page at a time, written back', [INIT_BIT.WRITEBACK_CACHE, -INIT_BIT.MAX_PAGES], FOPEN_KEEP_CACHE],
  ] as const)('%s, agrees with a plain buffer, and so does the server in the end', (_name, bits, flags) => {
    const MAX = 40 * K
    for (let seed = 1; seed <= times(2, 100); seed++) {
      const { rig, s, io } = bytesOf(
        0,
        bits.filter(b => b > 0),
        {},
        srv => {
          srv.openFlags = flags
          srv.initOut = { max_pages: bits.some(b => b < 0) ? 1 : 4 }
        },
      )
      const r = random(seed)
      let plain = new Uint8Array(0)
      const grow = (n: number): void => {
        const next = new Uint8Array(n)
        next.set(plain.subarray(0, n))
        plain = next
      }
      io(function* (sys) {
        let fd = yield* sys.open('/mnt/f', O_RDWR | O_CREAT)
        let at = yield* sys.mmap(0, MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
        for (let op = 0; op < 120; op++) {
          const off = r(MAX - 1)
          const n = 1 + r(Math.min(9000, MAX - off))
          const what = r(12)
          const why = `seed ${seed}, operation ${op}: ${what} at ${off}+${n} of ${plain.length}`
          const got = new Uint8Array(n)
          if (what < 3) {
            const rc = yield* sys.pread(fd, got, off)
            expect(rc, why).toBe(Math.max(0, Math.min(n, plain.length - off)))
            expect(Buffer.compare(got.subarray(0, rc), plain.subarray(off, off + rc)), why).toBe(0)
          } else if (what < 6) {
            const data = bytes(n, op)
            expect(yield* sys.pwrite(fd, data, off), why).toBe(n)
            if (off + n > plain.length) grow(off + n)
            plain.set(data, off)
          } else if (what < 10) {
            // What is mapped, as far as the file goes.
            const len = Math.min(n, plain.length - off)
            if (len <= 0) continue
            if (what < 8) {
              yield* sys.load(at + off, got.subarray(0, len))
              expect(Buffer.compare(got.subarray(0, len), plain.subarray(off, off + len)), why).toBe(0)
            } else {
              yield* sys.store(at + off, bytes(len, op))
              plain.set(bytes(len, op), off)
            }
          } else if (what === 10) {
            const size = r(MAX)
            expect(yield* sys.ftruncate(fd, size), why).toBe(0)
            grow(size)
          } else {
            yield* sys.munmap(at, MAX)
            yield* sys.close(fd)
            fd = yield* sys.open('/mnt/f', O_RDWR | (r(8) === 0 ? O_TRUNC : 0))
            at = yield* sys.mmap(0, MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
            const { size } = (yield* sys.fstat(fd)) as Stat
            if (size === 0) plain = new Uint8Array(0)
            expect(size, why).toBe(plain.length)
          }
        }
        yield* sys.munmap(at, MAX)
        yield* sys.close(fd)
      })
      expect(Buffer.compare(s.bytes, plain), `seed ${seed}`).toBe(0)
      expect(rig.problems()).toEqual([])
    }
  })
})
