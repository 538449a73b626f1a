// What applications see of a famfs mount when they do more than read and write: a real kernel under the real daemon
// (userspace.md e.2; the calls are those of multihost.txt, the messages those of fused_debug_unmodified.txt).
import { describe, expect, it } from 'vitest'
import { MKDEV } from '../../src/devdax/index.ts'
import {
  O_CREAT,
  O_DIRECTORY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  S_IFCHR,
  type Stat,
  type StatFs,
  type Sys,
} from '../../src/kernel/index.ts'
import { LOCK_EX } from '../../src/kernel/vfs/file.ts'
import { MiB, type Step } from '../../src/sim/index.ts'
import { errnoName } from '../../src/wire/index.ts'
import { host, MPT, SHADOW, yaml } from '../server/daemon/shadow-rig.ts'

const F = `${MPT}/fromA1`
const E = (n: unknown): unknown => (typeof n === 'number' && n < 0 ? errnoName(-n) : n)

/** The directory and the file of that run, mounted. */
const mounted = () => {
  const h = host({ 'dirA/': '', fromA1: yaml('fromA1', MiB(4)) })
  expect(h.fused()).toMatchObject({ rc: 0 })
  expect(h.stat(F)).toMatchObject({ size: MiB(4) })
  /** The result of one call, and its messages but look-ups. */
  const call = (body: (sys: Sys) => Iterable<any>): [unknown, ...string[]] => {
    h.take()
    const got = h.rig.run(function* (sys): Step<unknown> {
      return yield* body(sys) as any
    })
    return [E(got), ...h.take().filter(op => op !== 'LOOKUP' && op !== 'GETATTR')]
  }
  return { h, call }
}
function* withFile(sys: Sys, flags: number, body: (fd: number) => Iterable<any>): Step<unknown> {
  const fd = yield* sys.open(F, flags)
  const rc = fd < 0 ? fd : yield* body(fd) as any
  if (fd >= 0) yield* sys.close(fd)
  return rc
}

const CALLS: [string, (sys: Sys) => Iterable<any>, unknown, ...string[]][] = [
  ['touch x', sys => sys.open(`${MPT}/x`, O_WRONLY | O_CREAT), 'EOPNOTSUPP', 'CREATE'],
  ['mkdir y', sys => sys.mkdir(`${MPT}/y`), 'ENOSYS', 'MKDIR'],
  ['rm fromA1', sys => sys.unlink(F), 'ENOSYS', 'UNLINK'],
  ['mv fromA1 z', sys => sys.rename(F, `${MPT}/z`), 'ENOSYS', 'RENAME'],
  ['ln fromA1 l', sys => sys.link(F, `${MPT}/l`), 'EPERM', 'LINK'],
  ['ln -s a s', sys => sys.symlink('a', `${MPT}/s`), 'ENOSYS', 'SYMLINK'],
  ['mknod nod c 1 3', sys => sys.mknod(`${MPT}/nod`, S_IFCHR | 0o644, MKDEV(1, 3)), 'ENOSYS', 'MKNOD'],
  ['rmdir dirA', sys => sys.rmdir(`${MPT}/dirA`), 'ENOSYS', 'RMDIR'],
  ['chmod 600 fromA1', sys => sys.chmod(F, 0o600), 0, 'SETATTR'],
  ['chown 5:6 fromA1', sys => sys.chown(F, 5, 6), 0, 'GETXATTR', 'SETATTR'],
  ['setfattr -n user.x', sys => sys.setxattr(F, 'user.x', Uint8Array.of(121)), 'EOPNOTSUPP', 'SETXATTR'],
  ['getfattr -d', sys => sys.listxattr(F), 'EOPNOTSUPP', 'LISTXATTR'],
  ['getfattr -n user.x', sys => sys.getxattr(F, 'user.x'), 'ENODATA', 'GETXATTR'],
]

describe('what applications see', () => {
  it.each(CALLS)('%s', (_what, body, result, ...messages) => {
    expect(mounted().call(body)).toEqual([result, ...messages])
  })
  it('truncate -s 0: refused, and the file is as it was', () => {
    const { call } = mounted()
    const zero = call(sys => withFile(sys, O_WRONLY, fd => sys.ftruncate(fd, 0)))
    const opened = ['OPEN', 'GET_FMAP', 'GET_DAXDEV']
    expect(zero).toEqual(['EINVAL', ...opened, 'GETXATTR', 'SETATTR', 'FLUSH', 'RELEASE'])
    expect(call(sys => withFile(sys, O_RDWR, fd => sys.pread(fd, 8, MiB(3))))).toEqual([8, 'OPEN', 'RELEASE'])
  })
  it('> fromA1: the size is gone until somebody asks; a write first, and the file is lost', () => {
    const { h, call } = mounted()
    const healed = call(function* (sys) {
      yield* withFile(sys, O_WRONLY | O_TRUNC, () => [])
      yield* sys.stat(F)
      return yield* withFile(sys, O_RDWR, fd => sys.pread(fd, 8, 0))
    })
    expect(healed[0]).toBe(8)
    const lost = call(sys => withFile(sys, O_WRONLY | O_TRUNC, fd => sys.write(fd, new Uint8Array(6))))
    expect(lost).toEqual(['ENXIO', 'OPEN', 'GETXATTR', 'RELEASE'])
    expect(h.stat(F)).toMatchObject({ size: MiB(4) })
    expect(call(sys => withFile(sys, O_RDWR, fd => sys.pread(fd, 8, 0)))[0]).toBe('EIO')
  })
  it('fallocate, dd conv=notrunc, fsync', () => {
    const { call } = mounted()
    expect(call(sys => withFile(sys, O_RDWR, fd => sys.fallocate(fd, 0, 0, MiB(8))))[0]).toBe('EOPNOTSUPP')
    expect(call(sys => withFile(sys, O_WRONLY, fd => sys.pwrite(fd, new Uint8Array(4096), 0)))[0]).toBe(4096)
    expect(call(sys => withFile(sys, O_RDWR, fd => sys.fsync(fd)))).toEqual([0, 'OPEN', 'FSYNC', 'RELEASE'])
    expect(call(sys => withFile(sys, O_RDWR, fd => sys.fsync(fd)))).toEqual([0, 'OPEN', 'RELEASE'])
  })
  it('flock -x: the server gives and takes it', () => {
    const { call } = mounted()
    const first = call(sys => withFile(sys, O_RDWR, fd => sys.flock(fd, LOCK_EX)))
    expect(first).toEqual([0, 'OPEN', 'GET_FMAP', 'GET_DAXDEV', 'SETLKW', 'FLUSH', 'RELEASE'])
    // It was dropped with the file, or this one would be refused.
    expect(call(sys => withFile(sys, O_RDWR, fd => sys.flock(fd, LOCK_EX)))).toEqual([0, 'OPEN', 'SETLKW', 'RELEASE'])
  })
  it('ls: names and attributes in one, then the empty rest; what was changed is only remembered', () => {
    const { h, call } = mounted()
    call(sys => sys.chmod(F, 0o600))
    call(sys => sys.chown(F, 5, 6))
    const [list, ...messages] = call(function* (sys) {
      const fd = yield* sys.open(MPT, O_DIRECTORY)
      const names = yield* sys.getdents(fd)
      yield* sys.close(fd)
      return typeof names === 'number' ? names : names.map(e => e.name).sort()
    })
    expect(list).toEqual(['.', '..', '.meta', 'dirA', 'fromA1'])
    expect(messages).toEqual(['OPENDIR', 'READDIRPLUS', 'READDIR', 'RELEASEDIR'])
    expect(h.stat(F) as Stat).toMatchObject({ mode: 0o100600, uid: 5, gid: 6, size: MiB(4), blocks: 8 })
    expect(h.take()).toEqual([])
  })
  it('getfattr of user.famfs.shadow, on any file; df', () => {
    const { call } = mounted()
    for (const path of [MPT, F]) {
      const [value] = call(sys => sys.getxattr(path, 'user.famfs.shadow'))
      expect(new TextDecoder().decode(value as Uint8Array)).toBe(SHADOW)
    }
    const [st, ...messages] = call(sys => sys.statfs(MPT))
    expect(messages).toEqual(['STATFS'])
    expect(st as StatFs).toMatchObject({ type: 0x65735546, bsize: 4096, namelen: 255 })
    expect((st as StatFs).bavail).toBeGreaterThan(0)
  })
})
