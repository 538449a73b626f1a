// A kernel's parser and resolver by themselves: against the measured maps, the table of resolver vectors (kernel.md 9.2), and
// rules written down once more.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fmapOf, patched, resolvedBy, simpleMap, verdictsOf } from '../../src/conform/index.ts'
import { KERNELS } from '../../src/profile/index.ts'
import { MiB } from '../../src/sim/index.ts'
import { errnoName } from '../../src/wire/index.ts'
import { placesAgree, verdictsAgree } from './maps-against-reference.ts'

const TWO = MiB(2)
const GOOD = simpleMap([[0, TWO, TWO]])
const fuse = KERNELS.filter(k => k.kabi === null).map(k => k.name)

describe('verdicts', () => {
  it('are those of the measured maps', () => {
    const text = readFileSync(new URL('../vectors/oracle-fmap.jsonl', import.meta.url), 'utf8')
    const cases = text
      .trimEnd()
      .split('\n')
      .map(l => JSON.parse(l))
      .filter(c => c.fmap_err === '0')
    expect(cases.length).toBeGreaterThan(50)
    for (const check of [0, 1]) {
      const mine = cases.filter(c => c.index0_check === check)
      const bodies = mine.map(c => Buffer.concat([Buffer.from(c.fmap, 'hex')], c.fmap_len))
      const got = verdictsOf({ switches: { noDefect: check === 0 ? ['B44'] : [] } }, bodies)
      expect(got.map(v => errnoName(v.rc))).toEqual(mine.map(c => c.open))
      for (const v of got) expect(v.reasons.length > 0).toBe(v.rc !== 0)
    }
  })
  it('have a reason for each check that found something', () => {
    const bad = patched(GOOD, [32, 1, 4], [40, 4096, 8], [48, 4096, 8])
    expect(verdictsOf({}, [GOOD, bad, new Uint8Array(4097)])).toEqual([
      { rc: 0, reasons: [] },
      {
        rc: -22,
        reasons: [
          'device index 1: must be 0 (B44)',
          'offset 4096: no multiple of 2097152',
          'length 4096: no multiple of 2097152',
        ],
      },
      { rc: -5, reasons: ['4097 bytes: the buffer has 4096'] },
    ])
  })
  it('leave nothing allocated behind, and say the same in any order', () => {
    const bodies = [GOOD, patched(GOOD, [8, 0, 4]), GOOD, GOOD.slice(0, 40)]
    const alone = bodies.map(b => verdictsOf({}, [b])[0])
    expect(verdictsOf({}, bodies)).toEqual(alone)
  })
  it('are not there for a kernel without GET_FMAP', () => {
    expect(() => verdictsOf({ kernel: 'std' }, [GOOD])).toThrow("kernel 'std' is given maps by ioctl")
  })
  it.each(fuse)('on kernel %s: a good map and a short one', kernel => {
    const [good, short] = verdictsOf({ kernel }, [GOOD, GOOD.slice(0, 31)])
    expect(good).toEqual({ rc: 0, reasons: [] })
    expect(short!.rc).toBeLessThan(0)
    expect(short!.reasons).toHaveLength(1)
  })
})

describe('the resolver', () => {
  const striped = (size: number, n: number) =>
    fmapOf({
      kind: 'interleaved',
      fileSize: size,
      groups: [
        {
          chunkSize: TWO,
          nbytes: size,
          strips: Array.from({ length: n }, (_, dev) => ({ dev, offset: MiB(64) * dev, len: MiB(8) })),
        },
      ],
    })
  it.each<[number, number, number, number, number, number, number]>([
    // strips, file size, offset, length, and: strip, device offset, length
    [4, MiB(24), 0x0, 0x200000, 0, 0x0, 0x200000],
    [4, MiB(24), 0x200000, 0x200000, 1, 0x4000000, 0x200000],
    [4, MiB(24), 0x400000, 0x200000, 2, 0x8000000, 0x200000],
    [4, MiB(24), 0x7fffff, 0x2, 3, 0xc1fffff, 0x1],
    [4, MiB(24), 0x800000, 0x1000, 0, 0x200000, 0x1000],
    [4, MiB(24), 0xf00000, 0x400000, 3, 0xc300000, 0x100000],
    [4, MiB(24), 0x17ff000, 0x2000, 3, 0xc5ff000, 0x1000],
    [3, MiB(7), 0x0, 0x200000, 0, 0x0, 0x200000],
    [3, MiB(7), 0x600000, 0x200000, 0, 0x200000, 0x200000],
    [3, MiB(7), 0x680000, 0x200000, 0, 0x280000, 0x180000],
    [3, MiB(7), 0x6fffff, 0x200000, 0, 0x2fffff, 0x100001],
  ])('%i strips of %i bytes: %i, %i', (n, size, offset, length, device, addr, got) => {
    const [r] = resolvedBy({ switches: { noDefect: ['B44'] } }, striped(size, n), [{ offset, length, write: false }])
    expect(r).toEqual({ rc: 0, addr, offset, length: got, device, flags: 0 })
  })
  it('past the end, on a map that is refused, and for a write', () => {
    const ask = { offset: TWO, length: 4096, write: false }
    expect(resolvedBy({}, GOOD, [ask])).toEqual([{ rc: -5, reasons: ['past the last extent'], refused: false }])
    const refused = { rc: -34, reasons: ['0 extents: too few'], refused: true }
    expect(resolvedBy({}, patched(GOOD, [8, 0, 4]), [ask, ask])).toEqual([refused, refused])
    const write = { offset: 0, length: 4096, write: true }
    expect(resolvedBy({}, GOOD, [write])[0]).toMatchObject({ addr: TWO, flags: 1 })
    expect(resolvedBy({ switches: { noDefect: ['L01'] } }, GOOD, [write])[0]).toMatchObject({ addr: TWO, flags: 0 })
  })
  it.each(fuse)('on kernel %s: the same place', kernel => {
    const [r] = resolvedBy({ kernel }, GOOD, [{ offset: 4096, length: TWO, write: false }])
    expect(r).toEqual({ rc: 0, addr: TWO + 4096, offset: 4096, length: TWO - 4096, device: 0, flags: 0 })
  })
})

describe('drawn maps', () => {
  const runs = { numRuns: 25, seed: 5 }
  it('get the verdict of the reference', () => fc.assert(verdictsAgree(), runs))
  it('lie where the reference says', () => fc.assert(placesAgree(), { ...runs, numRuns: 60 }))
  it('would show a kernel that wants groups to cover the file (B47), or clips at their end (L09)', () => {
    expect(() => fc.assert(verdictsAgree(['B47']), { ...runs, endOnFailure: true })).toThrow()
    expect(() => fc.assert(placesAgree(['L09']), { ...runs, numRuns: 300, endOnFailure: true })).toThrow()
  })
})
