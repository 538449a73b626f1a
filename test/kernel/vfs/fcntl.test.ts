// Descriptors and flags: dup, dup2, fcntl, and the rarer flags of open.
import { describe, expect, it } from 'vitest'
import {
  F_DUPFD,
  F_GETFL,
  F_SETFL,
  O_APPEND,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_EXCL,
  O_NOATIME,
  O_NONBLOCK,
  O_PATH,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  RWF_APPEND,
  RWF_NOAPPEND,
  RWF_NOWAIT,
  SEEK_CUR,
  type Stat,
  tmpfs_create,
} from '../../../src/kernel/index.ts'
import { FOPEN_STREAM } from '../../../src/wire/index.ts'
import { E, ONE, setUp } from '../../conformance/set-up.ts'

const USER = { uid: 1000, gid: 1000, caps: [] }

describe('dup', () => {
  it('a copy shares position and flags, and the file stays open until the last is closed', () => {
    const { rig, s } = setUp({ f: ONE })
    const got = rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const copy = yield* sys.dup(fd)
      yield* sys.read(fd, 10)
      yield* sys.fcntl(fd, F_SETFL, O_NONBLOCK)
      const out = [yield* sys.lseek(copy, 0, SEEK_CUR), (yield* sys.fcntl(copy, F_GETFL)) & O_NONBLOCK]
      yield* sys.close(fd)
      out.push(yield* sys.pread(copy, 4, 0))
      const before = s.log.filter(l => l.startsWith('RELEASE')).length
      yield* sys.close(copy)
      return [...out, before]
    })
    expect(got).toEqual([10, O_NONBLOCK, 4, 0])
    expect(s.log.at(-1)).toBe('RELEASE:100')
  })
  it('dup2 closes what was there; numbers from F_DUPFD on; bad ones', () => {
    const { rig } = setUp({})
    const got = rig.run(function* (sys) {
      const a = yield* sys.open('/a', O_RDWR | O_CREAT)
      const b = yield* sys.open('/b', O_RDWR | O_CREAT)
      yield* sys.write(a, new Uint8Array(3))
      const out: unknown[] = [(yield* sys.dup2(a, b)) === b, ((yield* sys.fstat(b)) as Stat).size]
      out.push((yield* sys.dup2(a, a)) === a, yield* sys.dup2(a, 50), yield* sys.fcntl(a, F_DUPFD, 50))
      for (const rc of [sys.dup(99), sys.dup2(99, 3), sys.dup2(a, -1), sys.fcntl(a, F_DUPFD, -1), sys.fcntl(a, 77)])
        out.push(E(yield* rc))
      return out
    })
    expect(got).toEqual([true, 3, true, 50, 51, 'EBADF', 'EBADF', 'EBADF', 'EINVAL', 'EINVAL'])
  })
})

describe('flags', () => {
  it('F_GETFL shows what may still change and the mode; F_SETFL changes only that', () => {
    const { rig } = setUp({})
    tmpfs_create(rig.k, '/f', 'abc')
    const got = rig.run(function* (sys) {
      const fd = yield* sys.open('/f', O_RDWR | O_CREAT | O_TRUNC)
      const out = [
        yield* sys.fcntl(fd, F_GETFL),
        yield* sys.fcntl(fd, F_SETFL, O_APPEND | O_DIRECT | O_WRONLY | O_EXCL),
      ]
      out.push(yield* sys.fcntl(fd, F_GETFL))
      yield* sys.write(fd, new Uint8Array(4))
      yield* sys.pwrite(fd, new Uint8Array(4), 0)
      return [...out, ((yield* sys.fstat(fd)) as Stat).size]
    })
    expect(got).toEqual([O_RDWR, 0, O_RDWR | O_APPEND | O_DIRECT, 8])
  })
  it('RWF_APPEND and RWF_NOAPPEND are for one call', () => {
    const { rig } = setUp({})
    tmpfs_create(rig.k, '/f', 'abc')
    const got = rig.run(function* (sys) {
      const fd = yield* sys.open('/f', O_RDWR)
      const b = [Uint8Array.of(1)]
      const size = function* () {
        return ((yield* sys.fstat(fd)) as Stat).size
      }
      const out: unknown[] = [yield* sys.pwritev2(fd, b, 0, RWF_APPEND), yield* size()]
      yield* sys.fcntl(fd, F_SETFL, O_APPEND)
      out.push(yield* sys.pwritev2(fd, b, 0, RWF_NOAPPEND), yield* size(), yield* sys.pwritev2(fd, b, 0), yield* size())
      for (const flags of [RWF_APPEND | RWF_NOAPPEND, RWF_NOWAIT, 0x800])
        out.push(E(yield* sys.pwritev2(fd, b, 0, flags)))
      return [...out, E(yield* sys.writev(fd, Array(1025).fill(b[0]))), yield* sys.writev(fd, [])]
    })
    expect(got).toEqual([1, 4, 1, 4, 1, 5, 'EINVAL', 'EOPNOTSUPP', 'EOPNOTSUPP', 'EINVAL', 0])
  })
  it('O_APPEND counts on a plain FUSE file, and on a famfs file only without L06', () => {
    const places = (o: Parameters<typeof setUp>[1], plain = false) => {
      const { rig, s } = setUp({ f: ONE }, o, srv => {
        if (plain) srv.init = srv.init.filter(b => b !== 43)
      })
      rig.run(function* (sys) {
        const fd = yield* sys.open('/mnt/f', O_RDWR | O_APPEND)
        return yield* sys.write(fd, new Uint8Array(4))
      })
      return s.requests.filter(r => r.op.name === 'WRITE').map(r => r.arg.offset)
    }
    expect(places({}, true)).toEqual([2 << 20])
    const written = (o: Parameters<typeof setUp>[1]) => {
      const { rig } = setUp({ f: ONE }, o)
      return rig.run(function* (sys) {
        return yield* sys.write(yield* sys.open('/mnt/f', O_RDWR | O_APPEND), new Uint8Array(4))
      })
    }
    expect([written({}), written({ switches: { noDefect: ['L06'] } })]).toEqual([4, 0])
  })
  it('O_PATH only names; O_NOATIME is for the owner; a stream has no positions', () => {
    const { rig, s } = setUp({ f: ONE })
    tmpfs_create(rig.k, '/f', 'abc')
    const user = rig.run(
      function* (sys) {
        const fd = yield* sys.open('/f')
        return [E(yield* sys.open('/f', O_NOATIME)), E(yield* sys.fcntl(fd, F_SETFL, O_NOATIME))]
      },
      { cred: USER },
    )
    expect(user).toEqual(['EPERM', 'EPERM'])
    s.openFlags = FOPEN_STREAM
    const got = rig.run(function* (sys) {
      const named = yield* sys.open('/f', O_PATH)
      const out = [E(yield* sys.fcntl(named, F_SETFL, 0)), (yield* sys.fcntl(named, F_GETFL)) & O_PATH]
      const fd = yield* sys.open('/mnt/f')
      return [...out, yield* sys.read(fd, 8), E(yield* sys.pread(fd, 8, 0)), E(yield* sys.lseek(fd, 0, SEEK_CUR))]
    })
    expect(got).toEqual(['EBADF', O_PATH, 8, 'ESPIPE', 'ESPIPE'])
  })
  it('O_TMPFILE makes a file that no directory names', () => {
    const { rig } = setUp({})
    const got = rig.run(function* (sys) {
      const fd = yield* sys.open('/dev', O_TMPFILE | O_RDWR)
      yield* sys.write(fd, new Uint8Array(5))
      const { nlink, size } = (yield* sys.fstat(fd)) as Stat
      const names = (yield* sys.getdents(yield* sys.open('/dev', O_DIRECTORY))) as { name: string }[]
      const bad = []
      for (const [path, flags] of [
        ['/dev', O_TMPFILE],
        ['/dev', O_TMPFILE | O_RDWR | O_CREAT],
        ['/dev/dax0.0', O_TMPFILE | O_RDWR],
        ['/mnt', O_TMPFILE | O_RDWR],
      ] as const)
        bad.push(E(yield* sys.open(path, flags)))
      return { nlink, size, names: names.map(e => e.name), bad }
    })
    expect(got.bad).toEqual(['EINVAL', 'EINVAL', 'ENOTDIR', 'EOPNOTSUPP'])
    expect(got).toMatchObject({ nlink: 0, size: 5, names: ['dax0.0', 'dax1.0'] })
  })
})
