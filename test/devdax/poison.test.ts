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
    expect(map.first(0, 2 ** 50)).toBe(page * P)
  })

  it.each([-1, 0.1, Number.NaN, 2 ** 60])('refuses page %d', page => {
    const map = new PoisonMap()
    expect(() => map.add(page)).toThrow(RangeError)
    expect(() => map.clear(page)).toThrow(/expected whole numbers/)
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
    expect(undo.log.map(([, , old]) => old)).toEqual([[], [5 * 64, 6 * 64]])
    expect(undo.log.every(([target]) => target === map)).toBe(true)
  })

  it('pages() is a copy', () => {
    const map = new PoisonMap()
    map.add(1)
    map.pages().push(2)
    expect(map.pages()).toEqual([1])
  })

  it('is of lines: a page is 64, ranges round out to whole ones, and runs that meet become one', () => {
    const map = new PoisonMap()
    expect(map.addRange(P + 100, 1)).toBe(true)
    expect([map.has(P + 64, 1), map.has(P + 63, 1), map.has(P + 128, 1)]).toEqual([true, false, false])
    expect([map.first(0, 2 * P), map.first(P + 70, 10)]).toEqual([P + 64, P + 70])
    expect([map.addRange(P + 128, 64), map.ranges()]).toEqual([true, [{ off: P + 64, len: 128 }]])
    expect([map.clearRange(P + 127, 2), map.any, map.pages()]).toEqual([true, false, []])
    map.add(1)
    map.clearRange(P, P - 64)
    expect([map.ranges(), map.count]).toEqual([[{ off: 2 * P - 64, len: 64 }], 1])
  })
  it('a whole device is one run', () => {
    const map = new PoisonMap()
    map.addRange(0, 2 ** 44)
    map.clearRange(2 ** 40, 64)
    expect(map.ranges().map(r => r.len)).toEqual([2 ** 40, 2 ** 44 - 2 ** 40 - 64])
  })

  it('agrees with a set of lines, and rewinds to any point (property)', () => {
    const L = 64
    const range = fc.record({ off: fc.nat(40 * L), len: fc.integer({ min: 1, max: 6 * L }) })
    const op = fc.record({ range, poison: fc.boolean() })
    fc.assert(
      fc.property(
        fc.array(op, { maxLength: 60 }),
        fc.array(range, { maxLength: 20 }),
        fc.nat(60),
        (ops, ranges, cut) => {
          const undo = journal()
          const map = new PoisonMap(undo)
          const model = new Set<number>()
          let at = { length: 0, ranges: map.ranges() }
          ops.forEach(({ range: r, poison }, i) => {
            if (i === cut) at = { length: undo.log.length, ranges: map.ranges() }
            let changes = false
            for (let line = Math.floor(r.off / L); line * L < r.off + r.len; line++) {
              changes ||= model.has(line) !== poison
              if (poison) model.add(line)
              else model.delete(line)
            }
            expect(poison ? map.addRange(r.off, r.len) : map.clearRange(r.off, r.len)).toBe(changes)
          })
          const sorted = [...model].sort((a, b) => a - b)
          const lines = map.ranges().flatMap(r => Array.from({ length: r.len / L }, (_, i) => r.off / L + i))
          expect(lines).toEqual(sorted)
          for (const { off, len } of ranges) {
            const first = sorted.find(line => line * L < off + len && (line + 1) * L > off)
            expect(map.first(off, len)).toBe(first === undefined ? -1 : Math.max(off, first * L))
          }
          undo.rewind(at.length)
          expect(map.ranges()).toEqual(at.ranges)
          undo.rewind(0)
          expect(map.any).toBe(false)
        },
      ),
    )
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
            const first = sorted.find(page => page * P < off + len && (page + 1) * P > off && len > 0)
            expect(map.first(off, len)).toBe(first === undefined ? -1 : Math.max(off, first * P))
            expect(map.has(off, len)).toBe(first !== undefined)
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
