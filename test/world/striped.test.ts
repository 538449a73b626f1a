// A famfs over several devices: the log names them, every host names their memories, and each byte of a striped file lies
// where the arithmetic of striping says, through the log's own bytes (kernel.md 9.2, 10.16).
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Lender } from '../../src/devdax/index.ts'
import { decodeEntry, ENTRY_SIZE, entryOffset, LOG_OFFSET } from '../../src/media/index.ts'
import { defaultChooser } from '../../src/sim/index.ts'
import {
  after,
  buildWorld,
  EHWPOISON,
  EIO,
  GiB,
  type Host,
  MAP_SHARED,
  MiB,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  poison,
  type Scenario,
  scenario,
  type World,
  type WorldOptions,
} from '../../src/world/index.ts'

const devicesOf = (world: World, n: number, size = GiB(4)) => {
  const [first, ...devices] = Array.from({ length: n }, (_, i) => world.daxdev(`dax${i}.0`, { size }))
  return { first: first!, devices }
}
const run = (s: Scenario, o: WorldOptions, look: (w: World) => void = () => {}): void => {
  // With caches off what is stored is in the memory, where the test looks.
  const w = buildWorld(s, { fabric: { caches: false }, backing: new Lender('arraybuffer'), ...o })
  try {
    const r = w.run(defaultChooser)
    expect(r.problems.map(p => p.text)).toEqual([])
    look(w)
  } finally {
    w.close()
  }
}
const KERNELS: [string, WorldOptions][] = [
  ['new', { kernel: 'new' }],
  ['V10 without B44', { switches: { noDefect: ['B44'] } }],
]

describe.each(KERNELS)('a striped file: %s', (_name, o) => {
  it('every byte lies where striping says, written by write(2) and by stores', () => {
    const shape = fc.record({
      n: fc.integer({ min: 2, max: 4 }),
      size: fc.integer({ min: MiB(2), max: MiB(24) }),
      at: fc.array(fc.nat(), { minLength: 1, maxLength: 12 }),
    })
    fc.assert(
      fc.property(shape, ({ n, size, at }) => {
        const spots = at.map(a => a % size)
        const s = scenario('striped', ({ world }) => {
          const { first, devices } = devicesOf(world, n)
          const h0 = world.host('h0', { server: 'fixed' })
          const fs = h0.famfs('/mnt', { mkfs: first, devices })
          fs.creat('/before', MiB(6))
          fs.creat('/f', size, { stripe: { devices: n, chunkSize: MiB(2) } })
          h0.app('a', function* (sys) {
            const fd = yield* sys.open('/mnt/f', O_RDWR)
            const map = yield* sys.mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
            for (const [i, pos] of spots.entries()) {
              const b = Uint8Array.of(i + 1)
              if (i % 2 === 0) yield* sys.pwrite(fd, b, pos)
              else yield* sys.store(map + pos, b)
            }
          })
        })
        run(s, o, w => {
          const b = new Uint8Array(ENTRY_SIZE)
          w.memory('dax0.0')!.memory.read(LOG_OFFSET + entryOffset(n), b)
          const e = decodeEntry(b)
          if (e.type !== 'file' || e.fmap.kind !== 'interleaved') throw new Error(`the log has a ${e.type}`)
          expect([e.path, e.size, e.fmap.strips.map(x => x.dev)]).toEqual(['f', size, [...Array(n).keys()]])
          for (const [i, pos] of spots.entries()) {
            if (spots.lastIndexOf(pos) !== i) continue
            const chunk = Math.floor(pos / MiB(2))
            const strip = e.fmap.strips[chunk % n]!
            const one = new Uint8Array(1)
            w.memory(`dax${chunk % n}.0`)!.memory.read(
              strip.offset + Math.floor(chunk / n) * MiB(2) + (pos % MiB(2)),
              one,
            )
            expect([pos, one[0]]).toEqual([pos, i + 1])
          }
        })
      }),
      { numRuns: 15, endOnFailure: true },
    )
  })
  it('one device goes bad: a file on it is refused there, then everywhere; a file on the other goes on', () => {
    const s = scenario('one of two goes bad', ({ world }) => {
      const { first, devices } = devicesOf(world, 2)
      const h0 = world.host('h0', { server: 'fixed' })
      const fs = h0.famfs('/mnt', { mkfs: first, devices })
      fs.creat('/single', MiB(4))
      fs.creat('/f', MiB(8), { stripe: { devices: 2, chunkSize: MiB(2) } })
      const bad = world.fault(after('second device says'), poison('dax1.0', MiB(2)))
      h0.app('a', function* (sys) {
        const f = yield* sys.open('/mnt/f', O_RDWR)
        const single = yield* sys.open('/mnt/single', O_RDWR)
        world.say('second device')
        yield* bad.wait()
        world.expect('first chunk', yield* sys.pread(f, 8, 0), 8)
        world.expect('second chunk', yield* sys.pread(f, 8, MiB(2)), -EHWPOISON)
        world.expect('first chunk, of a file that is bad now', yield* sys.pread(f, 8, 0), -EIO)
        world.expect('a file of the first device', yield* sys.pread(single, 8, 0), 8)
      })
    })
    run(s, o)
  })
})

describe('making and mounting', () => {
  const build = (set: (h0: Host, h1: Host, d: ReturnType<typeof devicesOf>) => void) => () => {
    const s = scenario('t', ({ world }) => {
      const d = devicesOf(world, 3)
      set(world.host('h0', { server: 'fixed' }), world.host('h1', { server: 'fixed' }), d)
    })
    buildWorld(s, { backing: new Lender('arraybuffer') }).close()
  }
  it.each(['v10', 'new'])(
    'on %s a client without one of the devices has all files but those that lie on it',
    kernel => {
      const s = scenario('one device is gone', ({ world }) => {
        const { first, devices } = devicesOf(world, 3)
        const h0 = world.host('h0', { server: 'fixed' })
        const h1 = world.host('h1', { server: 'fixed' })
        const fs = h0.famfs('/mnt', { mkfs: first, devices })
        fs.creat('/two', MiB(4), { stripe: { devices: 2, chunkSize: MiB(2) } })
        fs.creat('/three', MiB(6), { stripe: { devices: 3, chunkSize: MiB(2) } })
        h1.daxctl('disable-device', 'dax2.0')
        const mount = h1.famfs('/mnt', { mount: first })
        expect([mount.play.entries, mount.play.newFiles]).toEqual([4, 2])
        expect(h1.cli('famfs daxdev list /mnt')).toMatchObject({
          rc: 1,
          out: [/^0 /, /^1 /, /^2 .*not on this host/].map(r => expect.stringMatching(r)),
        })
        h1.app('a', function* (sys) {
          const fd = yield* sys.open('/mnt/two')
          world.expect('read of what is here', yield* sys.pread(fd, MiB(4), 0), MiB(4))
          const three = yield* sys.open('/mnt/three')
          world.expect('a chunk on the other device', yield* sys.pread(three, 8, MiB(4)), -EIO)
          world.expect('and the first goes on', yield* sys.pread(fd, MiB(4), 0), MiB(4))
        })
      })
      run(s, { kernel, switches: { noDefect: ['B44'] } })
    },
  )
  it('a device that comes back is found by looking again', () => {
    const s = scenario('one device comes back', ({ world }) => {
      const { first, devices } = devicesOf(world, 2)
      const h0 = world.host('h0', { server: 'fixed' })
      const h1 = world.host('h1', { server: 'fixed' })
      h0.famfs('/mnt', { mkfs: first, devices }).creat('/two', MiB(4), { stripe: { devices: 2, chunkSize: MiB(2) } })
      h1.daxctl('disable-device', 'dax1.0')
      h1.famfs('/mnt', { mount: first })
      h1.daxctl('enable-device', 'dax1.0')
      h1.daxctl('reconfigure-device', '--mode=famfs', 'dax1.0')
      expect(h1.cli('famfs daxdev refresh /mnt').rc).toBe(0)
      h1.app('a', function* (sys) {
        const fd = yield* sys.open('/mnt/two')
        world.expect('read over both', yield* sys.pread(fd, MiB(4), 0), MiB(4))
      })
    })
    run(s, { kernel: 'new' })
  })
  it.each([
    ['a device twice', (d: any) => ({ mkfs: d.first, devices: [d.devices[0], d.first] }), /dax0.0 is named twice/],
    ['devices and no first one', (d: any) => ({ devices: d.devices }), /give \{ mkfs: dev \} or \{ mount: dev \}/],
  ])('refuses %s', (_what, o, why) => {
    expect(build((h0, _h1, d) => h0.famfs('/mnt', o(d)))).toThrow(why)
  })
  it('refuses several devices to a user space that knows one', () => {
    const s = scenario('t', ({ world }) => {
      const { first, devices } = devicesOf(world, 2)
      world.host('h0').famfs('/mnt', { mkfs: first, devices })
    })
    expect(() => buildWorld(s, { backing: new Lender('arraybuffer') })).toThrow(
      "famfs /mnt: user space famfs-48 knows one device; give h0 { server: 'fixed' }",
    )
  })
  it('refuses to stripe over devices that the file system has not', () => {
    const creat = build((h0, _h1, { first, devices }) =>
      h0.famfs('/mnt', { mkfs: first, devices: devices.slice(0, 1) }).creat('/f', MiB(8), {
        stripe: { devices: 3, chunkSize: MiB(2) },
      }),
    )
    expect(creat).toThrow('no room for 8388608 bytes: 3 devices: expected 1 to 2, as many as the file system has')
  })
  it('a fresh mount knows the devices again', () => {
    const s = scenario('t', ({ world }) => {
      const { first, devices } = devicesOf(world, 3)
      const h0 = world.host('h0', { server: 'fixed' })
      const fs = h0.famfs('/mnt', { mkfs: first, devices })
      fs.creat('/f', MiB(8), { stripe: { devices: 3, chunkSize: MiB(2) } })
      h0.remount(fs)
      h0.app('a', function* (sys) {
        const fd = yield* sys.open('/mnt/f')
        world.expect('read over three devices', yield* sys.pread(fd, MiB(6), 0), MiB(6))
      })
    })
    run(s, { kernel: 'new' })
  })
})
