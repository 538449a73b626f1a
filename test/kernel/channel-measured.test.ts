// The table "measured on the host kernel 6.18.44" of kernel.md 1.8, row by row; what is about single replies is in
// channel.test.ts, about buffers in channel-queues.test.ts, about notifications in notify.test.ts. And the messages that a famfs
// file still makes when it has its map.
import { describe, expect, it } from 'vitest'
import { Rig, simpleMap } from '../../src/conform/index.ts'
import {
  fuse_conn_abort_write,
  fuse_dev_do_read,
  fuse_dev_do_write,
  O_CREAT,
  O_DIRECTORY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  type ProcessEnd,
  S_IFREG,
  type Sys,
} from '../../src/kernel/index.ts'
import { ms, type Step, signal, type Task } from '../../src/sim/index.ts'
import {
  EAGAIN,
  ENOSYS,
  encodeReply,
  FUSE_DAX_FMAP_BIT,
  fuse_create_out,
  fuse_entry_out,
  INIT_BIT,
  type OpName,
} from '../../src/wire/index.ts'
import { answer, type Bare, bare, E, next, pass, reply } from './bare-mount.ts'

const TWO = 0x200000
const resultOf = (t: Task): unknown => (t.value as ProcessEnd).value

/** Messages of what a process does on a classic file f, without those of the root's attributes. */
const messages = (
  body: (sys: Sys) => Step<unknown>,
  o: { bits?: number[]; errnos?: Partial<Record<OpName, number>>; famfs?: boolean } = {},
) => {
  const rig = new Rig()
  const s = rig.server()
  s.init = [...s.init.filter(b => o.famfs || b !== FUSE_DAX_FMAP_BIT), ...(o.bits ?? [])]
  Object.assign(s.errnos, o.errnos)
  s.files.set('f', { nodeid: 100, size: TWO, fmap: simpleMap([[0, 0, TWO]]) })
  s.script = req => {
    if (req.op.name !== 'CREATE') return undefined
    const attr = { ino: 200, mode: S_IFREG | 0o644, nlink: 1 }
    return {
      def: fuse_create_out,
      values: { entry: { nodeid: 200, entry_valid: 9, attr_valid: 9, attr }, open: { fh: 5 } },
    }
  }
  rig.mount(s)
  s.log.length = 0
  const got = rig.run(body)
  return { got, log: s.log.filter(l => l !== 'GETATTR:1').map(l => l.split(':')[0]) }
}

describe('measured on 6.18.44', () => {
  it('a LOOKUP reply 8 bytes short: the writer gets EINVAL, the client EIO', () => {
    const b = bare()
    const t = b.rig.spawn('client', function* (sys) {
      return E((yield* sys.stat('/mnt/f')) as number)
    })
    const server = b.rig.kthread('server', function* () {
      for (;;) {
        const req = yield* next(b)
        if (req.op.name !== 'LOOKUP') yield* reply(b, req)
        else
          return E(
            yield* fuse_dev_do_write(b.dev.fc, encodeReply(req.unique, 0, new Uint8Array(fuse_entry_out.size - 8))),
          )
      }
    })
    b.rig.go()
    expect([server.value, resultOf(t)]).toEqual(['EINVAL', 'EIO'])
  })
  it('open, read, close', () => {
    const { log } = messages(function* (sys) {
      const fd = yield* sys.open('/mnt/f')
      yield* sys.read(fd, 10)
      yield* sys.close(fd)
    })
    expect(log).toEqual(['LOOKUP', 'OPEN', 'READ', 'FLUSH', 'RELEASE'])
  })
  it('open with O_TRUNC, ATOMIC_O_TRUNC on, a server that ignores it: the size comes back', () => {
    const { got, log } = messages(
      function* (sys) {
        const fd = yield* sys.open('/mnt/f', O_WRONLY | O_TRUNC)
        const st = yield* sys.fstat(fd)
        return typeof st === 'number' ? st : st.size
      },
      { bits: [INIT_BIT.ATOMIC_O_TRUNC] },
    )
    expect(got).toBe(TWO)
    expect(log).toEqual(['LOOKUP', 'OPEN', 'GETXATTR', 'GETATTR', 'FLUSH', 'RELEASE'])
  })
  it('O_CREAT of a new name: no OPEN', () => {
    const { log } = messages(function* (sys) {
      yield* sys.close(yield* sys.open('/mnt/new', O_RDWR | O_CREAT))
    })
    expect(log).toEqual(['LOOKUP', 'CREATE', 'FLUSH', 'RELEASE'])
  })
  it('a signal while OPEN is out: INTERRUPT with unique + 1; EAGAIN queues it again, ENOSYS ends them', () => {
    const b = bare({}, s => {
      s.init = []
    })
    b.s.files.set('f', { nodeid: 100, size: 1, fmap: 22 })
    const t = b.rig.spawn('client', function* (sys) {
      return yield* sys.open('/mnt/f')
    })
    const server = b.rig.kthread('server', function* () {
      let open = yield* next(b)
      for (; open.op.name !== 'OPEN'; open = yield* next(b)) yield* reply(b, open)
      signal(t, 'SIGUSR1')
      const seen: unknown[] = []
      for (const errno of [EAGAIN, EAGAIN, ENOSYS]) {
        const intr = yield* next(b)
        seen.push([intr.op.name, intr.unique - open.unique, intr.arg.unique - open.unique])
        yield* fuse_dev_do_write(b.dev.fc, encodeReply(intr.unique, -errno))
      }
      const { interrupts } = b.dev.fc
      yield* reply(b, open)
      return [...seen, interrupts.length, b.dev.fc.no_op.has('INTERRUPT')]
    })
    b.rig.kthread('abort', function* () {
      yield* pass(20)
      yield* fuse_conn_abort_write(b.dev.fc)
    })
    b.rig.go()
    const intr = ['INTERRUPT', 1, 0]
    expect(server.value).toEqual([intr, intr, intr, 0, true])
    expect(resultOf(t)).toBe(3)
  })
  it('ftruncate with SETATTR ENOSYS; fallocate with FALLOCATE ENOSYS, which the C library then does by hand', () => {
    const { got } = messages(
      function* (sys) {
        const fd = yield* sys.open('/mnt/f', O_RDWR)
        return [E(yield* sys.ftruncate(fd, 5)), E(yield* sys.fallocate(fd, 0, 0, 10))]
      },
      { errnos: { SETATTR: ENOSYS, FALLOCATE: ENOSYS } },
    )
    expect(got).toEqual(['ENOSYS', 'EOPNOTSUPP'])
  })
  it('an abort by the control file: ECONNABORTED to what was sent, ENOTCONN to a name that was being revalidated', () => {
    const b: Bare = bare()
    b.s.entryValid = 0
    b.s.files.set('f', { nodeid: 100, size: 1, fmap: 22 })
    const known = b.rig.spawn('known', function* (sys) {
      yield* sys.stat('/mnt/f')
      yield* pass(1)
      const again = E((yield* sys.stat('/mnt/f')) as number)
      return [again, E((yield* sys.statfs('/mnt')) as number)]
    })
    const sent = b.rig.spawn('sent', function* (sys) {
      yield* pass(1)
      return E((yield* sys.statfs('/mnt')) as number)
    })
    const server = b.rig.kthread('server', function* () {
      let lookups = 0
      const held: number[] = []
      while (held.length < 2) {
        const req = yield* next(b)
        const again = req.op.name === 'LOOKUP' && ++lookups === 2
        if (again || req.op.name === 'STATFS') held.push(req.unique)
        else yield* reply(b, req)
      }
      yield* pass(5)
      yield* fuse_conn_abort_write(b.dev.fc)
      const late = yield* fuse_dev_do_write(b.dev.fc, encodeReply(held[0]!, 0, new Uint8Array(80)))
      return [E(late), E((yield* fuse_dev_do_read(b.dev.fc)) as number)]
    })
    b.rig.go()
    expect(server.value).toEqual(['ENOENT', 'ENODEV'])
    expect(resultOf(sent)).toBe('ECONNABORTED')
    expect(resultOf(known)).toEqual(['ENOTCONN', 'ENOTCONN'])
  })
  it('a listing without READDIRPLUS', () => {
    const b = bare()
    b.s.attrValid = 0
    const t = b.rig.spawn('client', function* (sys) {
      const fd = yield* sys.open('/mnt', O_DIRECTORY)
      const names = yield* sys.getdents(fd)
      yield* sys.close(fd)
      return names
    })
    b.s.script = req =>
      req.op.name === 'OPENDIR'
        ? { body: new Uint8Array(16) }
        : req.op.name === 'READDIR'
          ? { body: new Uint8Array(0) }
          : undefined
    b.s.log.length = 0
    b.rig.kthread('server', function* () {
      while (!b.s.log.some(l => l.startsWith('RELEASEDIR'))) yield* answer(b)
    })
    b.rig.go()
    expect(resultOf(t)).toEqual([])
    const log = b.s.log.map(l => l.split(':')[0])
    expect(log.filter((l, i) => l !== 'GETATTR' || log[i - 1] === 'OPENDIR')).toEqual([
      'OPENDIR',
      'GETATTR',
      'READDIR',
      'RELEASEDIR',
    ])
  })
})

describe('a famfs file with its map', () => {
  it('still sends these; reads, writes and faults send nothing', () => {
    const { log } = messages(
      function* (sys) {
        const fd = yield* sys.open('/mnt/f', O_RDWR)
        yield* sys.pread(fd, 8, 0)
        yield* sys.pwrite(fd, new Uint8Array(8), 0)
        const at = yield* sys.mmap(0, TWO, 3, 1, fd)
        yield* sys.store(at, new Uint8Array(1))
        yield* sys.fsync(fd)
        yield* sys.fallocate(fd, 1, 0, 4096)
        yield* sys.lseek(fd, 0, 3)
        yield* sys.getxattr('/mnt/f', 'user.x')
        yield* sys.chmod('/mnt/f', 0o600)
        yield* sys.sleep(ms(1))
        yield* sys.close(fd)
      },
      { famfs: true },
    )
    const after = log.slice(log.indexOf('GET_DAXDEV') + 1)
    // GETXATTR of the privileges that a change takes away, once: the server does not know it.
    expect(after).toEqual(['FSYNC', 'GETXATTR', 'FALLOCATE', 'LSEEK', 'SETATTR', 'FLUSH', 'RELEASE'])
    for (const l of ['READ', 'WRITE']) expect(log).not.toContain(l)
  })
})
