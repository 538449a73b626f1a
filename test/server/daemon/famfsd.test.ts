// The daemon: its answers to each request, and what the kernel sends it during mkfs, mount, creat and use (userspace.md e).
import { describe, expect, it } from 'vitest'
import { MAP_SHARED, O_DIRECT, O_DIRECTORY, O_RDWR, PROT_READ, type Stat } from '../../../src/kernel/index.ts'
import {
  Famfsd,
  type FamfsMount,
  famfs_mkdir,
  famfs_mkfile,
  famfs_mkfs,
  famfs_mount,
  type Reply,
  ShadowTree,
} from '../../../src/server/index.ts'
import { GiB, Machine, MiB, type Step } from '../../../src/sim/index.ts'
import {
  decodeFmap,
  decodeRequest,
  EINVAL,
  ENOENT,
  encodeRequest,
  errnoName,
  fuse_open_out,
  hasInitFlag,
  INIT_BIT,
  initFlagWords,
  OPCODES,
  type OpName,
  unpackDirents,
} from '../../../src/wire/index.ts'
import { Rig } from '../../kernel/raw-server.ts'

const OWNER = '11111111-2222-3333-4444-555555555555'
const ids = { fsUuid: 'aaaaaaaa-0000-4000-8000-000000000001', devUuid: 'aaaaaaaa-0000-4000-8000-000000000002' }

/** A daemon alone, with a directory and two files. */
const daemon = (o: { daxdevs?: string[]; timeout?: number } = {}) => {
  const m = new Machine()
  const shadow = new ShadowTree(m)
  shadow.add('d', { mode: 0o040755, uid: 1, gid: 2 })
  const fmap = { kind: 'simple' as const, extents: [{ dev: 0, offset: MiB(42), len: MiB(6) }] }
  shadow.add('odd', { mode: 0o100644, uid: 3, gid: 4, size: 5000000, fmap })
  const strips = [0xe00000, 0x5fe00000, 0xbfc00000, 0x11fa00000].map(offset => ({ dev: 0, offset, len: MiB(16) }))
  shadow.add('il', {
    mode: 0o100600,
    uid: 0,
    gid: 0,
    size: MiB(64),
    fmap: { kind: 'interleaved', chunkSize: MiB(2), strips },
  })
  const { daxdevs = ['/dev/dax0.0'], timeout = 1 } = o
  const d = new Famfsd(m, { shadow, daxdevs, push: null, timeout, dax_fmap_bit: 43 })
  const ask = (name: OpName, nodeid: number, arg?: object, names?: string[]): Reply => {
    const req = decodeRequest(OPCODES, encodeRequest(OPCODES.op[name], { unique: 2, nodeid }, arg, names))
    if ('error' in req) throw new Error(req.error)
    const t = m.spawn(
      'ask',
      (function* (): Step<Reply> {
        return yield* d.handlers[name]!(req)
      })(),
    )
    expect(m.run()).toBe('held')
    return t.value as Reply
  }
  const values = (r: Reply): any => (r !== null && 'values' in r ? r.values : r)
  const node = (name: string): number => values(ask('LOOKUP', 1, undefined, [name])).nodeid
  return { m, d, ask, values, node }
}

describe('answers', () => {
  it('INIT: asks for famfs when it has a device and is offered it', () => {
    const offer = { major: 7, minor: 45, max_readahead: 131072, flags: 0x73fffffb, flags2: 0xdfd }
    const { ask, values } = daemon()
    const got = values(ask('INIT', 0, offer))
    expect([got.major, got.minor, got.max_readahead]).toEqual([7, 45, 131072])
    expect(hasInitFlag(got, 43)).toBe(true)
    expect(hasInitFlag(got, INIT_BIT.ATOMIC_O_TRUNC)).toBe(true)
    expect(hasInitFlag(got, INIT_BIT.WRITEBACK_CACHE)).toBe(false)
    const without = values(ask('INIT', 0, { ...offer, flags2: 0x5fd }))
    expect(hasInitFlag(without, 43)).toBe(false)
    const none = daemon({ daxdevs: [] })
    expect(hasInitFlag(none.values(none.ask('INIT', 0, offer)), 43)).toBe(false)
  })
  it('INIT: takes nothing from flags2 when INIT_EXT was not offered', () => {
    const { ask, values } = daemon()
    const old = initFlagWords([INIT_BIT.BIG_WRITES])
    const got = values(ask('INIT', 0, { major: 7, minor: 31, flags: old.flags, flags2: 0x800 }))
    expect(hasInitFlag(got, 43)).toBe(false)
  })
  it('LOOKUP: attributes, timeouts, generation; ENOENT', () => {
    const { ask, values } = daemon({ timeout: 7 })
    const e = values(ask('LOOKUP', 1, undefined, ['odd']))
    expect([e.entry_valid, e.attr_valid, e.generation ?? 0]).toEqual([7, 7, 0])
    expect(e.attr).toMatchObject({ size: 5000000, mode: 0o100644, uid: 3, gid: 4 })
    expect(values(ask('LOOKUP', 1, undefined, ['d'])).attr.mode).toBe(0o040755)
    expect(ask('LOOKUP', 1, undefined, ['none'])).toEqual({ errno: ENOENT })
  })
  it('node ids are not inode numbers, and differ', () => {
    const { node, values, ask } = daemon()
    const nodes = ['d', 'odd', 'il'].map(node)
    expect(new Set(nodes).size).toBe(3)
    expect(nodes[0]).not.toBe(values(ask('LOOKUP', 1, undefined, ['d'])).attr.ino)
  })
  it('FORGET drops as many as it says; the last one forgets the node', () => {
    const { ask, node, d } = daemon()
    const n = node('odd')
    node('odd')
    expect(d.refs.values()).toEqual([2])
    expect(ask('FORGET', n, { nlookup: 1 })).toBeNull()
    expect(d.refs.values()).toEqual([1])
    ask('FORGET', n, { nlookup: 1 })
    expect(d.refs.size).toBe(0)
    expect(ask('GETATTR', n, {})).toEqual({ errno: ENOENT })
    expect(node('odd')).toBe(n)
  })
  it('OPEN always succeeds: no handle, parallel writes, direct I/O as asked', () => {
    const { ask, node, values } = daemon()
    const n = node('odd')
    expect(ask('OPEN', n, { flags: 0o1002 })).toMatchObject({ def: fuse_open_out })
    expect(values(ask('OPEN', n, { flags: 2 }))).toEqual({ fh: -1, open_flags: 1 << 6 })
    expect(values(ask('OPEN', n, { flags: O_DIRECT }))).toEqual({ fh: -1, open_flags: (1 << 6) | 1 })
    expect(ask('OPEN', 12345, { flags: 0 })).toEqual({ errno: EINVAL })
  })
  it('CREATE is not supported; other attributes are not there', () => {
    const { ask } = daemon()
    expect(errnoName((ask('CREATE', 1, {}, ['n']) as { errno: number }).errno)).toBe('EOPNOTSUPP')
    expect(errnoName((ask('GETXATTR', 1, {}, ['user.x']) as { errno: number }).errno)).toBe('ENODATA')
  })
  it('GET_FMAP: the bytes of the real server; EINVAL for a node that is not there, ENOENT for a directory', () => {
    const { ask, node } = daemon()
    const words = (r: Reply): string[] => {
      const { bytes } = r as { bytes: Uint8Array }
      const dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      return Array.from({ length: bytes.length / 8 }, (_, i) => `0x${dv.getBigUint64(i * 8, true).toString(16)}`)
    }
    expect(words(ask('GET_FMAP', node('odd')))).toEqual('0x10000 0x1 0x4c4b40 0x0 0x0 0x2a00000 0x600000'.split(' '))
    expect(words(ask('GET_FMAP', node('il')))).toEqual(
      (
        '0x100010000 0x1 0x4000000 0x0 0x20000000000004 0x4000000 0x0 0x0 0xe00000 0x1000000 ' +
        '0x0 0x5fe00000 0x1000000 0x0 0xbfc00000 0x1000000 0x0 0x11fa00000 0x1000000'
      ).split(' '),
    )
    expect(decodeFmap((ask('GET_FMAP', node('odd')) as { bytes: Uint8Array }).bytes)).toMatchObject({ fileType: 0 })
    expect(ask('GET_FMAP', 99)).toEqual({ errno: EINVAL })
    expect(ask('GET_FMAP', node('d'))).toEqual({ errno: ENOENT })
  })
  it('GET_DAXDEV: the path for index 0, EINVAL for others, EOPNOTSUPP without a device', () => {
    const { ask } = daemon()
    const { bytes } = ask('GET_DAXDEV', 0) as { bytes: Uint8Array }
    expect(bytes.length).toBe(280)
    expect(Buffer.from(bytes).toString('latin1').replace(/\0+/g, '|')).toBe('|/dev/dax0.0|')
    expect(bytes[24]).toBe(0x2f)
    expect(ask('GET_DAXDEV', 1)).toEqual({ errno: EINVAL })
    expect(ask('GET_DAXDEV', 2 ** 32 - 1)).toEqual({ errno: EINVAL })
    expect(daemon({ daxdevs: [] }).ask('GET_DAXDEV', 0)).toEqual({ errno: 95 })
  })
  it('READDIR: dots and names once each, whatever the size of the buffer; OPENDIR only of directories', () => {
    const { ask, node, values } = daemon()
    expect(values(ask('OPENDIR', 1, {})).fh).toBe(1)
    expect(ask('OPENDIR', node('odd'), {})).toEqual({ errno: 20 })
    for (const size of [4096, 64, 40]) {
      const names: string[] = []
      let offset = 0
      for (;;) {
        const list = unpackDirents((ask('READDIR', 1, { offset, size }) as { bytes: Uint8Array }).bytes)
        if (!Array.isArray(list)) throw new Error(list.error)
        if (list.length === 0) break
        for (const e of list) names.push(e.name)
        offset = list.at(-1)!.off
      }
      expect(names).toEqual(['.', '..', 'd', 'odd', 'il'])
    }
  })
})

describe('with the kernel', () => {
  /** mkfs and mount on the rig; the messages of the mount. */
  const mounted = (): { rig: Rig; mount: FamfsMount; log: string[]; take: () => string[] } => {
    const rig = new Rig({ devices: [{ size: GiB(4) }] })
    const log: string[] = []
    for (const op of rig.k.opcodes.all) rig.m.hooks.on(`FUSE_${op.name} sent`, () => log.push(op.name))
    const mkfs = rig.run(function* (sys) {
      const o = { deviceSize: GiB(4), logLen: MiB(8), devName: '/dev/dax0.0', systemUuid: OWNER, ...ids }
      return yield* famfs_mkfs(sys, o)
    })
    expect(mkfs).toEqual({ rc: 0 })
    const got = rig.run(function* (sys) {
      return yield* famfs_mount(sys, { device: '/dev/dax0.0', mpt: '/mnt', systemUuid: OWNER })
    })
    if ('error' in got) throw new Error(got.error)
    return { rig, mount: got.mount, log, take: () => log.splice(0) }
  }

  it('a mount looks at superblock and log, and asks for one device (oracle real.mkfs_mount)', () => {
    const { take, rig, mount } = mounted()
    const log = take()
    expect(log.slice(0, 10)).toEqual([
      'INIT',
      'GETATTR',
      'LOOKUP',
      'LOOKUP',
      'OPEN',
      'GET_FMAP',
      'GET_DAXDEV',
      'FLUSH',
      'RELEASE',
      'LOOKUP',
    ])
    expect(log.filter(o => o === 'FLUSH')).toHaveLength(1) // answered ENOSYS once, never sent again
    expect(log.filter(o => o === 'GET_DAXDEV')).toHaveLength(1)
    expect(mount.role).toBe('owner')
    expect(rig.problems()).toEqual([])
  })
  it('a small device is refused (oracle real.minsize)', () => {
    const rig = new Rig()
    const r = rig.run(function* (sys) {
      const o = { deviceSize: MiB(510), logLen: MiB(8), devName: '/dev/dax0.0', systemUuid: OWNER, ...ids }
      return yield* famfs_mkfs(sys, o)
    })
    expect(r.rc).not.toBe(0)
    expect(r.error).toMatch(/^mkfs\.famfs: /)
  })
  it('creat, then use by read, write and mmap: one map is fetched and nothing more', () => {
    const { rig, mount, take } = mounted()
    const done = rig.run(function* (sys) {
      yield* famfs_mkdir(sys, mount, 'd', {})
      return yield* famfs_mkfile(sys, mount, 'd/f', 5000000, {}, n => n - 1)
    })
    expect(done).toEqual({ rc: 0 })
    take()
    rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/d/f', O_RDWR)
      expect(((yield* sys.fstat(fd)) as Stat).size).toBe(5000000)
      yield* sys.pwrite(fd, Uint8Array.of(1, 2, 3), 4999998)
      const b = new Uint8Array(4)
      expect(yield* sys.pread(fd, b, 4999998)).toBe(2)
      expect([...b]).toEqual([1, 2, 0, 0])
      const at = yield* sys.mmap(0, MiB(4), PROT_READ, MAP_SHARED, fd)
      yield* sys.load(at, b)
      yield* sys.close(fd)
      yield* sys.munmap(at, MiB(4))
    })
    expect(take()).toEqual(['LOOKUP', 'LOOKUP', 'OPEN', 'GET_FMAP', 'RELEASE'])
    const names = rig.run(function* (sys) {
      const dir = yield* sys.open('/mnt/d', O_DIRECTORY)
      const list = yield* sys.getdents(dir)
      yield* sys.close(dir)
      return typeof list === 'number' ? list : list.map(e => e.name)
    })
    expect(names).toEqual(['.', '..', 'f'])
    expect(rig.problems()).toEqual([])
  })
  it('what is not there is ENOENT', () => {
    const { rig } = mounted()
    const rc = rig.run(function* (sys) {
      return [yield* sys.open('/mnt/nope'), yield* sys.open('/mnt/d/nope')]
    })
    expect(rc).toEqual([-ENOENT, -ENOENT])
  })
  it('umount ends the daemon and gives everything back', () => {
    const { rig, mount } = mounted()
    const rc = rig.run(function* (sys) {
      return yield* sys.umount('/mnt')
    })
    expect(rc).toBe(0)
    expect(mount.dev.fc.count.peek()).toBe(0)
    expect(rig.leaks()).toEqual([])
    expect(rig.held(0)).toEqual({ holder: false, ops: false, refs: 1 })
    expect(rig.m.tasks.filter(t => t.label.includes('famfsd') && t.state !== 2)).toEqual([])
  })
})
