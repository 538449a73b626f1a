// Measured facts of FUSE's own part: what a server says of its own accord.
import { describe, expect, it as fact } from 'vitest'
import { notification, simpleMap } from '../../src/conform/index.ts'
import { fuse_dev_do_write, MAP_SHARED, O_RDWR, PROT_READ, PROT_WRITE, type Stat } from '../../src/kernel/index.ts'
import { MiB, type Step, step } from '../../src/sim/index.ts'
import { FATTR_CTIME, FATTR_FH, FATTR_MTIME, INIT_BIT } from '../../src/wire/index.ts'
import { E, logged, ONE, setUp, TWO } from './set-up.ts'

const FOUR = simpleMap([
  [0, MiB(8), TWO],
  [0, MiB(16), TWO],
])

describe('notifications', () => {
  fact('notify.inval_inode', () => {
    for (const off of [0, -1]) {
      const { rig, s, mt } = setUp({ f: ONE })
      let from = 0
      const log = logged(s, () => {
        const got = rig.run(function* (sys) {
          const fd = yield* sys.open('/mnt/f', O_RDWR)
          const at = yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, fd)
          const buf = new Uint8Array(8)
          yield* sys.load(at, buf)
          from = s.log.length
          const rc = yield* fuse_dev_do_write(mt.dev.fc, notification.inval_inode(100, off, 0))
          const io = [yield* sys.pread(fd, 8, 0), yield* sys.load_or_signal(at, buf)]
          const before = s.log.slice(from)
          const st = (yield* sys.fstat(fd)) as Stat
          return [rc, ...io, before, st.size]
        })
        expect(got).toEqual([40, 8, null, [], TWO])
      })
      expect(log.slice(-3)).toEqual(['GETATTR:100', 'FLUSH:100', 'RELEASE:100'])
      expect(log.filter(l => l.startsWith('GET_FMAP'))).toHaveLength(1)
      expect(rig.problems()).toEqual([])
    }
  })

  fact('notify.size_change', () => {
    const { rig, s, mt } = setUp({ f: FOUR })
    const got = rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      yield* sys.pread(fd, 8, 0)
      Object.assign(s.files.get('f')!, { size: TWO, fmap: ONE })
      yield* fuse_dev_do_write(mt.dev.fc, notification.inval_inode(100))
      const before = yield* sys.pread(fd, 8, MiB(3))
      const st = (yield* sys.fstat(fd)) as Stat
      return [before, st.size, E(yield* sys.pread(fd, 8, 0)), E(yield* sys.pread(fd, 8, 0))]
    })
    expect(got).toEqual([8, TWO, 'ENXIO', 'EIO'])
  })

  fact('notify.new_generation', () => {
    const { rig, s, mt } = setUp({ f: ONE })
    rig.mems[0]!.memory.write(MiB(8), new Uint8Array([1]))
    rig.mems[0]!.memory.write(MiB(32), new Uint8Array([2]))
    const got = rig.run(function* (sys) {
      const byte = new Uint8Array(1)
      const old = yield* sys.open('/mnt/f', O_RDWR)
      yield* sys.pread(old, byte, 0)
      const first = byte[0]
      Object.assign(s.files.get('f')!, { generation: 1, fmap: simpleMap([[0, MiB(32), TWO]]) })
      yield* fuse_dev_do_write(mt.dev.fc, notification.inval_entry(1, 'f'))
      s.log.length = 0
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      yield* step()
      const log = s.log.filter(l => l !== 'GETATTR:1')
      const rc = yield* sys.pread(fd, byte, 0)
      return [first, log, rc, byte[0], E(yield* sys.pread(old, byte, 0))]
    })
    // What is open on the old file fails from then on (source).
    expect(got).toEqual([1, ['LOOKUP:1', 'OPEN:100', 'GET_FMAP:100'], 1, 2, 'EIO'])
  })
})

describe('times', () => {
  fact('meta.times.wb', () => {
    const { rig, s } = setUp({ f: ONE }, {}, srv => {
      srv.init = [...srv.init, INIT_BIT.WRITEBACK_CACHE]
    })
    const times = rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const mtime = function* (): Step<number> {
        return ((yield* sys.fstat(fd)) as Stat).mtime
      }
      const at = yield* sys.mmap(0, TWO, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
      const out = [yield* mtime()]
      yield* sys.pwrite(fd, new Uint8Array(8), 0)
      out.push(yield* mtime())
      yield* sys.store(at, new Uint8Array(8))
      out.push(yield* mtime())
      s.log.length = 0
      yield* sys.fsync(fd)
      return out
    })
    expect(times[1]).toBe(times[0])
    expect(times[2]).toBeGreaterThan(times[0]!)
    expect(s.log[0]).toBe('SETATTR:100:ENOSYS')
    expect(s.requests.find(r => r.op.name === 'SETATTR')!.arg.valid).toBe(FATTR_MTIME | FATTR_CTIME | FATTR_FH)
  })
})
