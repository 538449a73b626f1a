// famfs_fused as a process of a host: starting, serving the kernel, and each way it ends (userspace.md e.1, e.3;
// behaviour_probe.txt 10 to 12).
import { describe, expect, it } from 'vitest'
import { O_RDONLY, restart_daemons, type Stat } from '../../../src/kernel/index.ts'
import { ECONNREFUSED, ENOENT, ENOTCONN } from '../../../src/wire/index.ts'
import { ask_daemon, host, MPT, OPTIONS, SHADOW, type Tree, write_file, yaml } from './shadow-rig.ts'

const TREE: Tree = { 'd/': '', 'd/f': yaml('d/f', 5000000), x: yaml('x', 4096, 0x1000000) }

describe('starting', () => {
  it('mounts and goes into the background', () => {
    const { fused, mounts, stat, rest, rig } = host(TREE)
    expect(fused()).toEqual({ rc: 0, signal: null, out: [], err: [] })
    expect(mounts()).toEqual([
      `/dev/dax0.0 ${MPT} fuse rw,nosuid,nodev,relatime,user_id=0,group_id=0,default_permissions,allow_other 0 0`,
    ])
    expect((stat(`${SHADOW}/sock`) as Stat).mode.toString(8)).toBe('140660')
    expect(rest('/icache_stats')).toMatchObject({ status: 200 })
    expect(rig.problems()).toEqual([])
  })
  it.each([
    ['shadow=/nope', MPT, /nope/],
    [`shadow=${SHADOW}/root/d/f`, MPT, /ENOENT|ENOTDIR/],
    [OPTIONS, '/mnt/none', /ENOENT/],
    [OPTIONS, `${SHADOW}/root/x`, /ENOTDIR/],
    ['daxdev=/dev/dax0.0', MPT, /shadow/],
    [`${OPTIONS},timeout=-1`, MPT, /negative/],
  ])('-o %s %s: exit 1, nothing left', (options, mpt, why) => {
    const { fused, mounts, stat, rig } = host(TREE)
    const end = fused(options, mpt)
    expect([end.rc, end.out, end.err.length]).toEqual([1, [], 1])
    expect(end.err[0]).toMatch(why)
    expect([mounts(), stat(`${SHADOW}/sock`), rig.leaks()]).toEqual([[], -ENOENT, []])
  })
  it('takes the root itself for the shadow path', () => {
    const { fused, names } = host(TREE)
    expect(fused(OPTIONS.replace(SHADOW, `${SHADOW}/root`)).rc).toBe(0)
    expect(names(MPT)).toContain('x')
  })
})

describe('serving', () => {
  it('names, attributes and maps come from the shadow tree', () => {
    const { fused, names, stat, rig, log, take } = host(TREE)
    fused()
    expect(names(MPT)).toEqual(['.', '..', '.meta', 'd', 'x'])
    expect(names(`${MPT}/d`)).toEqual(['.', '..', 'f'])
    expect(stat(`${MPT}/d/f`)).toMatchObject({ size: 5000000, mode: 0o100644, blocks: 8 })
    take()
    const rc = rig.run(function* (sys) {
      const fd = yield* sys.open(`${MPT}/d/f`, O_RDONLY)
      const n = yield* sys.pread(fd, 4096, 0)
      yield* sys.close(fd)
      return n
    })
    expect(rc).toBe(4096)
    expect(log.slice(0, 3)).toEqual(['OPEN', 'GET_FMAP', 'GET_DAXDEV'])
    expect(rig.problems()).toEqual([])
  })
  it('a file that log play adds is seen at once', () => {
    const { fused, stat, rig } = host(TREE)
    fused()
    expect(stat(`${MPT}/new`)).toBe(-ENOENT)
    rig.run(function* (sys) {
      yield* write_file(sys, `${SHADOW}/root/new`, yaml('new', 77))
    })
    expect(stat(`${MPT}/new`)).toMatchObject({ size: 77 })
  })
  it('a directory that is unmounted is one again', () => {
    const { fused, names, rig, mounts, stat } = host(TREE)
    fused()
    names(MPT)
    const rc = rig.run(function* (sys) {
      return yield* sys.umount(MPT)
    })
    expect([rc, mounts(), names(MPT)]).toEqual([0, [], []])
    expect(stat(`${SHADOW}/sock`)).toBe(-ENOENT)
    expect(rig.k.daemons.length).toBe(0)
    expect(rig.leaks()).toEqual([])
    // Every descriptor of the shadow tree is closed: its directories can go.
    const gone = rig.run(function* (sys) {
      yield* sys.unlink(`${SHADOW}/root/d/f`)
      return yield* sys.rmdir(`${SHADOW}/root/d`)
    })
    expect(gone).toBe(0)
  })
})

describe('ending', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'])('#12 %s: unmounts, takes its socket away, leaves the tree', signal => {
    const { fused, stat, kill, mounts, rig, names } = host(TREE)
    fused()
    names(MPT)
    expect(kill(signal)).toBe(0)
    expect([mounts(), stat(`${SHADOW}/sock`)]).toEqual([[], -ENOENT])
    expect(stat(`${SHADOW}/root/x`)).toMatchObject({ mode: 0o100644 })
    expect([rig.k.daemons.length, rig.leaks(), rig.problems()]).toEqual([0, [], []])
    expect(fused().rc).toBe(0)
    expect(names(MPT)).toContain('x')
  })
  it('SIGTERM with a file open: the mount has no place any more, and is gone when the file is closed', () => {
    const { fused, rig } = host(TREE)
    fused()
    const open = rig.spawn('open', function* (sys) {
      const fd = yield* sys.open(`${MPT}/d/f`, O_RDONLY)
      const before = yield* sys.pread(fd, 4096, 0)
      yield* sys.sleep(2_000_000)
      const after = [yield* sys.pread(fd, 4096, 0), yield* sys.stat(`${MPT}/d/f`)]
      yield* sys.close(fd)
      return [before, ...after]
    })
    const meanwhile = rig.spawn(
      'meanwhile',
      function* (sys) {
        const pid = Number(/\d+/.exec(((yield* ask_daemon(sys, '/pid')) as { body: string }).body)![0])
        const rc = yield* sys.kill(pid, 'SIGTERM')
        yield* sys.sleep(500_000)
        return [rc, sys.proc_mounts().split('\n').length, yield* sys.stat(`${MPT}/x`), rig.held(0).holder]
      },
      { at: 1_000_000 },
    )
    expect(rig.go()).toBe('held')
    expect((meanwhile.value as any).value).toEqual([0, 2, -ENOENT, true])
    // A file that has its map needs no server.
    expect((open.value as any).value).toEqual([4096, 4096, -ENOENT])
    expect([rig.leaks(), rig.held(0).holder, rig.k.supers.length, rig.problems()]).toEqual([[], false, 0, []])
  })
  it('#11 kill -9: a dead mount, until it is unmounted', () => {
    const { fused, stat, kill, mounts, rig, names, rest } = host(TREE)
    fused()
    names(MPT)
    expect(kill('SIGKILL')).toBe(0)
    expect(names(MPT)).toBe(-ENOTCONN)
    expect(stat(`${MPT}/d/f`)).toBe(-ENOTCONN)
    expect(mounts()).toHaveLength(1)
    expect(rest('/pid')).toBe(-ECONNREFUSED)
    expect(rig.k.daemons.length).toBe(0)
    const rc = rig.run(function* (sys) {
      return yield* sys.umount(MPT)
    })
    expect([rc, rig.leaks()]).toEqual([0, []])
    expect(fused().rc).toBe(0)
    expect(names(MPT)).toContain('x')
    expect(rest('/pid')).toMatchObject({ status: 200 })
  })
})

describe('a rewind', () => {
  it('brings back the daemon with all it knows', () => {
    const { fused, stat, rig, names, rest } = host(TREE)
    fused()
    stat(`${MPT}/x`)
    rig.m.retireTasks()
    const before = rest('/icache_stats')
    rig.m.retireTasks()
    const mark = rig.m.journal.mark()
    const again = () => {
      rig.m.dropTasks()
      rig.m.journal.rewind(mark)
      restart_daemons(rig.k, 0)
      return [rest('/icache_stats'), names(`${MPT}/d`), stat(`${MPT}/d/f`), rest('/icache_stats')]
    }
    const first = again()
    expect(first[0]).toEqual(before)
    expect(again()).toEqual(first)
  })
})
