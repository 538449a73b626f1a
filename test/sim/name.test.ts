// Names of values: 64 bits that are worth 64 bits.
import { describe, expect, it } from 'vitest'
import { Name } from '../../src/sim/index.ts'

const of = (v: unknown): string => {
  const n = new Name().from(1, 2).value(v)
  return `${n.a} ${n.b}`
}

describe('a name', () => {
  const different: [unknown, unknown][] = [
    [0, 1],
    [0, 0.5],
    [1, 2 ** 32],
    [-1, 2 ** 32 - 1],
    [0, false],
    [0, null],
    [null, undefined],
    ['', 0],
    ['a', 'b'],
    ['ab', ['a', 'b']],
    [1, 1n],
    [{ id: 1 }, 1],
    [{ id: 1 }, { id: 2 ** 32 }],
    [{ id: 3 * 2 ** 32 + 5 }, { id: 5 * 2 ** 32 + 3 }],
    [[], [[]]],
    [
      [1, [2]],
      [1, 2],
    ],
    [{ a: 1 }, { b: 1 }],
    [{ a: { b: { c: { d: { e: { f: { g: 1 } } } } } } }, { a: { b: { c: { d: { e: { f: { g: 2 } } } } } } }],
    [new Map([[1, 2]]), new Map([[1, 3]])],
    [new Set([1]), new Set([2])],
    [new Uint8Array([1, 2]), new Uint8Array([2, 1])],
    [() => 1, () => 2],
    [Symbol('a'), Symbol('b')],
  ]
  it.each(different)('tells %o from %o', (a, b) => expect(of(a)).not.toBe(of(b)))
  it('is the same for the same', () => {
    for (const v of different.flat()) expect(of(v)).toBe(of(v))
    expect(of({ id: 7, x: 1 })).toBe(of({ id: 7, x: 2 }))
    expect(of({ x: [1, 'a'] })).toBe(of({ x: [1, 'a'] }))
    expect(of(new Uint8Array([1]))).toBe(of(new Uint8Array([1])))
  })
  it('knows a thing that holds itself', () => {
    const a: { self?: unknown } = {}
    a.self = a
    expect(of(a)).toBe(of(a))
  })
  it('knows an instance of a class by what it was when it was seen first, however it is reached', () => {
    class Counter {
      n = 0
      readonly of: object
      constructor(of: object) {
        this.of = of
      }
    }
    const kernel = new Counter({ id: 1 })
    const [one, same, other] = [new Counter(kernel), new Counter(kernel), new Counter({ id: 2 })]
    const first = of(one)
    kernel.n = 5
    one.n = 3
    expect(of(one)).toBe(first)
    expect(of([one])).toBe(of([same]))
    expect(of(other)).not.toBe(first)
    const ring = new Counter({ id: 3 })
    Object.assign(ring, { of: { ring } })
    expect(of(ring)).toBe(of(ring))
  })
  it('has two lanes that collide as chance has it, and never together', () => {
    // Pairs of small numbers: what states are made of.
    const [a, b] = [new Map<number, number>(), new Map<number, number>()]
    let [inA, inB, both] = [0, 0, 0]
    const n = new Name()
    const count = 400_000
    for (let i = 0; i < count; i++) {
      n.from(0, 0)
        .value(i % 640)
        .value((i / 640) | 0)
      const [x, y] = [a.get(n.a), b.get(n.b)]
      if (x !== undefined) inA++
      if (y !== undefined) inB++
      if (x !== undefined && x === y) both++
      a.set(n.a, i)
      b.set(n.b, i)
    }
    // n^2 / 2^33 is 18.6 of each.
    const chance = count ** 2 / 2 ** 33
    expect(inA).toBeLessThan(3 * chance)
    expect(inB).toBeLessThan(3 * chance)
    expect(both).toBe(0)
  })
})
