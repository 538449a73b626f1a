// What first light must show, measured from outside the scenario: its own expectations are checked by the scenario itself.
import { describe, expect, it } from 'vitest'
import firstLight, { byteAt } from '../../scenarios/basics/first-light.ts'
import { Lender } from '../../src/devdax/index.ts'
import { RandomChooser } from '../../src/explore/index.ts'
import { FUSE_SENT } from '../../src/kernel/index.ts'
import type { TraceEvent } from '../../src/sim/index.ts'
import { buildWorld, MiB, type RunResult, runScenario, SAY, type World } from '../../src/world/index.ts'
import { times } from '../times.ts'

const build = (seed: number, sink?: (e: TraceEvent) => void): World => buildWorld(firstLight, { seed, sink })

/** Run `seed` and keep the events that `pick` wants. */
function events(seed: number, pick: (e: TraceEvent) => boolean): { r: RunResult; list: TraceEvent[] } {
  const list: TraceEvent[] = []
  const w = build(seed, e => {
    if (pick(e)) list.push(e)
  })
  const r = w.run(new RandomChooser(seed))
  w.close()
  return { r, list }
}

describe('first light', () => {
  it('sends INIT, LOOKUP, OPEN, GET_FMAP, GET_DAXDEV in that order, then reads and faults without a message', () => {
    const { list } = events(1, e => e.kind === FUSE_SENT || e.kind === SAY)
    const names = list.map(e => e.subject)
    let at = -1
    for (const op of ['INIT', 'LOOKUP', 'OPEN', 'GET_FMAP', 'GET_DAXDEV']) {
      const next = names.indexOf(`FUSE_${op}`, at + 1)
      expect(next, op).toBeGreaterThan(at)
      at = next
    }
    const line = names.indexOf('1000 reads and 1000 page faults on h0: messages sent during them: 0')
    expect(line).toBeGreaterThan(at)
  })

  it('gives equal digests for equal seeds, from one world rewound and from fresh ones', () => {
    const w = build(7)
    const digests = [1, 2, 3].map(() => w.run(new RandomChooser(7)).digest)
    w.close()
    digests.push(runScenario(firstLight, new RandomChooser(7), { seed: 7 }).digest)
    expect(new Set(digests).size).toBe(1)
    expect(digests[0]).toMatch(/^[0-9a-f]{16}$/)
  })

  const seeds = times(40, 200)
  it(`holds under ${seeds} seeds, in at least 20 different interleavings`, () => {
    const seen = new Set<string>()
    const w = buildWorld(firstLight, { seed: 1, trace: false })
    for (let seed = 1; seed <= seeds; seed++) {
      const r = w.run(new RandomChooser(seed))
      expect(r.problems, `seed ${seed}`).toEqual([])
      expect(r.verdict, `seed ${seed}`).toBe('held')
      seen.add(r.interleaving)
    }
    w.close()
    expect(seen.size).toBeGreaterThanOrEqual(20)
  })

  it('puts every byte where the arithmetic of striping says', () => {
    const w = build(3)
    expect(w.run(new RandomChooser(3)).verdict).toBe('held')
    const mem = w.memory('dax0.0')!.memory
    // What the log says, read from the bytes of the log itself: entry i at 2 MiB + 48 + 544 i (two files, in this order).
    const entry = (i: number) => {
      const b = new Uint8Array(544)
      mem.read(0x200000 + 48 + 544 * i, b)
      return new DataView(b.buffer)
    }
    const u64 = (dv: DataView, off: number) => Number(dv.getBigUint64(off, true))
    const simple = entry(0)
    expect(simple.getUint32(120, true)).toBe(0)
    const base = u64(simple, 144)
    const got = new Uint8Array(MiB(8))
    mem.read(base, got)
    for (let pos = 0; pos < MiB(8); pos++)
      if (got[pos] !== byteAt(1, pos)) throw new Error(`simple: byte ${pos} is ${got[pos]}, not ${byteAt(1, pos)}`)
    const striped = entry(1)
    expect(striped.getUint32(120, true)).toBe(1)
    const strips = u64(striped, 136)
    const chunk = u64(striped, 144)
    expect([strips, chunk]).toEqual([4, MiB(2)])
    const one = new Uint8Array(1)
    for (let pos = 0; pos < MiB(64); pos += MiB(2))
      for (const p of [pos, pos + 1, pos + 4097, pos + 65535]) {
        const n = Math.floor(p / chunk)
        const strip = u64(striped, 152 + 24 * (n % strips) + 8)
        mem.read(strip + Math.floor(n / strips) * chunk + (p % chunk), one)
        expect(one[0], `striped: byte ${p}`).toBe(byteAt(2, p))
      }
    w.close()
  })

  it('is the same on every backing', () => {
    const digests = ['memfd', 'file', 'arraybuffer'].map(
      want => runScenario(firstLight, new RandomChooser(2), { seed: 2, backing: new Lender(want) }).digest,
    )
    expect(new Set(digests).size).toBe(1)
  })
})
