// The caches of two hosts over one memory against the plainest model there is: a table of lines. Also after a rewind.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DaxMemory } from '../../src/devdax/index.ts'
import {
  CACHE_SIZE,
  type Coherence,
  fabric_clflush,
  fabric_clflushopt,
  fabric_clwb,
  fabric_read,
  fabric_sfence,
  fabric_write,
} from '../../src/fabric/index.ts'
import { Machine, MiB, type Step, Watch } from '../../src/sim/index.ts'
import { FabricRig } from './rig.ts'

const LINE = 64
const HOSTS = 2

/** One line of the model. */
interface Line {
  bytes: number[]
  dirty: boolean
}

/** Caches as a table: for each host the lines it has. */
class Model {
  readonly memory: number[]
  readonly caches: Map<number, Line>[] = [new Map(), new Map()]
  private readonly asked: { no: number; drop: boolean }[][] = [[], []]
  private readonly coherent: boolean
  constructor(size: number, coherent: boolean) {
    this.memory = new Array(size).fill(0)
    this.coherent = coherent
  }
  private back(h: number, no: number): void {
    const l = this.caches[h]!.get(no)
    if (l === undefined || !l.dirty) return
    for (let i = 0; i < LINE; i++) this.memory[no * LINE + i] = l.bytes[i]!
    l.dirty = false
  }
  private get(h: number, no: number, alone: boolean): Line {
    if (this.coherent) {
      this.back(1 - h, no)
      if (alone) this.caches[1 - h]!.delete(no)
    }
    let l = this.caches[h]!.get(no)
    if (l === undefined) {
      l = { bytes: this.memory.slice(no * LINE, no * LINE + LINE), dirty: false }
      this.caches[h]!.set(no, l)
    }
    return l
  }
  load(h: number, off: number, len: number): number[] {
    const out: number[] = []
    for (let at = off; at < off + len; at++) out.push(this.get(h, Math.floor(at / LINE), false).bytes[at % LINE]!)
    return out
  }
  store(h: number, off: number, len: number, v: number): void {
    for (let at = off; at < off + len; at++) {
      const l = this.get(h, Math.floor(at / LINE), true)
      l.bytes[at % LINE] = v
      l.dirty = true
    }
  }
  ask(h: number, off: number, len: number, drop: boolean): void {
    for (let no = Math.floor(off / LINE); no * LINE < off + len; no++) {
      const l = this.caches[h]!.get(no)
      if (l !== undefined && (drop || l.dirty)) this.asked[h]!.push({ no, drop })
    }
  }
  fence(h: number): void {
    for (const { no, drop } of this.asked[h]!.splice(0)) {
      this.back(h, no)
      if (drop) this.caches[h]!.delete(no)
    }
  }
  count(h: number): { lines: number; dirty: number } {
    const all = [...this.caches[h]!.values()]
    return { lines: all.length, dirty: all.filter(l => l.dirty).length }
  }
}

type Do = 'load' | 'store' | 'clwb' | 'clflushopt' | 'clflush' | 'sfence'
interface Act {
  readonly h: number
  readonly what: Do
  readonly off: number
  readonly len: number
  readonly v: number
}

/** Two pages and a bit on each side of a boundary of 2 MiB; from a byte to over a page. */
const BASE = 2 * 2 ** 20 - 8192
const SPAN = 20 * 1024
const act: fc.Arbitrary<Act> = fc.record({
  h: fc.nat(HOSTS - 1),
  what: fc.constantFrom<Do>('load', 'store', 'store', 'load', 'clwb', 'clflushopt', 'clflush', 'sfence'),
  off: fc.oneof(fc.nat(300), fc.nat(12000)).map(o => BASE + o),
  len: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.constantFrom(64, 128, 4096, 4200)),
  v: fc.integer({ min: 1, max: 255 }),
})

const perform = function* (mem: DaxMemory, a: Act): Step<number[]> {
  const buf = new Uint8Array(a.len)
  if (a.what === 'load') yield* fabric_read(mem, a.off, buf, 'load')
  else if (a.what === 'store') yield* fabric_write(mem, a.off, buf.fill(a.v), 'store')
  else if (a.what === 'clwb') yield* fabric_clwb(mem, a.off, a.len, 'store')
  else if (a.what === 'clflushopt') yield* fabric_clflushopt(mem, a.off, a.len, 'store')
  else if (a.what === 'clflush') yield* fabric_clflush(mem, a.off, a.len, 'store')
  else yield* fabric_sfence()
  return a.what === 'load' ? [...buf] : []
}

/** A task a host, in turns as the acts are. */
const run = (rig: FabricRig, acts: readonly Act[]): number[][] => {
  const got: number[][] = []
  const by = [0, 1].map(h => acts.filter(a => a.h === h))
  let turn = 0
  const tasks = by.map((mine, h) =>
    rig.spawn(h, `t${h}`, function* () {
      for (const a of mine) got[acts.indexOf(a)] = yield* perform(rig.devices[0]!, a)
    }),
  )
  const order = acts.map(a => tasks[a.h]!.label)
  rig.m.run({
    choose: (kind, options) => {
      if (kind !== 'schedule') return 0
      // Each task's first step starts it.
      const label = turn < 2 ? `t${turn}` : order[turn - 2]
      turn++
      return Math.max(
        0,
        options.findIndex(o => o.label === label),
      )
    },
    always: true,
  })
  return got
}

const modelled = (model: Model, acts: readonly Act[]): number[][] =>
  acts.map(a => {
    if (a.what === 'load') return model.load(a.h, a.off - BASE, a.len)
    if (a.what === 'store') model.store(a.h, a.off - BASE, a.len, a.v)
    else if (a.what === 'clwb') model.ask(a.h, a.off - BASE, a.len, false)
    else if (a.what === 'clflushopt') model.ask(a.h, a.off - BASE, a.len, true)
    else if (a.what === 'sfence') model.fence(a.h)
    else {
      const before = [...Reflect.get(model, 'asked')[a.h]]
      Reflect.get(model, 'asked')[a.h] = []
      model.ask(a.h, a.off - BASE, a.len, true)
      model.fence(a.h)
      Reflect.get(model, 'asked')[a.h] = before
    }
    return []
  })

const bytes = (rig: FabricRig): number[] => {
  const b = new Uint8Array(SPAN)
  rig.devices[0]!.memory.read(BASE, b)
  return [...b]
}

describe.each<Coherence>(['none', 'back-invalidate'])('two caches, coherence %s', coherence => {
  it('load, store, flush and fence as a table of lines does, under a mark and watched too', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 40 }), fc.array(act, { maxLength: 40 }), fc.boolean(), (a, b, watched) => {
        const m = new Machine({ policy: 'free' })
        if (watched) m.journal.watch = new Watch()
        const rig = new FabricRig(m, { coherence, size: MiB(4) })
        const model = new Model(SPAN, coherence !== 'none')
        const state = () => [bytes(rig), rig.cached(0), rig.cached(1), m.journal.watch?.a, m.journal.watch?.b]
        expect(run(rig, a)).toEqual(modelled(model, a))
        const wanted = () => [model.memory.slice(), model.count(0), model.count(1)]
        expect(state().slice(0, 3)).toEqual(wanted())
        m.dropTasks()
        rig.fabric.settle()
        for (const h of [0, 1]) model.fence(h)
        const before = state()
        const mark = m.journal.mark()
        const again = () => {
          const got = run(rig, b)
          const after = [got, ...state()]
          m.dropTasks()
          m.journal.rewind(mark)
          expect(state()).toEqual(before)
          return after
        }
        const first = again()
        expect(again()).toEqual(first)
        expect(first.slice(0, 4)).toEqual([modelled(model, b), ...wanted()])
      }),
      { numRuns: 60 },
    )
  })
})

describe('a cache', () => {
  const one = (o: ConstructorParameters<typeof FabricRig>[1], body: (rig: FabricRig) => Step<any>): FabricRig => {
    const rig = new FabricRig(new Machine(), o)
    rig.spawn(0, 'a', () => body(rig))
    rig.m.run()
    return rig
  }
  it('is bounded: a stream over more than it holds is written back as it goes', () => {
    const piece = new Uint8Array(MiB(1)).fill(7)
    const rig = one({ size: CACHE_SIZE + MiB(8) }, function* (r) {
      for (let off = 0; off < CACHE_SIZE + MiB(8); off += piece.length)
        yield* fabric_write(r.devices[0]!, off, piece, 'store')
    })
    expect(rig.cached(0).dirty).toBeLessThanOrEqual(CACHE_SIZE / LINE)
    // The first 2 MiB made room; the last are not in the memory yet.
    expect([rig.byte(0), rig.byte(CACHE_SIZE + MiB(8) - 1)]).toEqual([7, 0])
  })
  it('holds nothing when caches are off: every store is in the memory at once', () => {
    const rig = new FabricRig(new Machine(), { caches: false })
    rig.spawn(0, 'a', function* () {
      yield* fabric_write(rig.devices[0]!, 100, Uint8Array.of(9), 'store')
      expect(rig.byte(100)).toBe(9)
      yield* fabric_clwb(rig.devices[0]!, 100, 1, 'store')
      yield* fabric_sfence()
    })
    expect(rig.m.run()).toBe('held')
    expect(rig.hosts[0]!.port(rig.devices[0]!).lines).toBe(null)
  })
  it('tells of every touch of the memory, with who and why, and of hits nothing', () => {
    const seen: string[] = []
    const m = new Machine()
    const rig = new FabricRig(m)
    rig.fabric.touched = (t, mem, off, len, write, cause) => {
      seen.push(`${t?.label ?? '-'} ${write ? 'write' : 'read'} ${mem.name} ${off} ${len} ${cause}`)
    }
    rig.spawn(0, 'a', function* () {
      const [mem] = rig.devices as [DaxMemory]
      yield* fabric_read(mem, 70, new Uint8Array(4), 'load')
      yield* fabric_read(mem, 64, new Uint8Array(64), 'read')
      yield* fabric_write(mem, 64, new Uint8Array(64), 'write')
      yield* fabric_write(mem, 130, new Uint8Array(4), 'store')
      yield* fabric_clwb(mem, 0, 4096, 'load')
      yield* fabric_sfence()
    })
    m.run()
    // The line that was written whole was not fetched. Each goes back for the cause that dirtied it.
    expect(seen).toEqual([
      'a read dax0.0 64 64 load',
      'a read dax0.0 128 64 store',
      '- write dax0.0 64 64 write',
      '- write dax0.0 128 64 store',
    ])
  })
})
