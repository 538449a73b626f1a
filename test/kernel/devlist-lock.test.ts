// The slots of the device table are written under famfs_devlist_sem held for writing. B14: the notifier of earlier postings
// held it for reading (kernel.md 2.16, set_daxdev_err).
import { expect, it } from 'vitest'
import { after, buildWorld, EHWPOISON, GiB, MiB, poison, scenario } from '../../src/world/index.ts'

const pageGoesBad = scenario('a page goes bad under an open file', ({ world }) => {
  const dev = world.daxdev('dax0.0', { size: GiB(4) })
  const h0 = world.host('h0')
  const fs = h0.famfs('/mnt/famfs', { mkfs: dev })
  fs.creat('/x', MiB(2))
  const map = fs.fmap('/x')
  const handled = world.fault(
    after('bad page says'),
    poison('dax0.0', map.kind === 'simple' ? map.extents[0]!.offset : 0, {}),
  )
  h0.app('reader', function* (sys) {
    const fd = yield* sys.open('/mnt/famfs/x')
    world.say('bad page')
    yield* handled.wait()
    world.expect('read', yield* sys.pread(fd, 64, 0), -EHWPOISON)
  })
})

const found = (defect: string[], guards?: boolean): string[] => {
  const w = buildWorld(pageGoesBad, { switches: { defect }, guards })
  const r = w.run()
  w.close()
  return r.problems.map(p => `${p.kind}: ${p.text} | ${p.backtrace[0]}`)
}

it('V10 writes slots under the lock', () => {
  expect(found([])).toEqual([])
})
it('B14: the write under the read lock is told, by cell, lock and function; free when off', () => {
  const [one, ...more] = found(['B14'])
  expect(more).toEqual([])
  expect(one).toMatch(
    /^wrong-mode write: .* writes dd->error and holds fc->famfs_devlist_sem for reading; take it for writing \| famfs_set_daxdev_err$/,
  )
  expect(found(['B14'], false)).toEqual([])
})
