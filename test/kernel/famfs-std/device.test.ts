// The standalone famfs: fault counters, a device that fails, pmem, and a map that is seen too early.
import { describe, expect, it } from 'vitest'
import { map_create, type Rig, type RigOptions } from '../../../src/conform/index.ts'
import {
  MAP_PRIVATE,
  MAP_SHARED,
  memory_failure,
  O_CREAT,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  S_IFBLK,
  type Sys,
  tmpfs_mknod,
} from '../../../src/kernel/index.ts'
import { MiB, type Step, sleep } from '../../../src/sim/index.ts'
import { EBUSY, ENODEV } from '../../../src/wire/index.ts'
import { creat, FLAGS, IOC, MNT, mounted, simple, std } from './std.ts'

const TWO = MiB(2)
const FILE = `${MNT}/f`
const PAGE = 4096
const bytes = (n: number, seed: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => (i * 7 + seed) & 255)

/** A mounted file of this map, and what `body` makes of it. */
const on = <T>(map = simple(MiB(8), [TWO, MiB(8)]), body: (sys: Sys, fd: number) => Step<T>, o: RigOptions = {}) => {
  const rig = mounted(o)
  const got = rig.run(function* (sys) {
    const fd = yield* creat(sys, FILE, map)
    return yield* body(sys, fd)
  })
  return { rig, got }
}

describe('fault counters', () => {
  const counts = function* (sys: Sys): Step<(string | number)[]> {
    const out: (string | number)[] = []
    for (const f of ['pte', 'pmd', 'pud']) out.push(yield* sys.sysfs_read(`/sys/fs/famfs/${f}_fault_ct`))
    return out
  }
  const enable = (sys: Sys, text: string) => sys.sysfs_write('/sys/fs/famfs/fault_count_enable', text)
  it('are off until somebody writes a number, which clears them; 0 keeps them', () => {
    const { got } = on(undefined, function* (sys, fd) {
      const at = yield* sys.mmap(0, MiB(8), PROT_READ, MAP_SHARED, fd)
      const small = yield* sys.mmap(0x600000001000, TWO, PROT_READ, MAP_SHARED, fd)
      yield* sys.load(at, new Uint8Array(1))
      const off = yield* counts(sys)
      const wrote = yield* enable(sys, '1')
      yield* sys.load(at + TWO, new Uint8Array(1))
      for (let i = 0; i < 3; i++) yield* sys.load(small + i * PAGE, new Uint8Array(1))
      const on = yield* counts(sys)
      yield* enable(sys, '0')
      yield* sys.load(at + 2 * TWO, new Uint8Array(1))
      const kept = yield* counts(sys)
      const bad = yield* enable(sys, 'yes')
      yield* enable(sys, '2')
      return {
        off,
        wrote,
        on,
        kept,
        bad,
        enabled: yield* sys.sysfs_read('/sys/fs/famfs/fault_count_enable'),
        cleared: yield* counts(sys),
      }
    })
    expect(got.off).toEqual(['0', '0', '0'])
    expect(got.wrote).toBe(1)
    // Pages under a 2 MiB entry that is there, in a mapping that takes small ones: the huge size is tried first where it may be.
    expect(got.on[1]).toBe('1')
    expect(Number(got.on[0])).toBe(3)
    expect(got.kept).toEqual(got.on)
    expect([got.bad, got.enabled, got.cleared]).toEqual([-22, '2', ['0', '0', '0']])
  })
  it('count tries: a private store falls back from 2 MiB to a page', () => {
    const { got } = on(undefined, function* (sys, fd) {
      yield* enable(sys, '1')
      const at = yield* sys.mmap(0, MiB(8), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd)
      yield* sys.store(at, new Uint8Array(1))
      return yield* counts(sys)
    })
    expect(got.slice(0, 2)).toEqual(['1', '1'])
  })
  it('and the ABI version are there while the module is loaded, and on no kernel with famfs in FUSE', () => {
    const paths = ['/sys/fs/famfs', '/sys/module/famfs/parameters']
    const look = (rig: Rig, unload = false) =>
      rig.run(function* (sys) {
        if (unload) yield* sys.delete_module('famfs')
        const out: unknown[] = []
        for (const p of paths) out.push(yield* sys.sysfs_list(p))
        out.push(yield* sys.sysfs_read('/sys/module/famfs/parameters/famfs_kabi_version'))
        return out
      })
    const all = ['fault_count_enable', 'pte_fault_ct', 'pmd_fault_ct', 'pud_fault_ct']
    expect(look(std())).toEqual([all, ['famfs_kabi_version'], '43'])
    expect([look(std(), true), look(std({ kernel: 'v10' }))]).toEqual([
      [-2, -2, -2],
      [-2, -2, -2],
    ])
  })
})

describe('a device that fails', () => {
  /** What everything gives after `fail`. */
  const failed = (fail: (rig: Rig) => unknown, o: RigOptions = {}) => {
    const rig = mounted(o)
    rig.run(function* (sys) {
      yield* sys.close(yield* creat(sys, FILE, simple(MiB(8), [TWO, MiB(8)])))
    })
    fail(rig)
    const got = rig.run(function* (sys) {
      const fd = yield* sys.open(FILE, O_RDWR)
      const nop = yield* sys.ioctl(fd, IOC.NOP, new Uint8Array(0))
      const get = yield* sys.ioctl(fd, IOC.MAP_GET, new Uint8Array(56))
      return {
        read: yield* sys.pread(fd, 8, 0),
        write: yield* sys.pwrite(fd, new Uint8Array(8), 0),
        mmap: yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, fd),
        ioctl: [nop, get],
        creat: yield* sys.open(`${MNT}/new`, O_RDWR | O_CREAT),
        mkdir: yield* sys.mkdir(`${MNT}/d`),
        close: yield* sys.close(fd),
        umount: yield* sys.umount(MNT),
      }
    })
    return { rig, got }
  }
  const OUT = {
    read: -ENODEV,
    write: -ENODEV,
    mmap: -ENODEV,
    ioctl: [0, -ENODEV],
    creat: -ENODEV,
    mkdir: -ENODEV,
    close: 0,
    umount: 0,
  }
  it('takes the whole mount out of use when its driver goes, and it can be unmounted', () => {
    const { rig, got } = failed(r => r.unbind(0))
    expect([got, rig.problems()]).toEqual([OUT, ['WARN: dax0.0: put by one who does not hold it']])
  })
  it('a bad page does the same where the driver asks the holder, and a fresh mount works', () => {
    const { rig, got } = failed(r => expect(r.poison(0, MiB(4))).toBe(0), { dax: 'fix' })
    expect([got, rig.problems()]).toEqual([OUT, []])
    const again = rig.run(function* (sys) {
      yield* sys.mount_dev('famfs', '/dev/dax0.0', MNT, FLAGS)
      return yield* sys.pread(yield* creat(sys, FILE, simple(TWO, [TWO, TWO])), 8, 0)
    })
    expect(again).toBe(8)
  })
  it('device_dax of that time asks nobody: the page is looked for, and the mount goes on', () => {
    const { got } = failed(r => r.poison(0, MiB(4)))
    expect([got.read, got.umount]).toEqual([8, -EBUSY])
  })
  it('S01: as the text of Apr 2024 has it nothing comes of it', () => {
    const { got } = failed(r => expect(r.poison(0, MiB(4))).toBe(0), { dax: 'fix', switches: { defect: ['S01'] } })
    expect([got.read, got.creat > 0]).toEqual([8, true])
  })
  it('faults on what was mapped before are SIGBUS; pages that are there stay (L02)', () => {
    const rig = mounted({ dax: 'fix' })
    const look = rig.spawn('look', function* (sys) {
      const fd = yield* creat(sys, FILE, simple(MiB(8), [TWO, MiB(8)]))
      const at = yield* sys.mmap(0x600000001000, TWO, PROT_READ, MAP_SHARED, fd)
      yield* sys.load(at, new Uint8Array(1))
      yield* sys.sleep(1e9)
      const old = yield* sys.load_or_signal(at, new Uint8Array(1))
      const fresh = yield* sys.load_or_signal(at + PAGE, new Uint8Array(1))
      return [old?.si_code ?? 'readable', fresh?.si_code]
    })
    rig.kthread('memory_failure', function* (k) {
      yield* sleep(5e8)
      return yield* memory_failure(k, rig.mems[0]!, TWO, 0)
    })
    rig.go()
    expect((look.value as { value: unknown }).value).toEqual(['readable', 'BUS_ADRERR'])
  })
})

describe('/dev/pmem', () => {
  const pmem = (o: RigOptions = {}) => {
    const rig = std({ devices: [{ driver: 'pmem', region: 'static' }], ...o })
    tmpfs_mknod(rig.k, '/dev/pmem0', rig.k.bus.devices()[0]!.dax_dev.devno, S_IFBLK)
    return rig
  }
  const mount = (rig: Rig, path = MNT): number =>
    rig.run(function* (sys) {
      return yield* sys.mount_dev('famfs', '/dev/pmem0', path, FLAGS)
    })
  it('can be mounted as well, and its driver tells the holder of bad pages on every level', () => {
    for (const dax of ['devdax-6.14', 'fix']) {
      const rig = pmem({ dax, switches: { noDefect: ['S02'] } })
      expect(mount(rig)).toBe(0)
      const fd = rig.run(function* (sys) {
        const f = yield* creat(sys, FILE, simple(MiB(4), [TWO, MiB(4)]))
        const at = yield* sys.mmap(0, MiB(4), PROT_READ | PROT_WRITE, MAP_SHARED, f)
        yield* sys.store(at, bytes(8, 1))
        const b = new Uint8Array(8)
        yield* sys.pread(f, b, 0)
        expect(b).toEqual(bytes(8, 1))
        return f
      })
      expect([fd > 0, rig.poison(0, TWO)]).toEqual([true, 0])
      const got = rig.run(function* (sys) {
        const f = yield* sys.open(FILE, O_RDWR)
        const n = yield* sys.pread(f, 8, 0)
        yield* sys.close(f)
        return [n, yield* sys.umount(MNT)]
      })
      expect([got, rig.held(0), rig.leaks(), rig.problems()]).toEqual([
        [-ENODEV, 0],
        { holder: false, ops: false, refs: 1 },
        [],
        [],
      ])
    }
  })
  it('is no block device for a device of the dax bus', () => {
    const rig = std()
    tmpfs_mknod(rig.k, '/dev/pmem0', rig.k.bus.devices()[0]!.dax_dev.devno, S_IFBLK)
    expect([mount(rig), rig.leaks()]).toEqual([-ENODEV, []])
  })
})

it('a map that is half published kills the file for who reads meanwhile (as R4): ENXIO, then EIO', () => {
  // Every place at which the reader may come between the stores of the publisher.
  const seen = new Set<string>()
  for (let at = 60; at < 100; at++) {
    const rig = mounted()
    rig.run(function* (sys) {
      yield* sys.close(yield* sys.open(FILE, O_RDWR | O_CREAT))
    })
    rig.spawn('mapper', function* (sys) {
      yield* map_create(sys, yield* sys.open(FILE, O_RDWR), simple(TWO, [TWO, TWO]))
    })
    const reader = rig.spawn('reader', function* (sys) {
      const fd = yield* sys.open(FILE, O_RDWR)
      yield* sys.sleep(at)
      return [yield* sys.pread(fd, 8, 0), yield* sys.pread(fd, 8, 0)].join()
    })
    rig.go()
    seen.add((reader.value as { value: string }).value)
  }
  expect([...seen].sort()).toEqual(['-5,8', '-6,-5', '0,8', '8,8'])
})
