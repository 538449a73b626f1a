import { describe, expect, it } from 'vitest'
import { ACCESS_NONE, Cell, Machine, Op, OpKind, type Step, step } from '../../src/sim/index.ts'

const ECHO = new OpKind('echo', ACCESS_NONE, 5, true, (_t, op) => op.a)
const echo = <T>(v: T): Op<T> => new Op<T>(ECHO, null, v)

describe('op', () => {
  it.each([[0], [undefined], [null], [false], ['text'], [-1]])('`yield*` gives what the machine sent back: %s', v => {
    const m = new Machine()
    const t = m.spawn(
      't',
      (function* (): Step<unknown> {
        return [yield* echo(v), yield* echo([v])]
      })(),
    )
    expect(m.run()).toBe('held')
    expect(t.value).toEqual([v, [v]])
    // Start, and one step each.
    expect([m.steps, t.steps, t.now]).toEqual([3, 3, 10])
  })
  it('knows kind, object and operands before it happens', () => {
    const m = new Machine()
    const x = new Cell(m, 'x', 1)
    const t = m.spawn(
      't',
      (function* () {
        yield* x.cmpxchg(1, 2)
      })(),
    )
    let seen: unknown
    m.afterStep = () => {
      if (t.pending) seen = [t.pending.kind.name, t.pending.obj === x, t.pending.a, t.pending.b, x.peek()]
    }
    m.run()
    expect(seen).toEqual(['cmpxchg', true, 1, 2, 1])
    expect(x.peek()).toBe(2)
  })
  it('is fresh for every use', () => {
    const m = new Machine()
    const x = new Cell(m, 'x', 1)
    expect(x.load()).not.toBe(x.load())
    expect(step()).not.toBe(step())
  })
  it('canary: one used twice is told, whoever uses it', () => {
    const m = new Machine()
    const op = echo(7)
    const use = function* (): Step<unknown> {
      return yield* op
    }
    m.spawn('a', use())
    m.spawn('b', use())
    expect(() => m.run()).toThrow('one echo operation is used twice; make a fresh one for each use')
    const nothing = step()
    m.dropTasks()
    m.spawn(
      'c',
      (function* (): Step<unknown> {
        return [yield* nothing, yield* nothing]
      })(),
    )
    expect(() => m.run()).toThrow('one step operation is used twice')
  })
})
