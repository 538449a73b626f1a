// Struct pages of a device: idle state, compound folios, what is left behind.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Folio, Folios } from '../../src/devdax/folio.ts'
import { Machine } from '../../src/sim/index.ts'

const make = (order: number, refcount: number) => {
  const m = new Machine()
  const f = new Folios(m)
  f.appear(order, refcount)
  return { m, f }
}
const mapping = { id: 7 }

describe('an untouched folio', () => {
  it('is as the pgmap says', () => {
    const { f } = make(9, 1)
    expect(f.of(700)).toEqual({
      head: 512,
      folio: { order: 9, mapping: null, index: 0, share: 0, refcount: 1, mapcount: 0, pincount: 0 },
    })
    expect(f.entries()).toEqual([])
    expect(f.present).toBe(true)
    f.vanish()
    expect(f.present).toBe(false)
  })
})

describe('a touched folio', () => {
  it('covers its pages, and swallows smaller ones when it is made larger', () => {
    const { f } = make(0, 0)
    f.update(513, { mapping, index: 1 })
    expect(f.of(513)).toMatchObject({ head: 513, folio: { order: 0, mapping } })
    expect(f.of(514).folio.mapping).toBeNull()
    f.set(512, { ...f.of(512).folio, order: 9, mapping })
    expect(f.of(1023)).toMatchObject({ head: 512, folio: { order: 9, mapping } })
    expect(f.entries().map(e => e[0])).toEqual([512])
    expect(f.of(1024).folio.order).toBe(0)
  })
  it('is forgotten when it is idle again', () => {
    const { f } = make(0, 0)
    f.update(3, { refcount: 1, mapcount: 1 })
    expect(f.entries()).toHaveLength(1)
    f.update(3, { refcount: 0, mapcount: 0 })
    expect(f.entries()).toEqual([])
  })
  it('stays when the struct pages go and come back: nothing tidied it', () => {
    const { f } = make(0, 0)
    f.update(3, { mapping })
    f.vanish()
    f.appear(0, 0)
    expect(f.of(3).folio.mapping).toBe(mapping)
    expect(f.clear()).toBe(1)
    expect(f.of(3).folio.mapping).toBeNull()
  })
  it('freeing tidies those that nobody maps', () => {
    const { f } = make(0, 1)
    f.update(3, { mapping })
    f.update(4, { mapping, mapcount: 1, refcount: 2 })
    f.free()
    expect(f.entries().map(e => e[0])).toEqual([4])
  })
  it('is as it was after a rewind, whatever was done', () => {
    const step = fc.tuple(
      fc.constantFrom('map', 'huge', 'clear', 'free', 'vanish', 'appear'),
      fc.integer({ min: 0, max: 1100 }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.array(step, { maxLength: 12 }), (before, after) => {
        const { m, f } = make(0, 0)
        const go = ([what, page]: [string, number]): void => {
          if (what === 'map') f.update(page, { mapping, index: page, mapcount: f.of(page).folio.mapcount + 1 })
          else if (what === 'huge') f.set(page - (page % 512), { ...f.of(page).folio, order: 9, mapping })
          else if (what === 'clear') f.clear()
          else if (what === 'free') f.free()
          else if (what === 'vanish') f.vanish()
          else f.appear(9, 1)
        }
        const look = (): [number, Folio][] => f.entries()
        for (const s of before) go(s)
        const then = [look(), f.present, f.of(700)]
        const mark = m.journal.mark()
        for (const s of after) go(s)
        m.journal.rewind(mark)
        expect([look(), f.present, f.of(700)]).toEqual(then)
      }),
    )
  })
})
