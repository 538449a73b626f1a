// The allocation sanitizer in a world: a connection that is used after it is freed, and every error path of an open, a read
// and an unmount behind the allocation that fails.
import { describe, expect, it } from 'vitest'
import { PctChooser } from '../../src/explore/index.ts'
import { type Chooser, defaultChooser } from '../../src/sim/index.ts'
import {
  at,
  buildWorld,
  EIO,
  ENOMEM,
  failAlloc,
  GiB,
  MiB,
  runScenario,
  scenario,
  type World,
  type WorldOptions,
} from '../../src/world/index.ts'
import poisonUmount from '../explore/fixtures/poison-umount.ts'

/** A host that opens and reads a striped file, closes it and unmounts; what each call gave. */
function life(change: (w: World) => void, o: WorldOptions = {}, chooser: Chooser = defaultChooser) {
  const got: Record<string, number> = {}
  const s = scenario('a whole life', ({ world }) => {
    const dev = world.daxdev('dax0.0', { size: GiB(4) })
    const h0 = world.host('h0')
    const fs = h0.famfs('/mnt', { mkfs: dev })
    fs.creat('/f', MiB(8), { interleave: { chunkSize: MiB(2), nstrips: 2, nbuckets: 2 } })
    h0.remount(fs)
    h0.app('user', function* (sys) {
      const fd = yield* sys.open('/mnt/f')
      got.open = fd
      if (fd >= 0) {
        got.read = yield* sys.pread(fd, 4096, 0)
        got.close = yield* sys.close(fd)
      }
      got.umount = yield* sys.umount('/mnt')
      // It was its own allocation that failed.
      if (got.umount === -ENOMEM) got.umount = yield* sys.umount('/mnt')
    })
    change(world)
  })
  const r = runScenario(s, chooser, o)
  return { got, r, problems: r.problems.map(p => `${p.kind}: ${p.text}`) }
}

describe('fail-nth: an allocation that fails', () => {
  const walk = (o: WorldOptions = {}) => {
    const seen = new Set<string>()
    for (let nth = 1; ; nth++) {
      const { got, r, problems } = life(w => w.fault(at(0), failAlloc({ nth })), o)
      if (r.neverFired.length > 0) return { nth: nth - 1, seen }
      expect(problems, `allocation ${nth}`).toEqual([])
      // An open whose device could not be asked for succeeds; its first access says so.
      expect([0, 1], `allocation ${nth}: ${JSON.stringify(got)}`).toContain(
        [got.open === -ENOMEM, got.open! >= 0].filter(Boolean).length,
      )
      expect(got.umount).toBe(0)
      if (got.close !== undefined) expect(got.close, `allocation ${nth}: FLUSH must not fail`).toBe(0)
      if (got.open! >= 0) expect([4096, -EIO]).toContain(got.read)
      seen.add(got.open! < 0 ? 'open fails' : got.read! < 0 ? 'read fails' : 'nobody minds')
    }
  }
  it('every one of open to umount: an error or none, and nothing leaks, dies or is used after it is freed', () => {
    const { nth, seen } = walk()
    expect(nth).toBeGreaterThan(10)
    expect([...seen].sort()).toEqual(['nobody minds', 'open fails', 'read fails'])
  })
  it('by name, and on the hosts that are named', () => {
    expect(life(w => w.fault(at(0), failAlloc({ name: 'fuse_file' }))).got.open).toBe(-ENOMEM)
    expect(life(w => w.fault(at(0), failAlloc({ name: 'famfs_daxdev[]', hosts: ['h0'] }))).got).toMatchObject({
      open: expect.toSatisfy(fd => fd >= 0),
      read: -EIO,
    })
    expect(life(w => w.fault(at(0), failAlloc({ name: 'no such' }))).r.neverFired).toHaveLength(1)
  })
  it('whoever waits for it goes on, and it fails again in the next execution', () => {
    const opened: number[] = []
    const s = scenario('waits', ({ world }) => {
      const dev = world.daxdev('dax0.0', { size: GiB(4) })
      const h0 = world.host('h0')
      h0.famfs('/mnt', { mkfs: dev }).creat('/f', MiB(2))
      const failed = world.fault(at(10), failAlloc())
      h0.app('opener', function* (sys) {
        opened.push(yield* sys.open('/mnt/f'))
      })
      h0.app('waiter', function* () {
        yield* failed.wait()
      })
    })
    const world = buildWorld(s)
    for (let i = 0; i < 3; i++) expect(world.run(defaultChooser)).toMatchObject({ verdict: 'held', neverFired: [] })
    world.close()
    expect(opened).toEqual([-ENOMEM, -ENOMEM, -ENOMEM])
  })
  it.each([
    ['a count', failAlloc({ nth: 0 }), /nth 0: expected a whole number from 1/],
    ['a host that is not there', failAlloc({ hosts: ['h9'] }), /no host 'h9'/],
  ])('refuses %s', (_n, action, want) => expect(() => life(w => w.fault(at(0), action))).toThrow(want))
})

describe('use after free', () => {
  /** Poison comes while the last reference to the connection goes (R8). Kinds of problems over many schedules. */
  const r8 = (o: WorldOptions = {}): string[] => {
    const world = buildWorld(poisonUmount, { policy: 'free', ...o })
    const chooser = new PctChooser(1, 3)
    const all: string[] = []
    for (let i = 0; i < 400; i++) for (const p of world.run(chooser).problems) all.push(`${p.kind}: ${p.text}`)
    world.close()
    return all
  }
  const uaf = (all: string[]): string[] => all.filter(p => p.startsWith('use after free'))
  it('R8: a failure notice goes on with the device table that the unmount has freed', () => {
    const told = uaf(r8())
    expect(told.find(p => p.includes('dd->'))).toMatch(
      /^use after free: \w+ of dd->\w+, which lies in famfs_daxdev\[\] \(768 bytes\), by h0\/memory_failure in famfs_set_daxdev_err < famfs_dax_notify_failure < .*; allocated by h0\/famfs mount in famfs_dax_devlist_get < .*; freed by h0\/\S+ in famfs_teardown < fuse_conn_put < /,
    )
    // And with the connection itself.
    expect(told.some(p => p.includes('which lies in fuse_conn (1024 bytes)'))).toBe(true)
  })
  it('is not looked for when kasan is off', () => expect(uaf(r8({ kasan: false }))).toEqual([]))
})
