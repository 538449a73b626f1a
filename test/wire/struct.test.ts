import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bytes,
  cstr,
  fuse_entry_out,
  getU64,
  getU64Big,
  nested,
  pad,
  s32,
  s64,
  setU64,
  setU64Big,
  struct,
  u8,
  u16,
  u32,
  u64,
  u64words,
} from '../../src/wire/index.ts'
import { structValue } from './arbitrary.ts'

const inner = struct('inner', 8, { a: u32(0), gap: pad(4, 2), b: u16(6) })
const outer = struct('outer', 64, {
  byte: u8(0),
  signed: s32(4),
  big: u64(8),
  alsoBig: s64(16),
  raw: bytes(24, 4),
  name: cstr(28, 8),
  in: nested(40, inner),
})

describe('struct builder', () => {
  it('reads and writes each kind of field at its place, whatever the base', () => {
    fc.assert(
      fc.property(structValue(outer), fc.integer({ min: 0, max: 40 }), (value, base) => {
        const dv = new DataView(new ArrayBuffer(128))
        outer.write(dv, base, value)
        expect(outer.read(dv, base)).toEqual(value)
        for (const [name, field] of Object.entries(outer.f)) expect(field.get(dv, base)).toEqual(value[name])
      }),
    )
  })

  it('single fields write what the whole struct writes', () => {
    fc.assert(
      fc.property(structValue(fuse_entry_out), value => {
        const whole = new DataView(new ArrayBuffer(128))
        const parts = new DataView(new ArrayBuffer(128))
        fuse_entry_out.write(whole, 0, value)
        for (const [name, field] of Object.entries(fuse_entry_out.f)) (field as any).set(parts, 0, value[name])
        expect(new Uint8Array(parts.buffer)).toEqual(new Uint8Array(whole.buffer))
      }),
    )
  })

  it('stays inside itself and leaves what it is not given', () => {
    const all = new Uint8Array(96).fill(0xaa)
    const dv = new DataView(all.buffer)
    outer.write(dv, 16, { signed: -2, in: { b: 0x1234 } })
    const expected = new Uint8Array(96).fill(0xaa)
    expected.set([0xfe, 0xff, 0xff, 0xff], 20)
    expected.set([0x34, 0x12], 16 + 40 + 6)
    expect(all).toEqual(expected)
  })

  it('lists reserved space but gives it no accessor and no value', () => {
    expect(inner.fields.map(f => `${f.name}@${f.offset}(${f.size})${f.type}`)).toEqual([
      'a@0(4)u32',
      'gap@4(2)pad',
      'b@6(2)u16',
    ])
    expect(Object.keys(inner.f)).toEqual(['a', 'b'])
    expect(inner.read(new DataView(new ArrayBuffer(8)), 0)).toEqual({ a: 0, b: 0 })
  })

  it('numbers wrap as in a C assignment', () => {
    const dv = new DataView(new ArrayBuffer(8))
    inner.write(dv, 0, { a: 4294967296 + 5, b: -1 })
    expect(inner.read(dv, 0)).toEqual({ a: 5, b: 0xffff })
  })

  it.each([
    ['overlap', () => struct('x', 8, { a: u32(0), b: u32(2) }), /struct x: b@2\(4\) overlaps a, which ends at 4/],
    ['past the end', () => struct('x', 8, { a: u64(4) }), /a@4\(8\) ends at 12, the struct at 8/],
    ['overlap, listed backwards', () => struct('x', 8, { b: u32(2), a: u32(0) }), /b@2\(4\) overlaps a/],
    ['negative offset', () => struct('x', 8, { a: u32(-4) }), /not a count/],
    ['fractional offset', () => struct('x', 8, { a: u32(0.5) }), /not a count/],
    ['empty field', () => struct('x', 8, { a: bytes(0, 0) }), /not a count/],
    ['a name that is no name', () => struct('x', 8, { 'a-b': u32(0) }), /plain identifier/],
  ])('refuses %s', (_, make, why) => {
    expect(make).toThrow(why)
  })
})

describe('text fields', () => {
  const def = struct('t', 8, { s: cstr(2, 4) })
  const roundTrip = (s: string) => {
    const dv = new DataView(new ArrayBuffer(8))
    def.write(dv, 0, { s })
    return def.read(dv, 0).s
  }
  it('may fill the field to the last byte, without a NUL', () => {
    expect(roundTrip('abcd')).toBe('abcd')
    expect(roundTrip('ab')).toBe('ab')
    expect(roundTrip('')).toBe('')
    expect(roundTrip('\u00e9\u00e9')).toBe('\u00e9\u00e9')
  })
  it('replaces all of the old text', () => {
    const dv = new DataView(new ArrayBuffer(8))
    def.write(dv, 0, { s: 'abcd' })
    def.write(dv, 0, { s: 'x' })
    expect([...new Uint8Array(dv.buffer)]).toEqual([0, 0, 0x78, 0, 0, 0, 0, 0])
  })
  it('refuses what does not fit', () => {
    expect(() => roundTrip('abcde')).toThrow('s: 5 bytes of text, the field holds 4')
    const raw = struct('r', 4, { b: bytes(0, 4) })
    expect(() => raw.write(new DataView(new ArrayBuffer(8)), 0, { b: new Uint8Array(5) })).toThrow(
      '5 bytes, the field holds 4',
    )
  })
})

describe('64-bit numbers', () => {
  const dv = new DataView(new ArrayBuffer(16))

  it('agree with BigInt over the exact range', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), v => {
        setU64(dv, 3, v)
        expect(getU64Big(dv, 3)).toBe(BigInt.asUintN(64, BigInt(v)))
        expect(getU64(dv, 3)).toBe(v)
        const [lo, hi] = u64words(v)
        expect(BigInt(hi) * 4294967296n + BigInt(lo)).toBe(BigInt.asUintN(64, BigInt(v)))
      }),
      { numRuns: 2000 },
    )
  })

  it('read as the nearest signed number over all 64 bits', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), v => {
        setU64Big(dv, 0, v)
        expect(getU64Big(dv, 0)).toBe(v)
        expect(getU64(dv, 0)).toBe(Number(BigInt.asIntN(64, v)))
      }),
    )
  })

  it('store every double that fits as BigInt would', () => {
    fc.assert(
      fc.property(fc.double({ min: -(2 ** 63), max: 2 ** 64, maxExcluded: true, noNaN: true }), v => {
        setU64(dv, 0, v)
        const whole = v < 0 ? Math.ceil(v) : Math.floor(v)
        expect(getU64Big(dv, 0)).toBe(BigInt.asUintN(64, BigInt(whole)))
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    [-1, 0xffffffff, 0xffffffff],
    [0, 0, 0],
    [2 ** 32, 0, 1],
    [2 ** 53 - 1, 0xffffffff, 0x1fffff],
    [2 ** 53, 0, 0x200000],
    [-(2 ** 63), 0, 0x80000000],
  ])('%d is the words %d, %d', (v, lo, hi) => {
    expect(u64words(v)).toEqual([lo, hi])
    setU64(dv, 0, v)
    expect(getU64(dv, 0)).toBe(v)
  })

  it('refuse 2^64, which is what the literal 0xffffffffffffffff is, and change nothing', () => {
    setU64(dv, 0, 7)
    expect(() => setU64(dv, 0, 2 ** 64)).toThrow('all ones is written -1')
    expect(() => u64words(-(2 ** 63) - 2 ** 11)).toThrow('does not fit 64 bits')
    expect(getU64(dv, 0)).toBe(7)
  })
})
