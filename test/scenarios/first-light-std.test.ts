// First light under the standalone famfs: no server, so no message; and what one of its worlds says of itself.
import { expect, it } from 'vitest'
import firstLight from '../../scenarios/basics/first-light.ts'
import { standalone } from '../../src/conform/index.ts'
import { RandomChooser } from '../../src/explore/index.ts'
import { tmpfs_mkdir } from '../../src/kernel/index.ts'
import { GiB, MiB, runScenario, World } from '../../src/world/index.ts'

it.each([undefined, 'fsdev-v8', 'fix'])('holds without a message, DAX level %s', dax => {
  const digests = [1, 1, 2].map(seed => {
    const r = runScenario(firstLight, new RandomChooser(seed), { seed, kernel: 'std', dax })
    expect([r.verdict, r.problems, r.messages]).toEqual(['held', [], {}])
    return r.digest
  })
  expect(digests[1]).toBe(digests[0])
  expect(digests[2]).not.toBe(digests[0])
})

it('a host says what maps its files have, and mounts again from the log', () => {
  const w = new World({ seed: 1, trace: false, kernel: 'std' })
  const dev = w.daxdev('dax0.0', { size: GiB(4) })
  const h = w.host('h0')
  const fs = h.famfs('/mnt', { mkfs: dev })
  fs.mkdir('/d')
  fs.creat('/d/x', MiB(8))
  fs.creat('/striped', MiB(64), { interleave: { nbuckets: 4, nstrips: 4, chunkSize: MiB(2) } })
  const maps = (f: typeof fs) => [f.fmap('/d/x'), f.fmap('/striped')]
  const before = maps(fs)
  expect(before).toMatchObject([
    { kind: 'simple', extents: [{ dev: 0, len: MiB(8) }] },
    { kind: 'interleaved', chunkSize: MiB(2), strips: { length: 4 } },
  ])
  expect(maps(h.remount(fs))).toEqual(before)
  expect(w.count()).toBe(0)
  w.close()
})

it('every kernel has its own famfs: the other one is refused, told by a flag or not', () => {
  const w = new World({ seed: 1, trace: false })
  w.daxdev('dax0.0', { size: GiB(4) })
  const rc = (kernel: string, line: string) => {
    const h = w.host(kernel, { kernel })
    tmpfs_mkdir(h.k, '/mnt')
    expect(h.cli('mkfs.famfs --kill --force /dev/dax0.0').rc).toBe(0)
    return h.cli(line).rc
  }
  expect(rc('v10', 'famfs mount --nofuse -L /dev/dax0.0 /mnt')).not.toBe(0)
  expect(rc('std', 'famfs mount --fuse /dev/dax0.0 /mnt')).not.toBe(0)
  expect(() => standalone(w.host('fused'), '/mnt', '/dev/dax0.0', {})).toThrow(
    'fused: kernel v10 has no standalone famfs; ',
  )
  w.close()
})
