// GET_FMAP and GET_DAXDEV: strips on several devices, what superblock and log are called, maps too long, and the push (userspace.md
// e.4, Q8, Q40, i.4).
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Reply } from '../../../src/server/daemon/session.ts'
import { decodeFmap, EINVAL, type FileMap } from '../../../src/wire/index.ts'
import { daemon, host, MPT, OPTIONS, type Tree, yaml } from './shadow-rig.ts'

const { shadow }: { shadow: Tree } = JSON.parse(
  readFileSync(new URL('../../vectors/fused-ops.json', import.meta.url), 'utf8'),
)
const map = (r: Reply): FileMap => {
  const m = decodeFmap((r as { bytes: Uint8Array }).bytes)
  if ('error' in m) throw new Error(m.error)
  return m
}
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
  const two = 'daxdev=/dev/dax0.0,daxdev=/dev/dax1.0'
  const name = (r: Reply): string | number =>
    r !== null && 'bytes' in r ? Buffer.from(r.bytes.subarray(24)).toString().replace(/\0+$/, '') : (r as any).errno
  it('famfs-48 has the one device that was given last', () => {
    const { ask } = daemon({}, { o: two })
    expect([0, 1].map(i => name(ask('GET_DAXDEV', i)))).toEqual(['/dev/dax1.0', EINVAL])
  })
  it('fixed has all, by index', () => {
    const { ask } = daemon({}, { o: two, server: 'fixed' })
    expect([0, 1, 2].map(i => name(ask('GET_DAXDEV', i)))).toEqual(['/dev/dax0.0', '/dev/dax1.0', EINVAL])
  })
})

describe('pushing, for a kernel that does not ask', () => {
  const stat = (server: string, options: string) => {
    const h = host(shadow, { kernel: 'new', server, devices: [{}, {}, {}, {}] })
    expect(h.fused(options).rc).toBe(0)
    h.stat(`${MPT}/simple4k`)
    const table = () => h.rig.k.bus.devices().map(d => d.dax_dev.holder_data.peek() !== null)
    const one = table()
    h.stat(`${MPT}/inter_multidev`)
    return { one, all: table() }
  }
  const all = [0, 1, 2, 3].map(i => `daxdev=/dev/dax${i}.0`).join(',')
  it('fixed: every device up to the highest that the file names, when it is looked up', () => {
    const { one, all: now } = stat('fixed', `${OPTIONS.replace('daxdev=/dev/dax0.0', all)}`)
    expect([one, now]).toEqual([
      [true, false, false, false],
      [true, true, true, true],
    ])
  })
  it('famfs-48: the first, and no other', () => {
    const { one, all: now } = stat('famfs-48', OPTIONS)
    expect([one, now]).toEqual([
      [true, false, false, false],
      [true, false, false, false],
    ])
  })
})
