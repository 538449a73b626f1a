import { describe, expect, it } from 'vitest'
import { Cell, Machine, type Op, type Step, smp_mb, smp_rmb, smp_wmb } from '../../src/sim/index.ts'
import { everySchedule } from './support.ts'

type Access = (x: Cell<number>) => Op<any>
// name, operation, value of `yield*`, cell afterwards (before: 5), marked, writes
const table: [string, Access, unknown, number, boolean, boolean][] = [
  ['load', x => x.load(), 5, 5, false, false],
  ['store', x => x.store(6), undefined, 6, false, true],
  ['READ_ONCE', x => x.READ_ONCE(), 5, 5, true, false],
  ['WRITE_ONCE', x => x.WRITE_ONCE(6), undefined, 6, true, true],
  ['smp_load_acquire', x => x.smp_load_acquire(), 5, 5, true, false],
  ['smp_store_release', x => x.smp_store_release(6), undefined, 6, true, true],
  ['cmpxchg', x => x.cmpxchg(5, 6), 5, 6, true, true],
  ['cmpxchg', x => x.cmpxchg(4, 6), 5, 5, true, true],
  ['xchg', x => x.xchg(6), 5, 6, true, true],
  ['smp_wmb', smp_wmb, undefined, 5, true, false],
  ['smp_rmb', smp_rmb, undefined, 5, true, false],
  ['smp_mb', smp_mb, undefined, 5, true, false],
]

describe('accessors', () => {
  it.each(table)('%s: value, effect and footprint', (name, access, gives, leaves, marked, writes) => {
    const m = new Machine()
    const x = new Cell(m, 'x', 5)
    const mark = m.journal.mark()
    const op = access(x)
    expect([op.kind.name, op.kind.marked, op.kind.access === 2]).toEqual([name, marked, writes])
    const t = m.spawn(
      't',
      (function* () {
        return yield* op
      })(),
    )
    m.run()
    expect([t.value, x.peek(), m.steps, t.now]).toEqual([gives, leaves, 2, op.kind.cost])
    m.journal.rewind(mark)
    expect(x.peek()).toBe(5)
  })
  it('peek and poke are no scheduling points', () => {
    const m = new Machine()
    const x = new Cell(m, 'x', 5)
    m.spawn(
      't',
      (function* (): Step<void> {
        x.poke(x.peek() + 1)
      })(),
    )
    m.run()
    expect([x.peek(), m.steps]).toEqual([6, 1])
  })
  it('cmpxchg compares by identity', () => {
    const m = new Machine()
    const here = { id: 1 }
    const x = new Cell<object>(m, 'x', here)
    m.spawn(
      't',
      (function* () {
        expect(yield* x.cmpxchg({ id: 1 }, { id: 2 })).toBe(here)
        expect(x.peek()).toBe(here)
        yield* x.cmpxchg(here, { id: 3 })
        expect(x.peek()).toEqual({ id: 3 })
      })(),
    )
    expect(m.run()).toBe('held')
  })
})

describe('two tasks count in one cell', () => {
  const sums = (add: (x: Cell<number>) => Step<void>): Set<number> => {
    const seen = new Set<number>()
    everySchedule(c => {
      const m = new Machine({ policy: 'free' })
      const x = new Cell(m, 'x', 0)
      m.spawn('a', add(x))
      m.spawn('b', add(x))
      m.run(c)
      seen.add(x.peek())
    })
    return seen
  }
  it('load and store lose one in some schedule', () => {
    expect(
      sums(function* (x) {
        yield* x.store((yield* x.load()) + 1)
      }),
    ).toEqual(new Set([2, 1]))
  })
  it('cmpxchg loses none in any', () => {
    expect(
      sums(function* (x) {
        let old = yield* x.load()
        for (;;) {
          const was = yield* x.cmpxchg(old, old + 1)
          if (was === old) return
          old = was
        }
      }),
    ).toEqual(new Set([2]))
  })
})
