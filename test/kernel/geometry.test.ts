// What align and ranges of a device do to mappings and to files on it.
import { describe, expect, it } from 'vitest'
import { Rig, type RigOptions, simpleMap } from '../../src/conform/index.ts'
import { MAP_PRIVATE, MAP_SHARED, O_RDWR, PROT_READ, PROT_WRITE, type Sys } from '../../src/kernel/index.ts'
import { GiB, KiB, MiB, type Step } from '../../src/sim/index.ts'
import { errnoName } from '../../src/wire/index.ts'

const E = (n: number): number | string => (n < 0 ? errnoName(-n) : n)
const fault = (rig: Rig): string => rig.k.faults.entries().flat().join(' ')

describe('a raw mapping of a device node', () => {
  const raw = (align: number, o: { len?: number; off?: number; private?: boolean; touch?: number } = {}) => {
    const rig = new Rig({ devices: [{ size: GiB(2), align, driver: 'device_dax' }] })
    const got = rig.run(function* (sys: Sys): Step<unknown> {
      const fd = yield* sys.open('/dev/dax0.0', O_RDWR)
      const flags = o.private ? MAP_PRIVATE : MAP_SHARED
      const at = yield* sys.mmap(0, o.len ?? align, PROT_READ | PROT_WRITE, flags, fd, o.off ?? 0)
      if (at < 0) return E(at)
      const sig = yield* sys.store_or_signal(at + (o.touch ?? 0), Uint8Array.of(7))
      if (sig !== null) return sig.si_code
      expect(at % align).toBe(0)
      yield* sys.munmap(at, o.len ?? align)
      return fault(rig)
    })
    expect(rig.problems()).toEqual([])
    const byte = new Uint8Array(1)
    const at = (o.off ?? 0) + (o.touch ?? 0)
    if (at < GiB(2)) rig.mems[0]!.memory.read(at, byte)
    return [got, byte[0]]
  }
  it.each([
    [KiB(4), 'PTE 1'],
    [MiB(2), 'PMD 1'],
    [GiB(1), 'PUD 1'],
  ])('align %d faults in entries of that size', (align, want) => {
    expect(raw(align, { touch: align - 1 })).toEqual([want, 7])
  })
  it('reaches what lies behind the first entry', () => {
    expect(raw(GiB(1), { len: GiB(2), touch: GiB(1) + 5 })).toEqual(['PUD 1', 7])
    expect(raw(MiB(2), { len: MiB(4), off: MiB(2), touch: MiB(2) })).toEqual(['PMD 1', 7])
  })
  it.each<[string, Parameters<typeof raw>[1], string]>([
    ['a length below the align', { len: KiB(4) }, 'EINVAL'],
    ['private', { private: true }, 'EINVAL'],
    ['an offset off the align, found at the touch', { off: KiB(4) }, 'BUS_ADRERR'],
    ['past the end, found at the touch', { off: GiB(2) - MiB(2), len: MiB(4), touch: MiB(2) }, 'BUS_ADRERR'],
  ])('%s is refused', (_what, o, want) => {
    expect(raw(MiB(2), o)[0]).toBe(want)
  })
})

describe('a file over two ranges of its device', () => {
  const ranges = [
    { start: GiB(64), len: MiB(64) },
    { start: GiB(16), len: MiB(64) },
  ]
  /** A file of 8 MiB whose middle is the border between the ranges. */
  const over = (o: RigOptions = {}, shift = 0) => {
    const rig = new Rig({ devices: [{ size: MiB(128), ranges: shift === 0 ? ranges : moved(shift) }], ...o })
    const s = rig.server()
    s.files.set('f', { nodeid: 100, size: MiB(8), fmap: simpleMap([[0, MiB(60), MiB(8)]]) })
    rig.mount(s)
    return rig
  }
  const moved = (shift: number) => ranges.map(r => ({ ...r, start: r.start + shift }))
  const pread = (rig: Rig, off: number, len: number) =>
    rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f')
      return E(yield* sys.pread(fd, len, off))
    })
  it('a read across the border is EFAULT, page by page it is not (L19)', () => {
    const rig = over()
    expect(pread(rig, MiB(4) - 4096, 8192)).toBe('EFAULT')
    expect(pread(rig, MiB(4) - 4096, 4096)).toBe(4096)
    expect(pread(rig, MiB(4), 4096)).toBe(4096)
  })
  it('without L19 it is whole', () => {
    const rig = over({ switches: { noDefect: ['L19'] } })
    expect(pread(rig, MiB(4) - 4096, 8192)).toBe(8192)
  })
  it('with B21 the kernel falls over the address it made up', () => {
    const rig = over({ dax: 'fsdev-v3' })
    expect(() => pread(rig, MiB(4) - 4096, 8192)).toThrow(/unable to handle page fault/)
  })
  it.each([
    [0, 'PMD 1'],
    [MiB(1), 'PTE 1'],
  ])('a 2 MiB fault wants an aligned page frame: ranges moved by %d give %s', (shift, want) => {
    const rig = over({ devices: [{ size: MiB(128), align: KiB(4), ranges: moved(shift) }] }, shift)
    rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const at = yield* sys.mmap(0, MiB(2), PROT_READ | PROT_WRITE, MAP_SHARED, fd)
      yield* sys.store(at + 9, Uint8Array.of(7))
    })
    expect(fault(rig)).toBe(want)
    const byte = new Uint8Array(1)
    rig.mems[0]!.memory.read(MiB(60) + 9, byte)
    expect(byte[0]).toBe(7)
  })
})
