// Defects of the resolver, of reads, writes and faults, and of what the server says later.
import { describe } from 'vitest'
import { DEVICE_SIZE, fmapOf, patched, type Rig, runsOf, simpleMap, wordBacking } from '../../../src/conform/index.ts'
import { RandomChooser } from '../../../src/explore/index.ts'
import { MAP_SHARED, O_APPEND, O_RDWR, PROT_READ, type Sys } from '../../../src/kernel/index.ts'
import { MiB, type Step, step } from '../../../src/sim/index.ts'
import { E, kinds, ONE, read, serverWith, shows, TWO } from './shows.ts'

/** Two strips of two chunks each. */
const STRIPED = fmapOf({
  kind: 'interleaved',
  fileSize: MiB(8),
  groups: [{ chunkSize: TWO, nbytes: MiB(8), strips: [0, 64].map(at => ({ dev: 0, offset: MiB(at), len: MiB(4) })) }],
})
const NBYTES = 40

const mounted = (rig: Rig, ...fmaps: Uint8Array[]) => {
  const s = serverWith(rig, ...fmaps)
  rig.mount(s)
  return s
}

/** Does it open? */
const opens = (rig: Rig, path: string): boolean =>
  rig.run(function* (sys) {
    return (yield* sys.open(path)) >= 0
  })

/** Device offset that is read at `off`. */
const place = (rig: Rig, off: number): number => {
  const buf = new Uint8Array(8)
  rig.run(function* (sys) {
    yield* sys.pread(yield* sys.open('/mnt/a'), buf, off)
  })
  return runsOf(buf, 8)[0]![2]
}

describe('the resolver', () => {
  shows([
    {
      id: 'B18',
      options: { devices: [{ backing: wordBacking(0, DEVICE_SIZE) }] },
      see: rig => {
        mounted(rig, STRIPED)
        return [place(rig, 0), place(rig, TWO), place(rig, MiB(4))]
      },
      on: [0, MiB(64), 0],
      off: [0, MiB(64), TWO],
    },
    {
      id: 'B19',
      kernel: 'v3',
      see: rig => {
        mounted(rig, patched(STRIPED, [36, 65536, 4]), patched(STRIPED, [36, 0, 4]))
        return [read(rig, '/mnt/a'), opens(rig, '/mnt/b')]
      },
      on: [16, true],
      // 0 is a multiple of everything (L10).
      off: ['EINVAL', true],
    },
    {
      id: 'B22',
      kernel: 'v3',
      see: rig => {
        // One group of 2 MiB in a file of 8: what lies behind it is nowhere.
        mounted(rig, patched(STRIPED, [NBYTES, TWO, 8]))
        return [read(rig, '/mnt/a', MiB(4)), kinds(rig)]
      },
      on: [0, ['WARN']],
      off: ['EIO', []],
    },
    {
      id: 'B61',
      kernel: 'rfc',
      without: ['B44'],
      see: rig => {
        mounted(rig, simpleMap([[30, 0, TWO]]))
        return [read(rig, '/mnt/a'), kinds(rig)]
      },
      on: [0, ['out of bounds', 'WARN']],
      off: [0, ['WARN']],
    },
    {
      id: 'B47',
      see: rig => {
        const at = (i: number, offset: number, len: number): [number, bigint | number, number][] => [
          [56 + i * 24 + 8, offset, 8],
          [56 + i * 24 + 16, len, 8],
        ]
        // A strip of 2 MiB where 4 are needed, and one of 6: read behind the short one is another file's memory.
        const uneven = patched(STRIPED, ...(at(0, 0, TWO) as never[]), ...(at(1, MiB(64), MiB(6)) as never[]))
        mounted(rig, uneven)
        return read(rig, '/mnt/a', MiB(4))
      },
      on: 16,
      off: 'EINVAL',
    },
  ])
})

describe('a device that failed', () => {
  const poisoned = (rig: Rig) => {
    mounted(rig, ONE, simpleMap([[0, TWO, TWO]]))
    for (const f of 'ab') read(rig, `/mnt/${f}`)
    rig.poison(0, 0)
  }
  shows([
    {
      id: 'B62',
      kernel: 'v3',
      without: ['B14'],
      see: rig => {
        poisoned(rig)
        return [read(rig, '/mnt/a'), read(rig, '/mnt/a'), kinds(rig)]
      },
      on: [0, 0, ['WARN', 'WARN']],
      off: ['EHWPOISON', 'EIO', []],
    },
    {
      id: 'L03',
      see: rig => {
        poisoned(rig)
        return [read(rig, '/mnt/a'), read(rig, '/mnt/b')]
      },
      on: ['EHWPOISON', 'EHWPOISON'],
      off: ['EHWPOISON', 16],
    },
    {
      id: 'L05',
      see: rig => {
        poisoned(rig)
        return [read(rig, '/mnt/a'), read(rig, '/mnt/a')]
      },
      on: ['EHWPOISON', 'EIO'],
      off: ['EHWPOISON', 'EHWPOISON'],
    },
  ])
})

describe('writes', () => {
  shows([
    {
      id: 'L01',
      see: rig => {
        mounted(rig, ONE)
        return rig.run(function* (sys) {
          const fd = yield* sys.open('/mnt/a', O_RDWR)
          const at = yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, fd)
          const faults = [sys.faults()]
          yield* sys.load(at, new Uint8Array(8))
          faults.push(sys.faults())
          yield* sys.pwrite(fd, new Uint8Array(1), 0)
          yield* sys.load(at, new Uint8Array(8))
          faults.push(sys.faults())
          return faults.map(n => n - faults[0]!)
        })
      },
      on: [0, 1, 2],
      off: [0, 1, 1],
    },
    {
      id: 'L06',
      see: rig => {
        mounted(rig, ONE)
        return rig.run(function* (sys) {
          const fd = yield* sys.open('/mnt/a', O_RDWR | O_APPEND)
          return E(yield* sys.write(fd, new Uint8Array(16)))
        })
      },
      // At 0, or at the end, where there is no room.
      on: 16,
      off: 0,
    },
  ])
})

describe('faults', () => {
  const map = function* (sys: Sys, path: string): Step<number> {
    return yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, yield* sys.open(path))
  }
  shows([
    {
      id: 'L04',
      see: rig => {
        mounted(rig, ONE)
        read(rig, '/mnt/a')
        rig.poison(0, 0)
        return rig.run(function* (sys) {
          return (yield* sys.load_or_signal(yield* map(sys, '/mnt/a'), new Uint8Array(8)))?.si_code
        })
      },
      on: 'BUS_ADRERR',
      off: 'BUS_MCEERR_AR',
    },
    {
      // Whether a truncate that comes while a fault is served would have to wait.
      id: 'L08',
      options: { policy: 'free' },
      see: rig => {
        mounted(rig, ONE)
        read(rig, '/mnt/a')
        let most = 0
        rig.spawn('mapper', function* (sys) {
          yield* sys.load(yield* map(sys, '/mnt/a'), new Uint8Array(8))
        })
        rig.kthread('watcher', function* (k) {
          const inode = k.supers.items[0]!.fuse!.inodes.get(100)!
          for (let i = 0; i < 200; i++) {
            most = Math.max(most, inode.i_mapping.invalidate_lock?.holders().length ?? 0)
            yield* step()
          }
        })
        return [rig.go(new RandomChooser(1)), most]
      },
      on: ['held', 0],
      off: ['held', 1],
    },
    {
      id: 'L21',
      see: rig => {
        const page = patched(ONE, [16, 4096, 8])
        mounted(rig, page, page)
        rig.run(function* (sys) {
          for (const f of 'ab') yield* sys.load_or_signal(yield* map(sys, `/mnt/${f}`), new Uint8Array(8))
        })
        return kinds(rig)
      },
      on: ['WARN'],
      off: [],
    },
  ])
})

describe('ends and sizes', () => {
  shows([
    {
      id: 'B60',
      kernel: 'rfc',
      see: rig => {
        mounted(rig, ONE)
        return [read(rig, '/mnt/a', TWO + 1), kinds(rig)]
      },
      on: [0, ['WARN']],
      off: [0, []],
    },
    {
      id: 'L07',
      see: rig => {
        mounted(rig, ONE)
        return rig.run(function* (sys) {
          const fd = yield* sys.open('/mnt/a', O_RDWR)
          const at = (pos: number) => sys.pwrite(fd, new Uint8Array(16), pos)
          return [E(yield* at(TWO - 8)), E(yield* at(TWO)), E(yield* at(TWO + 1))]
        })
      },
      on: [8, 0, 0],
      off: [8, 'EFBIG', 'EFBIG'],
    },
    {
      id: 'L22',
      see: rig => {
        const s = mounted(rig, ONE)
        s.attrValid = 0
        return rig.run(function* (sys) {
          const fd = yield* sys.open('/mnt/a')
          const at = yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, fd)
          yield* sys.load(at, new Uint8Array(8))
          s.files.get('a')!.size = 4096
          yield* sys.fstat(fd)
          const before = sys.faults()
          const sig = yield* sys.load_or_signal(at, new Uint8Array(8))
          return [E(yield* sys.pread(fd, new Uint8Array(16), 0)), sys.faults() - before, sig?.si_code ?? 'data']
        })
      },
      on: ['EIO', 1, 'BUS_ADRERR'],
      off: [16, 0, 'data'],
    },
    {
      id: 'B48',
      see: rig => {
        const s = mounted(rig, ONE)
        s.attrValid = 0
        rig.run(function* (sys) {
          const fd = yield* sys.open('/mnt/a')
          const at = yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, fd)
          s.files.get('a')!.size = 4096
          yield* sys.fstat(fd)
          yield* sys.load_or_signal(at, new Uint8Array(8))
        })
        return kinds(rig)
      },
      on: ['WARN'],
      off: [],
    },
  ])
})
