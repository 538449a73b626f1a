import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { POISON_PAGE, PoisonMap, type Undoable } from '../../src/devdax/poison.ts'

const P = POISON_PAGE

/** A journal as small as one can be: a list that is played backwards. */
const journal = () => {
  const log: [Undoable, any, any][] = []
  return {
    log,
    push: (target: Undoable, key: any, old: any) => void log.push([target, key, old]),
    rewind: (length: number) => {
      while (log.length > length) {
        const [target, key, old] = log.pop()!
        target.undo(key, old)
      }
    },
  }
}

describe('PoisonMap', () => {
  it.each([
    ['before', 0, 3 * P, false],
    ['up to the last sound byte', 0, 3 * P, false],
    ['first byte', 0, 3 * P + 1, true],
    ['inside', 3 * P + 100, 1, true],
    ['last byte', 4 * P - 1, 1, true],
    ['after', 4 * P, P, false],
    ['across', 2 * P, 10 * P, true],
    ['nothing at all, inside', 3 * P + 5, 0, false],
    ['between two', 4 * P, 2 * P, false],
    ['up to the second', 4 * P, 2 * P + 1, true],
  ])('has: %s', (_name, off, len, expected) => {
    const map = new PoisonMap()
    map.add(6)
    map.add(3)
    expect(map.has(off, len)).toBe(expected)
  })

  it('works at the far end of a huge device', () => {
    const map = new PoisonMap()
    const page = 2 ** 50 / P - 1
    map.add(page)
    expect(map.has(page * P + 4095, 1)).toBe(true)
    expect(map.has(page * P - 1, 1)).toBe(false)
    expect(map.first(0, 2 ** 50)).toBe(page)
  })

  it.each([-1, 1.5, Number.NaN, 2 ** 60])('refuses page %d', page => {
    const map = new PoisonMap()
    expect(() => map.add(page)).toThrow(RangeError)
    expect(() => map.clear(page)).toThrow(/expected a whole number/)
    expect(map.count).toBe(0)
  })

  it('journals what changed and nothing else', () => {
    const undo = journal()
    const map = new PoisonMap(undo)
    expect([map.add(5), map.add(5), map.clear(9), map.clear(5), map.clear(5)]).toEqual([
      true,
      false,
      false,
      true,
      false,
    ])
    expect(undo.log.map(([, key, old]) => [key, old])).toEqual([
      [5, false],
      [5, true],
    ])
    expect(undo.log.every(([target]) => target === map)).toBe(true)
  })

  it('pages() is a copy', () => {
    const map = new PoisonMap()
    map.add(1)
    map.pages().push(2)
    expect(map.pages()).toEqual([1])
  })

  it('agrees with a set, and rewinds to any point (property)', () => {
    const op = fc.record({ page: fc.nat(40), poison: fc.boolean() })
    const range = fc.record({ off: fc.nat(41 * P), len: fc.nat(6 * P) })
    fc.assert(
      fc.property(
        fc.array(op, { maxLength: 60 }),
        fc.array(range, { maxLength: 20 }),
        fc.nat(60),
        (ops, ranges, cut) => {
          const undo = journal()
          const map = new PoisonMap(undo)
          const model = new Set<number>()
          let at = { length: 0, pages: [] as number[] }
          ops.forEach(({ page, poison }, i) => {
            if (i === cut) at = { length: undo.log.length, pages: map.pages() }
            const changes = model.has(page) !== poison
            if (poison) model.add(page)
            else model.delete(page)
            expect(poison ? map.add(page) : map.clear(page)).toBe(changes)
          })
          const sorted = [...model].sort((a, b) => a - b)
          expect(map.pages()).toEqual(sorted)
          expect(map.count).toBe(sorted.length)
          for (const { off, len } of ranges) {
            const first = sorted.find(page => page * P < off + len && (page + 1) * P > off && len > 0) ?? -1
            expect(map.first(off, len)).toBe(first)
            expect(map.has(off, len)).toBe(first >= 0)
          }
          undo.rewind(at.length)
          expect(map.pages()).toEqual(at.pages)
          undo.rewind(0)
          expect(map.pages()).toEqual([])
        },
      ),
    )
  })
})
