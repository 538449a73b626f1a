// Two hosts whose caches nobody keeps equal: what a search finds, what it proves, and that a failure replays and shrinks.
import { describe, expect, it } from 'vitest'
import staleRead, { type Care, staleRead as variant } from '../../scenarios/multihost/stale-read.ts'
import tornAppend from '../../scenarios/multihost/torn-append.ts'
import { makeRunFile, parseRunFile, printRunFile, replay, search, shrink } from '../../src/explore/index.ts'
import type { FabricSetting, Scenario } from '../../src/world/index.ts'

const setting = (fabric?: FabricSetting) => ({
  seed: 1,
  kernel: null,
  switches: {},
  policy: 'free' as const,
  ...(fabric === undefined ? {} : { fabric }),
})
const exhaustive = (s: Scenario, fabric?: FabricSetting) => search(s, { ...setting(fabric), strategy: 'exhaustive' })

describe('a stale read', () => {
  const cares: Care[] = [false, true].flatMap(flush => [false, true].map(invalidate => ({ flush, invalidate })))
  it.each(cares)('without coherence, %j: right only with both', care => {
    const r = exhaustive(variant('x', care))
    if (care.flush && care.invalidate) expect([r.finished, r.failure]).toEqual([true, null])
    else expect(r.failure!.problem.text).toBe('what h1 reads of what h0 wrote: expected 1, got 0')
  })
  it.each(cares)('with back-invalidate, %j: proven that there is none', care => {
    const r = exhaustive(variant('x', care), { coherence: 'back-invalidate', evictions: 2 })
    expect([r.finished, r.failure]).toEqual([true, null])
  })
  it.each(cares)('with caches off, %j: proven that there is none', care => {
    const r = exhaustive(variant('x', care), { caches: false })
    expect([r.finished, r.failure]).toEqual([true, null])
  })
  it('an eviction may write back what was not flushed, and drop what was not invalidated: some executions are right', () => {
    const all = (evictions: number) => {
      let right = 0
      const s = variant('x', { flush: false, invalidate: false })
      for (let seed = 1; seed <= 60; seed++)
        if (search(s, { ...setting({ evictions }), seed, strategy: 'random', runs: 1 }).failure === null) right++
      return right
    }
    expect(all(0)).toBe(0)
    expect(all(2)).toBeGreaterThan(0)
  })
  it('is found by the strategies of a plain explore, and the file replays and gets smaller', () => {
    const fabric = { coherence: 'none', evictions: 1 } as const
    const r = search(staleRead, { ...setting(fabric), strategy: 'portfolio', runs: 200 })
    const head = { ...setting(fabric), scenario: 's.ts', title: staleRead.title, command: '' }
    const file = parseRunFile(printRunFile(makeRunFile(head, r.failure!.run)), 's.run.json')
    expect(file.fabric).toEqual(fabric)
    expect(replay(staleRead, file).difference).toBe(null)
    const small = shrink(staleRead, file)
    expect(small.after.deviations).toBe(1)
    expect(replay(staleRead, small.file!).difference).toBe(null)
  })
  it.each([
    ['{"caches":"off"}', /s: fabric: expected \{ "caches": true or false/],
    ['{"coherence":"some"}', /one of none, back-invalidate/],
    ['{"evictions":-1}', /a whole number from 0/],
    ['{"lines":1}', /fabric: expected/],
  ])('a file that says %s of the fabric is refused', (text, expected) => {
    const r = search(staleRead, { ...setting({ coherence: 'none' }), strategy: 'portfolio', runs: 200 })
    const head = { ...setting({ coherence: 'none' }), scenario: 's.ts', title: 't', command: '' }
    const file = printRunFile(makeRunFile(head, r.failure!.run)).replace('{"coherence":"none"}', text)
    expect(() => parseRunFile(file, 's')).toThrow(expected)
  })
})

describe('an append that another host sees half of', () => {
  it('the counters get to the memory before the entry: the client stops there', () => {
    const r = search(tornAppend, { ...setting(), strategy: 'portfolio', runs: 1000 })
    expect(r.failure!.problem.text).toMatch(/what stops the client: .*entry 0: crc 0x0/)
    expect(r.failure!.reproduces).toBe(true)
    // It takes a line that got there before its fence.
    expect(
      r.failure!.run.choices.some(c => c.kind === 'line' && /^h0 writes back dax0.0\+0x200000$/.test(c.label)),
    ).toBe(true)
  })
  it('not on a coherent device', () => {
    const r = search(tornAppend, { ...setting({ coherence: 'back-invalidate' }), strategy: 'pct2', runs: 200 })
    // The stores are seen as they are made, the entry's first: nobody is stopped.
    expect(r.failure).toBe(null)
  })
})
