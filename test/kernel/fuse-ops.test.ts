// The operations of a FUSE mount beside opening and reading: what each sends, what the caller gets, what is remembered of a server
// that does not know it, and what the caches hold afterwards.
import { describe, expect, it } from 'vitest'
import { type Answer, RawServer, Rig, type RigOptions, simpleMap } from '../../src/conform/index.ts'
import { MKDEV } from '../../src/devdax/index.ts'
import {
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  type ProcessEnd,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFREG,
  type Stat,
  type StatFs,
  type Sys,
} from '../../src/kernel/index.ts'
import { LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN } from '../../src/kernel/vfs/file.ts'
import { MiB, ms, type Step, signal, sleep, step, take_signal } from '../../src/sim/index.ts'
import {
  type DirentPlus,
  EAGAIN,
  EINTR,
  ENOSYS,
  errnoName,
  errnoNumber,
  FATTR_ATIME,
  FATTR_FH,
  FATTR_GID,
  FATTR_LOCKOWNER,
  FATTR_MODE,
  FATTR_MTIME,
  FATTR_SIZE,
  FATTR_UID,
  FUSE_DAX_FMAP_BIT,
  FUSE_LK_FLOCK,
  FUSE_RELEASE_FLOCK_UNLOCK,
  fuse_attr_out,
  fuse_create_out,
  fuse_entry_out,
  fuse_getxattr_out,
  fuse_open_out,
  fuse_statfs_out,
  INIT_BIT,
  OPCODES,
  type OpName,
  packDirents,
  packDirentsPlus,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  type Request,
} from '../../src/wire/index.ts'

const TWO = MiB(2)
const E = (n: number): number | string => (n < 0 ? errnoName(-n) : n)
const err = (name: string): Answer => ({ errno: errnoNumber(name)! })
const DONE: Answer = { errno: 0 }
const text = (s: string): Uint8Array => Uint8Array.from(s, c => c.charCodeAt(0))

interface Node {
  readonly nodeid: number
  mode: number
  uid: number
  gid: number
  size: number
  rdev: number
  nlink: number
  mtime: number
  to: string
  readonly children: Map<string, Node>
  readonly xattrs: Map<string, Uint8Array>
}

/** A server with a file system in memory that does all it is asked. `lookups` counts what the kernel must forget. */
class Willing extends RawServer {
  readonly nodes = new Map<number, Node>()
  readonly lookups = new Map<number, number>()
  readonly root = this.make(S_IFDIR | 0o755)
  valid = 3600
  /** Entries of READDIRPLUS that come without a node. */
  nameless = false

  constructor(bits: number[] = []) {
    super()
    // Not famfs: what is asked for depends on nothing but the operation.
    this.init = [...this.init.filter(b => b !== FUSE_DAX_FMAP_BIT), ...bits]
    this.script = req => this.act(req)
  }
  make(mode: number, o: Partial<Node> = {}): Node {
    const nodeid = this.nodes.size + 1
    const n = { nodeid, mode, uid: 0, gid: 0, size: 0, rdev: 0, nlink: 1, mtime: 0, to: '', ...o }
    const node = { ...n, children: new Map(), xattrs: new Map() }
    this.nodes.set(nodeid, node)
    return node
  }
  add(name: string, mode: number, o: Partial<Node> = {}, dir = this.root): Node {
    const n = this.make(mode, o)
    dir.children.set(name, n)
    return n
  }
  attributes(n: Node) {
    const { nodeid, children: _c, xattrs: _x, to: _t, ...rest } = n
    return { ino: nodeid, ...rest }
  }
  entry(n: Node) {
    this.lookups.set(n.nodeid, (this.lookups.get(n.nodeid) ?? 0) + 1)
    return { nodeid: n.nodeid, entry_valid: this.valid, attr_valid: this.valid, attr: this.attributes(n) }
  }
  private act(req: Request): Answer | undefined {
    const name = req.op.name as OpName
    const n = this.nodes.get(req.nodeid)
    const [first, second] = req.names
    const errno = this.errnos[name]
    if (errno !== undefined) return { errno }
    const made = (mode: number, o: Partial<Node> = {}): Answer =>
      n!.children.has(first!)
        ? err('EEXIST')
        : { def: fuse_entry_out, values: this.entry(this.add(first!, mode, o, n)) }
    const forget = (nodeid: number, nlookup: number): void => {
      this.lookups.set(nodeid, this.lookups.get(nodeid)! - nlookup)
    }
    switch (name) {
      case 'LOOKUP': {
        const c = n!.children.get(first!)
        return c === undefined ? err('ENOENT') : { def: fuse_entry_out, values: this.entry(c) }
      }
      case 'FORGET':
        forget(req.nodeid, req.arg.nlookup)
        return undefined
      case 'BATCH_FORGET': {
        const dv = new DataView(req.data.buffer, req.data.byteOffset)
        for (let i = 0; i < req.arg.count; i++)
          forget(Number(dv.getBigUint64(i * 16, true)), Number(dv.getBigUint64(i * 16 + 8, true)))
        return undefined
      }
      case 'GETATTR':
        return { def: fuse_attr_out, values: { attr_valid: this.valid, attr: this.attributes(n!) } }
      case 'SETATTR': {
        const { valid, mode, uid, gid, size, mtime } = req.arg
        if ((valid & FATTR_MODE) !== 0) n!.mode = mode
        if ((valid & FATTR_UID) !== 0) n!.uid = uid
        if ((valid & FATTR_GID) !== 0) n!.gid = gid
        if ((valid & FATTR_SIZE) !== 0) n!.size = size
        if ((valid & FATTR_MTIME) !== 0) n!.mtime = mtime
        return { def: fuse_attr_out, values: { attr_valid: this.valid, attr: this.attributes(n!) } }
      }
      case 'CREATE': {
        if (n!.children.has(first!)) return err('EEXIST')
        const entry = this.entry(this.add(first!, req.arg.mode, {}, n))
        return { def: fuse_create_out, values: { entry, open: { fh: 77 } } }
      }
      case 'MKNOD':
        return made(req.arg.mode, { rdev: req.arg.rdev })
      case 'MKDIR':
        return made(S_IFDIR | req.arg.mode, { nlink: 2 })
      case 'SYMLINK':
        return made(S_IFLNK | 0o777, { to: second, size: second!.length })
      case 'READLINK':
        return { body: text(n!.to) }
      case 'LINK': {
        const old = this.nodes.get(req.arg.oldnodeid)!
        old.nlink++
        n!.children.set(first!, old)
        return { def: fuse_entry_out, values: this.entry(old) }
      }
      case 'UNLINK':
      case 'RMDIR':
        return n!.children.delete(first!) ? DONE : err('ENOENT')
      case 'RENAME':
      case 'RENAME2': {
        const to = this.nodes.get(req.arg.newdir)!
        const [a, b] = [n!.children.get(first!)!, to.children.get(second!)]
        const flags = req.arg.flags ?? 0
        if (b !== undefined && (flags & RENAME_NOREPLACE) !== 0) return err('EEXIST')
        to.children.set(second!, a)
        if ((flags & RENAME_EXCHANGE) !== 0) n!.children.set(first!, b!)
        else n!.children.delete(first!)
        return DONE
      }
      case 'GETXATTR': {
        const v = n!.xattrs.get(first!)
        if (v === undefined) return err('ENODATA')
        return req.arg.size === 0 ? { def: fuse_getxattr_out, values: { size: v.length } } : { body: v }
      }
      case 'SETXATTR':
        n!.xattrs.set(first!, req.data.slice())
        return DONE
      case 'LISTXATTR':
        return { body: text([...n!.xattrs.keys()].map(k => `${k}\0`).join('')) }
      case 'REMOVEXATTR':
        return n!.xattrs.delete(first!) ? DONE : err('ENODATA')
      case 'OPENDIR':
      case 'OPEN':
        return { def: fuse_open_out, values: { fh: req.nodeid } }
      case 'READDIR':
      case 'READDIRPLUS': {
        const all = [...n!.children].map(([child, c], i) => ({
          name: child,
          ino: c.nodeid,
          off: i + 1,
          type: c.mode >> 12,
        }))
        const rest = all.slice(req.arg.offset)
        if (name === 'READDIR') return { body: packDirents(rest, req.arg.size).bytes }
        const plus = rest.map((e): DirentPlus => {
          const entry = this.nameless ? { nodeid: 0 } : this.entry(n!.children.get(e.name)!)
          return { ...e, entry }
        })
        return { body: packDirentsPlus(plus, req.arg.size).bytes }
      }
      case 'RELEASEDIR':
      case 'FSYNC':
      case 'FSYNCDIR':
      case 'FALLOCATE':
      case 'SETLK':
      case 'SETLKW':
        return DONE
      default:
        return undefined
    }
  }
}

const setUp = (s = new Willing(), o: RigOptions = {}) => {
  const rig = new Rig({ devices: [], ...o })
  const mt = rig.mount(s)
  s.log.length = 0
  /** What a process does, and the messages of it, without GETATTR of the root and of nothing that failed. */
  const sent = <T>(body: (sys: Sys) => Step<T>): { got: T; log: string[] } => {
    s.log.length = 0
    const got = rig.run(body)
    return { got, log: s.log.filter(l => l !== 'GETATTR:1') }
  }
  const last = (name: string): Request => s.requests.findLast(r => r.op.name === name)!
  return { rig, s, mt, sent, last }
}

function* kept(sys: Sys, path: string): Step<Stat> {
  const st = yield* sys.lstat(path)
  if (typeof st === 'number') throw new Error(`${path}: ${E(st)}`)
  return st
}

describe('names', () => {
  it('are made with one message each, and then known without asking', () => {
    const { sent, last } = setUp()
    const { got, log } = sent(function* (sys) {
      const rc = [
        yield* sys.mkdir('/mnt/d', 0o777),
        yield* sys.mknod('/mnt/n', S_IFCHR | 0o600, MKDEV(300, 5)),
        yield* sys.mknod('/mnt/r', S_IFREG | 0o644),
        yield* sys.symlink('d', '/mnt/s'),
        yield* sys.link('/mnt/r', '/mnt/l'),
      ]
      const modes: string[] = []
      for (const name of ['d', 'n', 'r', 's', 'l']) modes.push((yield* kept(sys, `/mnt/${name}`)).mode.toString(8))
      return { rc, modes, rdev: (yield* kept(sys, '/mnt/n')).rdev, links: (yield* kept(sys, '/mnt/r')).nlink }
    })
    expect(got.rc).toEqual([0, 0, 0, 0, 0])
    expect(got.modes).toEqual(['40755', '20600', '100644', '120777', '100644'])
    expect([got.rdev, got.links]).toEqual([MKDEV(300, 5), 2])
    const look = 'LOOKUP:1:ENOENT'
    expect(log).toEqual([look, 'MKDIR:1', look, 'MKNOD:1', look, 'MKNOD:1', look, 'SYMLINK:1', look, 'LINK:1'])
    expect(last('MKDIR')).toMatchObject({ names: ['d'], arg: { mode: 0o755, umask: 0o022 } })
    expect(last('SYMLINK').names).toEqual(['s', 'd'])
    expect(last('LINK').arg.oldnodeid).toBe(4)
  })

  it('of links are followed by READLINK, in the middle of a path and at its end', () => {
    const s = new Willing()
    s.add('f', S_IFREG | 0o644, { size: 5 }, s.add('d', S_IFDIR | 0o755))
    s.add('l', S_IFLNK | 0o777, { to: 'd' })
    s.add('abs', S_IFLNK | 0o777, { to: '/mnt/d/f' })
    const { sent } = setUp(s)
    const { got, log } = sent(function* (sys) {
      const sizes = [((yield* sys.stat('/mnt/l/f')) as Stat).size, ((yield* sys.stat('/mnt/abs')) as Stat).size]
      return [...sizes, yield* sys.readlink('/mnt/l'), E((yield* sys.readlink('/mnt/d')) as number)]
    })
    expect(got).toEqual([5, 5, 'd', 'EINVAL'])
    expect(log.filter(l => l.startsWith('READLINK'))).toEqual(['READLINK:4', 'READLINK:5', 'READLINK:4'])
  })

  it('go: the inode too when nobody has it open, and the server may forget it', () => {
    const s = new Willing()
    for (const name of ['f', 'g']) s.add(name, S_IFREG | 0o644, { size: 5 })
    s.add('d', S_IFDIR | 0o755)
    const { rig, sent } = setUp(s)
    const { got, log } = sent(function* (sys) {
      const fd = yield* sys.open('/mnt/g')
      const rc = [yield* sys.unlink('/mnt/f'), yield* sys.unlink('/mnt/g'), yield* sys.rmdir('/mnt/d')]
      const there = [E((yield* sys.stat('/mnt/f')) as number), ((yield* sys.fstat(fd)) as Stat).nlink]
      yield* sys.close(fd)
      return [...rc, ...there]
    })
    expect(got).toEqual([0, 0, 0, 'ENOENT', 1])
    expect(log.filter(l => /UNLINK|RMDIR/.test(l))).toEqual(['UNLINK:1', 'UNLINK:1', 'RMDIR:1'])
    expect([...s.lookups.values()]).toEqual([0, 0, 0])
    expect(rig.leaks()).toEqual(['fuse_conn'])
  })

  it('move with all below them, and replace what was there', () => {
    const s = new Willing()
    const d = s.add('d', S_IFDIR | 0o755)
    s.add('f', S_IFREG | 0o644, { size: 5 }, d)
    s.add('old', S_IFREG | 0o644, { size: 9 })
    s.add('e', S_IFDIR | 0o755)
    const { sent, last } = setUp(s)
    const { got, log } = sent(function* (sys) {
      const size = [(yield* kept(sys, '/mnt/d/f')).size, (yield* kept(sys, '/mnt/old')).size]
      const rc = [yield* sys.rename('/mnt/d/f', '/mnt/old'), yield* sys.rename('/mnt/d', '/mnt/e/x')]
      const after = [(yield* kept(sys, '/mnt/old')).size, E((yield* sys.stat('/mnt/d')) as number)]
      return [...size, ...rc, ...after, (yield* kept(sys, '/mnt/e/x')).mode.toString(8)]
    })
    expect(got).toEqual([5, 9, 0, 0, 5, 'ENOENT', '40755'])
    expect(log.filter(l => l.startsWith('RENAME'))).toEqual(['RENAME:2', 'RENAME:1'])
    expect(last('RENAME')).toMatchObject({ names: ['d', 'x'], arg: { newdir: 5 } })
    expect(s.lookups.get(4)).toBe(0)
  })

  it('move by RENAME2 only with flags; a server without it is EINVAL, for good', () => {
    const s = new Willing()
    for (const name of ['a', 'b']) s.add(name, S_IFREG | 0o644, { size: name.charCodeAt(0) })
    const { sent } = setUp(s)
    const move = (to: string, flags: number) => {
      const { got, log } = sent(function* (sys) {
        const rc = E(yield* sys.rename('/mnt/a', `/mnt/${to}`, flags))
        const of = (st: Stat | number) => (typeof st === 'number' ? 0 : st.size)
        return [rc, of(yield* sys.stat('/mnt/a')), of(yield* sys.stat('/mnt/b'))]
      })
      return [got, log.filter(l => l.startsWith('RENAME'))]
    }
    expect(move('b', 8)).toEqual([['EINVAL', 97, 98], []])
    expect(move('b', RENAME_NOREPLACE | RENAME_EXCHANGE)).toEqual([['EINVAL', 97, 98], []])
    expect(move('b', RENAME_NOREPLACE)).toEqual([['EEXIST', 97, 98], []])
    expect(move('c', RENAME_EXCHANGE)).toEqual([['ENOENT', 97, 98], []])
    expect(move('b', RENAME_EXCHANGE)).toEqual([[0, 98, 97], ['RENAME2:1']])
    expect(move('c', RENAME_NOREPLACE)).toEqual([[0, 0, 97], ['RENAME2:1']])
    expect(s.root.children.get('c')!.size).toBe(98)
    s.root.children.set('a', s.root.children.get('b')!)
    s.errnos.RENAME2 = ENOSYS
    expect(move('d', RENAME_NOREPLACE)).toEqual([['EINVAL', 97, 97], ['RENAME2:1:ENOSYS']])
    expect(move('d', RENAME_NOREPLACE)).toEqual([['EINVAL', 97, 97], []])
  })

  it('that the server answers with something else are EIO and stay unknown', () => {
    const { s, sent } = setUp()
    const bad = (values: object): Answer => ({ def: fuse_entry_out, values })
    const attr = { ino: 9, mode: S_IFDIR | 0o755 }
    for (const values of [
      { nodeid: 9, attr: { ...attr, mode: S_IFREG } },
      { nodeid: 0, attr },
      { nodeid: 1, attr },
      { nodeid: 9, attr: { ...attr, size: -1 } },
      { nodeid: 9, attr: { ...attr, mode: 0o755 } },
    ]) {
      const { script } = s
      s.script = req => (req.op.name === 'MKDIR' ? bad(values) : script!(req))
      const { got } = sent(function* (sys) {
        return [E(yield* sys.mkdir('/mnt/d')), E((yield* sys.stat('/mnt/d')) as number)]
      })
      expect(got).toEqual(['EIO', 'ENOENT'])
      s.script = script
    }
  })
})

describe('open with O_CREAT', () => {
  it('is CREATE for a new name and OPEN for one that is there; messages of the open file have neither flag', () => {
    const { sent, last, s } = setUp()
    const { got, log } = sent(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR | O_CREAT | O_EXCL, 0o666)
      const rc = [fd, yield* sys.close(fd), E(yield* sys.open('/mnt/f', O_RDWR | O_CREAT | O_EXCL))]
      const again = yield* sys.open('/mnt/f', O_RDWR | O_CREAT)
      return [...rc, again, yield* sys.close(again)]
    })
    expect(got).toEqual([3, 0, 'EEXIST', 3, 0])
    const ends = ['FLUSH:2', 'RELEASE:2']
    expect(log).toEqual(['LOOKUP:1:ENOENT', 'CREATE:1', ...ends, 'OPEN:2', ...ends])
    expect(last('CREATE').arg).toMatchObject({ flags: O_RDWR | O_CREAT | O_EXCL, mode: S_IFREG | 0o644, umask: 0o022 })
    expect(last('OPEN').arg.flags).toBe(O_RDWR)
    expect(s.requests.filter(r => r.op.name === 'RELEASE').map(r => [r.arg.fh, r.arg.flags])).toEqual([
      [77, O_RDWR],
      [2, O_RDWR],
    ])
  })
  it('is MKNOD and OPEN on a server without CREATE, which is asked once', () => {
    const { s, sent } = setUp()
    s.errnos.CREATE = ENOSYS
    const make = (path: string) => sent(sys => opened(sys, path))
    expect(make('/mnt/a').log).toEqual([
      'LOOKUP:1:ENOENT',
      'CREATE:1:ENOSYS',
      'MKNOD:1',
      'OPEN:2',
      'FLUSH:2',
      'RELEASE:2',
    ])
    expect(make('/mnt/b').log).toEqual(['LOOKUP:1:ENOENT', 'MKNOD:1', 'OPEN:3', 'FLUSH:3', 'RELEASE:3'])
  })
  it('gives the errno of CREATE, whatever else it is, and leaves nothing', () => {
    for (const name of ['EOPNOTSUPP', 'EACCES', 'EROFS']) {
      const { rig, s, sent } = setUp()
      s.errnos.CREATE = errnoNumber(name)
      expect(sent(sys => opened(sys, '/mnt/a'))).toEqual({ got: name, log: ['LOOKUP:1:ENOENT', `CREATE:1:${name}`] })
      expect(rig.leaks()).toEqual(['fuse_conn'])
    }
  })
})

function* opened(sys: Sys, path: string, flags = O_RDWR | O_CREAT): Step<number | string> {
  const fd = yield* sys.open(path, flags)
  if (fd >= 0) yield* sys.close(fd)
  return E(fd)
}

describe('attributes', () => {
  const SETS: [string, (sys: Sys) => Step<number>, object][] = [
    ['chmod', sys => call(sys.chmod('/mnt/f', 0o4711)), { valid: FATTR_MODE, mode: S_IFREG | 0o4711 }],
    ['chown', sys => call(sys.chown('/mnt/f', 5, 6)), { valid: FATTR_UID | FATTR_GID, uid: 5, gid: 6 }],
    [
      'utimes',
      sys => call(sys.utimes('/mnt/f', 1_500_000_007, 2_000_000_009)),
      { valid: FATTR_ATIME | FATTR_MTIME, atime: 1, atimensec: 500_000_007, mtime: 2, mtimensec: 9 },
    ],
    ['truncate', sys => call(sys.truncate('/mnt/f', 7)), { valid: FATTR_SIZE | FATTR_LOCKOWNER, size: 7 }],
    ['O_TRUNC', sys => call(opens(sys, O_RDWR | O_TRUNC)), { valid: FATTR_SIZE | FATTR_LOCKOWNER, size: 0 }],
    [
      'ftruncate',
      function* (sys) {
        return yield* sys.ftruncate(yield* sys.open('/mnt/f', O_RDWR), 9)
      },
      { valid: FATTR_SIZE | FATTR_FH | FATTR_LOCKOWNER, size: 9, fh: 2 },
    ],
  ]
  function* call(op: Iterable<any> & { [Symbol.iterator](): any }): Step<number> {
    return (yield* op as any) as number
  }
  function* opens(sys: Sys, flags: number): Step<number> {
    return (yield* sys.open('/mnt/f', flags)) >= 0 ? 0 : -1
  }
  it.each(SETS)('%s says in `valid` what it sets', (_name, body, arg) => {
    const s = new Willing()
    s.add('f', S_IFREG | 0o644, { size: 100 })
    const { sent, last } = setUp(s)
    expect(sent(body).got).toBe(0)
    expect(last('SETATTR').nodeid).toBe(2)
    expect(last('SETATTR').arg).toMatchObject(arg)
    if ('size' in arg) expect(s.nodes.get(2)!.size).toBe(arg.size)
  })
  it('the reply is what counts from then on, and its time', () => {
    const s = new Willing()
    s.add('f', S_IFREG | 0o644, { size: 100 })
    const { sent } = setUp(s)
    const { got, log } = sent(function* (sys) {
      yield* sys.stat('/mnt/f')
      s.nodes.get(2)!.size = 50
      yield* sys.chmod('/mnt/f', 0o600)
      const { mode, size } = yield* kept(sys, '/mnt/f')
      return [mode.toString(8), size]
    })
    expect(got).toEqual(['100600', 50])
    expect(log).toEqual(['LOOKUP:1', 'SETATTR:2'])
  })
  it('with default_permissions only the owner changes mode and times, and only root gives files away', () => {
    const s = new Willing()
    s.add('f', S_IFREG | 0o666, { uid: 5, gid: 5 })
    const { rig } = setUp(s)
    const as = (uid: number) =>
      rig.run(
        function* (sys) {
          const rc = [
            yield* sys.chmod('/mnt/f', 0o666),
            yield* sys.utimes('/mnt/f', 1, 1),
            yield* sys.chown('/mnt/f', 7),
          ]
          return rc.map(E)
        },
        { cred: { uid, gid: uid, caps: [] } },
      )
    expect([as(6), as(5)]).toEqual([
      ['EPERM', 'EPERM', 'EPERM'],
      [0, 0, 'EPERM'],
    ])
    expect(s.log.filter(l => l.startsWith('SETATTR')).length).toBe(2)
  })
  it('a file that changes hands loses its set-id bits: by its mode of now, or by the server (HANDLE_KILLPRIV)', () => {
    for (const [bits, mode, valid, sent_mode] of [
      [[], 0o6755, FATTR_MODE | FATTR_UID, 0o755],
      [[], 0o2644, FATTR_UID, 0],
      [[INIT_BIT.HANDLE_KILLPRIV], 0o6755, FATTR_UID, 0],
      [[INIT_BIT.HANDLE_KILLPRIV_V2], 0o6755, FATTR_UID, 0],
    ] as const) {
      const s = new Willing([...bits])
      const f = s.add('f', S_IFREG | 0o644)
      const { sent, last } = setUp(s)
      const { got, log } = sent(function* (sys) {
        yield* sys.stat('/mnt/f')
        f.mode = S_IFREG | mode
        return yield* sys.chown('/mnt/f', 5)
      })
      expect(got).toBe(0)
      const asked = bits.length === 0 ? ['GETATTR:2'] : []
      expect(log).toEqual(['LOOKUP:1', 'GETXATTR:2:ENODATA', ...asked, 'SETATTR:2'])
      expect(last('SETATTR').arg).toMatchObject({ valid, mode: sent_mode === 0 ? 0 : S_IFREG | sent_mode, uid: 5 })
    }
  })
  it('who is refused by what is remembered is judged once more by what the server says now', () => {
    const s = new Willing()
    const f = s.add('f', S_IFREG | 0o600)
    const { rig } = setUp(s)
    const tries = (): [number | string, number] => {
      s.log.length = 0
      const got = rig.run(sys => opened(sys, '/mnt/f', O_RDONLY), { cred: { uid: 9, gid: 9, caps: [] } })
      return [got, s.log.filter(l => l === 'GETATTR:2').length]
    }
    expect(tries()).toEqual(['EACCES', 1])
    f.mode = S_IFREG | 0o644
    expect([tries(), tries()]).toEqual([
      [3, 1],
      [3, 0],
    ])
  })
  it('statfs gives all that the server says, and the type of plain FUSE', () => {
    const { s, sent } = setUp()
    const st = { blocks: 9, bfree: 8, bavail: 7, files: 6, ffree: 5, bsize: 4096, namelen: 255, frsize: 512 }
    const { script } = s
    s.script = req => (req.op.name === 'STATFS' ? { def: fuse_statfs_out, values: { st } } : script!(req))
    expect(sent(sys => statfs(sys)).got).toMatchObject({ ...st, type: 0x65735546 })
  })
})

function* statfs(sys: Sys): Step<StatFs | number> {
  return yield* sys.statfs('/mnt')
}

describe('a server that does not know an operation', () => {
  type Row = [OpName, (sys: Sys, fd: number, dir: number) => Iterable<any>, string | number, 'once' | 'each time']
  const ROWS: Row[] = [
    ['GETXATTR', sys => sys.getxattr('/mnt/f', 'user.x'), 'EOPNOTSUPP', 'once'],
    ['SETXATTR', sys => sys.setxattr('/mnt/f', 'user.x', text('v')), 'EOPNOTSUPP', 'once'],
    ['LISTXATTR', sys => sys.listxattr('/mnt/f'), 'EOPNOTSUPP', 'once'],
    ['REMOVEXATTR', sys => sys.removexattr('/mnt/f', 'user.x'), 'EOPNOTSUPP', 'once'],
    ['FALLOCATE', (sys, fd) => sys.fallocate(fd, 0, 0, 4096), 'EOPNOTSUPP', 'once'],
    ['FSYNC', (sys, fd) => sys.fsync(fd), 0, 'once'],
    ['FSYNCDIR', (sys, _fd, dir) => sys.fsync(dir), 0, 'once'],
    ['LINK', sys => sys.link('/mnt/f', '/mnt/n'), 'EPERM', 'once'],
    ['MKDIR', sys => sys.mkdir('/mnt/n'), 'ENOSYS', 'each time'],
    ['MKNOD', sys => sys.mknod('/mnt/n', S_IFREG), 'ENOSYS', 'each time'],
    ['SYMLINK', sys => sys.symlink('f', '/mnt/n'), 'ENOSYS', 'each time'],
    ['UNLINK', sys => sys.unlink('/mnt/f'), 'ENOSYS', 'each time'],
    ['RMDIR', sys => sys.rmdir('/mnt/d'), 'ENOSYS', 'each time'],
    ['RENAME', sys => sys.rename('/mnt/f', '/mnt/n'), 'ENOSYS', 'each time'],
    ['SETATTR', (sys, fd) => sys.ftruncate(fd, 1), 'ENOSYS', 'each time'],
    ['SETLKW', (sys, fd) => sys.flock(fd, LOCK_EX), 'ENOSYS', 'each time'],
    ['STATFS', sys => sys.statfs('/mnt'), 'ENOSYS', 'each time'],
  ]
  it.each(ROWS)('%s', (name, body, result, asked) => {
    const s = new Willing([INIT_BIT.FLOCK_LOCKS])
    s.add('f', S_IFREG | 0o644)
    s.add('d', S_IFDIR | 0o755)
    s.errnos[name] = ENOSYS
    const { sent } = setUp(s)
    const { got } = sent(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const dir = yield* sys.open('/mnt')
      const rc: (number | string)[] = []
      for (let i = 0; i < 2; i++) rc.push(E((yield* body(sys, fd, dir) as any) as number))
      return rc
    })
    expect(got).toEqual([result, result])
    expect(s.log.filter(l => l.startsWith(`${name}:`)).length).toBe(asked === 'once' ? 1 : 2)
  })
})

describe('attributes by name', () => {
  it('are set, read, listed and removed; a SETXATTR has half its struct', () => {
    const s = new Willing()
    s.add('f', S_IFREG | 0o644)
    const { sent } = setUp(s)
    const { got } = sent(function* (sys) {
      const set = [
        yield* sys.setxattr('/mnt/f', 'user.a', text('b')),
        yield* sys.setxattr('/mnt/f', 'user.cc', text('')),
      ]
      const value = String.fromCharCode(...((yield* sys.getxattr('/mnt/f', 'user.a')) as Uint8Array))
      const names = yield* sys.listxattr('/mnt/f')
      const gone = [yield* sys.removexattr('/mnt/f', 'user.a'), E((yield* sys.getxattr('/mnt/f', 'user.a')) as number)]
      return [...set, value, names, ...gone]
    })
    expect(got).toEqual([0, 0, 'b', ['user.a', 'user.cc'], 0, 'ENODATA'])
    // As measured: setfattr -n user.a -v b is 56 bytes (golden/fused_debug_unmodified.txt).
    const i = s.requests.findIndex(r => r.op.name === 'SETXATTR')
    expect(s.messages[i]!.length).toBe(56)
  })
  it('go whole to a server that asked for SETXATTR_EXT', () => {
    const s = new Willing([INIT_BIT.SETXATTR_EXT])
    s.opcodes = OPCODES
    const { rig, last } = setUp(s)
    rig.run(function* (sys) {
      expect(yield* sys.setxattr('/mnt', 'user.a', text('b'), 1)).toBe(0)
    })
    expect(last('SETXATTR')).toMatchObject({
      len: 64,
      names: ['user.a'],
      arg: { size: 1, flags: 1, setxattr_flags: 0 },
    })
    expect(s.root.xattrs.get('user.a')).toEqual(text('b'))
  })
  it('a list with an empty name, or without its last NUL, is EIO; so is no list at all', () => {
    const { s, sent } = setUp()
    const { script } = s
    for (const [body, want] of [
      ['user.a\0', ['user.a']],
      ['', []],
      ['user.a', 'EIO'],
      ['user.a\0\0', 'EIO'],
    ] as const) {
      s.script = req => (req.op.name === 'LISTXATTR' ? { body: text(body) } : script!(req))
      const got = sent(sys => list(sys)).got
      expect(typeof got === 'number' ? E(got) : got).toEqual(want)
    }
  })
  function* list(sys: Sys): Step<string[] | number> {
    return yield* sys.listxattr('/mnt')
  }
})

describe('flock', () => {
  const locks = (bits: number[]) => {
    const s = new Willing(bits)
    s.add('f', S_IFREG | 0o644)
    return setUp(s)
  }
  it("is the server's when it asked for it: SETLKW, SETLK with LOCK_NB; RELEASE tells of the lock", () => {
    const { s, sent } = locks([INIT_BIT.FLOCK_LOCKS])
    const { got, log } = sent(function* (sys) {
      const [a, b] = [yield* sys.open('/mnt/f', O_RDWR), yield* sys.open('/mnt/f', O_RDWR)]
      const rc = [yield* sys.flock(a, LOCK_EX), yield* sys.flock(a, LOCK_SH | LOCK_NB), yield* sys.flock(a, LOCK_UN)]
      for (const fd of [a, b]) yield* sys.close(fd)
      return [...rc, sys.getpid()]
    })
    const pid = got.pop()!
    expect(got).toEqual([0, 0, 0])
    expect(log.filter(l => l.startsWith('SETLK'))).toEqual(['SETLKW:2', 'SETLK:2', 'SETLKW:2'])
    const lk = s.requests.filter(r => r.op.name.startsWith('SETLK')).map(r => r.arg)
    expect(lk.map(a => [a.lk.type, a.lk.pid])).toEqual([
      [1, pid],
      [0, pid],
      [2, 0],
    ])
    expect(new Set(lk.map(a => a.owner)).size).toBe(1)
    for (const a of lk) expect(a).toMatchObject({ lk_flags: FUSE_LK_FLOCK, fh: 2, lk: { start: 0 } })
    const releases = s.requests.filter(r => r.op.name === 'RELEASE').map(r => [r.arg.release_flags, r.arg.lock_owner])
    expect(releases).toEqual([
      [FUSE_RELEASE_FLOCK_UNLOCK, lk[0]!.owner],
      [0, 0],
    ])
  })
  it("is the kernel's otherwise", () => {
    const { sent } = locks([])
    const { got, log } = sent(function* (sys) {
      const [a, b] = [yield* sys.open('/mnt/f', O_RDWR), yield* sys.open('/mnt/f', O_RDWR)]
      const rc = [yield* sys.flock(a, LOCK_EX), yield* sys.flock(b, LOCK_SH | LOCK_NB)]
      yield* sys.close(a)
      return [...rc, yield* sys.flock(b, LOCK_SH | LOCK_NB)].map(E)
    })
    expect(got).toEqual([0, 'EAGAIN', 0])
    expect(log.filter(l => l.startsWith('SETLK'))).toEqual([])
  })
})

describe('a signal while a request is out', () => {
  /** A process waits for a lock that the server gives after 10 ms; the signal comes after 1 ms. */
  const waits = (o: { answer?: (req: Request) => Answer; busy?: boolean; again?: boolean } = {}) => {
    const s = new Willing([INIT_BIT.FLOCK_LOCKS])
    s.add('f', S_IFREG | 0o644)
    s.delays.SETLKW = ms(10)
    const { rig } = setUp(s, { threads: 3 })
    const { script } = s
    s.script = req => (req.op.name === 'INTERRUPT' ? (o.answer?.(req) ?? 'nothing') : script!(req))
    if (o.busy) {
      // Every thread of the server is away when the lock is asked for.
      s.delays.STATFS = ms(5)
      for (let i = 0; i < 3; i++) rig.spawn(`statfs ${i}`, sys => statfs(sys), { at: ms(0.3) })
    }
    const t = rig.spawn('locker', function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      if (o.busy) yield* pass(ms(0.5))
      const rc = [E(yield* sys.flock(fd, LOCK_EX))]
      take_signal(sys.ts.task!, 'SIGUSR1')
      if (o.again) {
        signal(sys.ts.task!, 'SIGUSR1')
        rc.push(E(yield* sys.flock(fd, LOCK_EX)))
        take_signal(sys.ts.task!, 'SIGUSR1')
      }
      return rc
    })
    rig.spawn('sender', function* () {
      yield* pass(ms(1))
      signal(t, 'SIGUSR1')
    })
    s.log.length = 0
    expect(rig.go()).toBe('held')
    return { s, got: (t.value as ProcessEnd).value, log: s.log.filter(l => /SETLKW|INTERRUPT/.test(l)) }
  }
  function* pass(ns: number): Step<void> {
    yield* sleep(ns)
    yield* step()
  }

  it('makes an INTERRUPT of that request; the process waits on for what the server says', () => {
    const { s, got, log } = waits()
    expect([got, log]).toEqual([[0], ['SETLKW:2', 'INTERRUPT:0']])
    const [lock, intr] = ['SETLKW', 'INTERRUPT'].map(n => s.requests.find(r => r.op.name === n)!)
    expect([intr!.unique, intr!.arg.unique, intr!.pid]).toEqual([lock!.unique + 1, lock!.unique, 0])
  })
  it('that the server gives up for is EINTR', () => {
    const s = new Willing([INIT_BIT.FLOCK_LOCKS])
    s.errnos.SETLKW = EINTR
    s.add('f', S_IFREG | 0o644)
    const { sent } = setUp(s)
    const { got } = sent(function* (sys) {
      return E(yield* sys.flock(yield* sys.open('/mnt/f', O_RDWR), LOCK_EX))
    })
    expect(got).toBe('EINTR')
  })
  it('comes before the server has read the request: the INTERRUPT follows it', () => {
    const { got, log } = waits({ busy: true })
    expect([got, log]).toEqual([[0], ['SETLKW:2', 'INTERRUPT:0']])
  })
  it('EAGAIN asks for the INTERRUPT once more', () => {
    let n = 0
    const { log } = waits({ answer: () => (n++ < 2 ? { errno: EAGAIN } : 'nothing') })
    expect(log).toEqual(['SETLKW:2', 'INTERRUPT:0:EAGAIN', 'INTERRUPT:0:EAGAIN', 'INTERRUPT:0'])
  })
  it('ENOSYS ends them on this connection', () => {
    const { got, log } = waits({ answer: () => ({ errno: ENOSYS }), again: true })
    expect([got, log]).toEqual([
      [0, 0],
      ['SETLKW:2', 'INTERRUPT:0:ENOSYS', 'SETLKW:2'],
    ])
  })
  it('an answer to an INTERRUPT is a bare header, and to a request that is out', () => {
    const { s } = waits({ answer: req => ({ raw: [reply(req.unique, 20), reply(req.unique + 2000, 16)] }) })
    const at = s.wrote.indexOf(-errnoNumber('EINVAL')!)
    expect(s.wrote.slice(at, at + 2)).toEqual([-errnoNumber('EINVAL')!, -errnoNumber('ENOENT')!])
  })
  const reply = (unique: number, len: number): Uint8Array => {
    const b = new Uint8Array(len)
    const dv = new DataView(b.buffer)
    dv.setUint32(0, len, true)
    dv.setBigUint64(8, BigInt(unique), true)
    return b
  }
})

describe('listing with READDIRPLUS', () => {
  const PLUS = [INIT_BIT.DO_READDIRPLUS]
  const AUTO = [...PLUS, INIT_BIT.READDIRPLUS_AUTO]
  const dir = (bits: number[], n = 3) => {
    const s = new Willing(bits)
    for (let i = 0; i < n; i++) s.add(`f${i}`, S_IFREG | 0o644, { size: i })
    return setUp(s)
  }
  function* ls(sys: Sys): Step<string[]> {
    const fd = yield* sys.open('/mnt')
    const list = yield* sys.getdents(fd)
    yield* sys.close(fd)
    if (typeof list === 'number') throw new Error(`getdents: ${E(list)}`)
    return list.map(e => e.name)
  }
  const asked = (log: string[]): string[] => log.filter(l => l.startsWith('READDIR'))

  it('is used from end to end, only at the beginning (AUTO), or not', () => {
    const names = ['f0', 'f1', 'f2']
    for (const [bits, log] of [
      [PLUS, ['READDIRPLUS:1', 'READDIRPLUS:1']],
      [AUTO, ['READDIRPLUS:1', 'READDIR:1']],
      [[], ['READDIR:1', 'READDIR:1']],
    ] as const) {
      const { sent } = dir([...bits])
      const r = sent(ls)
      expect([r.got, asked(r.log)]).toEqual([names, log])
    }
  })
  it('brings names and attributes: no LOOKUP afterwards, each counted and given back', () => {
    const { s, sent } = dir(AUTO)
    const { got, log } = sent(function* (sys) {
      yield* ls(sys)
      yield* ls(sys)
      const sizes = [(yield* kept(sys, '/mnt/f1')).size, (yield* kept(sys, '/mnt/f2')).size]
      const counted = [...s.lookups.values()]
      return { sizes, counted, dropped: yield* sys.drop_caches() }
    })
    expect(got).toEqual({ sizes: [1, 2], counted: [2, 2, 2], dropped: 3 })
    expect(log.filter(l => l.startsWith('LOOKUP'))).toEqual([])
    expect([...s.lookups.values()]).toEqual([0, 0, 0])
    expect(log.filter(l => l.includes('FORGET'))).toEqual(['BATCH_FORGET:0'])
  })
  it('one forget alone is a FORGET, and to a server of before 7.16 each is', () => {
    const one = dir(AUTO, 1)
    expect(one.sent(dropAll).log.filter(l => l.includes('FORGET'))).toEqual(['FORGET:2'])
    const old = dir(AUTO)
    old.mt.dev.fc.minor.poke(15)
    expect(old.sent(dropAll).log.filter(l => l.includes('FORGET'))).toEqual(['FORGET:2', 'FORGET:3', 'FORGET:4'])
    expect([...old.s.lookups.values()]).toEqual([0, 0, 0])
  })
  function* dropAll(sys: Sys): Step<number> {
    yield* ls(sys)
    return yield* sys.drop_caches()
  }
  it('an entry without a node is a name and nothing more', () => {
    const { s, sent } = dir(AUTO)
    s.nameless = true
    const { got, log } = sent(function* (sys) {
      const names = yield* ls(sys)
      return [names.length, (yield* kept(sys, '/mnt/f0')).size]
    })
    expect(got).toEqual([3, 0])
    expect(log.filter(l => l.startsWith('LOOKUP'))).toEqual(['LOOKUP:1'])
  })
  it('an entry that cannot be is listed, and forgotten at once', () => {
    const { s, sent } = dir(AUTO)
    s.nodes.get(3)!.mode = 0o644
    const { got, log } = sent(ls)
    expect(got).toEqual(['f0', 'f1', 'f2'])
    expect(log.filter(l => l.includes('FORGET'))).toEqual(['FORGET:3'])
    expect([...s.lookups.values()]).toEqual([1, 0, 1])
  })
  it('another file under a known name takes its place', () => {
    const { s, sent } = dir(AUTO)
    const { got } = sent(function* (sys) {
      yield* ls(sys)
      s.root.children.delete('f1')
      s.add('f1', S_IFREG | 0o644, { size: 99 })
      yield* ls(sys)
      return (yield* kept(sys, '/mnt/f1')).size
    })
    expect(got).toBe(99)
    expect(s.lookups.get(3)).toBe(0)
  })
  it('races with look-ups of the same names: each name has one inode, and every count is given back', () => {
    for (let seed = 0; seed < 5; seed++) {
      const { s, rig } = dir(PLUS)
      s.delays.LOOKUP = ms(1) * seed
      s.delays.READDIRPLUS = ms(2)
      rig.spawn('ls', ls)
      for (const name of ['f0', 'f1', 'f2']) rig.spawn(`stat ${name}`, sys => kept(sys, `/mnt/${name}`))
      expect(rig.go()).toBe('held')
      rig.run(function* (sys) {
        return yield* sys.drop_caches()
      })
      expect([...s.lookups.values()]).toEqual([0, 0, 0])
      expect(rig.problems()).toEqual([])
    }
  })
})

describe('fallocate and fsync', () => {
  it('fallocate makes a file longer, and a famfs file bad; what it does not know it does not send', () => {
    const s = new Willing()
    s.add('f', S_IFREG | 0o644, { size: 10 })
    const { sent, last } = setUp(s)
    const { got, log } = sent(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const rc = [E(yield* sys.fallocate(fd, 0x40, 0, 4096)), yield* sys.fallocate(fd, 1, 0, 4096)]
      const kept_size = rc.length
      s.nodes.get(2)!.size = 4096
      return [...rc, yield* sys.fallocate(fd, 0, 0, 4096), ((yield* sys.fstat(fd)) as Stat).size, kept_size]
    })
    expect(got).toEqual(['EOPNOTSUPP', 0, 0, 4096, 2])
    expect(log.filter(l => l.startsWith('FALLOCATE'))).toEqual(['FALLOCATE:2', 'FALLOCATE:2'])
    expect(last('FALLOCATE').arg).toMatchObject({ fh: 2, offset: 0, length: 4096, mode: 0 })

    const rig = new Rig()
    const famfs = rig.server()
    famfs.files.set('f', { nodeid: 100, size: TWO, fmap: simpleMap([[0, 0, TWO]]) })
    famfs.errnos.FALLOCATE = 0
    rig.mount(famfs)
    const bad = rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const rc = yield* sys.fallocate(fd, 0, 0, MiB(4))
      return [rc, E(yield* sys.pread(fd, 8, 0)), E(yield* sys.pread(fd, 8, 0))]
    })
    expect(bad).toEqual([0, 'ENXIO', 'EIO'])
  })
  it('fsync of a file is FSYNC, of a directory FSYNCDIR', () => {
    const s = new Willing()
    s.add('f', S_IFREG | 0o644)
    const { sent } = setUp(s)
    const { got, log } = sent(function* (sys) {
      return [yield* sys.fsync(yield* sys.open('/mnt/f', O_RDWR)), yield* sys.fsync(yield* sys.open('/mnt'))]
    })
    expect(got).toEqual([0, 0])
    expect(log.filter(l => l.includes('SYNC'))).toEqual(['FSYNC:2', 'FSYNCDIR:1'])
  })
})
