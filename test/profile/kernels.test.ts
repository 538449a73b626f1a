// The tables of kernels and defects: they fit each other, and a profile is a table with its switches.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CATALOGUE, DEFECTS, KERNELS, kernelProfile } from '../../src/profile/index.ts'

describe('the catalogue', () => {
  const names = KERNELS.map(k => k.name)
  it('has every number of the lists it is made of, switch or not', () => {
    const ids = new Set(CATALOGUE.map(d => d.id))
    const numbers = (letter: string, n: number): string[] =>
      Array.from({ length: n }, (_, i) => `${letter}${String(i + 1).padStart(2, '0')}`)
    expect([...numbers('B', 62), ...numbers('L', 29)].filter(id => !ids.has(id))).toEqual([])
  })
  it('tells where each of the kernel is shown, and it is told of there', () => {
    for (const d of DEFECTS.filter(x => /^[BLR]\d/.test(x.id))) {
      expect(d.shown, d.id).toBeDefined()
      expect(readFileSync(d.shown!, 'utf8'), `${d.shown} of ${d.id}`).toMatch(new RegExp(`\\b${d.id}\\b`))
    }
  })
  it('refuses to switch what has no switch', () => {
    expect(() => kernelProfile('v10', { defect: ['B41'] })).toThrow('defect B41 cannot be switched: a false alarm')
  })
  it('names each defect and each kernel once', () => {
    expect(new Set(CATALOGUE.map(d => d.id)).size).toBe(CATALOGUE.length)
    expect(new Set(names).size).toBe(names.length)
  })
  it.each(DEFECTS.map(d => [d.id, d] as const))('%s is carried by kernels there are', (_id, d) => {
    expect(d.kernels.filter(k => !names.includes(k))).toEqual([])
    expect((d.inferred ?? []).filter(k => !d.kernels.includes(k))).toEqual([])
  })
  it('has nothing measured of a kernel that nobody has measured', () => {
    const claimed = DEFECTS.filter(
      d => d.mark === 'measured' && d.kernels.some(k => k !== 'v10' && !d.inferred?.includes(k)),
    )
    expect(claimed.map(d => d.id)).toEqual([])
  })
})

describe('profiles', () => {
  const carried = (kernel: string) => DEFECTS.filter(d => d.kernels.includes(kernel)).map(d => d.id)
  it.each(KERNELS.map(k => k.name))('%s carries its own defects', name => {
    const p = kernelProfile(name)
    expect(p.t.name).toBe(name)
    expect(carried(name).filter(id => !p.has(id))).toEqual([])
  })
  it('new lacks what V10 has and the later tree mended', () => {
    const p = kernelProfile('new')
    for (const id of ['B40', 'B42', 'B43', 'B44', 'B45', 'B47', 'B48', 'L10']) {
      expect(kernelProfile('v10').has(id), id).toBe(true)
      expect(p.has(id), id).toBe(false)
    }
  })
  it('switches add and take away, the taking last', () => {
    expect(kernelProfile('new', { defect: ['B44'] }).has('B44')).toBe(true)
    expect(kernelProfile('new', { defect: ['B44'], noDefect: ['B44'] }).has('B44')).toBe(false)
    expect(() => kernelProfile('v11')).toThrow("unknown kernel 'v11': expected one of std, rfc, v2, v3, v10, new")
    expect(() => kernelProfile('new', { noDefect: ['B99'] })).toThrow("unknown defect 'B99'")
  })
  it.each(KERNELS.map(k => [k.name, k] as const))('%s: the limits of its table agree', (_name, t) => {
    expect(t.max_daxdevs).toBeLessThanOrEqual(64) // the bitmap of a map has 64 bits
    expect(t.chunk_align % t.extent_align).toBe(0)
    for (const size of t.chunk_sizes ?? []) expect(size % t.chunk_align).toBe(0)
    expect(t.fmap_max).toBeGreaterThan(t.fmap_bufsize)
  })
})
