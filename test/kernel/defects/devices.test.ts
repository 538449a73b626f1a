// Defects around devices: whose path is walked when, who may push one, what is remembered, which locks are held.
import { describe, expect, it } from 'vitest'
import { mountBody, pushDaxdev, Rig, simpleMap } from '../../../src/conform/index.ts'
import { MKDEV, physBase } from '../../../src/devdax/index.ts'
import { RandomChooser } from '../../../src/explore/index.ts'
import { fuse_dev_open, tmpfs_mkdir, tmpfs_mknod } from '../../../src/kernel/index.ts'
import { MiB } from '../../../src/sim/index.ts'
import { EOPNOTSUPP, encodeDaxdev, errnoName, FUSE_DAX_FMAP_BIT, fuse_daxdev_out } from '../../../src/wire/index.ts'
import { count, E, kinds, ONE, read, serverWith, shows, TWO } from './shows.ts'

const mounted = (rig: Rig, ...fmaps: Uint8Array[]) => {
  const s = serverWith(rig, ...fmaps)
  return { s, mt: rig.mount(s) }
}
const umount = (rig: Rig): unknown =>
  rig.run(function* (sys) {
    return yield* sys.umount('/mnt')
  })

/** R9: one device at two indices, and its driver goes. */
const twice = (rig: Rig): unknown[] => {
  const { s } = mounted(rig, ONE, simpleMap([[1, 0, TWO]]))
  s.daxdevs[1] = s.daxdevs[0]!
  const first = read(rig, '/mnt/a')
  const second = read(rig, '/mnt/b')
  rig.unbind(0)
  return [first, second, kinds(rig).includes('lock order')]
}

/** Two ranges of 64 MiB with a hole between them. */
const APART = [0, 1].map(i => ({ start: physBase(0) + i * MiB(1024), len: MiB(64) }))

describe('the index', () => {
  shows([
    {
      id: 'B44',
      see: rig => {
        mounted(rig, simpleMap([[1, 0, TWO]]))
        return read(rig, '/mnt/a')
      },
      on: 'EINVAL',
      off: 16,
    },
    {
      id: 'B45',
      without: ['B44'],
      see: rig => {
        const { s } = mounted(rig, simpleMap([[32, 0, TWO]]))
        read(rig, '/mnt/a')
        return s.log.filter(l => l.startsWith('GET_DAXDEV'))
      },
      on: ['GET_DAXDEV:0'],
      off: [],
    },
  ])
})

describe('the path', () => {
  shows([
    {
      id: 'B40',
      see: rig => {
        tmpfs_mknod(rig.k, '/dev/null', MKDEV(1, 3))
        const { s } = mounted(rig, ONE, ONE)
        s.daxdevs[0] = '/dev/null'
        const first = read(rig, '/mnt/a')
        s.daxdevs[0] = '/dev/dax0.0'
        // The one made up keeps its slot; where none was, the next map asks again.
        return [first, read(rig, '/mnt/b'), count(s, 'GET_DAXDEV')]
      },
      on: ['EIO', 'EIO', 1],
      off: ['EIO', 16, 2],
    },
    {
      id: 'L20',
      see: rig => {
        const { s } = mounted(rig, ONE)
        const body = encodeDaxdev(0, '/dev/dax0.0')
        body.fill(0x61, fuse_daxdev_out.size - 256)
        s.daxdevs[0] = body
        return [read(rig, '/mnt/a'), kinds(rig)]
      },
      on: ['EIO', ['out of bounds']],
      off: ['EIO', []],
    },
    {
      id: 'L16',
      see: rig => {
        const { s, mt } = mounted(rig, ONE)
        s.daxdevs[0] = '/mnt/device'
        let held = 0
        s.script = req => {
          if (req.op.name === 'LOOKUP' && req.names[0] === 'device') held = mt.dev.fc.famfs_devlist_sem.holders().length
          return undefined
        }
        return [read(rig, '/mnt/a'), held]
      },
      on: ['EIO', 1],
      off: ['EIO', 0],
    },
  ])
})

describe('claiming', () => {
  shows([
    {
      id: 'B43',
      see: rig => {
        rig.bind(0, 'device_dax')
        const { s } = mounted(rig, ONE, ONE)
        const first = read(rig, '/mnt/a')
        rig.bind(0, 'fsdev_dax')
        return [first, read(rig, '/mnt/b'), count(s, 'GET_DAXDEV')]
      },
      on: ['EIO', 'EIO', 1],
      off: ['EIO', 16, 2],
    },
    {
      id: 'B13',
      kernel: 'rfc',
      see: rig => {
        mounted(rig, ONE)
        read(rig, '/mnt/a')
        umount(rig)
        return rig.held(0).refs
      },
      on: 2,
      off: 1,
    },
    {
      id: 'L15',
      without: ['B44'],
      see: twice,
      on: [16, 'EIO', true],
      off: [16, 'EIO', false],
    },
    {
      // Nobody takes the lock that the unbinder has: no inversion, and a driver that goes meanwhile.
      id: 'B20',
      without: ['B44'],
      see: twice,
      on: [16, 'EIO', false],
      off: [16, 'EIO', true],
    },
    {
      id: 'B30',
      without: ['L03'],
      options: { devices: [{ size: MiB(128), ranges: APART }] },
      see: rig => {
        // The page that goes bad is the first of the second range.
        mounted(rig, simpleMap([[0, MiB(64), TWO]]), ONE)
        const first = read(rig, '/mnt/a')
        rig.poison(0, MiB(64))
        return [first, read(rig, '/mnt/a'), read(rig, '/mnt/b')]
      },
      on: [16, 16, 16],
      off: [16, 'EHWPOISON', 16],
    },
    {
      id: 'L24',
      kernel: 'new',
      see: rig => {
        const { mt } = mounted(rig, ONE)
        tmpfs_mknod(rig.k, '/dev/null', MKDEV(1, 3))
        const cred = { uid: 0, gid: 0, caps: [] }
        return E(rig.run(sys => pushDaxdev(sys, mt.dev, '/dev/null', 2), { cred }))
      },
      on: 'ENODEV',
      off: 'EPERM',
    },
    {
      id: 'L25',
      kernel: 'new',
      see: rig => {
        const { mt } = mounted(rig, ONE)
        return [2, 2].map(index => E(rig.push(mt, index, '/dev/dax0.0')))
      },
      on: ['EBUSY', 'EBUSY'],
      off: ['EBUSY', 'EIO'],
    },
  ])
})

describe('a semaphore that nobody made', () => {
  shows([
    {
      id: 'L23',
      kernel: 'new',
      see: rig => {
        const s = serverWith(rig, ONE)
        s.init = s.init.filter(b => b !== FUSE_DAX_FMAP_BIT)
        s.daxdevs.length = 0
        rig.mount(s)
        umount(rig)
        return kinds(rig)
      },
      on: ['lock not made'],
      off: [],
    },
  ])
  // Whoever opens a file waits until INIT is answered, so only the ioctl of the later tree can come between the two stores.
  const pushed = (defect: string[], seed: number): string[] => {
    const rig = new Rig({ kernel: 'new', lockdep: true, policy: 'free', switches: { defect } })
    const s = serverWith(rig, ONE)
    tmpfs_mkdir(rig.k, '/mnt')
    const dev = fuse_dev_open(rig.k)
    rig.serve(dev, s, { v: false })
    rig.spawn('mounter', sys => mountBody(sys, dev, '/mnt'))
    rig.spawn('pusher', function* (sys) {
      let rc = -EOPNOTSUPP
      for (let i = 0; i < 20 && errnoName(-rc) === 'EOPNOTSUPP'; i++) rc = yield* pushDaxdev(sys, dev, '/dev/dax0.0', 0)
    })
    const chooser = new RandomChooser(seed)
    rig.go(chooser)
    return kinds(rig)
  }
  it('B55', () => {
    const seeds = Array.from({ length: 60 }, (_, i) => i + 1)
    expect(new Set(seeds.flatMap(seed => pushed(['B55'], seed)))).toEqual(new Set(['lock not made']))
    expect(seeds.flatMap(seed => pushed([], seed))).toEqual([])
  })
})
