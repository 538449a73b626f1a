import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Cell, InvariantError, JChain, JList, JMap, Journal, Link, Machine, type Mark } from '../../src/sim/index.ts'

type Do =
  | { do: 'push' | 'remove'; v: number }
  | { do: 'removeAt'; i: number }
  | { do: 'shift' | 'look' | 'mark' | 'draw' }
  | { do: 'set'; k: number; v: number }
  | { do: 'delete'; k: number }
  | { do: 'rewind'; depth: number }

const small = fc.nat(7)
const doings: fc.Arbitrary<Do[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('push' as const, 'remove' as const), v: small }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('removeAt' as const), i: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('shift' as const) }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('set' as const), k: small, v: fc.nat() }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), k: small }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('look' as const, 'mark' as const, 'draw' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('rewind' as const), depth: fc.nat(3) }) },
  ),
  { maxLength: 60, size: 'max' },
)

/** The journaled containers and a saver against a plain array, Map and number, with nested marks as copies. */
const agrees = (newList: (j: Journal) => JList<number>, newMap: (j: Journal) => JMap<number, number>) =>
  fc.property(doings, todo => {
    const j = new Journal()
    const list = newList(j)
    const map = newMap(j)
    let draws = 0
    j.addSaver({
      save: () => draws,
      restore: (n: number) => {
        draws = n
      },
    })
    let a: number[] = []
    let b = new Map<number, number>()
    let c = 0
    const marks: { mark: Mark; a: number[]; b: [number, number][]; c: number }[] = []
    const look = () => {
      expect([...list]).toEqual(a)
      expect(list.length).toBe(a.length)
      expect(map.entries()).toEqual([...b])
      expect(map.keys()).toEqual([...b.keys()])
      expect(map.values()).toEqual([...b.values()])
      expect(map.size).toBe(b.size)
      for (let k = 0; k < 8; k++) expect([map.has(k), map.get(k)]).toEqual([b.has(k), b.get(k)])
      expect(draws).toBe(c)
      if (marks.length === 0) expect(j.n).toBe(0)
    }
    for (const d of todo) {
      if (d.do === 'push') {
        list.push(d.v)
        a.push(d.v)
      } else if (d.do === 'shift') expect(list.shift()).toBe(a.shift())
      else if (d.do === 'removeAt') {
        if (a.length > 0) expect(list.removeAt(d.i % a.length)).toBe(a.splice(d.i % a.length, 1)[0])
      } else if (d.do === 'remove') {
        const i = a.indexOf(d.v)
        if (i >= 0) a.splice(i, 1)
        expect(list.remove(d.v)).toBe(i >= 0)
      } else if (d.do === 'set') {
        map.set(d.k, d.v)
        b.set(d.k, d.v)
      } else if (d.do === 'delete') expect(map.delete(d.k)).toBe(b.delete(d.k))
      else if (d.do === 'draw') draws = ++c
      else if (d.do === 'mark') marks.push({ mark: j.mark(), a: [...a], b: [...b], c })
      else if (d.do === 'rewind' && marks.length > 0) {
        // Younger marks are gone; this one stays, and may be rewound to again.
        marks.length = marks.length - (d.depth % marks.length)
        const to = marks[marks.length - 1]!
        j.rewind(to.mark)
        expect(j.n).toBe(to.mark.at)
        a = [...to.a]
        b = new Map(to.b)
        c = to.c
      } else if (d.do === 'look') look()
    }
    look()
  })

/** Forgets to log one kind of change. */
class DeafList extends JList<number> {
  override shift() {
    return (this.items as number[]).shift()
  }
}
/** Takes back the right values in whatever order they come. */
class DisorderedMap extends JMap<number, number> {
  override undo(k: any, old: any) {
    super.undo(k, old)
    Reflect.set(this, 'mixed', false)
  }
}

describe('journaled containers', () => {
  it('are an array and a Map under any operations, marks and rewinds', () => {
    fc.assert(
      agrees(
        j => new JList(j),
        j => new JMap(j),
      ),
      { numRuns: 1000 },
    )
  })
  it.each([
    ['a list that does not log shift', (j: Journal) => new DeafList(j), (j: Journal) => new JMap<number, number>(j)],
    ['a map that loses its order', (j: Journal) => new JList<number>(j), (j: Journal) => new DisorderedMap(j)],
  ])('canary: %s is found out', (_, list, map) => {
    expect(fc.check(agrees(list, map), { numRuns: 2000, seed: 1 }).failed).toBe(true)
  })

  it('iterates a map over a snapshot: what happens meanwhile does not show', () => {
    const map = new JMap<string, number>(new Journal())
    map.set('a', 1)
    map.set('b', 2)
    const seen: string[] = []
    for (const [k] of map.entries()) {
      seen.push(k)
      map.delete('b')
      map.set('c', 3)
    }
    expect(seen).toEqual(['a', 'b'])
    expect(map.keys()).toEqual(['a', 'c'])
  })
  it('tells an undefined value from none, also after a rewind', () => {
    const j = new Journal()
    const map = new JMap<string, number | undefined>(j)
    map.set('a', undefined)
    const mark = j.mark()
    map.delete('a')
    expect(map.has('a')).toBe(false)
    j.rewind(mark)
    expect([map.has('a'), map.get('a')]).toEqual([true, undefined])
  })
})

describe('journal', () => {
  it('logs nothing while no mark is open', () => {
    const m = new Machine()
    const { journal: j } = m
    const cell = new Cell(m, 'x', 0)
    const list = new JList<number>(j)
    const map = new JMap<number, number>(j)
    const all = () => {
      cell.poke(cell.peek() + 1)
      list.push(1)
      list.push(2)
      list.removeAt(1)
      list.shift()
      map.set(1, 1)
      map.set(1, 2)
      map.delete(1)
    }
    for (let i = 0; i < 100; i++) all()
    expect(j.n).toBe(0)
    // The canary: with a mark open each change is one entry.
    j.mark()
    all()
    expect(j.n).toBe(8)
  })
  it('rewinds a thousand times to one mark without growing', () => {
    const m = new Machine()
    const cell = new Cell(m, 'x', 7)
    const map = new JMap<number, number>(m.journal)
    const outer = m.journal.mark()
    map.set(1, 1)
    const mark = m.journal.mark()
    for (let i = 0; i < 1000; i++) {
      for (let k = 0; k < 5; k++) map.set(k, i)
      cell.poke(i)
      m.journal.rewind(mark)
      expect([m.journal.n, cell.peek(), map.entries()]).toEqual([1, 7, [[1, 1]]])
    }
    m.journal.rewind(outer)
    expect([m.journal.n, map.size]).toEqual([0, 0])
  })
  it('takes no saver once a mark is open', () => {
    const j = new Journal()
    j.mark()
    expect(() => j.addSaver({ save: () => 0, restore: () => {} })).toThrow(InvariantError)
  })
  it('does not go forward: a mark that an older one has taken back is refused', () => {
    const j = new Journal()
    const list = new JList<number>(j)
    const outer = j.mark()
    list.push(1)
    const inner = j.mark()
    j.rewind(outer)
    expect(() => j.rewind(inner)).toThrow(InvariantError)
  })
})

class Bead extends Link {
  readonly v: number
  constructor(v: number) {
    super()
    this.v = v
  }
}

describe('JChain', () => {
  it('is a list of distinct things under any adds, removes, marks and rewinds', () => {
    const act = fc.record({ do: fc.constantFrom('add', 'remove', 'mark', 'rewind'), n: fc.nat(9) })
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), todo => {
        const j = new Journal()
        const chain = new JChain<Bead>(j)
        const beads = Array.from({ length: 10 }, (_, v) => new Bead(v))
        let model: number[] = []
        const marks: { mark: Mark; model: number[] }[] = []
        for (const a of todo) {
          if (a.do === 'add' && !model.includes(a.n)) {
            chain.add(beads[a.n]!)
            model = [...model, a.n]
          } else if (a.do === 'remove') {
            expect(chain.remove(beads[a.n]!)).toBe(model.includes(a.n))
            model = model.filter(v => v !== a.n)
          } else if (a.do === 'mark') marks.push({ mark: j.mark(), model })
          else if (a.do === 'rewind' && marks.length > 0) {
            marks.length = (a.n % marks.length) + 1
            const m = marks[marks.length - 1]!
            j.rewind(m.mark)
            model = m.model
          }
          expect(chain.values().map(b => b.v)).toEqual(model)
          expect(chain.size).toBe(model.length)
        }
      }),
    )
  })
})
