import { describe, expect, it } from 'vitest'
import { EventKind, Hooks, kfn, Machine, type Step, step } from '../../src/sim/index.ts'

describe('hooks', () => {
  it('fire in the order they were set, for their own label only', () => {
    const h = new Hooks()
    const seen: string[] = []
    h.on('a', e => seen.push(`1 ${e.label} ${e.detail}`))
    h.on('b', () => seen.push('b'))
    h.on('a', () => seen.push('2'))
    h.fire('a', null, 7)
    h.fire('c', null, 7)
    expect(seen).toEqual(['1 a 7', '2'])
  })
  it('know whether any is there, and whether any is about functions', () => {
    const h = new Hooks()
    expect([h.live, h.fns]).toEqual([false, false])
    h.on('X sent', () => {})
    expect([h.live, h.fns]).toEqual([true, false])
    h.on('leave f', () => {})
    expect([h.live, h.fns]).toEqual([true, true])
    h.clear()
    expect([h.live, h.fns]).toEqual([false, false])
    h.fire('leave f', null, null)
  })
  it('see events, entries and returns of a running task', () => {
    const m = new Machine()
    const seen: string[] = []
    const SENT = new EventKind('sent')
    const inner = kfn('inner', function* (x: number): Step<number> {
      yield* step()
      m.emit(SENT, 'HELLO', null, 0, 0, 'bytes')
      return x + 1
    })
    for (const l of ['enter inner', 'leave inner', 'HELLO sent', 'sent'])
      m.hooks.on(l, e => seen.push(`${e.task?.label} ${e.label} ${e.detail} in ${e.task?.fn?.name}`))
    m.spawn(
      't',
      (function* () {
        yield* inner(41)
      })(),
    )
    m.run()
    expect(seen).toEqual(['t enter inner null in inner', 't HELLO sent bytes in inner', 't leave inner 42 in inner'])
  })
  it('hear no return of a function that is left by an error', () => {
    const m = new Machine()
    const seen: string[] = []
    m.hooks.on('leave f', () => seen.push('leave'))
    const f = kfn('f', function* (): Step<void> {
      yield* step()
      throw new RangeError('x')
    })
    m.spawn(
      't',
      (function* () {
        try {
          yield* f()
        } catch {
          seen.push('caught')
        }
      })(),
    )
    m.run()
    expect(seen).toEqual(['caught'])
  })
})
