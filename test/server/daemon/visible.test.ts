// What applications see of the daemon through the kernel (userspace.md e.2, e.3, e.6): refusals, changes that do not last, shadow
// files that changed or broke, locks. Each defect with its counterpart on a fixed server.
import { describe, expect, it } from 'vitest'
import { RandomChooser } from '../../../src/explore/index.ts'
import {
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  S_IFIFO,
  type Stat,
  type StatFs,
  type Sys,
} from '../../../src/kernel/index.ts'
import { emit_daxdev } from '../../../src/server/lib/daxdev-file.ts'
import { MiB, type Step } from '../../../src/sim/index.ts'
import {
  ECONNABORTED,
  EINVAL,
  EIO,
  ENODATA,
  ENOENT,
  ENOSYS,
  ENOTCONN,
  EOPNOTSUPP,
  EPERM,
  EWOULDBLOCK,
} from '../../../src/wire/index.ts'
import { daemon, host, MPT, OPTIONS, SHADOW, type Tree, write_file, yaml } from './shadow-rig.ts'

const TREE: Tree = { 'd/': '', 'd/f': yaml('d/f', 5000000), x: yaml('x', 4096, 0x1000000), y: yaml('y', 100) }
const mounted = (o: Parameters<typeof host>[1] & { options?: string } = {}, tree: Tree = TREE) => {
  const h = host(tree, o)
  expect(h.fused(o.options ?? OPTIONS).rc).toBe(0)
  const run = <T>(body: (sys: Sys) => Step<T>): T => h.rig.run(body)
  return { ...h, run }
}

describe('what cannot be done', () => {
  it('making, removing, moving: ENOSYS, but EPERM for a hard link and EOPNOTSUPP for a file', () => {
    const { run, rig } = mounted()
    const got = run(function* (sys) {
      return {
        mkdir: yield* sys.mkdir(`${MPT}/new`),
        mknod: yield* sys.mknod(`${MPT}/new`, S_IFIFO | 0o644),
        symlink: yield* sys.symlink('x', `${MPT}/new`),
        unlink: yield* sys.unlink(`${MPT}/x`),
        rmdir: yield* sys.rmdir(`${MPT}/d`),
        rename: yield* sys.rename(`${MPT}/x`, `${MPT}/z`),
        link: yield* sys.link(`${MPT}/x`, `${MPT}/z`),
        creat: yield* sys.open(`${MPT}/new`, O_CREAT | O_WRONLY),
      }
    })
    expect(got).toEqual({
      mkdir: -ENOSYS,
      mknod: -ENOSYS,
      symlink: -ENOSYS,
      unlink: -ENOSYS,
      rmdir: -ENOSYS,
      rename: -ENOSYS,
      link: -EPERM,
      creat: -EOPNOTSUPP,
    })
    expect(rig.problems()).toEqual([])
  })
  it('truncate to 0: EINVAL; fallocate, setxattr, listxattr: EOPNOTSUPP', () => {
    const { run } = mounted()
    const got = run(function* (sys) {
      const fd = yield* sys.open(`${MPT}/x`, O_RDWR)
      return [
        yield* sys.truncate(`${MPT}/x`, 0),
        yield* sys.fallocate(fd, 0, 0, 4096),
        yield* sys.setxattr(`${MPT}/x`, 'user.a', Uint8Array.of(1)),
        yield* sys.listxattr(`${MPT}/x`),
      ]
    })
    expect(got).toEqual([-EINVAL, -EOPNOTSUPP, -EOPNOTSUPP, -EOPNOTSUPP])
  })
  it('the shadow path is an attribute of everything, and the only one', () => {
    const { run } = mounted()
    const got = run(function* (sys) {
      const at = []
      for (const path of [MPT, `${MPT}/d`, `${MPT}/d/f`]) at.push(yield* sys.getxattr(path, 'user.famfs.shadow'))
      return { at, other: yield* sys.getxattr(`${MPT}/x`, 'user.other') }
    })
    expect(got.at.map(v => (typeof v === 'number' ? v : Buffer.from(v).toString()))).toEqual([SHADOW, SHADOW, SHADOW])
    expect(got.other).toBe(-ENODATA)
  })
})

describe('truncate to another size (Q3)', () => {
  const truncate = (server?: string) => {
    const h = mounted({ server })
    h.stat(`${MPT}/x`)
    const rc = h.run(function* (sys) {
      return yield* sys.truncate(`${MPT}/x`, 100)
    })
    return { h, rc, after: h.stat(`${MPT}/x`), names: h.names(MPT) }
  }
  it('kills the daemon: every thread is gone, and the mount is dead', () => {
    const { h, rc, names } = truncate()
    expect([rc, names]).toEqual([-ECONNABORTED, -ENOTCONN])
    expect(h.rig.k.daemons.length).toBe(0)
    expect(h.mounts()).toHaveLength(1)
    const umount = h.run(function* (sys) {
      return yield* sys.umount(MPT)
    })
    expect([umount, h.rig.leaks(), h.fused().rc]).toEqual([0, [], 0])
  })
  it('is EINVAL of a fixed server', () => {
    const { rc, after, names } = truncate('fixed')
    expect([rc, names]).toEqual([-EINVAL, ['.', '..', '.meta', 'd', 'x', 'y']])
    expect(after).toMatchObject({ size: 4096 })
  })
})

describe('changes of attributes', () => {
  it('are kept until the daemon ends, also when the kernel forgets the inode', () => {
    const { run, stat, kill, fused } = mounted()
    const rc = run(function* (sys) {
      return [
        yield* sys.chmod(`${MPT}/x`, 0o600),
        yield* sys.chown(`${MPT}/x`, 5, 6),
        yield* sys.utimes(`${MPT}/x`, 7e9, 8_000_000_009),
        yield* sys.drop_caches(),
      ]
    })
    expect(rc.slice(0, 3)).toEqual([0, 0, 0])
    expect(stat(`${MPT}/x`)).toMatchObject({ mode: 0o100600, uid: 5, gid: 6, mtime: 8_000_000_009 })
    expect(stat(`${SHADOW}/root/x`)).toMatchObject({ mode: 0o100644, uid: 0 })
    kill('SIGTERM')
    fused()
    expect(stat(`${MPT}/x`)).toMatchObject({ mode: 0o100644, uid: 0, gid: 0 })
  })
})

describe('a shadow file that changes', () => {
  const rewrite = (h: ReturnType<typeof mounted>, text: string): void => {
    h.run(function* (sys) {
      yield* sys.truncate(`${SHADOW}/root/x`, 0)
      yield* write_file(sys, `${SHADOW}/root/x`, text)
    })
  }
  const forget = (h: ReturnType<typeof mounted>): void => {
    h.run(function* (sys) {
      yield* sys.drop_caches()
    })
  }
  it('is not noticed until the kernel has forgotten the inode', () => {
    const h = mounted({ options: `${OPTIONS},timeout=0` })
    const size = (): number => (h.stat(`${MPT}/x`) as Stat).size
    expect(size()).toBe(4096)
    rewrite(h, yaml('x', 8192))
    expect(size()).toBe(4096)
    forget(h)
    expect(size()).toBe(8192)
  })
  it('never, once its attributes were changed', () => {
    const h = mounted()
    h.run(function* (sys) {
      yield* sys.chmod(`${MPT}/x`, 0o600)
    })
    rewrite(h, yaml('x', 8192))
    forget(h)
    expect(h.stat(`${MPT}/x`)).toMatchObject({ size: 4096 })
  })
  it('another file under its name is another inode', () => {
    const h = mounted({ options: `${OPTIONS},timeout=0` })
    const old = h.stat(`${MPT}/x`) as Stat
    h.run(function* (sys) {
      yield* write_file(sys, `${SHADOW}/root/x2`, yaml('x', 8192))
      yield* sys.rename(`${SHADOW}/root/x2`, `${SHADOW}/root/x`)
    })
    const now = h.stat(`${MPT}/x`) as Stat
    expect(now.size).toBe(8192)
    expect(now.ino).not.toBe(old.ino)
  })
})

describe('a shadow file that is broken (Q29)', () => {
  const tree = { ...TREE, bad: 'no yaml: [', many: yaml('many', 1).replace('nextents: 1', 'nextents: 2') }
  it('famfs-48: listed, and not there', () => {
    const h = mounted({}, tree)
    expect(h.names(MPT)).toEqual(['.', '..', '.meta', 'd', 'x', 'y', 'bad', 'many'])
    expect([h.stat(`${MPT}/bad`), h.stat(`${MPT}/many`)]).toEqual([-ENOENT, -ENOENT])
  })
  it('famfs-48: the answer is the errno that the last failed call of the thread left; when none did, a name known not to be', () => {
    const { ask, values, errno, d } = daemon(tree)
    const e = values(ask('LOOKUP', 1, undefined, ['bad']))
    expect([e.nodeid, e.attr, e.entry_valid]).toEqual([0, {}, 1])
    errno.poke(ENODATA)
    expect(ask('LOOKUP', 1, undefined, ['bad'])).toEqual({ errno: ENODATA })
    expect(ask('LOOKUP', 1, undefined, ['nope'])).toEqual({ errno: ENOENT })
    expect(ask('LOOKUP', 1, undefined, ['bad'])).toEqual({ errno: ENOENT })
    expect(d.icache.count).toBe(0)
  })
  it('fixed: EIO, and the others are listed with what they are', () => {
    const h = mounted({ server: 'fixed' }, tree)
    expect(h.names(MPT)).toEqual(['.', '..', '.meta', 'd', 'x', 'y', 'bad', 'many'])
    expect([h.stat(`${MPT}/bad`), h.stat(`${MPT}/many`)]).toEqual([-EIO, -EIO])
    expect(h.stat(`${MPT}/y`)).toMatchObject({ size: 100 })
  })
})

describe('flock', () => {
  /** One process holds a lock on x for 1 ms; `other` runs meanwhile. What each got, and when the second had it, ns. */
  const two = (server: string, other: (sys: Sys) => Step<number>) => {
    const { rig } = mounted({ server })
    const holder = rig.spawn('holder', function* (sys) {
      const fd = yield* sys.open(`${MPT}/x`, O_RDWR)
      const rc = yield* sys.flock(fd, LOCK_EX)
      yield* sys.sleep(1_000_000)
      const un = yield* sys.flock(fd, LOCK_UN)
      yield* sys.close(fd)
      return [rc, un]
    })
    const second = rig.spawn(
      'second',
      function* (sys) {
        const t0 = sys.clock()
        const rc = yield* other(sys)
        return [rc, sys.clock() - t0 > 500_000 ? 'waited' : 'at once']
      },
      { at: 200_000 },
    )
    expect(rig.go()).toBe('held')
    expect(rig.problems()).toEqual([])
    return [(holder.value as any).value, (second.value as any).value]
  }
  const take = (path: string, op: number) =>
    function* (sys: Sys): Step<number> {
      const fd = yield* sys.open(`${MPT}/${path}`, O_RDWR)
      const rc = yield* sys.flock(fd, op)
      yield* sys.close(fd)
      return rc
    }
  function* cat(sys: Sys): Step<number> {
    const fd = yield* sys.open(`${MPT}/x`, O_RDONLY)
    return yield* sys.close(fd)
  }
  it.each([
    [
      'famfs-48',
      'the file that is held: EINVAL, and the lock goes with its close',
      take('x', LOCK_EX),
      [
        [0, -EINVAL],
        [-EINVAL, 'at once'],
      ],
    ],
    [
      'famfs-48',
      'shared: EINVAL',
      take('x', LOCK_SH),
      [
        [0, -EINVAL],
        [-EINVAL, 'at once'],
      ],
    ],
    [
      'famfs-48',
      'without waiting: it seems to work (Q2)',
      take('x', LOCK_EX | LOCK_NB),
      [
        [0, -EINVAL],
        [0, 'at once'],
      ],
    ],
    [
      'famfs-48',
      'another file: waits',
      take('y', LOCK_EX),
      [
        [0, 0],
        [0, 'waited'],
      ],
    ],
    [
      'famfs-48',
      'a close by somebody else drops it',
      cat,
      [
        [0, -EINVAL],
        [0, 'at once'],
      ],
    ],
    [
      'fixed',
      'the file that is held: waits',
      take('x', LOCK_EX),
      [
        [0, 0],
        [0, 'waited'],
      ],
    ],
    [
      'fixed',
      'shared: waits',
      take('x', LOCK_SH),
      [
        [0, 0],
        [0, 'waited'],
      ],
    ],
    [
      'fixed',
      'without waiting: EWOULDBLOCK',
      take('x', LOCK_EX | LOCK_NB),
      [
        [0, 0],
        [-EWOULDBLOCK, 'at once'],
      ],
    ],
    [
      'fixed',
      'another file: at once',
      take('y', LOCK_EX),
      [
        [0, 0],
        [0, 'at once'],
      ],
    ],
    [
      'fixed',
      'a close by somebody else drops nothing',
      cat,
      [
        [0, 0],
        [0, 'at once'],
      ],
    ],
  ] as const)('%s: %s', (server, _what, other, want) => {
    expect(two(server, other)).toEqual(want)
  })
  it('fixed: dropped when the one that has it closes, or dies', () => {
    const { rig } = mounted({ server: 'fixed' })
    const dies = rig.spawn('dies', function* (sys) {
      const fd = yield* sys.open(`${MPT}/x`, O_RDWR)
      const rc = yield* sys.flock(fd, LOCK_EX)
      yield* sys.sleep(1_000_000)
      return rc
    })
    const waits = rig.spawn('waits', take('x', LOCK_EX), { at: 200_000 })
    expect(rig.go()).toBe('held')
    expect([(dies.value as any).value, (waits.value as any).value]).toEqual([0, 0])
  })
  it('fixed: more that wait than there are threads', () => {
    const { rig, stat } = mounted({ server: 'fixed' })
    const tasks = Array.from({ length: 6 }, (_, i) => rig.spawn(`p${i}`, take('x', LOCK_EX)))
    expect(rig.go()).toBe('held')
    expect(tasks.map(t => (t.value as any).value)).toEqual([0, 0, 0, 0, 0, 0])
    expect(stat(`${MPT}/y`)).toMatchObject({ size: 100 })
  })
})

describe('statfs (Q30)', () => {
  const df = (server?: string): StatFs => {
    const { run } = mounted({ server })
    return run(function* (sys) {
      return (yield* sys.statfs(MPT)) as StatFs
    })
  }
  it('famfs-48: of the file system that the tree lies on', () => {
    expect(df()).toMatchObject({ bsize: 4096, blocks: 3_000_000 })
  })
  it('fixed: of all devices', () => {
    const uuid = 'aaaaaaaa-0000-4000-8000-000000000001'
    const more = { '../daxdevs/': '', '../daxdevs/1': emit_daxdev({ index: 1, uuid, size: MiB(512), path: null }) }
    const { run } = mounted({ server: 'fixed' }, { ...TREE, ...more })
    const st = run(function* (sys) {
      return (yield* sys.statfs(MPT)) as StatFs
    })
    expect(st.blocks * st.bsize).toBe(MiB(1536))
  })
  it('fixed: of the device, less what its files take', () => {
    const st = df('fixed')
    expect(st.blocks * st.bsize).toBe(1 << 30)
    expect((st.blocks - st.bfree) * st.bsize).toBe(MiB(6) + MiB(2) + MiB(2))
  })
})

describe('threads', () => {
  it('two look-ups of one name, in every order of their steps: one inode, and nothing is left open', () => {
    for (let seed = 0; seed < 40; seed++) {
      const { rig, rest, kill } = mounted({ policy: 'free' })
      const tasks = [0, 1].map(i =>
        rig.spawn(`p${i}`, function* (sys) {
          return yield* sys.stat(`${MPT}/d/f`)
        }),
      )
      expect(rig.go(new RandomChooser(seed))).toBe('held')
      for (const t of tasks) expect((t.value as any).value).toMatchObject({ size: 5000000 })
      expect(rest('/pid')).toMatchObject({ status: 200 })
      expect(kill('SIGTERM')).toBe(0)
      expect([rig.leaks(), rig.problems()]).toEqual([[], []])
    }
  })
})
