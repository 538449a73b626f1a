// Maps measured on a real kernel, replayed on the model: open, reads, faults and messages must be the same.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type FmapCase, replayFmapCase } from './fmap-case.ts'

const { cases } = JSON.parse(readFileSync(new URL('../vectors/oracle-fmap.json', import.meta.url), 'utf8')) as {
  cases: FmapCase[]
}

describe('maps measured on a real kernel', () => {
  it.each(cases.map(c => [c.case, c.mutation, c.open, c] as const))('case %i (%s, open %s)', (_n, _m, _o, c) => {
    expect(replayFmapCase(c)).toEqual([])
  })

  it('has maps of every kind of damage, opened and refused', () => {
    expect(cases).toHaveLength(60)
    expect(new Set(cases.map(c => c.mutation)).size).toBeGreaterThanOrEqual(22)
    expect(new Set(cases.map(c => c.open)).size).toBeGreaterThanOrEqual(4)
  })

  it('would notice a kernel that clips an interleaved mapping to its group (L09), or lets device 1 in (B44)', () => {
    const without = (id: string) => cases.filter(c => replayFmapCase(c, { noDefect: [id] }).length > 0).length
    expect(without('L09')).toBeGreaterThan(0)
    expect(without('B44')).toBeGreaterThan(0)
  })
})
