// Striping in virtual time: four devices read about four times as fast as one where a map may name them; V10 refuses it (B44).
import { describe, expect, it } from 'vitest'
import striped from '../../scenarios/multihost/striped.ts'
import { defaultChooser } from '../../src/sim/index.ts'
import { type RunResult, runScenario, SAY, type WorldOptions } from '../../src/world/index.ts'

/** A run, what it said, and the indexes of the devices that were asked for. */
const run = (o: WorldOptions): { r: RunResult; said: string[]; asked: number[] } => {
  const said: string[] = []
  const asked = new Set<number>()
  const sink: WorldOptions['sink'] = e => {
    if (e.kind === SAY) said.push(e.subject)
    // The nodeid of a GET_DAXDEV is the index.
    if (e.kind.name === 'sent' && e.subject === 'FUSE_GET_DAXDEV') asked.add((e.ref as Uint8Array)[16]!)
  }
  const r = runScenario(striped, defaultChooser, { seed: 1, sink, ...o })
  return { r, said, asked: [...asked] }
}
const times = (said: string[]): number[] =>
  said.flatMap(
    s =>
      s
        .match(/([\d.]+) times as fast/)
        ?.slice(1)
        .map(Number) ?? [],
  )

describe('a file striped over four devices', () => {
  it.each<[string, WorldOptions]>([
    ['new', { kernel: 'new' }],
    ['new, caches off', { kernel: 'new', fabric: { caches: false } }],
    ['V10 without B44', { switches: { noDefect: ['B44'] } }],
  ])('%s: about four times as fast as one', (_name, o) => {
    const { r, said, asked } = run(o)
    expect(r.problems).toEqual([])
    const [t, ...more] = times(said)
    expect(more).toEqual([])
    expect(t).toBeGreaterThan(3.5)
    expect(t).toBeLessThan(4.5)
    expect(asked).toEqual(o.kernel === 'new' ? [] : [0, 1, 2, 3])
  })
  it('is the same twice on new too', () => {
    const digest = () => run({ kernel: 'new' }).r.digest
    expect(digest()).toBe(digest())
  })
  it('V10: EINVAL on both hosts, no other device is asked for, and nothing is measured', () => {
    const { r, said, asked } = run({})
    expect(r.problems).toEqual([])
    expect(said).toContain('writer on h0: /striped: errno 22')
    expect(times(said)).toEqual([])
    expect(asked).toEqual([0])
  })
})
