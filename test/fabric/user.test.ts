// Cache instructions on user addresses: through small and large pages, on what is private, and where nothing is mapped.
import { describe, expect, it } from 'vitest'
import { Killed } from '../../src/sim/index.ts'
import {
  flush_processor_cache,
  GiB,
  hard_flush_processor_cache,
  invalidate_processor_cache,
  KiB,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  MiB,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  type Step,
  type Sys,
  World,
} from '../../src/world/index.ts'

const RW = PROT_READ | PROT_WRITE
/** One page off 2 MiB: such a mapping takes small pages. */
const ODD = 0x600000001000

/** Run `body` with a file of 2 MiB open, told where in the memory it lies and what is there. */
function run(body: (sys: Sys, fd: number, byte: (pos: number) => number) => Step<void>): void {
  const w = new World()
  try {
    const dev = w.daxdev('dax0.0', { size: GiB(4) })
    const h0 = w.host('h0')
    const fs = h0.famfs('/mnt/famfs', { mkfs: dev })
    fs.creat('/x', MiB(2))
    const map = fs.fmap('/x')
    if (map.kind !== 'simple') throw new Error('a file of one unit has one extent')
    const byte = (pos: number): number => {
      const b = new Uint8Array(1)
      dev.memory.read(map.extents[0]!.offset + pos, b)
      return b[0]!
    }
    w.setup(h0, 'a', function* (sys) {
      yield* body(sys, yield* sys.open('/mnt/famfs/x', O_RDWR), byte)
    })
  } finally {
    w.close()
  }
}

describe('a store through a mapping', () => {
  it.each([
    ['2 MiB pages', 0, 0],
    ['small pages', ODD, MAP_FIXED],
  ])('is in the memory when it was flushed, by %s', (_, addr, fixed) =>
    run(function* (sys, fd, byte) {
      const at = yield* sys.mmap(addr, MiB(2), RW, MAP_SHARED | fixed, fd)
      // Across a boundary of small pages, and of lines.
      const pos = KiB(4) - 2
      for (const [n, flush] of [
        flush_processor_cache,
        invalidate_processor_cache,
        hard_flush_processor_cache,
      ].entries()) {
        yield* sys.store(at + pos, new Uint8Array(4).fill(n + 1))
        expect(byte(pos + 3)).toBe(n)
        yield* flush(sys, at + pos, 4)
        expect([0, 1, 2, 3].map(i => byte(pos + i))).toEqual([n + 1, n + 1, n + 1, n + 1])
      }
      yield* sys.store(at, Uint8Array.of(9))
      yield* sys.clflush(at, 1)
      expect(byte(0)).toBe(9)
    }),
  )
  it('by write(2) is in the cache as well', () =>
    run(function* (sys, fd, byte) {
      yield* sys.pwrite(fd, Uint8Array.of(5), 70)
      expect(byte(70)).toBe(0)
      const at = yield* sys.mmap(0, MiB(2), PROT_READ, MAP_SHARED, fd)
      yield* flush_processor_cache(sys, at + 64, 1)
      expect(byte(70)).toBe(5)
    }))
  it('to a private copy is nobody else’s business', () =>
    run(function* (sys, fd, byte) {
      const at = yield* sys.mmap(ODD, MiB(2), RW, MAP_PRIVATE | MAP_FIXED, fd)
      yield* sys.store(at + KiB(4), Uint8Array.of(7))
      yield* flush_processor_cache(sys, at, KiB(12))
      const b = new Uint8Array(1)
      yield* sys.load(at + KiB(4), b)
      expect([b[0], byte(KiB(4))]).toEqual([7, 0])
    }))
  it('where nothing is mapped a cache instruction faults as a load does', () =>
    run(function* (sys) {
      let killed: unknown = null
      try {
        yield* sys.clwb(0x1000, 64)
      } catch (e) {
        killed = e
      }
      expect(killed).toBeInstanceOf(Killed)
      expect((killed as Killed).info).toMatchObject({ signal: 'SIGSEGV', si_code: 'SEGV_MAPERR' })
    }))
  it('a device that is not there', () =>
    run(function* (sys) {
      expect(yield* sys.tool_clwb('dax9.0', 0, 64)).toBe(-6)
      expect(yield* sys.tool_clflushopt('dax0.0', GiB(4), 64)).toBe(-6)
    }))
})
