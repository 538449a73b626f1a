import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openArrayBuffer, openMemfd } from '../../src/devdax/backing/index.ts'
import { MAX_MARKS, Memory, UNDO_PAGE } from '../../src/devdax/memory.ts'
import { nativeAvailable } from '../../src/native/index.ts'

const MiB = 2 ** 20
const GiB = 2 ** 30
const UNIT = 2 * MiB
const PIECE = 128 * 1024

const pattern = (length: number, seed: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + seed * 17 + (i >>> 8)) & 0xff
  return bytes
}

const readBack = (memory: Memory, off: number, len: number): Uint8Array => {
  const bytes = new Uint8Array(len)
  memory.read(off, bytes)
  return bytes
}

/** Equality without the cost of a deep comparison of megabytes. */
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

describe('reading and writing', () => {
  let memory: Memory
  beforeEach(() => {
    memory = new Memory(openArrayBuffer(3 * UNIT))
  })
  afterEach(() => memory.close())

  const offsets = [0, 1, 4095, 4096, PIECE - 1, UNIT - 1, UNIT - 40, UNIT, 2 * UNIT - 5000, 7]
  const lengths = [0, 1, 8, 31, 32, 33, 4096, 5000, PIECE + 3, UNIT, UNIT + 77]
  const table = offsets.flatMap(off => lengths.map(len => [off, len]))
  it.each(table)('at %i, %i bytes: read, slice and digest give what was written; neighbours stay', (off, len) => {
    for (const marked of [false, true]) {
      const token = marked ? memory.mark() : 0
      const bytes = pattern(len, off)
      memory.write(off, bytes)
      expect(same(readBack(memory, off, len), bytes)).toBe(true)
      expect(memory.digest(off, len)).toBe(crc32(bytes))
      if (off > 0) expect(readBack(memory, off - 1, 1)[0]).toBe(0)
      expect(readBack(memory, off + len, 1)[0]).toBe(0)
      if (!marked) memory.fill(off, len, 0)
      else {
        memory.rewind(token)
        memory.release(token)
      }
      expect(memory.digest(0, memory.size)).toBe(crc32(new Uint8Array(memory.size)))
    }
  })

  it('fills across windows and pieces', () => {
    memory.fill(UNIT - 3, PIECE + 10, 0xab)
    const got = readBack(memory, UNIT - 4, PIECE + 12)
    expect([got[0], got[1], got[PIECE + 10], got[PIECE + 11]]).toEqual([0, 0xab, 0xab, 0])
    expect(got.subarray(1, -1).every(byte => byte === 0xab)).toBe(true)
  })

  it.each([
    [-1, 1],
    [3 * UNIT, 1],
    [3 * UNIT - 1, 2],
    [0.5, 1],
    [Number.NaN, 1],
    [-1, 0],
    [3 * UNIT + 1, 0],
  ])('refuses offset %d, %i bytes, everywhere', (off, len) => {
    const bytes = new Uint8Array(len)
    const calls: (() => unknown)[] = [
      () => memory.read(off, bytes),
      () => memory.write(off, bytes),
      () => memory.fill(off, len, 0),
      () => memory.digest(off, len),
    ]
    for (const call of calls) expect(call).toThrow(RangeError)
    expect(calls[0]).toThrow(`memory read of ${len} bytes at ${off}: expected whole bytes inside 0 to ${3 * UNIT}`)
  })

  it.each([-1, 1.5, Number.NaN])('refuses length %d where one is given', len => {
    for (const call of [() => memory.fill(0, len, 0), () => memory.digest(0, len)]) expect(call).toThrow(RangeError)
  })

  it('takes the empty range at the very end', () => {
    memory.read(3 * UNIT, new Uint8Array(0))
    memory.write(3 * UNIT, new Uint8Array(0))
    expect(memory.digest(3 * UNIT, 0)).toBe(0)
  })

  it('is shut after close', () => {
    const token = memory.mark()
    memory.close()
    expect(() => memory.read(0, new Uint8Array(1))).toThrow('used after close')
    expect(() => memory.rewind(token)).toThrow(RangeError)
  })
})

describe('marks', () => {
  let memory: Memory
  beforeEach(() => {
    memory = new Memory(openArrayBuffer(2 * UNIT))
  })
  afterEach(() => memory.close())
  const put = (byte: number, off = 0) => memory.write(off, new Uint8Array([byte]))
  const get = (off = 0) => readBack(memory, off, 1)[0]

  it('can be rewound to again and again', () => {
    put(1)
    const token = memory.mark()
    for (let i = 2; i < 5; i++) {
      put(i)
      memory.rewind(token)
      expect(get()).toBe(1)
    }
  })

  it('a page saved by the outer mark and changed under the inner one goes back to either', () => {
    put(1)
    const outer = memory.mark()
    put(2)
    const inner = memory.mark()
    put(3)
    memory.rewind(inner)
    expect(get()).toBe(2)
    put(4)
    memory.rewind(outer)
    expect(get()).toBe(1)
  })

  it('a page first saved under an inner mark that was rewound and released is saved anew for the outer one', () => {
    put(1)
    const outer = memory.mark()
    const inner = memory.mark()
    put(2)
    memory.rewind(inner)
    memory.release(inner)
    put(3)
    memory.rewind(outer)
    expect(get()).toBe(1)
  })

  it('release of the inner mark leaves the outer one able to rewind', () => {
    put(1, 0)
    put(1, 8192)
    const outer = memory.mark()
    put(2, 0)
    const inner = memory.mark()
    put(3, 0)
    put(3, 8192)
    memory.release(inner)
    expect([get(0), get(8192)]).toEqual([3, 3])
    memory.rewind(outer)
    expect([get(0), get(8192)]).toEqual([1, 1])
  })

  it('release of the oldest or a middle mark leaves the younger ones', () => {
    const tokens = [0, 1, 2].map(i => {
      put(10 + i)
      return memory.mark()
    })
    put(99)
    memory.release(tokens[1])
    memory.release(tokens[0])
    memory.rewind(tokens[2])
    expect(get()).toBe(12)
    expect(() => memory.rewind(tokens[0])).toThrow(RangeError)
  })

  it('rewind ends the younger marks; their tokens are refused', () => {
    const outer = memory.mark()
    const inner = memory.mark()
    memory.rewind(outer)
    expect(() => memory.rewind(inner)).toThrow(`memory rewind of mark ${inner}: not open`)
    expect(() => memory.release(inner)).toThrow(`memory release of mark ${inner}: not open`)
    memory.release(outer)
    expect(() => memory.rewind(outer)).toThrow(RangeError)
    expect(() => memory.rewind(0)).toThrow(RangeError)
  })

  it('saves each page once however often it is written, and recycles the buffers', () => {
    const token = memory.mark()
    for (let i = 0; i < 1000; i++) put(i & 255, i & 4095)
    expect(memory.undoStats()).toMatchObject({ marks: 1, savedBytes: UNDO_PAGE })
    memory.rewind(token)
    memory.write(100, pattern(UNIT, 5))
    const full = memory.undoStats()
    expect(full.savedBytes).toBeGreaterThanOrEqual(UNIT + UNDO_PAGE)
    for (let i = 0; i < 10; i++) {
      memory.rewind(token)
      expect(memory.undoStats().savedBytes).toBe(0)
      memory.write(100, pattern(UNIT, i))
    }
    memory.release(token)
    expect(memory.undoStats()).toEqual({ marks: 0, savedBytes: 0, pooledBytes: full.pooledBytes })
  })

  it('mark and release under an outer mark does not pile up copies', () => {
    const outer = memory.mark()
    put(1)
    const once = memory.undoStats()
    for (let i = 0; i < 500; i++) {
      const inner = memory.mark()
      put(i & 255)
      memory.release(inner)
    }
    expect(memory.undoStats().savedBytes).toBe(once.savedBytes)
    memory.rewind(outer)
    expect(get()).toBe(0)
  })

  it('nests as deep as it says and no deeper', () => {
    const first = memory.mark()
    for (let i = 1; i < MAX_MARKS; i++) memory.mark()
    expect(() => memory.mark()).toThrow(`${MAX_MARKS} are open`)
    memory.rewind(first)
    expect(memory.undoStats().marks).toBe(1)
  })
})

describe.skipIf(!nativeAvailable().ok)('over a real mapping', () => {
  it('crosses gibibyte windows on a sparse terabyte, with undo', () => {
    const memory = new Memory(openMemfd(1024 * GiB, { hugePageAdvice: false }))
    const bytes = pattern(300_000, 3)
    const places = [GiB - 150_000, 3 * GiB - 1, 700 * GiB + 5, 1024 * GiB - 300_000]
    memory.write(places[0], pattern(300_000, 9))
    const token = memory.mark()
    for (const off of places) {
      memory.write(off, bytes)
      expect(memory.digest(off, bytes.length)).toBe(crc32(bytes))
    }
    // Small writes over the border of a chunk, which is no border of a window here.
    memory.write(5 * UNIT - 4, pattern(8, 1))
    const { savedBytes } = memory.undoStats()
    for (let i = 0; i < 50; i++) memory.write(5 * UNIT - 4, pattern(8, i))
    expect(memory.undoStats().savedBytes).toBe(savedBytes)
    memory.write(GiB - 4, pattern(8, 2))
    memory.rewind(token)
    expect(readBack(memory, 5 * UNIT - 4, 8).every(byte => byte === 0)).toBe(true)
    expect(same(readBack(memory, places[0], 300_000), pattern(300_000, 9))).toBe(true)
    for (const off of places.slice(1)) expect(readBack(memory, off, 300_000).every(byte => byte === 0)).toBe(true)
    expect(memory.undoStats().pooledBytes).toBeLessThan(4 * MiB)
    memory.close()
  })
})

/** What Memory promises, said the slow way: the whole device copied at each mark. */
class Reference {
  bytes: Uint8Array
  marks: { token: number; copy: Uint8Array }[] = []
  constructor(size: number) {
    this.bytes = new Uint8Array(size)
  }
  mark(token: number): void {
    this.marks.push({ token, copy: this.bytes.slice() })
  }
  rewind(i: number): number {
    this.bytes.set(this.marks[i].copy)
    this.marks.length = i + 1
    return this.marks[i].token
  }
  release(i: number): number {
    return this.marks.splice(i, 1)[0].token
  }
}

describe('against a reference (property)', () => {
  const size = 2 * UNIT
  // Near page, piece and window borders, where something can go wrong; and few pages, so that writes meet.
  const spots = [0, 4096, 8192, PIECE, PIECE + 4096, UNIT - 4096, UNIT, UNIT + PIECE, size - 8192]
  const off = fc.tuple(fc.constantFrom(...spots), fc.integer({ min: -20, max: 4100 })).map(([spot, by]) => spot + by)
  const len = fc.oneof(fc.nat(40), fc.constantFrom(4096, 8192), fc.nat(12_000), fc.constantFrom(PIECE, 2 * PIECE + 1))
  const range = fc.tuple(off, len).map(([at, n]) => {
    const start = at < 0 ? 0 : at
    return { off: start, len: start + n > size ? size - start : n }
  })
  const op = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('write' as const), range, byte: fc.integer({ min: 1, max: 255 }) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('fill' as const), range, byte: fc.nat(255) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('mark' as const) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('rewind' as const), pick: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const), pick: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('read' as const), range }) },
  )

  it('random writes, fills, marks, rewinds and releases of any mark', () => {
    const seen = { nestedRewind: 0, middleRelease: 0 }
    fc.assert(
      fc.property(fc.array(op, { minLength: 5, maxLength: 60, size: 'max' }), ops => {
        const memory = new Memory(openArrayBuffer(size))
        const model = new Reference(size)
        const agree = () => expect(memory.digest(0, size)).toBe(crc32(model.bytes))
        for (const step of ops) {
          const open = model.marks.length
          switch (step.do) {
            case 'write': {
              const bytes = pattern(step.range.len, step.byte)
              memory.write(step.range.off, bytes)
              model.bytes.set(bytes, step.range.off)
              break
            }
            case 'fill':
              memory.fill(step.range.off, step.range.len, step.byte)
              model.bytes.fill(step.byte, step.range.off, step.range.off + step.range.len)
              break
            case 'read': {
              const { off: at, len: n } = step.range
              expect(same(readBack(memory, at, n), model.bytes.subarray(at, at + n))).toBe(true)
              break
            }
            case 'mark':
              if (open < 6) model.mark(memory.mark())
              break
            case 'rewind':
              if (open === 0) break
              if (step.pick % open < open - 1) seen.nestedRewind++
              memory.rewind(model.rewind(step.pick % open))
              agree()
              break
            case 'release':
              if (open === 0) break
              if (step.pick % open < open - 1) seen.middleRelease++
              memory.release(model.release(step.pick % open))
              agree()
              break
          }
        }
        agree()
        while (model.marks.length > 0) {
          const i = model.marks.length - 1
          memory.rewind(model.rewind(i))
          agree()
          memory.release(model.release(i))
        }
        expect(memory.undoStats()).toMatchObject({ marks: 0, savedBytes: 0 })
        memory.close()
      }),
      { numRuns: 150 },
    )
    // The property means little if the shapes it is about never came up.
    expect(seen.nestedRewind).toBeGreaterThan(50)
    expect(seen.middleRelease).toBeGreaterThan(50)
  })
})
