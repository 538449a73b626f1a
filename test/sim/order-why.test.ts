// Why a load saw an old value: the store it missed, and which barrier is not there.
import { describe, expect, it } from 'vitest'
import { RandomChooser } from '../../src/explore/index.ts'
import { Cell, kfn, Machine, type Op, type Problem, type Step, smp_rmb, smp_wmb } from '../../src/sim/index.ts'

type Body = (x: Cell<number>, y: Cell<number>) => Step<boolean>

/** Run `writer` beside `reader` until the reader says that it saw what it should not; its problem, or null. */
function until(writer: Body, reader: Body): Problem | null {
  const m = new Machine({ policy: 'free', model: 'weak' })
  const [x, y] = [new Cell(m, 'x', 0), new Cell(m, 'y', 0)]
  const mark = m.journal.mark()
  const chooser = new RandomChooser(1)
  const [write, read] = [kfn('write', writer), kfn('read', reader)]
  const run = function* (fn: (x: Cell<number>, y: Cell<number>) => Op<boolean>): Step<void> {
    if (yield* fn(x, y)) m.problem('old value', 'seen')
  }
  for (let i = 0; i < 200; i++) {
    m.dropTasks()
    m.journal.rewind(mark)
    m.spawn('w', run(write))
    m.spawn('r', run(read))
    if (m.run(chooser) === 'failed') return m.problems[0]!
  }
  return null
}

const stores = (barrier: boolean): Body =>
  function* (x, y) {
    yield* x.WRITE_ONCE(1)
    if (barrier) yield* smp_wmb()
    yield* y.WRITE_ONCE(1)
    return false
  }
const loads = (barrier: boolean): Body =>
  function* (x, y) {
    const flag = yield* y.READ_ONCE()
    if (barrier) yield* smp_rmb()
    return (yield* x.READ_ONCE()) === 0 && flag === 1
  }
const STORE = 'store: w in write stores x = 1, then y = 1 (in write)'
const LOAD = 'load: r in read loads y = 1, then x = 0, the old one (in read)'
const WMB = 'smp_wmb() between the two stores (or smp_store_release for y)'
const RMB = 'smp_rmb() between the two loads (or smp_load_acquire for y)'

describe('why an old value was seen', () => {
  it('message passing: what is missing of the pair', () => {
    expect(until(stores(false), loads(false))?.ordering).toEqual([STORE, LOAD, `missing: ${WMB}; ${RMB}`])
    const half = `missing: ${RMB}; the stores are ordered already`
    expect(until(stores(true), loads(false))?.ordering).toEqual([STORE, LOAD, half])
    const other = `missing: ${WMB}; the loads are ordered already`
    expect(until(stores(false), loads(true))?.ordering).toEqual([STORE, LOAD, other])
    expect(until(stores(true), loads(true))).toBeNull()
  })
  it('with no earlier load that tells of the store, a full barrier or a lock on both sides', () => {
    const p = until(
      function* (x) {
        yield* x.WRITE_ONCE(1)
        return false
      },
      function* (x, y) {
        yield* y.WRITE_ONCE(1)
        return (yield* x.READ_ONCE()) === 0 && x.peek() === 1
      },
    )
    expect(p?.ordering).toEqual([
      'r in read loads x and gets 0; the newer 1, stored by w in write is missed',
      'nothing orders that store before this load: a lock on both sides, or smp_mb() between the accesses of each task',
    ])
  })
  it('canary: a problem of a task that saw nothing old has no such lines', () => {
    const p = until(
      function* () {
        return false
      },
      function* (x) {
        return (yield* x.READ_ONCE()) === 0
      },
    )
    expect(p?.ordering).toBeUndefined()
  })
})
