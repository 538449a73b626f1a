// Facts measured on a real kernel that the VFS answers for, one test each, named by the fact's id.
import { describe, expect, it } from 'vitest'
import { type RigOptions, simpleMap } from '../../src/conform/index.ts'
import { RandomChooser } from '../../src/explore/index.ts'
import {
  AT_FDCWD,
  F_SETFL,
  MAP_SHARED,
  MNT_DETACH,
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
  O_CREAT,
  O_DIRECT,
  O_RDONLY,
  O_RDWR,
  O_SYNC,
  PROT_READ,
  PROT_WRITE,
  RWF_DSYNC,
  RWF_HIPRI,
  RWF_NOWAIT,
  SEEK_CUR,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
  STATX_ATTR_DAX,
  type StatFs,
  type Statx,
  type Sys,
} from '../../src/kernel/index.ts'
import { DEAD, MiB, type Step } from '../../src/sim/index.ts'
import {
  FOPEN_DIRECT_IO,
  FOPEN_KEEP_CACHE,
  FOPEN_NOFLUSH,
  FOPEN_NONSEEKABLE,
  FUSE_FSYNC_FDATASYNC,
  fuse_statfs_out,
} from '../../src/wire/index.ts'
import { E, logged, ONE, setUp, TWO } from './set-up.ts'

const fact = it

/** 3 MiB and 100 bytes in an extent of 4 MiB. */
const ODD_SIZE = MiB(3) + 100
const ODD = simpleMap([[0, 0, MiB(4)]], ODD_SIZE)

const opening = (path: string, flags = O_RDONLY) =>
  function* (sys: Sys): Step<number | string> {
    const fd = yield* sys.open(path, flags)
    return fd < 0 ? E(fd) : 'ok'
  }

describe('positions', () => {
  fact('rw.lseek', () => {
    const { rig, s } = setUp({ f: ODD })
    let got: unknown[] = []
    const log = logged(s, () => {
      got = rig.run(function* (sys) {
        const fd = yield* sys.open('/mnt/f')
        const to = []
        for (const [off, whence] of [
          [0, SEEK_END],
          [0, SEEK_DATA],
          [0, SEEK_HOLE],
          [ODD_SIZE, SEEK_DATA],
        ] as const)
          to.push(E(yield* sys.lseek(fd, off, whence)))
        return to
      })
    })
    expect(got).toEqual([ODD_SIZE, 0, ODD_SIZE, 'ENXIO'])
    expect(log.filter(l => l.startsWith('LSEEK'))).toEqual(['LSEEK:100:ENOSYS'])
  })
})

describe('flags and vectors', () => {
  fact('rw.odirect', () => {
    const { rig, s } = setUp({ a: simpleMap([[0, 0, TWO]]), f: ONE })
    rig.run(opening('/mnt/a'))
    const cold = logged(s, () => expect(rig.run(opening('/mnt/f', O_DIRECT))).toBe('EINVAL'))
    expect(cold).toEqual(['LOOKUP:1', 'OPEN:101', 'GET_FMAP:101', 'RELEASE:101'])
    expect(logged(s, () => rig.run(opening('/mnt/f')))).toEqual(['OPEN:101', 'FLUSH:101', 'RELEASE:101'])
    const set = rig.run(function* (sys) {
      return E(yield* sys.fcntl(yield* sys.open('/mnt/f'), F_SETFL, O_DIRECT))
    })
    expect(set).toBe('EINVAL')
  })
  fact('rw.iov', () => {
    const { rig, s } = setUp({ f: ONE })
    const log = logged(s, () => {
      const got = rig.run(function* (sys) {
        const fd = yield* sys.open('/mnt/f', O_RDWR)
        const [a, b] = [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5)]
        const back = [new Uint8Array(1), new Uint8Array(4)]
        const out = [
          yield* sys.pwritev2(fd, [a, b], 100),
          yield* sys.pwritev2(fd, [a], 200, RWF_DSYNC),
          yield* sys.preadv2(fd, back, 100, RWF_HIPRI),
          E(yield* sys.preadv2(fd, back, 100, RWF_NOWAIT)),
        ]
        return [...out, back.map(x => [...x])]
      })
      const bytes = [[1], [2, 3, 4, 5]]
      expect(got).toEqual([5, 3, 5, 'EOPNOTSUPP', bytes])
    })
    expect(log.filter(l => l.startsWith('FSYNC'))).toEqual([])
  })
  fact('rw.efault', () => {
    // The second half of the good buffer's mapping is beyond the end of what is mapped.
    const { rig } = setUp({ f: ONE, g: simpleMap([[0, 0, TWO]]) })
    const got = rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const g = yield* sys.open('/mnt/g', O_RDWR)
      const at = yield* sys.mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, g)
      const half = { addr: at, len: 8192 }
      const none = { addr: at + 4096, len: 8192 }
      yield* sys.store(at, Uint8Array.of(7))
      const out = []
      for (const buf of [none, half]) out.push(E(yield* sys.pwrite(fd, buf, 0)), E(yield* sys.pread(fd, buf, 4095)))
      const b = new Uint8Array(1)
      yield* sys.pread(fd, b, 0)
      out.push(b[0])
      return out
    })
    expect(got).toEqual(['EFAULT', 'EFAULT', 4096, 4096, 7])
  })
  fact('rw.osync', () => {
    const { rig } = setUp({ f: ONE })
    const n = rig.run(function* (sys) {
      return yield* sys.write(yield* sys.open('/mnt/f', O_RDWR | O_SYNC), new Uint8Array(10))
    })
    expect(n).toBe(10)
  })
  fact('rw.fsync', () => {
    const { rig, s } = setUp({ f: ONE }, {}, srv => {
      srv.errnos.FSYNC = 0
    })
    const log = logged(s, () => {
      const rc = rig.run(function* (sys) {
        const fd = yield* sys.open('/mnt/f', O_RDWR)
        const out = [yield* sys.fsync(fd), yield* sys.fdatasync(fd), yield* sys.sync_file_range(fd, 0, 0, 7)]
        const at = yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, fd)
        for (const flags of [MS_SYNC, MS_ASYNC, MS_INVALIDATE]) out.push(yield* sys.msync(at, TWO, flags))
        return out
      })
      expect(rc).toEqual([0, 0, 0, 0, 0, 0])
    })
    expect(log.filter(l => l.startsWith('FSYNC'))).toEqual(['FSYNC:100', 'FSYNC:100', 'FSYNC:100'])
    const flags = s.requests.filter(r => r.op.name === 'FSYNC').map(r => r.arg.fsync_flags)
    expect(flags).toEqual([0, FUSE_FSYNC_FDATASYNC, FUSE_FSYNC_FDATASYNC])
  })
  fact('open.flags', () => {
    const { rig, s } = setUp({ f: ONE })
    const pread = function* (sys: Sys): Step<unknown[]> {
      const fd = yield* sys.open('/mnt/f')
      const out = [E(yield* sys.pread(fd, 8, 0)), E(yield* sys.read(fd, 8)), E(yield* sys.lseek(fd, 0, SEEK_CUR))]
      const mapped = (yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, fd)) > 0
      yield* sys.close(fd)
      return [...out, mapped]
    }
    s.openFlags = FOPEN_DIRECT_IO | FOPEN_KEEP_CACHE
    const log = logged(s, () => expect(rig.run(pread)).toEqual([8, 8, 8, true]))
    expect(log.filter(l => l.startsWith('READ'))).toEqual([])
    expect(log.slice(-2)).toEqual(['FLUSH:100', 'RELEASE:100'])
    s.openFlags = FOPEN_NOFLUSH
    expect(logged(s, () => rig.run(opening('/mnt/f')))).toEqual(['OPEN:100', 'RELEASE:100'])
    s.openFlags = FOPEN_NONSEEKABLE
    expect(rig.run(pread)).toEqual(['ESPIPE', 8, 'ESPIPE', true])
  })
})

describe('attributes', () => {
  fact('meta.statx', () => {
    const { rig } = setUp({ f: ONE }, {}, srv => {
      srv.script = req => (req.op.name === 'STATFS' ? { def: fuse_statfs_out, values: {} } : undefined)
    })
    const got = rig.run(function* (sys) {
      yield* sys.open('/mnt/f')
      const st = (yield* sys.statx(AT_FDCWD, '/mnt/f')) as Statx
      const fs = (yield* sys.statfs('/mnt/f')) as StatFs
      return [st.attributes & STATX_ATTR_DAX, fs.type]
    })
    expect(got).toEqual([0x200000, 0x65735546])
  })
})

describe('devices', () => {
  fact('simple.hmem', () => {
    // What the other facts show on a device carved out of a region, on an nvdimm namespace as well.
    const story = (region: 'dynamic' | 'static'): unknown[] => {
      const { rig, s } = setUp(
        {
          a: simpleMap(
            [
              [0, MiB(28), TWO],
              [0, MiB(24), 2 * TWO],
              [0, MiB(32), TWO],
            ],
            MiB(7) + 4321,
          ),
          b: simpleMap([[0, MiB(64), TWO]]),
        },
        { devices: [{ region }] },
      )
      const used = rig.run(function* (sys) {
        const fd = yield* sys.open('/mnt/a', O_RDWR)
        const b = new Uint8Array(MiB(7) + 4321)
        for (let i = 0; i < 8; i++) b.subarray(MiB(i)).fill(i + 1)
        const back = new Uint8Array(b.length)
        const at = yield* sys.mmap(0, b.length, PROT_READ, MAP_SHARED, fd)
        const out = [yield* sys.pwrite(fd, b, 0), yield* sys.pread(fd, back, 0), Buffer.compare(b, back)]
        yield* sys.load(at, back)
        return [...out, Buffer.compare(b, back), yield* sys.open('/mnt/b')]
      })
      const told = rig.poison(0, MiB(24))
      const after = rig.run(function* (sys) {
        const [a, b] = [yield* sys.open('/mnt/a'), yield* sys.open('/mnt/b')]
        const out = []
        for (const fd of [a, a, b, b]) out.push(E(yield* sys.pread(fd, 8, 0)))
        return out
      })
      return [used, told, after, rig.k.faults.entries(), s.log, rig.k.mf_stats.entries()]
    }
    const hmem = story('dynamic')
    expect(hmem[2]).toEqual(['EHWPOISON', 'EIO', 'EHWPOISON', 'EIO'])
    expect(hmem).toEqual(story('static'))
  })
})

describe('two writers', () => {
  fact('rw.torn', () => {
    const ROUNDS = 12
    const mixed = (o: RigOptions): number => {
      let n = 0
      for (let seed = 0; seed < ROUNDS; seed++) {
        // 2 MiB across the border of two extents.
        const { rig } = setUp(
          {
            f: simpleMap([
              [0, MiB(8), TWO],
              [0, 0, TWO],
            ]),
          },
          { ...o, policy: 'free' },
        )
        rig.run(opening('/mnt/f'))
        for (const fill of [1, 2])
          rig.spawn(`writer ${fill}`, function* (sys) {
            const fd = yield* sys.open('/mnt/f', O_RDWR)
            return yield* sys.pwrite(fd, new Uint8Array(TWO).fill(fill), MiB(1))
          })
        rig.go(new RandomChooser(seed))
        const ends = [MiB(9), 0].map(off => {
          const b = new Uint8Array(1)
          rig.mems[0]!.memory.read(off, b)
          return b[0]
        })
        if (ends[0] !== ends[1]) n++
      }
      return n
    }
    const torn = mixed({})
    expect(torn).toBeGreaterThan(0)
    expect(torn).toBeLessThan(ROUNDS)
    // Without L06 a writer has the inode for itself.
    expect(mixed({ switches: { noDefect: ['L06'] } })).toBe(0)
  })
})

describe('splice', () => {
  fact('rw.splice_read', () => {
    const { rig } = setUp({ f: ONE })
    const got = rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const tmp = yield* sys.open('/tmp-file', O_RDWR | O_CREAT)
      const [r, w] = (yield* sys.pipe()) as [number, number]
      const b = new Uint8Array(4)
      yield* sys.pwrite(fd, Uint8Array.of(1, 2, 3, 4), 0)
      const out = [
        yield* sys.splice(fd, 0, w, null, 4096),
        yield* sys.read(r, b),
        yield* sys.sendfile(tmp, fd, 0, 4096),
      ]
      const c = new Uint8Array(4)
      yield* sys.pread(tmp, c, 0)
      return [...out, [...b], [...c]]
    })
    const bytes = [1, 2, 3, 4]
    expect(got).toEqual([4096, 4, 4096, bytes, bytes])
  })
  fact('rw.splice_write', () => {
    const { rig } = setUp({ f: ONE })
    const got = rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const tmp = yield* sys.open('/tmp-file', O_RDWR | O_CREAT)
      const [r, w] = (yield* sys.pipe()) as [number, number]
      yield* sys.write(w, new Uint8Array(10))
      yield* sys.write(tmp, new Uint8Array(10))
      return [E(yield* sys.splice(r, null, fd, 0, 10)), E(yield* sys.sendfile(fd, tmp, 0, 10))]
    })
    expect(got).toEqual(['EIO', 'EIO'])
  })
})

describe('unmounting', () => {
  fact('umount.busy', () => {
    const { rig, mt } = setUp({ f: simpleMap([[0, 0, 2 * TWO]]) })
    const alive = (): boolean => mt.threads.some(t => t.state !== DEAD)
    let closed = false
    const got = rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f')
      const at = yield* sys.mmap(0, 2 * TWO, PROT_READ, MAP_SHARED, fd)
      const out: unknown[] = [E(yield* sys.umount('/mnt')), E(yield* sys.umount('/mnt', MNT_DETACH))]
      out.push(E(yield* sys.pread(fd, 8, 0)), yield* sys.load_or_signal(at, new Uint8Array(1)))
      out.push(E(yield* sys.open('/mnt/f')), yield* sys.load_or_signal(at + TWO, new Uint8Array(1)))
      yield* sys.close(fd)
      yield* sys.sleep(1e9)
      closed = alive()
      out.push(yield* sys.munmap(at, 2 * TWO))
      return out
    })
    expect(got).toEqual(['EBUSY', 0, 8, null, 'ENOENT', null, 0])
    expect([closed, alive()]).toEqual([true, false])
    expect(rig.leaks()).toEqual([])
  })
})
