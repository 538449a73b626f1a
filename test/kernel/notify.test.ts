// Notifications: each code with its errnos (kernel.md 1.7, 1.8), and what it does to names, inodes and requests.
import { describe, expect, it } from 'vitest'
import { type Mounted, notification, notify, type RawServer, Rig, simpleMap } from '../../src/conform/index.ts'
import { RandomChooser } from '../../src/explore/strategies/random.ts'
import { fuse_dev_do_read, fuse_dev_do_write, type ProcessEnd, type Sys } from '../../src/kernel/index.ts'
import { MiB, type Step } from '../../src/sim/index.ts'
import { decodeRequest, encodeReply, encodeReplyStruct, fuse_statfs_out, type Request } from '../../src/wire/index.ts'
import { bare, E, next, pass, reply, statfs } from './bare-mount.ts'

const TWO = MiB(2)

interface There {
  readonly rig: Rig
  readonly s: RawServer
  readonly mt: Mounted
  /** What the writer of this notification gets. */
  readonly say: (m: Uint8Array) => number | string
  /** Messages of what runs here. */
  readonly log: (f: () => void) => string[]
  readonly run: (body: (sys: Sys) => Step<unknown>) => unknown
}

/** A mount with a file f of node 100. */
const there = (): There => {
  const rig = new Rig()
  const s = rig.server()
  s.files.set('f', { nodeid: 100, size: TWO, fmap: simpleMap([[0, 0, TWO]]) })
  const mt = rig.mount(s)
  return {
    rig,
    s,
    mt,
    say: m => E(notify(rig, mt, m)),
    log: f => {
      const from = s.log.length
      f()
      return s.log.slice(from).filter(l => l !== 'GETATTR:1')
    },
    run: body => rig.run(body),
  }
}
const stat = (t: There, path = '/mnt/f'): number | string =>
  t.run(function* (sys) {
    const st = yield* sys.stat(path)
    return typeof st === 'number' ? E(st) : st.ino
  }) as number | string

/** A message with a field of its header changed, or cut, or longer. */
const cut = (m: Uint8Array, len: number): Uint8Array => {
  const c = new Uint8Array(len)
  c.set(m.subarray(0, len))
  new DataView(c.buffer).setUint32(0, len, true)
  return c
}
const word = (m: Uint8Array, off: number, v: number): Uint8Array => {
  const c = m.slice()
  new DataView(c.buffer).setUint32(off, v, true)
  return c
}

describe('what the writer gets', () => {
  const n = notification
  const table: [string, Uint8Array, number | string][] = [
    ['an unknown code', encodeReply(0, 77), 'EINVAL'],
    ['code 0', encodeReply(0, 0), 'EINVAL'],
    ['a negative code', encodeReply(0, -2), 'EINVAL'],
    ['POLL: nobody polls', n.poll(5), 24],
    ['POLL, short', cut(n.poll(5), 20), 'EINVAL'],
    ['POLL, long', cut(n.poll(5), 32), 'EINVAL'],
    ['INVAL_INODE of a known node', n.inval_inode(100), 40],
    ['INVAL_INODE of the root', n.inval_inode(1), 40],
    ['INVAL_INODE of an unknown node', n.inval_inode(101), 'ENOENT'],
    ['INVAL_INODE of node 0', n.inval_inode(0), 'ENOENT'],
    ['INVAL_INODE, short', cut(n.inval_inode(100), 39), 'EINVAL'],
    ['INVAL_INODE, long', cut(n.inval_inode(100), 41), 'EINVAL'],
    ['INVAL_ENTRY', n.inval_entry(1, 'f'), 34],
    ['INVAL_ENTRY in an unknown directory', n.inval_entry(99, 'f'), 'ENOENT'],
    ['INVAL_ENTRY of an unknown name', n.inval_entry(1, 'g'), 'ENOENT'],
    ['INVAL_ENTRY in a file', n.inval_entry(100, 'f'), 'ENOTDIR'],
    ['INVAL_ENTRY, short', cut(n.inval_entry(1, 'f'), 31), 'EINVAL'],
    ['INVAL_ENTRY without its NUL', cut(n.inval_entry(1, 'f'), 33), 'EINVAL'],
    ['INVAL_ENTRY of a name of 1024 bytes', n.inval_entry(1, 'n'.repeat(1024)), 'ENOENT'],
    ['INVAL_ENTRY of a longer name', n.inval_entry(1, 'n'.repeat(1025)), 'ENAMETOOLONG'],
    ['DELETE', n.delete(1, 100, 'f'), 42],
    ['DELETE of another node', n.delete(1, 101, 'f'), 'ENOENT'],
    ['DELETE in an unknown directory', n.delete(99, 100, 'f'), 'ENOENT'],
    ['DELETE, a namelen that is not that of its name', word(n.delete(1, 100, 'f'), 16 + 16, 2), 'EINVAL'],
    ['RESEND', n.resend(), 16],
    ['RESEND with a body', cut(n.resend(), 24), 24],
    ['INC_EPOCH', n.inc_epoch(), 16],
    ['PRUNE of nothing', n.prune([]), 32],
    ['PRUNE of known and unknown nodes', n.prune([100, 999, 1]), 56],
    ['PRUNE, a count that is not that of its nodes', word(n.prune([100]), 16, 2), 'EINVAL'],
    ['PRUNE, short', cut(n.prune([]), 31), 'EINVAL'],
    ['a len field that is not its length', word(n.inval_inode(100), 0, 41), 'EINVAL'],
  ]
  it.each(table)('%s', (_name, message, expected) => {
    const t = there()
    stat(t)
    expect(t.say(message)).toBe(expected)
    expect(t.rig.problems()).toEqual([])
  })
})

describe('names', () => {
  it('INVAL_ENTRY of an unused name: FORGET with every look-up counted, and the next walk asks', () => {
    const t = there()
    t.s.entryValid = 0
    stat(t)
    stat(t)
    const forget = t.log(() => expect(t.say(notification.inval_entry(1, 'f'))).toBe(34))
    expect(forget).toEqual(['FORGET:100'])
    expect(t.s.requests.at(-1)!.arg.nlookup).toBe(2)
    expect(t.log(() => expect(stat(t)).toBe(100))).toEqual(['LOOKUP:1'])
  })
  it('INVAL_ENTRY of a file that is open: the name goes, the file stays', () => {
    const t = there()
    const log = t.log(() =>
      t.run(function* (sys) {
        const fd = yield* sys.open('/mnt/f')
        yield* fuse_dev_do_write(t.mt.dev.fc, notification.inval_entry(1, 'f'))
        expect(yield* sys.pread(fd, 8, 0)).toBe(8)
        yield* sys.close(fd)
      }),
    )
    expect(log).toContain('FORGET:100')
    expect(log.indexOf('FORGET:100')).toBeGreaterThan(log.indexOf('FLUSH:100'))
  })
  it('with EXPIRE_ONLY the name stays and is asked for', () => {
    const t = there()
    stat(t)
    expect(t.log(() => expect(t.say(notification.inval_entry(1, 'f', 1))).toBe(34))).toEqual([])
    expect(t.log(() => stat(t))).toEqual(['LOOKUP:1'])
    expect(t.log(() => stat(t))).toEqual([])
  })
  it('DELETE: the name is gone, what is open stays', () => {
    const t = there()
    const got = t.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f')
      yield* fuse_dev_do_write(t.mt.dev.fc, notification.delete(1, 100, 'f'))
      t.s.files.delete('f')
      const st = yield* sys.stat('/mnt/f')
      return [E(st as number), yield* sys.pread(fd, 8, 0)]
    })
    expect(got).toEqual(['ENOENT', 8])
  })
  it('INC_EPOCH: every name is asked for again', () => {
    const t = there()
    stat(t)
    expect(t.log(() => stat(t))).toEqual([])
    t.say(notification.inc_epoch())
    expect(t.log(() => stat(t))).toEqual(['LOOKUP:1'])
    expect(t.log(() => stat(t))).toEqual([])
  })
  it('INC_EPOCH while a look-up is under way: its answer is no news', () => {
    const t = there()
    t.s.delays.LOOKUP = 5e6
    t.rig.spawn('stat', sys => statOf(sys))
    t.rig.kthread('notify', function* () {
      yield* pass(1)
      yield* fuse_dev_do_write(t.mt.dev.fc, notification.inc_epoch())
    })
    t.rig.go()
    expect(t.log(() => stat(t))).toEqual(['LOOKUP:1'])
  })
  it('PRUNE: what nobody uses is forgotten, what is open stays', () => {
    const t = there()
    stat(t)
    expect(t.log(() => t.say(notification.prune([100])))).toEqual(['FORGET:100'])
    const log = t.log(() =>
      t.run(function* (sys) {
        const fd = yield* sys.open('/mnt/f')
        yield* fuse_dev_do_write(t.mt.dev.fc, notification.prune([100]))
        yield* sys.close(fd)
      }),
    )
    expect(log).not.toContain('FORGET:100')
  })
  it('are waited for by an unmount, and find nothing afterwards', () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 200; seed++) {
      const { rig, dev, s } = bare({ policy: 'free' })
      s.files.set('f', { nodeid: 100, size: TWO, fmap: simpleMap([[0, 0, TWO]]) })
      rig.spawn('stat', sys => statOf(sys))
      rig.kthread('server', function* () {
        for (;;) {
          const msg = yield* fuse_dev_do_read(dev.fc)
          if (typeof msg === 'number') return
          yield* reply({ rig, dev, s }, decodeRequest(rig.k.opcodes, msg) as Request)
        }
      })
      const said = rig.kthread('notify', function* () {
        const got: (string | number)[] = []
        for (const message of [notification.inval_entry(1, 'f'), notification.inval_inode(1)]) {
          const rc = yield* fuse_dev_do_write(dev.fc, message)
          got.push(E(rc))
          // Nothing was taken away under it.
          if (rc > 0) expect(dev.fc.inodes.has(1), `seed ${seed}`).toBe(true)
        }
        return got.join(' ')
      })
      rig.spawn('umount', function* (sys) {
        while ((yield* sys.umount('/mnt')) < 0) yield* sys.sleep(1000)
      })
      expect(rig.go(new RandomChooser(seed)), `seed ${seed}: ${rig.problems()[0]}`).toBe('held')
      seen.add(said.value as string)
      expect(rig.leaks().filter(n => n !== 'fuse_conn')).toEqual([])
    }
    // The name was not there yet or was; the mount was there or not any more.
    for (const outcome of ['34 40', 'ENOENT 40', 'ENOENT ENOENT']) expect(seen).toContain(outcome)
  })
  it('wait for the directory: a server that tells of a name before it answers the look-up of it stands still', () => {
    const { rig, dev } = bare()
    rig.spawn('stat', sys => statOf(sys))
    rig.kthread('server', function* () {
      yield* next({ rig, dev })
      yield* fuse_dev_do_write(dev.fc, notification.inval_entry(1, 'f'))
    })
    expect(rig.go()).not.toBe('held')
    expect(rig.problems()[0]).toMatch(/deadlock/)
  })
})

function* statOf(sys: Sys): Step<unknown> {
  return yield* sys.stat('/mnt/f')
}

describe('RESEND', () => {
  it('gives what was read once more, with bit 63 in its unique; that is what it is answered by', () => {
    const b = bare()
    const t = b.rig.spawn('client', statfs)
    const server = b.rig.kthread('server', function* () {
      const first = yield* next(b)
      const rc = yield* fuse_dev_do_write(b.dev.fc, notification.resend())
      const again = decodeRequest(b.rig.k.opcodes, (yield* fuse_dev_do_read(b.dev.fc)) as Uint8Array) as Request
      const good = (resend: boolean) => encodeReplyStruct(first.unique, fuse_statfs_out, { st: { blocks: 77 } }, resend)
      const late = yield* fuse_dev_do_write(b.dev.fc, good(false))
      const taken = yield* fuse_dev_do_write(b.dev.fc, good(true))
      return [rc, again.op.name, again.resend, again.unique === first.unique, E(late), taken]
    })
    b.rig.go()
    expect(server.value).toEqual([16, 'STATFS', true, true, 'ENOENT', 96])
    expect((t.value as ProcessEnd).value).toBe(0)
  })
  it('goes before what waits, in the order in which it was read', () => {
    const b = bare()
    for (let i = 0; i < 4; i++) b.rig.spawn(`client ${i}`, statfs)
    const server = b.rig.kthread('server', function* () {
      yield* pass(1)
      const read = [yield* next(b), yield* next(b)]
      yield* fuse_dev_do_write(b.dev.fc, notification.resend())
      const order: string[] = []
      for (let i = 0; i < 4; i++) {
        const r = yield* next(b)
        order.push(`${read.findIndex(x => x.unique === r.unique)} ${r.resend}`)
        yield* fuse_dev_do_write(b.dev.fc, encodeReply(r.unique, -38, undefined, r.resend))
      }
      return order
    })
    b.rig.go()
    expect(server.value).toEqual(['0 true', '1 true', '-1 false', '-1 false'])
  })
})
