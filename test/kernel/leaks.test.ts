// Nothing stays behind: after the last close, the umount and the end of the daemon, kernel memory is given back and so are
// the devices; also when fetching the map or the device fails, in every way it can.
import { describe, expect, it } from 'vitest'
import { fmapOf, type Mounted, type RawServer, Rig, serverDies, simpleMap } from '../../src/conform/index.ts'
import { MKDEV } from '../../src/devdax/index.ts'
import { MAP_SHARED, PROT_READ, tmpfs_create, tmpfs_mknod } from '../../src/kernel/index.ts'
import { MiB, ms, signal, sleep, step } from '../../src/sim/index.ts'
import { encodeReply } from '../../src/wire/index.ts'

const TWO = MiB(2)
const FREE = { holder: false, ops: false, refs: 1 }
const GOOD = simpleMap([[0, 0, TWO]])
const BOTH = simpleMap([
  [0, 0, TWO],
  [1, 0, TWO],
])
const STRIPED = fmapOf({
  kind: 'interleaved',
  fileSize: MiB(8),
  groups: [1, 2].map(i => ({
    chunkSize: TWO,
    nbytes: MiB(4),
    strips: [0, 1].map(j => ({ dev: j, offset: MiB(16) * i, len: TWO })),
  })),
})

/** Everything a process does with a file; errors are as good as success here. */
const use = (rig: Rig, path: string): void => {
  rig.run(function* (sys) {
    const fd = yield* sys.open(path, 2)
    if (fd < 0) return
    yield* sys.pread(fd, 4096, 0)
    yield* sys.pwrite(fd, new Uint8Array(4096), TWO)
    const at = yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, fd)
    if (at > 0) {
      yield* sys.load_or_signal(at, new Uint8Array(1))
      yield* sys.munmap(at, TWO)
    }
    yield* sys.close(fd)
  })
}

const clean = (
  fmap: Uint8Array | number,
  change?: (s: RawServer, rig: Rig) => void,
  body: (rig: Rig, mt: Mounted) => void = rig => use(rig, '/mnt/f'),
): Rig => {
  const rig = whole(fmap, { change, body })
  expect(rig.leaks()).toEqual([])
  expect(rig.problems().filter(p => p.startsWith('use after free'))).toEqual([])
  expect([rig.held(0), rig.held(1)]).toEqual([FREE, FREE])
  return rig
}

/** Mount, let `body` work, unmount; then what is left is reported. */
const whole = (
  fmap: Uint8Array | number,
  o: {
    change?: (s: RawServer, rig: Rig) => void
    body?: (rig: Rig, mt: Mounted) => void
    defect?: string[]
  } = {},
): Rig => {
  const { change, body = r => use(r, '/mnt/f'), defect } = o
  const rig = new Rig({ switches: { defect, noDefect: ['B44'] }, kasan: true })
  const s = rig.server()
  s.files.set('f', { nodeid: 100, size: 4096, fmap })
  change?.(s, rig)
  const mt = rig.mount(s)
  body(rig, mt)
  const rc = rig.run(function* (sys) {
    return yield* sys.umount('/mnt')
  })
  expect(rc).toBe(0)
  expect(mt.dev.fc.count.peek()).toBe(0)
  expect(rig.k.at_rest()).toBe(true)
  rig.k.report_leaks()
  return rig
}

describe('after a whole life nothing is left', () => {
  it.each([
    ['a simple map', GOOD],
    ['two devices', BOTH],
    ['interleaved', STRIPED],
  ])('%s', (_name, fmap) => {
    expect(clean(fmap).problems()).toEqual([])
  })

  it('canary: while the file system is mounted, map, table and devices are held', () => {
    const rig = clean(BOTH, undefined, r => {
      use(r, '/mnt/f')
      expect(r.leaks()).toContain('famfs_file_meta')
      expect(r.leaks()).toContain('famfs_dax_devlist')
      expect([r.held(0), r.held(1)]).toEqual([
        { holder: true, ops: true, refs: 3 },
        { holder: true, ops: true, refs: 3 },
      ])
    })
    expect(rig.problems()).toEqual([])
  })

  it('through evictions and reopens', () => {
    clean(STRIPED, undefined, rig => {
      for (let i = 0; i < 3; i++) {
        use(rig, '/mnt/f')
        rig.run(function* (sys) {
          yield* sys.drop_caches()
        })
        expect(rig.leaks().filter(n => n === 'famfs_file_meta')).toEqual([])
      }
    })
  })
})

describe('GET_FMAP fails', () => {
  const cut = (n: number): Uint8Array => STRIPED.slice(0, n)
  const word = (at: number, v: number): Uint8Array => {
    const b = STRIPED.slice()
    new DataView(b.buffer).setUint32(at, v, true)
    return b
  }
  it.each<[string, Uint8Array | number]>([
    ['ENOENT', 2],
    ['ENOMEM', 12],
    ['511', 511],
    ['no body', cut(0)],
    ['half a header', cut(20)],
    ['header only', cut(32)],
    ['no strips', cut(56)],
    ['one group of two', cut(104)],
    ['half a strip', cut(STRIPED.length - 12)],
    ['no extents', word(8, 0)],
    ['too many', word(8, 33)],
    ['type 2', word(4, 2)],
    ['chunk', word(36, 4096)],
    ['no strips in a group', word(32, 0)],
    ['size', word(16, 0x7ffffff)],
    ['offset', word(64, 4096)],
    ['too long', new Uint8Array(4097)],
  ])('with %s', (_name, fmap) => {
    const rig = clean(fmap)
    expect(rig.problems()).toEqual([])
  })
})

describe('GET_DAXDEV fails', () => {
  it.each<[string, string | number | Uint8Array]>([
    ['an errno', 5],
    ['a long body', new Uint8Array(300)],
    ['no path', ''],
    ['no such path', '/dev/nope'],
    ['a file', '/dev/file'],
    ['a directory', '/dev'],
    ['a character device of others', '/dev/null'],
    ['the other device twice', '/dev/dax1.0'],
  ])('with %s', (_name, reply) => {
    const rig = clean(BOTH, (s, r) => {
      tmpfs_create(r.k, '/dev/file')
      tmpfs_mknod(r.k, '/dev/null', MKDEV(1, 3))
      s.daxdevs[0] = reply
    })
    expect(rig.problems()).toEqual([])
  })
  it('with a device in another mode, and one that another mount holds', () => {
    clean(BOTH, (_s, rig) => rig.bind(0, 'device_dax'))
    const rig = new Rig()
    const holder = rig.server()
    holder.files.set('f', { nodeid: 100, size: TWO, fmap: GOOD })
    rig.mount(holder, '/a')
    use(rig, '/a/f')
    const second = rig.server()
    second.files.set('f', { nodeid: 100, size: TWO, fmap: GOOD })
    rig.mount(second, '/b')
    use(rig, '/b/f')
    for (const path of ['/a', '/b'])
      expect(
        rig.run(function* (sys) {
          return yield* sys.umount(path)
        }),
      ).toBe(0)
    expect(rig.leaks()).toEqual([])
    expect(rig.held(0)).toEqual(FREE)
    expect(rig.problems()).toEqual([])
  })
})

describe('canary: a kernel with a leak is told, with who allocated', () => {
  it('B17: n - 1 strip arrays of an evicted map', () => {
    expect(whole(STRIPED, { defect: ['B17'] }).problems()).toEqual([
      expect.stringMatching(
        /^leak: 1 x famfs_meta_simple_ext\[\] \(48 bytes\) never freed on h0; allocated by h0\/app\S* in famfs_meta_alloc_interleaved < famfs_fuse_meta_alloc < famfs_file_init_dax < fuse_get_fmap < fuse_open < /,
      ),
    ])
  })
  it('B13: the look-up references of the devices', () => {
    expect(whole(BOTH, { defect: ['B13'] }).problems()).toEqual([
      'leak: 1 x reference to dax0.0 never dropped on h0',
      'leak: 1 x reference to dax1.0 never dropped on h0',
    ])
  })
  it('B08: the reply buffer, once an open that fails', () => {
    const body = (rig: Rig): void => {
      use(rig, '/mnt/f')
      use(rig, '/mnt/f')
    }
    const told = whole(2, { defect: ['B08'], body }).problems()
    expect(told.length).toBeGreaterThan(0)
    for (const p of told)
      expect(p).toMatch(/^leak: \d x fmap reply \(4096 bytes\) never freed on h0; .* in fuse_get_fmap </)
    expect(whole(GOOD, { defect: ['B08'] }).problems()).toEqual([])
  })
})

describe('ends in the middle', () => {
  for (const at of ['OPEN', 'GET_FMAP', 'GET_DAXDEV'] as const) {
    it(`the server dies during ${at}`, () => {
      clean(
        BOTH,
        s => {
          s.delays[at] = ms(5)
        },
        (rig, mt) => {
          rig.kthread('death', function* () {
            yield* sleep(ms(2))
            yield* step()
            yield* serverDies(mt)
          })
          use(rig, '/mnt/f')
        },
      )
    })
    it(`the opener is killed during ${at}`, () => {
      clean(
        BOTH,
        s => {
          s.delays[at] = ms(5)
        },
        rig => {
          const t = rig.spawn('opener', function* (sys) {
            yield* sys.open('/mnt/f')
          })
          rig.kthread('killer', function* () {
            yield* sleep(ms(2))
            yield* step()
            signal(t, 'SIGKILL')
          })
          expect(rig.go()).toBe('held')
        },
      )
    })
  }
  it('two openers at once, one map dropped', () => {
    clean(
      STRIPED,
      s => {
        s.delays.GET_FMAP = ms(5)
      },
      rig => {
        for (const name of ['a', 'b'])
          rig.spawn(name, function* (sys) {
            yield* sys.close(yield* sys.open('/mnt/f'))
          })
        expect(rig.go()).toBe('held')
        expect(rig.leaks().filter(n => n === 'famfs_file_meta')).toHaveLength(1)
      },
    )
  })
  it('the map comes with a reply of the wrong kind', () => {
    clean(BOTH, s => {
      s.script = req => (req.op.name === 'GET_FMAP' ? { raw: [encodeReply(req.unique, -2, GOOD)] } : undefined)
    })
  })
})
