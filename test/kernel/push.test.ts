// Devices pushed by the server (profile `new`): the ioctl, its errnos, what is remembered, what a file opened too early gets;
// and the defects of V10 that the push took away, switched off there (kernel.md 1.3, 2.5, 2.6, 10.3, 10.4, 10.9, 10.20).
import { describe, expect, it } from 'vitest'
import { type RawServer, Rig, type RigOptions, simpleMap } from '../../src/conform/index.ts'
import { MKDEV } from '../../src/devdax/index.ts'
import { PctChooser } from '../../src/explore/index.ts'
import { MAP_SHARED, O_RDWR, PROT_READ, type Sys, tmpfs_create, tmpfs_mknod } from '../../src/kernel/index.ts'
import { MiB, type Step } from '../../src/sim/index.ts'
import { encodeDaxdevOpen, errnoName, FUSE_DEV_IOC_DAXDEV_OPEN } from '../../src/wire/index.ts'
import { buildWorld } from '../../src/world/index.ts'
import poisonUmount from '../explore/fixtures/poison-umount.ts'

const E = (n: number): string | number => (n < 0 ? errnoName(-n) : n)
const FILES: [string, number][] = [
  ['a', 0],
  ['b', 0],
  ['c', 1],
]
const serverOf = (rig: Rig): RawServer => {
  const s = rig.server()
  for (const [i, [name, dev]] of FILES.entries())
    s.files.set(name, { nodeid: 100 + i, size: MiB(2), fmap: simpleMap([[dev, MiB(2) * i, MiB(2)]]) })
  return s
}
const rigOf = (o: RigOptions = {}) => {
  const rig = new Rig({ kernel: 'new', kasan: true, ...o })
  return { rig, s: serverOf(rig) }
}
/** open, then one pread: both answers. */
const openRead = (rig: Rig, path: string): (string | number)[] =>
  rig.run(function* (sys) {
    const fd = yield* sys.open(path)
    if (fd < 0) return [E(fd)]
    const n = yield* sys.pread(fd, 8, 0)
    yield* sys.close(fd)
    return ['ok', E(n)]
  })
const umount = (rig: Rig, path: string): number =>
  rig.run(function* (sys) {
    return yield* sys.umount(path)
  })
/** The ioctl with a descriptor of `path`, or with one that is not open. */
function* ioctl(sys: Sys, dev: any, path: string | null, index: number, cmd = FUSE_DEV_IOC_DAXDEV_OPEN): Step<number> {
  const fd = path === null ? 77 : yield* sys.open(path, O_RDWR)
  return yield* sys.ioctl(dev, cmd, encodeDaxdevOpen(fd, index))
}

describe('FUSE_DEV_IOC_DAXDEV_OPEN', () => {
  it('fills the slot: the file is read with no GET_DAXDEV, and unmount gives all back', () => {
    const { rig, s } = rigOf()
    rig.mount(s)
    expect(openRead(rig, '/mnt/a')).toEqual(['ok', 8])
    expect(openRead(rig, '/mnt/c')).toEqual(['ok', 8])
    expect(s.log.filter(l => l.startsWith('GET_'))).toEqual(['GET_FMAP:100', 'GET_FMAP:102'])
    expect([rig.held(0).holder, rig.held(1).holder]).toEqual([true, true])
    expect(umount(rig, '/mnt')).toBe(0)
    expect([rig.held(0), rig.held(1)]).toEqual(Array(2).fill({ holder: false, ops: false, refs: 1 }))
    expect(rig.leaks()).toEqual([])
    expect(rig.problems()).toEqual([])
  })
  it('refuses, in this order: no famfs, no descriptor, no character device, no such index, no dax device', () => {
    const { rig, s } = rigOf()
    s.daxdevs.length = 0
    const mt = rig.mount(s)
    tmpfs_create(rig.k, '/file')
    tmpfs_mknod(rig.k, '/dev/null', MKDEV(1, 3))
    const ask = (path: string | null, index: number) => E(rig.run(sys => ioctl(sys, mt.dev, path, index)))
    expect(ask(null, 64)).toBe('EBADF')
    expect(ask('/file', 64)).toBe('EINVAL')
    expect(ask('/dev/dax0.0', 64)).toBe('EINVAL')
    const before = rig.k.bus.devices().map(d => d.dax_dev.refs.peek())
    expect(ask('/dev/null', 63)).toBe('ENODEV')
    expect(ask('/dev/null', 63)).toBe('ENODEV')
    expect(ask('/dev/dax0.0', 63)).toBe(0)
    expect(ask('/dev/dax0.0', 63)).toBe(0)
    expect(rig.held(0).refs).toBe(before[0]! + 2)
    expect(E(rig.run(sys => ioctl(sys, mt.dev, '/dev/dax0.0', 0, 0x4004e502)))).toBe('ENOTTY')
    // B40 is away: nothing was made up for /dev/null.
    expect(rig.k.bus.dax_dev_find(MKDEV(1, 3))).toBeNull()
  })
  it('EOPNOTSUPP where famfs was not negotiated', () => {
    const { rig, s } = rigOf()
    s.init = []
    s.daxdevs.length = 0
    const mt = rig.mount(s)
    expect(E(rig.run(sys => ioctl(sys, mt.dev, null, 99)))).toBe('EOPNOTSUPP')
  })
  it('V10 has no such ioctl', () => {
    const { rig, s } = rigOf({ kernel: 'v10' })
    const mt = rig.mount(s)
    expect(E(rig.run(sys => ioctl(sys, mt.dev, '/dev/dax0.0', 0)))).toBe('ENOTTY')
  })
  it('a device with no driver cannot be opened', () => {
    const { rig, s } = rigOf({ devices: [{ driver: null }, {}] })
    const mt = rig.mount(s)
    expect(E(rig.push(mt, 0, '/dev/dax0.0'))).toBe('ENXIO')
  })
})

describe('a device that was not pushed', () => {
  it('the file opens and is bad until its inode goes, whatever is pushed later; other files are well', () => {
    const { rig, s } = rigOf()
    s.daxdevs.length = 0
    const mt = rig.mount(s)
    expect(openRead(rig, '/mnt/a')).toEqual(['ok', 'EIO'])
    expect(rig.push(mt, 0, '/dev/dax0.0')).toBe(0)
    expect(openRead(rig, '/mnt/a')).toEqual(['ok', 'EIO'])
    expect(openRead(rig, '/mnt/b')).toEqual(['ok', 8])
    expect(openRead(rig, '/mnt/c')).toEqual(['ok', 'EIO'])
    rig.run(function* (sys) {
      yield* sys.drop_caches()
    })
    expect(openRead(rig, '/mnt/a')).toEqual(['ok', 8])
  })
})

describe('a device that cannot be had', () => {
  it('held by another mount: EBUSY once, then EIO also when it is free again', () => {
    const { rig, s } = rigOf()
    rig.mount(s)
    const other = serverOf(rig)
    other.daxdevs.length = 0
    const mt = rig.mount(other, '/b')
    expect(E(rig.push(mt, 0, '/dev/dax0.0'))).toBe('EBUSY')
    expect(E(rig.push(mt, 0, '/dev/dax0.0'))).toBe('EIO')
    umount(rig, '/mnt')
    expect(E(rig.push(mt, 0, '/dev/dax0.0'))).toBe('EIO')
    // Such a device is not missing: the file opens like any other and fails at access.
    expect(openRead(rig, '/b/a')).toEqual(['ok', 'EIO'])
    expect(rig.held(0).refs).toBe(1)
  })
  it('in devdax mode: EOPNOTSUPP once, then EIO', () => {
    const { rig, s } = rigOf({ devices: [{ driver: 'device_dax' }, {}] })
    s.daxdevs[0] = 2
    const mt = rig.mount(s)
    expect(E(rig.push(mt, 0, '/dev/dax0.0'))).toBe('EOPNOTSUPP')
    expect(E(rig.push(mt, 0, '/dev/dax0.0'))).toBe('EIO')
  })
  it('our own already, at another index: EBUSY, and that is not remembered', () => {
    const { rig, s } = rigOf()
    s.daxdevs.length = 1
    const mt = rig.mount(s)
    expect(E(rig.push(mt, 1, '/dev/dax0.0'))).toBe('EBUSY')
    expect(E(rig.push(mt, 1, '/dev/dax0.0'))).toBe('EBUSY')
    expect(rig.push(mt, 1, '/dev/dax1.0')).toBe(0)
    expect(openRead(rig, '/mnt/c')).toEqual(['ok', 8])
  })
})

describe('a mount on new', () => {
  it('a size unlike the map: ENXIO, then EIO, and no WARN (B48)', () => {
    const warned = (kernel: string, noDefect: string[] = []): unknown[] => {
      const { rig, s } = rigOf({ kernel, switches: { noDefect } })
      s.attrValid = 0
      rig.mount(s)
      const got = rig.run(function* (sys) {
        const fd = yield* sys.open('/mnt/a')
        const at = yield* sys.mmap(0, MiB(2), PROT_READ, MAP_SHARED, fd)
        s.files.get('a')!.size = MiB(4)
        yield* sys.fstat(fd)
        // A fault asks the resolver without looking at the file first.
        const sig = yield* sys.load_or_signal(at, new Uint8Array(8))
        return [sig?.si_code, E(yield* sys.pread(fd, 8, 0))]
      })
      return [...got, rig.problems().some(p => p.startsWith('WARN'))]
    }
    expect(warned('new')).toEqual(['BUS_ADRERR', 'EIO', false])
    expect(warned('v10')).toEqual(['BUS_ADRERR', 'EIO', true])
    expect(warned('v10', ['B48'])).toEqual(['BUS_ADRERR', 'EIO', false])
  })
  it('a famfs file keeps the address space operations of FUSE; V10 gives it its own', () => {
    const ops = (kernel: string): string => {
      const { rig, s } = rigOf({ kernel })
      const mt = rig.mount(s)
      openRead(rig, '/mnt/a')
      return mt.dev.fc.inodes.get(100)!.i_mapping.a_ops.peek()
    }
    expect([ops('new'), ops('v10')]).toEqual(['fuse_file_aops', 'famfs_dax_aops'])
  })
  it('without famfs: files are read by READ, and unmount takes the lock of a table that never was', () => {
    const { rig, s } = rigOf()
    s.init = []
    s.daxdevs.length = 0
    rig.mount(s)
    expect(openRead(rig, '/mnt/a')).toEqual(['ok', 8])
    expect(s.log).toContain('READ:100')
    expect(umount(rig, '/mnt')).toBe(0)
    expect([rig.leaks(), rig.problems()]).toEqual([[], []])
  })
})

describe('what V10 does otherwise, and would not without the defect', () => {
  const busyThenFree = (noDefect: string[]): unknown[] => {
    const { rig, s } = rigOf({ kernel: 'v10', switches: { noDefect } })
    rig.mount(s)
    expect(openRead(rig, '/mnt/a')).toEqual(['ok', 8])
    rig.mount(serverOf(rig), '/b')
    const busy = openRead(rig, '/b/a')
    umount(rig, '/mnt')
    const after = [busy, openRead(rig, '/b/a'), openRead(rig, '/b/b')]
    umount(rig, '/b')
    expect(rig.leaks()).toEqual([])
    expect(rig.held(0).refs).toBe(1)
    return after
  }
  it('B43: a device that was busy once is EIO for new files too; without it they ask again', () => {
    const eio = ['ok', 'EIO']
    expect(busyThenFree([])).toEqual([eio, eio, eio])
    expect(busyThenFree(['B43'])).toEqual([eio, eio, ['ok', 8]])
  })
  it('B40: for /dev/null a device is made up, and the slot is lost; without it the slot stays empty', () => {
    const named = (noDefect: string[]): unknown[] => {
      const { rig, s } = rigOf({ kernel: 'v10', switches: { noDefect } })
      tmpfs_mknod(rig.k, '/dev/null', MKDEV(1, 3))
      s.daxdevs[0] = '/dev/null'
      rig.mount(s)
      const first = openRead(rig, '/mnt/a')
      s.daxdevs[0] = '/dev/dax0.0'
      return [first, openRead(rig, '/mnt/b'), rig.k.bus.dax_dev_find(MKDEV(1, 3)) !== null]
    }
    expect(named([])).toEqual([['ok', 'EIO'], ['ok', 'EIO'], true])
    expect(named(['B40'])).toEqual([['ok', 'EIO'], ['ok', 8], false])
  })
  it('B42: with the table taken away under its lock, a notice finds no table and says nothing (R8); fc may still be gone', () => {
    const problems = (kernel: string): string[] => {
      const world = buildWorld(poisonUmount, { policy: 'free', kernel })
      const chooser = new PctChooser(1, 3)
      const all = new Set<string>()
      for (let i = 0; i < 400; i++) for (const p of world.run(chooser).problems) all.add(`${p.kind}: ${p.text}`)
      world.close()
      return [...all]
    }
    const table = (all: string[]) => all.filter(p => /fc->dax_devlist in|which lies in famfs_daxdev/.test(p))
    const [v10, newer] = [problems('v10'), problems('new')]
    expect(table(v10)).not.toEqual([])
    expect(table(newer)).toEqual([])
    expect(newer.some(p => p.includes('fc in famfs_dax_notify_failure'))).toBe(true)
  })
})
