// Mounting and unmounting the standalone famfs: what it takes, what it refuses, what it leaves behind, and what its mount shows.
import { describe, expect, it } from 'vitest'
import { MKDEV } from '../../../src/devdax/index.ts'
import {
  MNT_DETACH,
  O_CREAT,
  O_RDWR,
  ROOT_CRED,
  S_IFBLK,
  S_IFIFO,
  tmpfs_create,
  tmpfs_mkdir,
  tmpfs_mknod,
} from '../../../src/kernel/index.ts'
import { MiB } from '../../../src/sim/index.ts'
import {
  EBUSY,
  EEXIST,
  EINVAL,
  EIO,
  ENODEV,
  ENOENT,
  ENOMEM,
  ENOSPC,
  ENOTDIR,
  ENOTEMPTY,
  ENXIO,
  EPERM,
} from '../../../src/wire/index.ts'
import { creat, FLAGS, MNT, mounted, simple, std } from './std.ts'

const TWO = MiB(2)
const mount = (rig: ReturnType<typeof std>, source = '/dev/dax0.0', path = MNT, options = FLAGS): number =>
  rig.run(function* (sys) {
    return yield* sys.mount_dev('famfs', source, path, options)
  })

describe('mount(2)', () => {
  it('takes a device, is its holder, and shows in /proc/mounts', () => {
    const rig = std()
    expect(mount(rig)).toBe(0)
    expect(rig.held(0)).toMatchObject({ holder: true, ops: true })
    expect(
      rig.run(function* (sys) {
        return sys.proc_mounts()
      }),
    ).toContain(`/dev/dax0.0 ${MNT} famfs rw,${FLAGS} 0 0\n`)
    expect(rig.problems()).toEqual([])
  })
  it('gives the root directory the mode of its option, and passes over what it does not know', () => {
    const rig = mounted({}, 'mode=0700,dax=always,what=ever')
    const [st, text] = rig.run(function* (sys) {
      return [yield* sys.stat(MNT), sys.proc_mounts()] as const
    })
    expect(st).toMatchObject({ mode: 0o40700, nlink: 2, size: 0 })
    expect(text).toContain(' famfs rw,what=ever,mode=700 0 0\n')
    expect(mount(std(), '/dev/dax0.0', MNT, 'mode=9')).toBe(-EINVAL)
  })
  it('refuses a second mount of the device, the first one stays', () => {
    const rig = mounted()
    tmpfs_mkdir(rig.k, '/two')
    expect(mount(rig, '/dev/dax0.0', '/two')).toBe(-EBUSY)
    expect(rig.problems()).toEqual([])
    expect(rig.held(0).holder).toBe(true)
  })
  it.each([
    ['/dev/nope', -ENOENT],
    ['/file', -EINVAL],
    ['/fifo', -EINVAL],
    ['/dev/null', -EBUSY],
    ['/dev/blk', -ENODEV],
  ])('%s is no device for it: %i', (source, rc) => {
    const rig = std()
    tmpfs_create(rig.k, '/file')
    tmpfs_mknod(rig.k, '/fifo', 0, S_IFIFO)
    tmpfs_mknod(rig.k, '/dev/null', MKDEV(1, 3))
    tmpfs_mknod(rig.k, '/dev/blk', MKDEV(8, 0), S_IFBLK)
    expect(mount(rig, source)).toBe(rc)
    expect(rig.leaks()).toEqual([])
  })
  it.each(['fs_context', 'famfs_fs_info', 'super_block', 'inode', 'dentry'])(
    'without memory for its %s: ENOMEM',
    name => {
      const rig = std({ switches: { noDefect: ['B13'] } })
      rig.k.heap.refusal(name, () => {})(1)
      expect(mount(rig)).toBe(-ENOMEM)
      expect(rig.held(0)).toEqual({ holder: false, ops: false, refs: 1 })
      expect(rig.leaks()).toEqual([])
      expect(mount(rig)).toBe(0)
    },
  )
  it('is for root, on a directory, of a type and with a module that are there', () => {
    const rig = std()
    tmpfs_create(rig.k, '/file')
    const nobody = { uid: 1, gid: 1, caps: [] }
    const dev = '/dev/dax0.0'
    const as = (cred: typeof ROOT_CRED | typeof nobody, type: string, path: string): number =>
      rig.run(
        function* (sys) {
          return yield* sys.mount_dev(type, dev, path)
        },
        { cred },
      )
    expect(as(nobody, 'famfs', MNT)).toBe(-EPERM)
    expect(as(ROOT_CRED, 'famfs', '/file')).toBe(-ENOTDIR)
    expect(as(ROOT_CRED, 'xfs', MNT)).toBe(-ENODEV)
    const unload = rig.run(function* (sys) {
      return [yield* sys.delete_module('famfs'), sys.proc_kallsyms(), yield* sys.delete_module('famfs')] as const
    })
    expect(unload).toEqual([0, '', -ENOENT])
    expect(as(ROOT_CRED, 'famfs', MNT)).toBe(-ENODEV)
    const load = rig.run(function* (sys) {
      return [yield* sys.init_module('famfs'), sys.proc_kallsyms(), yield* sys.init_module('ext4')] as const
    })
    expect(load).toEqual([0, 'famfs_create\t[famfs]\n', -ENOENT])
    expect(as(ROOT_CRED, 'famfs', MNT)).toBe(0)
    expect(
      rig.run(function* (sys) {
        return yield* sys.delete_module('famfs')
      }),
    ).toBe(-EBUSY)
    expect(
      std({ kernel: 'v10' }).run(function* (sys) {
        return yield* sys.mount_dev('famfs', dev, MNT)
      }),
    ).toBe(-ENODEV)
  })
  it('B03: a device that another holds keeps the reference of the try, and says EBUSY all the same', () => {
    for (const [switches, refs] of [
      [{}, 5],
      [{ noDefect: ['B03', 'B13'] }, 3],
    ] as const) {
      const rig = std({ switches })
      expect(
        rig.run(function* (sys) {
          return yield* sys.mount_dev('famfs', '/dev/dax0.0', MNT)
        }),
      ).toBe(0)
      // The mount's number is taken away, so that the device itself is asked.
      const [sb] = rig.k.supers.items
      rig.k.supers.remove(sb!)
      tmpfs_mkdir(rig.k, '/two')
      expect(mount(rig, '/dev/dax0.0', '/two')).toBe(-EBUSY)
      expect(rig.held(0).refs).toBe(refs)
    }
  })
})

describe('umount(2)', () => {
  it('is refused while a file is open or mapped, and lets go later with MNT_DETACH', () => {
    const rig = mounted({ switches: { noDefect: ['B13', 'S02'] } })
    const said = rig.run(function* (sys) {
      const fd = yield* creat(sys, `${MNT}/f`, simple(TWO, [TWO, TWO]))
      const busy = yield* sys.umount(MNT)
      const lazy = yield* sys.umount(MNT, MNT_DETACH)
      const read = yield* sys.pread(fd, 64, 0)
      const gone = yield* sys.stat(`${MNT}/f`)
      yield* sys.close(fd)
      return [busy, lazy, read, gone]
    })
    expect(said).toEqual([-EBUSY, 0, 64, -ENOENT])
    expect([rig.held(0), rig.leaks(), rig.problems()]).toEqual([{ holder: false, ops: false, refs: 1 }, [], []])
  })
  const rounds = (noDefect: string[]): ReturnType<typeof std> => {
    const rig = std({ switches: { noDefect } })
    for (let i = 0; i < 3; i++) {
      expect(mount(rig)).toBe(0)
      rig.run(function* (sys) {
        yield* sys.close(yield* creat(sys, `${MNT}/f`, simple(TWO, [TWO, TWO])))
        expect(yield* sys.umount(MNT)).toBe(0)
      })
    }
    expect(rig.held(0)).toMatchObject({ holder: false, ops: false })
    return rig
  }
  it('S02, B13: each round leaves the map of each file and a reference of the device behind', () => {
    const rig = rounds([])
    expect(rig.leaks()).toEqual(Array(3).fill(['famfs_file_meta', 'famfs_meta_simple_ext[]']).flat())
    expect(rig.held(0).refs).toBe(4)
  })
  it('without them nothing is left', () => {
    const rig = rounds(['S02', 'B13'])
    expect([rig.leaks(), rig.held(0).refs, rig.problems()]).toEqual([[], 1, []])
  })
})

describe('names', () => {
  it('are those of ramfs: regular files, directories, links, renames; no nodes, no symbolic links', () => {
    const rig = mounted()
    const said = rig.run(function* (sys) {
      const out: unknown[] = []
      out.push(yield* sys.mkdir(`${MNT}/d`, 0o755), yield* sys.mkdir(`${MNT}/d`))
      const fd = yield* sys.open(`${MNT}/d/f`, O_RDWR | O_CREAT, 0o640)
      yield* sys.close(fd)
      out.push(yield* sys.link(`${MNT}/d/f`, `${MNT}/l`), yield* sys.rename(`${MNT}/l`, `${MNT}/m`))
      out.push(yield* sys.mknod(`${MNT}/p`, S_IFIFO | 0o644), yield* sys.symlink('/x', `${MNT}/s`))
      out.push(yield* sys.rmdir(`${MNT}/d`), yield* sys.unlink(`${MNT}/d/f`), yield* sys.rmdir(`${MNT}/d`))
      const st = yield* sys.stat(`${MNT}/m`)
      out.push(typeof st === 'number' ? st : [st.mode.toString(8), st.size, st.nlink])
      const dir = yield* sys.open(MNT)
      const names = yield* sys.getdents(dir)
      yield* sys.close(dir)
      out.push(typeof names === 'number' ? names : names.map(n => n.name))
      return out
    })
    expect(said).toEqual([0, -EEXIST, 0, 0, -EPERM, -EPERM, -ENOTEMPTY, 0, 0, ['100640', 0, 1], ['m']])
    expect(rig.problems()).toEqual([])
  })
  it('a file without a map can be opened and nothing else', () => {
    const rig = mounted()
    const said = rig.run(function* (sys) {
      const fd = yield* sys.open(`${MNT}/f`, O_RDWR | O_CREAT)
      return [
        yield* sys.pread(fd, 8, 0),
        yield* sys.pwrite(fd, new Uint8Array(8), 0),
        yield* sys.mmap(0, 4096, 1, 1, fd),
      ]
    })
    expect(said).toEqual([-EIO, -EIO, -EIO])
  })
  it('a new size takes the file out of use until its inode goes: ENXIO once, then EIO', () => {
    const rig = mounted()
    const said = rig.run(function* (sys) {
      const fd = yield* creat(sys, `${MNT}/f`, simple(TWO, [TWO, TWO]))
      const rc = yield* sys.ftruncate(fd, 4096)
      return [
        rc,
        yield* sys.pread(fd, 8, 0),
        yield* sys.pread(fd, 8, 0),
        yield* sys.ftruncate(fd, TWO),
        yield* sys.pread(fd, 8, 0),
      ]
    })
    expect(said).toEqual([0, -ENXIO, -EIO, 0, -EIO])
  })
})

it('a new file without memory for its inode is ENOSPC, as in ramfs, and for its name ENOMEM', () => {
  const rig = mounted()
  const open = (): number =>
    rig.run(function* (sys) {
      return yield* sys.open(`${MNT}/f`, O_RDWR | O_CREAT, 0o644)
    })
  const refuse = (name: string) => rig.k.heap.refusal(name, () => {})(1)
  refuse('inode')
  expect(open()).toBe(-ENOSPC)
  refuse('dentry')
  expect(open()).toBe(-ENOMEM)
  expect(open()).toBe(3)
})

it('statfs(2) tells the standalone famfs by its magic', () => {
  const st = mounted().run(function* (sys) {
    return yield* sys.statfs(MNT)
  })
  expect(st).toMatchObject({ type: 0x87b282fe, bsize: 4096, blocks: 0, namelen: 255 })
})
