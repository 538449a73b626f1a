// Twenty creats at once on one host, in many orders. With the daemon's real lock (Q1) most fail, and some order gives two files the
// same space; with one that waits, there are twenty files, each with its own.
import { describe, expect, it } from 'vitest'
import { RandomChooser } from '../../../src/explore/index.ts'
import type { End } from '../../../src/server/index.ts'
import { GiB } from '../../../src/sim/index.ts'
import { logged, mkfs, mount } from './mounted.ts'
import { oneHost } from './on-host.ts'

const AT_ONCE = 20

function outcomes(server: string, seeds: number) {
  const { w, h } = oneHost({ size: GiB(4), server })
  mkfs(h)
  mount(h)
  expect(h.cli('famfs creat -s 4096 /mnt/famfs/first').rc).toBe(0)
  const apps = Array.from({ length: AT_ONCE }, (_, i) =>
    h.app(`creat${i}`, function* (sys) {
      return yield* h.sh(sys, `famfs creat -s 4096 /mnt/famfs/p${i}`)
    }),
  )
  const out = Array.from({ length: seeds }, (_, seed) => {
    const { verdict } = w.run(new RandomChooser(seed))
    const ends = apps.map(a => a.end()!.value as End)
    const offsets = logged(w).map(e => (e.fmap.kind === 'simple' ? e.fmap.extents[0]!.offset : 0))
    const made = ends.filter(e => e.rc === 0).length
    return { verdict, made, files: offsets.length - 1, shared: offsets.length - new Set(offsets).size, ends }
  })
  w.close()
  return out
}

describe('twenty creats at once', () => {
  it('famfs-48: failures every time, a collision some time', () => {
    const got = outcomes('famfs-48', 8)
    for (const o of got) {
      expect(o.verdict).toBe('held')
      expect(o.made).toBeLessThan(AT_ONCE)
      expect(o.ends.filter(e => e.rc !== 0).every(e => e.rc === 1 && e.err[0]!.includes('lock'))).toBe(true)
    }
    expect(got.some(o => o.shared > 0)).toBe(true)
  })
  it('fixed: twenty files, no space shared', () => {
    for (const o of outcomes('fixed', 4)) {
      expect({ ...o, ends: o.ends.map(e => e.rc) }).toEqual({
        verdict: 'held',
        made: AT_ONCE,
        files: AT_ONCE,
        shared: 0,
        ends: Array(AT_ONCE).fill(0),
      })
    }
  })
})
