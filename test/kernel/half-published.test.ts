// R4, variant S_DAX (kernel.md 2.5, inferred): famfs_file_init_dax() publishes the map before it sets the flag, so a second
// opener whose fuse_get_fmap() found the map may read before the file counts as DAX: ENXIO, and only for that moment.
import { expect, it } from 'vitest'
import { PctChooser } from '../../src/explore/index.ts'
import { buildWorld, ENXIO, GiB, MiB, scenario } from '../../src/world/index.ts'

const twoReads = scenario('two openers, each reads twice', ({ world }) => {
  const dev = world.daxdev('dax0.0', { size: GiB(4) })
  const h0 = world.host('h0', { server: 'fixed' })
  const fs = h0.famfs('/mnt/famfs', { mkfs: dev })
  fs.creat('/x', MiB(2))
  h0.remount(fs)
  const both = [world.gate('a read'), world.gate('b read')]
  for (const [i, name] of ['a', 'b'].entries())
    h0.app(name, function* (sys) {
      const fd = yield* sys.open('/mnt/famfs/x')
      const first = yield* sys.pread(fd, 64, 0)
      yield* both[i]!.open()
      for (const g of both) yield* g.wait()
      world.expect('read, once both are through', yield* sys.pread(fd, 64, 0), 64)
      world.expect('first read', first, 64)
    })
})

/** What came of so many schedules, and how often. */
const verdicts = (n: number, noDefect: string[] = []): Map<string, number> => {
  const w = buildWorld(twoReads, { policy: 'free', switches: { noDefect } })
  const seen = new Map<string, number>()
  const c = new PctChooser(1, 2)
  for (let i = 0; i < n; i++) {
    const r = w.run(c)
    const text = r.verdict === 'held' ? 'held' : r.problems.map(p => p.text).join('; ')
    seen.set(text, (seen.get(text) ?? 0) + 1)
  }
  w.close()
  return seen
}

it('R4: the second opener may read ENXIO from a half-published inode, and the file is well afterwards', () => {
  const seen = verdicts(600)
  expect([...seen.keys()].sort()).toEqual([`first read: expected 64, got ${-ENXIO}`, 'held'])
  expect(seen.get('held')!).toBeGreaterThan(seen.get(`first read: expected 64, got ${-ENXIO}`)!)
})
it('L27: a map that goes in last is never seen half done', () => {
  expect([...verdicts(300, ['L27']).keys()]).toEqual(['held'])
})
