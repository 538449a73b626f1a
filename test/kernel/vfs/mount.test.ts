// What keeps a mount, and the ways to have it go all the same.
import { expect, it } from 'vitest'
import { fuse_dev_open, MNT_DETACH, MNT_FORCE, type ProcessEnd, UMOUNT_NOFOLLOW } from '../../../src/kernel/index.ts'
import { ms, type Task } from '../../../src/sim/index.ts'
import { fuse_entry_out } from '../../../src/wire/index.ts'
import { E, ONE, setUp } from '../../conformance/set-up.ts'

const value = (t: Task): unknown => (t.value as ProcessEnd).value

it('a call under way keeps its mount and its names: umount says EBUSY, drop_caches leaves them', () => {
  for (const slow of ['LOOKUP', 'OPEN', 'GET_FMAP', 'GET_DAXDEV'] as const) {
    const { rig, s } = setUp({ f: ONE })
    s.delays[slow] = ms(10)
    const opener = rig.spawn('opener', function* (sys) {
      const fd = yield* sys.open('/mnt/f')
      return [fd > 0, yield* sys.pread(fd, 8, 0), yield* sys.close(fd)]
    })
    const other = rig.spawn(
      'other',
      function* (sys) {
        return [yield* sys.drop_caches(), E(yield* sys.umount('/mnt'))]
      },
      { at: ms(5) },
    )
    expect(rig.go()).toBe('held')
    expect([slow, value(opener), value(other)]).toEqual([slow, [true, 8, 0], [0, 'EBUSY']])
    expect(rig.run(sys => sys.umount('/mnt') as never)).toBe(0)
    expect([...rig.leaks(), ...rig.problems()]).toEqual([])
  }
})

it('a name that is being asked about again is not evicted under the walk', () => {
  const { rig, s } = setUp({ f: ONE }, {}, srv => {
    srv.entryValid = 0
  })
  rig.run(function* (sys) {
    yield* sys.close(yield* sys.open('/mnt/f'))
  })
  s.delays.LOOKUP = ms(10)
  const opener = rig.spawn('opener', function* (sys) {
    return yield* sys.pread(yield* sys.open('/mnt/f'), 8, 0)
  })
  const other = rig.spawn(
    'other',
    function* (sys) {
      return yield* sys.drop_caches()
    },
    { at: ms(5) },
  )
  expect(rig.go()).toBe('held')
  expect([value(opener), value(other)]).toEqual([8, 0])
  expect(s.log.filter(l => l.startsWith('GET_FMAP'))).toEqual(['GET_FMAP:100'])
})

it('MNT_FORCE gives up the server: who waits for it gets ECONNABORTED, and the mount goes once nobody uses it', () => {
  const { rig, s } = setUp({ f: ONE })
  s.delays.OPEN = ms(1e6)
  const opener = rig.spawn('opener', function* (sys) {
    return E(yield* sys.open('/mnt/f'))
  })
  const other = rig.spawn(
    'other',
    function* (sys) {
      const first = E(yield* sys.umount('/mnt', MNT_FORCE))
      yield* sys.sleep(ms(1))
      return [first, E(yield* sys.umount('/mnt', MNT_FORCE))]
    },
    { at: ms(5) },
  )
  rig.go()
  expect([value(opener), value(other)]).toEqual(['ECONNABORTED', ['EBUSY', 0]])
})

it('a working directory keeps a mount; detached, it goes with its last use, and what is mounted on it at once', () => {
  const { rig, s } = setUp({ f: ONE })
  const attr = { ino: 200, mode: 0o40755, nlink: 2 }
  s.script = req =>
    req.op.name === 'LOOKUP' && req.names[0] === 'sub'
      ? { def: fuse_entry_out, values: { nodeid: 200, entry_valid: 9, attr_valid: 9, attr } }
      : undefined
  const got = rig.run(function* (sys) {
    const out: unknown[] = [yield* sys.mount(fuse_dev_open(rig.k), '/mnt/sub'), E(yield* sys.umount('/mnt'))]
    yield* sys.chdir('/mnt')
    out.push(E(yield* sys.umount('/mnt', MNT_DETACH)), rig.k.supers.length)
    out.push((yield* sys.open('f')) > 0, E(yield* sys.umount('/mnt')), sys.proc_mounts().split('\n').length)
    yield* sys.close(3)
    yield* sys.chdir('/')
    return [...out, rig.k.supers.length]
  })
  expect(got).toEqual([0, 'EBUSY', 0, 1, true, 'EINVAL', 2, 0])
})

it('flags it does not know, and a link that is not to be followed', () => {
  const { rig } = setUp({ f: ONE })
  const got = rig.run(function* (sys) {
    yield* sys.symlink('/mnt', '/link')
    return [
      E(yield* sys.umount('/mnt', 64)),
      E(yield* sys.umount('/link', UMOUNT_NOFOLLOW)),
      yield* sys.umount('/link'),
    ]
  })
  expect(got).toEqual(['EINVAL', 'EINVAL', 0])
})
