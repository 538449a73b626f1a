// Maps that do not fit into a page, and lists that are looked up by a shift (profile `new`; kernel.md 2.3, 2.9, 10.17).
import { describe, expect, it } from 'vitest'
import { DEVICE_SIZE, fmapOf, Rig, type RigOptions, runsOf, simpleMap, wordBacking } from '../../src/conform/index.ts'
import { MiB } from '../../src/sim/index.ts'
import { errnoName, fmapLength } from '../../src/wire/index.ts'

const KIB4 = 4096
const HEADER = 32
const file = (n: number, len = KIB4) => ({
  kind: 'simple' as const,
  fileSize: n * len,
  // Every other piece, so that two extents never go on into each other.
  extents: Array.from({ length: n }, (_, i) => ({ dev: 0, offset: ((i * 2) % 16384) * KIB4, len })),
})

/** Open a file whose server sends `n` extents as a server should, or as `answer` says. */
const open = (n: number, o: { answer?: (size: number, whole: Uint8Array) => Uint8Array; rig?: RigOptions } = {}) => {
  const rig = new Rig({ kernel: 'new', devices: [{ backing: wordBacking(0, DEVICE_SIZE) }], ...o.rig })
  const s = rig.server()
  const map = file(n)
  const whole = fmapOf({ ...map, fmapSize: fmapLength(map) })
  const polite = (size: number) => (whole.length <= size ? whole : whole.subarray(0, HEADER))
  s.files.set('f', { nodeid: 100, size: KIB4, fmap: whole })
  s.script = req =>
    req.op.name === 'GET_FMAP' ? { body: (o.answer ?? polite)(req.arg?.size ?? 4096, whole) } : undefined
  rig.mount(s)
  const rc = rig.run(function* (sys) {
    const fd = yield* sys.open('/mnt/f')
    if (fd < 0) return errnoName(-fd)
    // The last page of the file: the whole list is there.
    const buf = new Uint8Array(8)
    yield* sys.pread(fd, buf, (n - 1) * KIB4)
    return runsOf(buf, 8)[0]![2]
  })
  const asked = s.requests.filter(r => r.op.name === 'GET_FMAP').map(r => r.arg?.size)
  return { rc, asked, wrote: s.wrote.filter(w => w < 0).map(w => errnoName(-w)), problems: rig.problems() }
}
const last = (n: number): number => (((n - 1) * 2) % 16384) * KIB4

describe('GET_FMAP with a size', () => {
  it('40 extents fit into a page: one request', () => {
    expect(open(40)).toEqual({ rc: last(40), asked: [4096], wrote: [], problems: [] })
  })
  it('200 extents: the header first, then all of it in just that much room', () => {
    expect(open(200)).toEqual({ rc: last(200), asked: [4096, 4832], wrote: [], problems: [] })
  })
  it('40 extents are ERANGE on V10, which says no size', () => {
    expect(open(40, { rig: { kernel: 'v10' } })).toMatchObject({ rc: 'ERANGE', asked: [undefined] })
  })
  it('700000 extents, 16.8 MB: EFBIG, nothing is asked again', () => {
    const header = (_: number, whole: Uint8Array) => {
      const h = whole.slice(0, HEADER)
      new DataView(h.buffer).setUint32(12, HEADER + 24 * 700_000, true)
      return h
    }
    expect(open(1, { answer: header })).toMatchObject({ rc: 'EFBIG', asked: [4096] })
  })
  it('300000 extents: the buffer is there and the list is not (L28); without L28 it opens', { timeout: 20_000 }, () => {
    const { rc, asked, problems } = open(300_000)
    expect([rc, asked]).toEqual(['ENOMEM', [4096, 7_200_032]])
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(/^WARN: .*kcalloc of 7200000 bytes/)
    const without = open(300_000, { rig: { switches: { noDefect: ['L28'] } } })
    expect(without).toMatchObject({ rc: last(300_000), problems: [] })
  })
  it('a map that grows between the two requests is EINVAL', () => {
    const grows = (size: number, whole: Uint8Array) => {
      const h = whole.slice(0, HEADER)
      new DataView(h.buffer).setUint32(12, size + 24, true)
      return h
    }
    expect(open(200, { answer: grows })).toMatchObject({ rc: 'EINVAL', asked: [4096, 4120] })
  })
  it('an old server that says no size of its own is taken at its word', () => {
    const zero = (_: number, whole: Uint8Array) => {
      const w = whole.slice()
      new DataView(w.buffer).setUint32(12, 0, true)
      return w
    }
    expect(open(40, { answer: zero })).toMatchObject({ rc: last(40), asked: [4096] })
  })
  it('a server that sends everything whatever the room: EINVAL to it, EIO to the opener (L29)', () => {
    expect(open(200, { answer: (_, whole) => whole })).toMatchObject({ rc: 'EIO', asked: [4096], wrote: ['EINVAL'] })
  })
  it('less than a header is EIO', () => {
    expect(open(40, { answer: (_, whole) => whole.subarray(0, 31) })).toMatchObject({ rc: 'EIO' })
  })
  it('no buffer for the second request: ENOMEM, and nothing leaks', () => {
    const rig = new Rig({ kernel: 'new', kasan: true })
    const s = rig.server()
    const map = file(200)
    const whole = fmapOf({ ...map, fmapSize: fmapLength(map) })
    s.script = req =>
      req.op.name === 'GET_FMAP' ? { body: req.arg.size < whole.length ? whole.subarray(0, HEADER) : whole } : undefined
    s.files.set('f', { nodeid: 100, size: KIB4, fmap: whole })
    const mt = rig.mount(s)
    const live = rig.leaks().sort()
    rig.k.heap.refusal('fmap reply', () => {})(2)
    const opens = () =>
      rig.run(function* (sys) {
        const fd = yield* sys.open('/mnt/f')
        if (fd < 0) return errnoName(-fd)
        yield* sys.close(fd)
        return 'ok'
      })
    expect(opens()).toBe('ENOMEM')
    expect(rig.leaks().sort()).toEqual(live)
    expect(opens()).toBe('ok')
    expect(mt.dev.fc.inodes.get(100)!.fuse!.famfs_meta.peek()!.se).toHaveLength(200)
  })
})

describe('a list of equal extents', () => {
  // 8 MiB pieces and a shorter last one, in an order of their own.
  const extents = [3, 0, 2, 1].map((at, i) => [0, MiB(16) * at, i === 3 ? MiB(2) : MiB(8)] as const)
  const places = (kernel: string, map: Uint8Array, offs: number[]): unknown[] => {
    const rig = new Rig({ kernel, devices: [{ backing: wordBacking(0, DEVICE_SIZE) }] })
    const s = rig.server()
    s.files.set('f', { nodeid: 100, size: KIB4, fmap: map })
    const mt = rig.mount(s)
    return rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f')
      const out: unknown[] = [mt.dev.fc.inodes.get(100)!.fuse!.famfs_meta.peek()!.ext_shift]
      for (const off of offs) {
        const buf = new Uint8Array(16)
        const n = yield* sys.pread(fd, buf, off)
        out.push(n < 0 ? errnoName(-n) : runsOf(buf, n).map(r => r[2]))
      }
      return out
    })
  }
  const offs = [0, MiB(8) - 8, MiB(8), MiB(20) + 64, MiB(24), MiB(26) - 8, MiB(26)]
  it('is looked up by a shift, and finds what the walk finds', () => {
    const [shift, ...found] = places('new', simpleMap(extents), offs)
    const [none, ...walked] = places('v10', simpleMap(extents), offs)
    expect([shift, none]).toEqual([23, 0])
    expect(found).toEqual(walked)
    expect(found[1]).toEqual([MiB(48) + MiB(8) - 8, 0])
  })
  it.each([
    ['unequal', [MiB(8), MiB(4), MiB(8)]],
    ['equal, and no power of two', [MiB(6), MiB(6), MiB(6)]],
    ['a last one that is longer', [MiB(4), MiB(4), MiB(8)]],
  ])('%s: walked', (_what, lens) => {
    const map = simpleMap(lens.map((len, i) => [0, MiB(16) * i, len] as const))
    expect(places('new', map, [lens[0]!])).toEqual([0, [MiB(16)]])
  })
})
