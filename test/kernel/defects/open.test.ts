// Defects between LOOKUP and an installed map: who is asked, when, how, and what happens when that fails.
import { describe, expect, it } from 'vitest'
import { fmapOf, patched, Rig, simpleMap } from '../../../src/conform/index.ts'
import { RandomChooser } from '../../../src/explore/index.ts'
import { O_CREAT, O_DIRECTORY, O_RDWR, O_TRUNC } from '../../../src/kernel/index.ts'
import { GiB, MiB, ms } from '../../../src/sim/index.ts'
import { ENOENT, fuse_create_out, fuse_entry_out, INIT_BIT } from '../../../src/wire/index.ts'
import { runScenario, scenario } from '../../../src/world/index.ts'
import { count, E, kinds, ONE, openRead, read, refuse, serverWith, shows, TWO } from './shows.ts'

/** Two tasks at once, while GET_FMAP takes its time. */
const two = (rig: Rig, does: (path: string) => (sys: any) => any, paths: readonly [string, string]): unknown[] => {
  const s = serverWith(rig, ONE)
  s.files.set('b', { nodeid: 100, size: TWO, fmap: ONE })
  s.delays.GET_FMAP = ms(5)
  rig.mount(s)
  const tasks = paths.map(p => rig.spawn(p, does(p)))
  rig.go()
  return tasks.map(t => (t.value as { value?: unknown } | undefined)?.value).sort()
}
const opens = (path: string) =>
  function* (sys: any) {
    return E(Math.min(0, yield* sys.open(path)))
  }
const stats = (path: string) =>
  function* (sys: any) {
    return typeof (yield* sys.stat(path))
  }

/** Groups of 32 strips, 2 MiB each, as many as make it longer than a page. */
const LONG = fmapOf({
  kind: 'interleaved',
  fileSize: MiB(64) * 6,
  groups: Array.from({ length: 6 }, (_, g) => ({
    chunkSize: TWO,
    nbytes: MiB(64),
    strips: Array.from({ length: 32 }, (_, i) => ({ dev: 0, offset: MiB(64) * g + TWO * i, len: TWO })),
  })),
})

/** A server whose node ids are not what stat(2) shows. */
const pointerNodes = (rig: Rig) => {
  const s = serverWith(rig, ONE)
  s.script = req =>
    req.op.name !== 'LOOKUP'
      ? undefined
      : {
          def: fuse_entry_out,
          values: {
            nodeid: 100,
            entry_valid: 60,
            attr_valid: 60,
            attr: { ino: 555, size: TWO, mode: 0o100644, nlink: 1 },
          },
        }
  return s
}

/** A server that makes files, and has a map of each. */
const makes = (rig: Rig) => {
  const s = serverWith(rig, ONE)
  s.script = req => {
    if (req.op.name === 'LOOKUP') return { errno: ENOENT }
    if (req.op.name !== 'CREATE') return undefined
    const entry = {
      nodeid: 100,
      entry_valid: 60,
      attr_valid: 60,
      attr: { ino: 100, size: TWO, mode: 0o100644, nlink: 1 },
    }
    return { def: fuse_create_out, values: { entry, open: { fh: 1 } } }
  }
  return s
}

const truncating = (rig: Rig, ...bits: number[]) => {
  const s = serverWith(rig, ONE)
  s.init.push(INIT_BIT.ATOMIC_O_TRUNC, ...bits)
  rig.mount(s)
  rig.spawn('truncates', function* (sys) {
    const fd = yield* sys.open('/mnt/a', O_RDWR | O_TRUNC)
    const n = yield* sys.pwrite(fd, new Uint8Array(16), 0)
    return E(n)
  })
  const verdict = rig.go()
  return [verdict, verdict === 'held' ? read(rig, '/mnt/a') : null]
}

describe('two at once', () => {
  shows([
    {
      id: 'B06',
      kernel: 'rfc',
      see: rig => [two(rig, stats, ['/mnt/a', '/mnt/b']), kinds(rig)],
      on: [['object', 'object'], ['lock held at exit']],
      off: [['object', 'object'], []],
    },
    {
      id: 'B16',
      kernel: 'v3',
      see: rig => [two(rig, opens, ['/mnt/a', '/mnt/a']), kinds(rig)],
      on: [[0, 'EEXIST'], []],
      off: [[0, 0], []],
    },
  ])
})

describe('the request', () => {
  shows([
    {
      id: 'B11',
      kernel: 'rfc',
      see: rig => {
        const s = serverWith(rig, ONE, ONE, ONE)
        rig.mount(s)
        rig.run(function* (sys) {
          for (const f of 'abc') yield* sys.stat(`/mnt/${f}`)
        })
        const looked = count(s, 'GET_FMAP')
        return [looked, read(rig, '/mnt/a'), count(s, 'GET_FMAP')]
      },
      on: [3, 16, 3],
      off: [0, 16, 1],
    },
    {
      id: 'B56',
      kernel: 'rfc',
      see: rig => {
        const s = pointerNodes(rig)
        rig.mount(s)
        // Read by READ, which this server answers with anything.
        return [read(rig, '/mnt/a'), s.log.filter(l => l.startsWith('GET_FMAP')), count(s, 'READ')]
      },
      on: [16, ['GET_FMAP:555:ENOENT'], 1],
      off: [16, ['GET_FMAP:100'], 0],
    },
    {
      id: 'B57',
      kernel: 'rfc',
      see: rig => {
        const s = serverWith(rig, ONE)
        s.script = req => (req.op.name === 'GET_FMAP' ? { body: ONE } : undefined)
        rig.mount(s)
        return [read(rig, '/mnt/a'), count(s, 'READ'), s.wrote.filter(rc => rc < 0).map(E)]
      },
      on: [16, 1, ['EINVAL']],
      off: [16, 0, []],
    },
    {
      id: 'B46',
      see: rig => {
        const s = serverWith(rig, LONG)
        const sized = patched(LONG, [12, LONG.length, 4])
        s.script = req =>
          req.op.name !== 'GET_FMAP'
            ? undefined
            : { body: req.arg !== null && req.arg.size < sized.length ? sized.subarray(0, 32) : sized }
        rig.mount(s)
        return [read(rig, '/mnt/a', MiB(300)), count(s, 'GET_FMAP')]
      },
      on: ['EIO', 1],
      off: [16, 2],
    },
    {
      id: 'B51',
      see: rig => {
        const s = serverWith(rig, ONE)
        rig.mount(s, '/mnt', { cred: { uid: 1, gid: 1, caps: ['CAP_SYS_ADMIN'] } })
        const offered = (s.requests[0]!.arg.flags2 & (1 << 11)) !== 0
        return [offered, read(rig, '/mnt/a'), count(s, 'GET_FMAP'), count(s, 'READ')]
      },
      on: [true, 16, 0, 1],
      off: [false, 16, 0, 1],
    },
  ])
  it('B51: who may mount famfs elsewhere gets the flag and no famfs', () => {
    const rig = new Rig({ switches: { defect: ['B51'] } })
    const s = serverWith(rig, ONE)
    rig.mount(s)
    expect([read(rig, '/mnt/a'), count(s, 'GET_FMAP'), count(s, 'READ')]).toEqual([16, 0, 1])
  })
})

describe('B58', () => {
  const listed = (noDefect: string[]): unknown[] => {
    let n: number | null = null
    const s = scenario('ls, then a read', ({ world }) => {
      const h0 = world.host('h0', { kernel: 'rfc' })
      const fs = h0.famfs('/mnt', { mkfs: world.daxdev('dax0.0', { size: GiB(4) }) })
      fs.creat('/f', TWO)
      h0.remount(fs)
      h0.app('reader', function* (sys) {
        yield* sys.getdents(yield* sys.open('/mnt', O_DIRECTORY))
        n = yield* sys.pread(yield* sys.open('/mnt/f'), new Uint8Array(16), 0)
      })
    })
    const r = runScenario(s, new RandomChooser(1), { switches: { noDefect } })
    return [E(n!), r.messages.READ ?? 0]
  }
  it('a file that a listing made known is read by READ, which the daemon has not', () => {
    expect(listed([])).toEqual(['ENOSYS', 1])
    expect(listed(['B58'])).toEqual([16, 0])
  })
})

describe('the answer', () => {
  const refused = (rig: Rig, errno = 22) => {
    const s = serverWith(rig, errno)
    rig.mount(s)
    return s
  }
  const leaked = (rig: Rig): string[] => rig.leaks().filter(n => n === 'fmap reply')
  shows([
    {
      id: 'B08',
      kernel: 'v2',
      see: rig => {
        refused(rig)
        return [read(rig, '/mnt/a'), leaked(rig)]
      },
      on: [16, ['fmap reply']],
      off: [16, []],
    },
    {
      id: 'B09',
      kernel: 'v2',
      without: ['B10'],
      see: rig => {
        rig.mount(serverWith(rig, ONE))
        refuse(rig, 'fmap reply')
        return read(rig, '/mnt/a')
      },
      on: 'EIO',
      off: 'ENOMEM',
    },
    {
      id: 'B10',
      kernel: 'v2',
      see: rig => {
        const s = refused(rig)
        return [read(rig, '/mnt/a'), s.log.slice(-4)]
      },
      on: [16, ['GET_FMAP:100:EINVAL', 'READ:100', 'FLUSH:100', 'RELEASE:100']],
      off: ['EINVAL', ['LOOKUP:1', 'OPEN:100', 'GET_FMAP:100:EINVAL', 'RELEASE:100']],
    },
    {
      id: 'B59',
      kernel: 'rfc',
      see: rig => {
        refused(rig)
        read(rig, '/mnt/a')
        const kept = leaked(rig)
        rig.run(function* (sys) {
          yield* sys.drop_caches()
        })
        refuse(rig, 'fmap reply')
        rig.spawn('looks', stats('/mnt/a'))
        rig.go()
        return [kept, kinds(rig)]
      },
      on: [['fmap reply'], ['oops']],
      off: [[], []],
    },
    {
      id: 'B12',
      kernel: 'v2',
      see: rig => {
        rig.mount(serverWith(rig, ONE))
        refuse(rig, 'daxdev name')
        const n = read(rig, '/mnt/a')
        return [n, rig.k.supers.items[0]!.fuse!.dax_devlist.peek()!.slot(0).valid.peek()]
      },
      on: [16, true],
      off: [0, false],
    },
    {
      id: 'B23',
      kernel: 'v3',
      see: rig => {
        rig.mount(
          serverWith(rig, patched(ONE, [8, 0, 4]), simpleMap(Array.from({ length: 33 }, (_, i) => [0, TWO * i, TWO]))),
        )
        return [read(rig, '/mnt/a'), read(rig, '/mnt/b')]
      },
      on: ['EINVAL', 'E2BIG'],
      off: ['ERANGE', 'ERANGE'],
    },
    {
      id: 'L26',
      see: rig => {
        rig.mount(serverWith(rig, patched(ONE, [2, 7, 2])))
        return read(rig, '/mnt/a')
      },
      on: 16,
      off: 'EINVAL',
    },
  ])
})

describe('a device that was missing', () => {
  const missing = (rig: Rig) => {
    const s = serverWith(rig, ONE, ONE)
    s.daxdevs[0] = ENOENT
    rig.mount(s)
    return s
  }
  shows([
    {
      id: 'B15',
      see: rig => {
        const s = missing(rig)
        return rig.run(function* (sys) {
          const fd = yield* sys.open('/mnt/a')
          s.daxdevs[0] = '/dev/dax0.0'
          const other = yield* openRead(sys, '/mnt/b')
          return [other, E(yield* sys.pread(fd, new Uint8Array(16), 0))]
        })
      },
      on: [16, 16],
      off: [16, 'EIO'],
    },
    {
      id: 'L13',
      see: rig => {
        const s = missing(rig)
        const first = read(rig, '/mnt/a')
        s.daxdevs[0] = '/dev/dax0.0'
        return [first, read(rig, '/mnt/a'), count(s, 'GET_FMAP'), count(s, 'GET_DAXDEV')]
      },
      on: ['EIO', 'EIO', 1, 1],
      off: ['EIO', 16, 1, 2],
    },
  ])
})

describe('other ways to open', () => {
  shows([
    {
      id: 'L11',
      see: rig => truncating(rig),
      on: ['held', 'EIO'],
      off: ['held', 16],
    },
    {
      id: 'L12',
      see: rig => {
        const s = makes(rig)
        rig.mount(s)
        return rig.run(function* (sys) {
          const fd = yield* sys.open('/mnt/new', O_RDWR | O_CREAT, 0o644)
          const n = yield* sys.pwrite(fd, new Uint8Array(16), 0)
          return [E(n), count(s, 'GET_FMAP'), count(s, 'WRITE')]
        })
      },
      on: [16, 0, 1],
      off: [16, 1, 0],
    },
  ])
  it('L11: with write-back caching the open waits for a lock that it holds itself', () => {
    const verdict = (noDefect: string[]) => truncating(new Rig({ switches: { noDefect } }), INIT_BIT.WRITEBACK_CACHE)[0]
    expect(verdict([])).toBe('deadlock')
    expect(verdict(['L11'])).toBe('held')
  })
})

describe('shadow=', () => {
  const mounted = (rig: Rig): string => {
    rig.mount(serverWith(rig, ONE), '/mnt', { options: 'nodev,shadow=/tmp/tree' })
    return rig.run(function* (sys) {
      return sys.proc_mounts()
    })
  }
  shows([
    {
      id: 'B07',
      kernel: 'rfc',
      see: rig => {
        const mounts = mounted(rig)
        rig.run(function* (sys) {
          yield* sys.umount('/mnt')
        })
        return [mounts.includes('rw,nodev,shadow=/tmp/tree '), rig.leaks()]
      },
      on: [true, ['fuse_conn shadow']],
      off: [true, []],
    },
  ])
  it.each(['rfc', 'v2', 'v3'])('%s shows it', kernel => {
    expect(mounted(new Rig({ kernel }))).toContain('shadow=/tmp/tree')
  })
  it.each(['v10', 'new'])('%s knows no such option', kernel => {
    expect(() => mounted(new Rig({ kernel }))).toThrow('-22')
  })
})
