// Files of the standalone famfs: their data, and their end.
import { describe, expect, it } from 'vitest'
import type { RigOptions } from '../../../src/conform/index.ts'
import { MAP_SHARED, O_APPEND, O_RDWR, PROT_READ, PROT_WRITE, type Sys } from '../../../src/kernel/index.ts'
import { MiB, type Step } from '../../../src/sim/index.ts'
import { EIO } from '../../../src/wire/index.ts'
import { creat, MNT, mounted, simple, striped } from './std.ts'

const TWO = MiB(2)
const FILE = `${MNT}/f`
const PAGE = 4096
const bytes = (n: number, seed: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => (i * 7 + seed) & 255)

/** A mounted file of this map, and what `body` makes of it. */
const on = <T>(map = simple(MiB(8), [TWO, MiB(8)]), body: (sys: Sys, fd: number) => Step<T>, o: RigOptions = {}) => {
  const rig = mounted(o)
  const got = rig.run(function* (sys) {
    const fd = yield* creat(sys, FILE, map)
    return yield* body(sys, fd)
  })
  return { rig, got }
}

describe('data', () => {
  it('is where the map says: read, write, load and store reach the same bytes of the device', () => {
    const { rig } = on(simple(MiB(4), [MiB(16), TWO], [MiB(64), TWO]), function* (sys, fd) {
      expect(yield* sys.pwrite(fd, bytes(8192, 1), TWO - PAGE)).toBe(8192)
      const at = yield* sys.mmap(0, MiB(4), PROT_READ | PROT_WRITE, MAP_SHARED, fd)
      const b = new Uint8Array(8192)
      yield* sys.load(at + TWO - PAGE, b)
      expect(b).toEqual(bytes(8192, 1))
      yield* sys.store(at + TWO, bytes(64, 9))
      yield* sys.pread(fd, b, TWO)
      expect(b.subarray(0, 64)).toEqual(bytes(64, 9))
    })
    const raw = new Uint8Array(64)
    rig.run(function* (sys) {
      yield* sys.tool_read('dax0.0', MiB(64), raw)
    })
    expect(raw).toEqual(bytes(64, 9))
    rig.run(function* (sys) {
      yield* sys.tool_read('dax0.0', MiB(18) - PAGE, raw)
    })
    expect(raw).toEqual(bytes(64, 1))
    expect(rig.problems()).toEqual([])
  })
  it('goes round the strips chunk by chunk (kernel.md 9.2)', () => {
    const size = MiB(24)
    const { rig } = on(striped(size, 4, MiB(6), { base: MiB(2) }), function* (sys, fd) {
      for (let at = 0; at < size; at += TWO) yield* sys.pwrite(fd, bytes(16, at / TWO), at)
    })
    // File offset, strip, device offset: the rows of the table, strips 64 MiB apart from 2 MiB on.
    for (const [chunk, strip, off] of [
      [0, 0, 0],
      [1, 1, 0],
      [2, 2, 0],
      [3, 3, 0],
      [4, 0, TWO],
      [7, 3, TWO],
      [11, 3, 2 * TWO],
    ]) {
      const raw = new Uint8Array(16)
      rig.run(function* (sys) {
        yield* sys.tool_read('dax0.0', MiB(2) + strip! * MiB(64) + off!, raw)
      })
      expect(raw, `chunk ${chunk}`).toEqual(bytes(16, chunk!))
    }
  })
  it('1000 reads and 1000 faults cost no message, as there is nobody to ask', () => {
    const { rig, got } = on(undefined, function* (sys, fd) {
      const small = yield* sys.mmap(0x600000001000, MiB(8) - PAGE, PROT_READ, MAP_SHARED, fd)
      const before = sys.faults()
      for (let i = 0; i < 1000; i++) {
        yield* sys.pread(fd, 64, i * PAGE)
        yield* sys.load(small + i * PAGE, new Uint8Array(1))
      }
      return [sys.upcalls(), sys.faults() - before]
    })
    expect([got, rig.k.requests.size, rig.problems()]).toEqual([[0, 1000], 0, []])
  })
  it('O_APPEND counts for nothing, and a write at the end returns 0; without L06 it counts', () => {
    const append = (noDefect: string[]) =>
      on(
        simple(PAGE, [TWO, TWO]),
        function* (sys, fd) {
          yield* sys.close(fd)
          const a = yield* sys.open(FILE, O_RDWR | O_APPEND)
          return [yield* sys.write(a, bytes(8, 1)), yield* sys.pwrite(a, bytes(8, 1), PAGE)]
        },
        { switches: { noDefect } },
      ).got
    expect([append([]), append(['L06'])]).toEqual([
      [8, 0],
      [0, 0],
    ])
  })
  it('L01: write(2) takes the mapped page away, and stores count as major faults', () => {
    const zapped = (noDefect: string[]) =>
      on(
        undefined,
        function* (sys, fd) {
          const at = yield* sys.mmap(0x600000001000, TWO, PROT_READ, MAP_SHARED, fd)
          yield* sys.load(at, new Uint8Array(1))
          const before = sys.faults()
          yield* sys.pwrite(fd, bytes(1, 1), 0)
          yield* sys.load(at, new Uint8Array(1))
          return sys.faults() - before
        },
        { switches: { noDefect } },
      ).got
    expect([zapped([]), zapped(['L01'])]).toEqual([1, 0])
  })
})

describe('the end of a file', () => {
  const past = (o: { noDefect?: string[] }, off = MiB(8)) =>
    on(
      undefined,
      function* (sys, fd) {
        return [
          yield* sys.pread(fd, 64, off),
          yield* sys.pread(fd, 64, off + 1),
          yield* sys.pwrite(fd, bytes(4, 1), off + 1),
        ]
      },
      { switches: o },
    )
  it('B60, B22: behind it the resolver is asked, gives no bytes, and the core warns', () => {
    const { got, rig } = past({})
    expect(got).toEqual([0, 0, 0])
    expect(rig.problems()).toEqual(Array(2).fill('WARN: h0: iomap of no length'))
  })
  it('without B60 nobody is asked; with B60 and without B22 it is EIO', () => {
    expect([past({ noDefect: ['B60'] }).got, past({ noDefect: ['B60'] }).rig.problems()]).toEqual([[0, 0, 0], []])
    expect(past({ noDefect: ['B22'] }).got).toEqual([0, -EIO, -EIO])
  })
  it('B60: what is left of the last extent behind it can be written, and not read', () => {
    const slack = (noDefect: string[]) =>
      on(
        simple(PAGE, [TWO, TWO]),
        function* (sys, fd) {
          return [yield* sys.pwrite(fd, bytes(8, 3), PAGE + 8), yield* sys.pread(fd, 8, PAGE + 8)]
        },
        { switches: { noDefect } },
      )
    expect([slack([]).got, slack(['B60']).got]).toEqual([
      [8, 0],
      [0, 0],
    ])
    expect(slack([]).rig.problems()).toEqual([])
  })
  it('a fault behind it is SIGBUS', () => {
    const { got } = on(simple(PAGE, [TWO, TWO]), function* (sys, fd) {
      const at = yield* sys.mmap(0, 2 * PAGE, PROT_READ, MAP_SHARED, fd)
      return (yield* sys.load_or_signal(at + PAGE, new Uint8Array(1)))?.si_code
    })
    expect(got).toBe('BUS_ADRERR')
  })
  it('B48: a size unlike the map is a warning when it changes between the check and the resolver', () => {
    const warned = (noDefect: string[]) =>
      on(
        undefined,
        function* (sys, fd) {
          const at = yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, fd)
          yield* sys.ftruncate(fd, TWO)
          return (yield* sys.load_or_signal(at, new Uint8Array(1)))?.si_code
        },
        { switches: { noDefect: [...noDefect, 'B22'] } },
      )
    expect([warned([]).got, warned([]).rig.problems().length]).toEqual(['BUS_ADRERR', 2])
    expect(warned(['B48']).rig.problems()).toEqual([])
  })
  it('L10: chunks of no bytes divide by zero at the first access', () => {
    const map = striped(TWO, 2, TWO, { chunkSize: 0 })
    expect(() =>
      on(map, function* (sys, fd) {
        return yield* sys.pread(fd, 8, 0)
      }),
    ).toThrow(/divide error in famfs_meta_to_dax_offset_v2/)
  })
  it('L09: a mapping reaches over the end of its group', () => {
    const strips = (at: number) => [0, 1].map(j => ({ dev: 0, offset: at + j * MiB(8), len: TWO }))
    const groups = [MiB(32), MiB(64)].map((at, i) => ({
      chunkSize: TWO,
      nbytes: MiB(3) + i * MiB(1),
      strips: strips(at),
    }))
    const wrote = (noDefect: string[]) => {
      const raw = new Uint8Array(4)
      on(
        { fileSize: MiB(7), kind: 'interleaved', groups },
        function* (sys, fd) {
          yield* sys.pwrite(fd, bytes(4, 5), MiB(3) - 2)
          yield* sys.tool_read('dax0.0', MiB(41) - 2, raw)
        },
        { switches: { noDefect } },
      )
      return [...raw]
    }
    expect(wrote([])).toEqual([...bytes(4, 5)])
    expect(wrote(['L09'])).toEqual([...bytes(4, 5).subarray(0, 2), 0, 0])
  })
})
