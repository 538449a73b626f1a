// GET_FMAP and GET_DAXDEV: strips on several devices, what superblock and log are called, maps too long, and the push (userspace.md
// e.4, Q8, Q40, i.4).
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { DEVICE_SIZE } from '../../../src/conform/index.ts'
import type { Reply } from '../../../src/server/daemon/session.ts'
import { emit_daxdev } from '../../../src/server/lib/daxdev-file.ts'
import { decodeFmap, EINVAL, ENODEV, type FileMap } from '../../../src/wire/index.ts'
import { daemon, host, MPT, OPTIONS, SHADOW, type Tree, write_file, yaml } from './shadow-rig.ts'

const { shadow }: { shadow: Tree } = JSON.parse(
  readFileSync(new URL('../../vectors/fused-ops.json', import.meta.url), 'utf8'),
)
const map = (r: Reply): FileMap => {
  const m = decodeFmap((r as { bytes: Uint8Array }).bytes)
  if ('error' in m) throw new Error(m.error)
  return m
}
/** Devices beyond the first, as log play publishes them beside the tree. */
const published = (...devs: [number, string | null][]): Tree => ({
  '../daxdevs/': '',
  ...Object.fromEntries(
    devs.map(([index, path]) => {
      const uuid = `aaaaaaaa-0000-4000-8000-00000000000${index}`
      return [`../daxdevs/${index}`, emit_daxdev({ index, uuid, size: DEVICE_SIZE, path })]
    }),
  ),
})
const indexes = (m: FileMap): number[] => (m.kind === 'simple' ? m.extents : m.groups[0]!.strips).map(e => e.dev)

describe('GET_FMAP', () => {
  it.each([
    ['famfs-48', [0, 0x10000, 0x20000, 0x30000]],
    ['fixed', [0, 1, 2, 3]],
  ])('%s: strips of devices 0 to 3 are of devices %j (Q8)', (server, want) => {
    const { ask, node } = daemon(shadow, { server })
    expect(indexes(map(ask('GET_FMAP', node('inter_multidev'))))).toEqual(want)
    expect(indexes(map(ask('GET_FMAP', node('simple_dev1'))))).toEqual([0, 1])
  })
  it.each([
    ['famfs-48', [0, 0, 0]],
    ['fixed', [1, 2, 0]],
  ])('%s: superblock, log and a file of another directory are of types %j (Q40)', (server, want) => {
    const { ask, node } = daemon({ ...shadow, 'd/': '', 'd/.log': yaml('d/.log', 1) }, { server })
    const types = ['.meta/.superblock', '.meta/.log', 'd/.log'].map(p => map(ask('GET_FMAP', node(p))).fileType)
    expect(types).toEqual(want)
  })
  it('a map of more than 4096 bytes is EINVAL', () => {
    const { ask, d } = daemon({})
    const extents = Array.from({ length: 200 }, (_, i) => ({ dev: 0, offset: i, len: 1 }))
    const { attr } = d.icache.root
    const attrs = { ...attr.peek(), ino: 99 }
    const many = d.icache.insert(d.icache.root, { name: 'n', attr: attrs, fmap: { kind: 'simple', extents }, fd: -1 })
    expect(ask('GET_FMAP', many.nodeid)).toEqual({ errno: EINVAL })
    const fmap = { kind: 'simple' as const, extents: extents.slice(0, 169) }
    const few = d.icache.insert(d.icache.root, { name: 'm', attr: { ...attrs, ino: 98 }, fmap, fd: -1 })
    expect(map(ask('GET_FMAP', few.nodeid))).toMatchObject({ extents: fmap.extents })
  })
  it('for a kernel that says how large its buffer is: with its length, and only the header when it is larger', () => {
    const { ask, node } = daemon(shadow, { kernel: 'new' })
    const got = (size: number) => (ask('GET_FMAP', node('simple3'), { size }) as { bytes: Uint8Array }).bytes
    expect([got(4096).length, got(104).length, got(103).length]).toEqual([104, 104, 32])
    expect(map({ bytes: got(4096) }).fmapSize).toBe(104)
    expect(new DataView(got(32).slice().buffer).getUint32(12, true)).toBe(104)
  })
})

describe('GET_DAXDEV', () => {
  const name = (r: Reply): string | number =>
    r !== null && 'bytes' in r ? Buffer.from(r.bytes.subarray(24)).toString().replace(/\0+$/, '') : (r as any).errno
  it('famfs-48 has the one device that it was given', () => {
    const { ask } = daemon(published([1, '/dev/dax1.0']))
    expect([0, 1].map(i => name(ask('GET_DAXDEV', i)))).toEqual(['/dev/dax0.0', EINVAL])
  })
  it('fixed has those too that log play published, if they are on this host', () => {
    const tree = published([1, '/dev/dax1.0'], [2, null], [4, '/dev/dax4.0'])
    const { ask, step, sys } = daemon({ ...tree, '../daxdevs/3': 'nonsense' }, { server: 'fixed' })
    const all = () => [0, 1, 2, 3, 4, 5].map(i => name(ask('GET_DAXDEV', i)))
    const before = ['/dev/dax0.0', '/dev/dax1.0', ENODEV, ENODEV, '/dev/dax4.0', ENODEV]
    expect(all()).toEqual(before)
    // One that is added while it runs.
    step(function* () {
      yield* write_file(sys, `${SHADOW}/daxdevs/5`, published([5, '/dev/dax5.0'])['../daxdevs/5']!)
    })
    expect(all()).toEqual([...before.slice(0, 5), '/dev/dax5.0'])
  })
})

describe('pushing, for a kernel that does not ask', () => {
  const ALL: [number, string][] = [1, 2, 3].map(i => [i, `/dev/dax${i}.0`])
  const stat = (server: string, devs: [number, string | null][]) => {
    const tree = { ...shadow, ...published(...devs) }
    const h = host(tree, { kernel: 'new', server, devices: [{}, {}, {}, {}] })
    expect(h.fused(OPTIONS).rc).toBe(0)
    h.stat(`${MPT}/simple4k`)
    const held = () => h.rig.k.bus.devices().map(d => (d.dax_dev.holder_data.peek() === null ? 0 : 1))
    const one = held()
    h.stat(`${MPT}/inter_multidev`)
    return { one, all: held() }
  }
  it.each([
    ['fixed', 'every device up to the highest that the file names, when it is looked up', ALL, [1, 1, 1, 1]],
    ['fixed', 'all but one that is not here', [ALL[0]!, [2, null], ALL[2]!], [1, 1, 0, 1]],
    ['famfs-48', 'the first, and no other', ALL, [1, 0, 0, 0]],
  ] as [string, string, [number, string | null][], number[]][])('%s: %s', (server, _what, devs, all) => {
    expect(stat(server, devs)).toEqual({ one: [1, 0, 0, 0], all })
  })
})
