// What happens to lines by itself, searched to the end: stale reads, write-backs before their fence, evictions; and that a
// device with back-invalidate has nothing of it. Every program is walked bare and with the reductions, to the same end.
import { describe, expect, it } from 'vitest'
import type { ExhaustiveOptions } from '../../src/explore/index.ts'
import {
  type Coherence,
  fabric_clflushopt,
  fabric_clwb,
  fabric_read,
  fabric_sfence,
  fabric_write,
} from '../../src/fabric/index.ts'
import { Cell, defaultChooser, Machine, type Op, type Step, step } from '../../src/sim/index.ts'
import { BARE, type Program, walk } from '../explore/walk.ts'
import { Watcher } from '../sim/support.ts'
import { FabricRig, type RigOptions } from './rig.ts'

const LINE = 64
const MODES: [string, ExhaustiveOptions][] = [
  ['sleep sets', { cache: false }],
  ['state cache', { sleep: false }],
  ['both', {}],
]

/** Short for one byte of device 0. */
const load = function* (rig: FabricRig, off: number): Step<number> {
  const b = new Uint8Array(1)
  yield* fabric_read(rig.devices[0]!, off, b, 'load')
  return b[0]!
}
const store = (rig: FabricRig, off: number, v: number): Op<number> =>
  fabric_write(rig.devices[0]!, off, Uint8Array.of(v), 'store')
const clwb = (rig: FabricRig, off: number, len = 1): Op<number> => fabric_clwb(rig.devices[0]!, off, len, 'store')
const clflushopt = (rig: FabricRig, off: number): Op<number> => fabric_clflushopt(rig.devices[0]!, off, 1, 'load')

/** `told` is a flag that needs no memory of the fabric. */
type Bodies = (rig: FabricRig, told: Cell<number>) => Record<string, readonly [number, () => Step<any>]>

/** What the tasks return, over all executions; the same with every reduction. */
function outcomes(o: RigOptions, bodies: Bodies): string[] {
  const make = (m: Machine): Program => {
    const rig = new FabricRig(m, o)
    const tasks = Object.entries(bodies(rig, new Cell(m, 'told', 0))).map(
      ([k, [h, body]]) => [k, rig.on(h, body)] as const,
    )
    return { tasks: Object.fromEntries(tasks), final: () => 0 }
  }
  const bare = walk(make, BARE)
  expect(bare.whole).toBe(true)
  for (const [name, mode] of MODES) expect(walk(make, mode).finals, name).toEqual(bare.finals)
  return bare.finals.map(f => f.split(' | ')[1]!)
}

describe('a reader that has the old line', () => {
  /** h1 reads, h0 stores and says so, h1 reads again: what the second read may give. */
  const second = (flush: boolean, invalidate: boolean, o: RigOptions): string[] => {
    const all = outcomes(o, (rig, told) => ({
      writer: [
        0,
        function* () {
          yield* store(rig, 0, 1)
          if (flush) {
            yield* clwb(rig, 0)
            yield* fabric_sfence()
          }
          told.poke(1)
          return 'w'
        },
      ],
      reader: [
        1,
        function* () {
          yield* load(rig, 0)
          yield* step()
          const after = told.peek() === 1
          if (invalidate) {
            yield* clflushopt(rig, 0)
            yield* fabric_sfence()
          }
          const v = yield* load(rig, 0)
          return after ? `told:${v}` : 'early'
        },
      ],
    }))
    return all.map(s => s.split(' ')[1]!).filter(s => s !== 'early')
  }
  it.each<[Coherence, boolean, boolean, string[]]>([
    ['none', false, false, ['told:0']],
    ['none', true, false, ['told:0', 'told:1']],
    ['none', false, true, ['told:0']],
    ['none', true, true, ['told:1']],
    ['back-invalidate', false, false, ['told:1']],
    ['back-invalidate', true, false, ['told:1']],
    ['back-invalidate', false, true, ['told:1']],
    ['back-invalidate', true, true, ['told:1']],
  ])('coherence %s, flush %s, invalidate %s: %j', (coherence, flush, invalidate, expected) => {
    expect([...new Set(second(flush, invalidate, { coherence }))]).toEqual(expected)
  })
})

describe('a write-back that was asked for', () => {
  /** h0 stores A then B, asks for both, and fences (or not); h1 reads B then A once it was told, or at any time. */
  const seen = (fence: boolean, o: RigOptions = {}): string[] =>
    outcomes(o, rig => ({
      writer: [
        0,
        function* () {
          yield* store(rig, 0, 1)
          yield* store(rig, LINE, 1)
          yield* clwb(rig, 0, 2 * LINE)
          if (fence) yield* fabric_sfence()
          return 'w'
        },
      ],
      reader: [
        1,
        function* () {
          const b = yield* load(rig, LINE)
          const a = yield* load(rig, 0)
          return `B${b}A${a}`
        },
      ],
    })).map(s => s.split(' ')[1]!)
  it('lands at the fence or before, line by line, in any order', () => {
    expect(seen(true)).toEqual(['B0A0', 'B0A1', 'B1A0', 'B1A1'])
  })
  it('and before a fence that never comes, or not at all', () => {
    expect(seen(false)).toEqual(['B0A0', 'B0A1', 'B1A0', 'B1A1'])
  })
  it('on a coherent device nothing is ever seen out of order', () => {
    expect(seen(true, { coherence: 'back-invalidate' })).toEqual(['B0A0', 'B0A1', 'B1A1'])
  })

  it('what was stored after it was asked for goes along, or stays behind', () => {
    const finals = outcomes({}, rig => ({
      writer: [
        0,
        function* () {
          yield* store(rig, 0, 1)
          yield* clwb(rig, 0)
          yield* store(rig, 0, 2)
          yield* fabric_sfence()
          return `memory:${rig.byte(0)}`
        },
      ],
    }))
    expect(finals.sort()).toEqual(['memory:1', 'memory:2'])
  })

  it('CLFLUSHOPT before its fence: the next load finds the old line or the memory', () => {
    const finals = outcomes({}, (rig, told) => ({
      writer: [
        0,
        function* () {
          yield* store(rig, 0, 1)
          yield* clwb(rig, 0)
          yield* fabric_sfence()
          told.poke(1)
          return 'w'
        },
      ],
      reader: [
        1,
        function* () {
          yield* load(rig, 0)
          yield* step()
          const after = told.peek() === 1
          yield* clflushopt(rig, 0)
          const v = yield* load(rig, 0)
          yield* fabric_sfence()
          return after ? `${v}then${yield* load(rig, 0)}` : 'early'
        },
      ],
    })).map(s => s.split(' ')[1]!)
    expect([...new Set(finals)].sort()).toEqual(['0then1', '1then1', 'early'])
  })

  it('the default asks nobody anything when nothing is in flight, and lets it land at the fence', () => {
    const m = new Machine()
    const rig = new FabricRig(m)
    rig.spawn(0, 'a', function* () {
      yield* store(rig, 0, 1)
      yield* load(rig, 0)
      yield* clwb(rig, 0)
      yield* load(rig, LINE)
      expect(rig.byte(0)).toBe(0)
      yield* store(rig, 0, 2)
      yield* fabric_sfence()
      expect(rig.byte(0)).toBe(2)
    })
    const w = new Watcher()
    expect(m.run(w)).toBe('held')
    expect(w.asked).toEqual(['line: nothing h0 writes back dax0.0+0x0'])
    expect(m.run(defaultChooser)).toBe('held')
  })
})

describe('evictions', () => {
  const bodies: Bodies = rig => ({
    writer: [
      0,
      function* () {
        yield* store(rig, 0, 1)
        yield* store(rig, LINE, 1)
        return 'w'
      },
    ],
    reader: [
      1,
      function* () {
        const first = yield* load(rig, 0)
        const b = yield* load(rig, LINE)
        const a = yield* load(rig, 0)
        return `A${first}B${b}A${a}`
      },
    ],
  })
  const seen = (evictions: number, o: RigOptions = {}): string[] =>
    outcomes({ ...o, evictions }, bodies).map(s => s.split(' ')[1]!)
  it.each([
    [0, ['A0B0A0']],
    // A dirty line of h0 goes: one of the two is seen.
    [1, ['A0B0A0', 'A0B1A0', 'A1B0A1']],
    // Both go; or A goes, and then h1's old copy of it.
    [2, ['A0B0A0', 'A0B0A1', 'A0B1A0', 'A1B0A1', 'A1B1A1']],
    [3, ['A0B0A0', 'A0B0A1', 'A0B1A0', 'A0B1A1', 'A1B0A1', 'A1B1A1']],
  ])('at most %i: %j', (n, expected) => expect(seen(n)).toEqual(expected))
  it('two hosts that store to one line: whose goes back last stays', () => {
    const finals = outcomes({ evictions: 2 }, rig => {
      const done = { n: 0 }
      const put = (at: number) =>
        function* (): Step<string> {
          yield* store(rig, at, 1)
          yield* clwb(rig, at)
          yield* fabric_sfence()
          done.n++
          return `${rig.byte(0)}${rig.byte(1)}`
        }
      return { x: [0, put(0)], y: [1, put(1)] }
    })
    // A line is written back whole: the other's byte is undone by it.
    expect(finals).toEqual(expect.arrayContaining(['10 01', '10 11']))
    expect(finals.some(f => f.endsWith('01'))).toBe(true)
  })
  it('show nothing on a coherent device', () => {
    expect(seen(2, { coherence: 'back-invalidate' }).every(s => /^A0B0A[01]$|^A0B1A1$|^A1B[01]A1$/.test(s))).toBe(true)
    expect(seen(2, { coherence: 'back-invalidate' })).toEqual(seen(0, { coherence: 'back-invalidate' }))
  })
  it('are none with caches off', () => {
    expect(seen(2, { caches: false })).toEqual(seen(0, { coherence: 'back-invalidate' }))
  })
})
