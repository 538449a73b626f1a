import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RandomChooser } from '../../src/explore/strategies/random.ts'
import {
  Cell,
  Completion,
  complete,
  INTERRUPTED,
  Machine,
  type Policy,
  SLEEPING,
  type Step,
  signal,
  sleep,
  step,
  type WaitMode,
  WaitQueue,
  wait_event,
  wait_for_completion,
  wake_up,
  wake_up_all,
  work,
} from '../../src/sim/index.ts'
import { everySchedule, turns } from './support.ts'

const free = () => new Machine({ policy: 'free' })

describe('wait_event', () => {
  it('does not sleep when its condition holds', () => {
    const m = free()
    const q = new WaitQueue(m, 'q')
    const t = m.spawn(
      't',
      (function* () {
        return yield* wait_event(q, () => true)
      })(),
    )
    expect([m.run(), t.value, t.steps, q.waiters.length]).toEqual(['held', 0, 2, 0])
  })
  it('looks again at each wake-up, and goes on only when the condition holds', () => {
    const m = free()
    const q = new WaitQueue(m, 'q')
    let looks = 0
    let n = 0
    m.spawn(
      'waiter',
      (function* () {
        yield* wait_event(q, () => {
          looks++
          return n === 3
        })
        expect(q.waiters.length).toBe(0)
        n = 100
      })(),
    )
    m.spawn(
      'waker',
      (function* () {
        for (let i = 0; i < 3; i++) {
          n++
          yield* wake_up_all(q)
          yield* step()
        }
      })(),
    )
    const script = 'wWWwWWwWWw'
    expect(m.run(turns([...`ww${script}`].map(c => (c === 'w' ? 'waiter' : 'waker'))))).toBe('held')
    expect([n, looks >= 3]).toEqual([100, true])
  })
  it('a wake-up without the condition is no end: asleep for good is a deadlock', () => {
    const m = free()
    const q = new WaitQueue(m, 'q')
    m.spawn(
      'waiter',
      (function* () {
        yield* wait_event(q, () => false)
      })(),
    )
    m.spawn(
      'waker',
      (function* () {
        yield* wake_up_all(q)
        yield* wake_up_all(q)
      })(),
    )
    expect(m.run()).toBe('deadlock')
    expect(m.problems[0]!.text).toBe('no task can run: waiter waits for q')
    expect(q.waiters.length).toBe(1)
  })

  /** Four tasks asleep on one queue; then `wakes`. Labels of those that got out. */
  const woken = (wakes: (q: WaitQueue) => Step<void>): string => {
    const m = free()
    const q = new WaitQueue(m, 'q')
    let go = false
    let out = ''
    const labels = ['a', 'b', 'c', 'd']
    for (const l of labels)
      m.spawn(
        l,
        (function* () {
          yield* wait_event(q, () => go)
          out += l
        })(),
        { service: true },
      )
    m.spawn(
      'waker',
      (function* () {
        expect(m.tasks.filter(t => t.state === SLEEPING).length).toBe(4)
        go = true
        yield* wakes(q)
      })(),
    )
    expect(m.run(turns([...labels, ...labels]))).toBe('held')
    return out
  }
  it.each<[string, (q: WaitQueue) => Step<void>, string]>([
    [
      'wake_up wakes the first',
      function* (q) {
        yield* wake_up(q)
      },
      'a',
    ],
    [
      'wake_up_all wakes all',
      function* (q) {
        yield* wake_up_all(q)
      },
      'abcd',
    ],
    [
      'two wake_ups in a row wake two, though the first has not run yet',
      function* (q) {
        yield* wake_up(q)
        yield* wake_up(q)
      },
      'ab',
    ],
    [
      'five wake four',
      function* (q) {
        for (let i = 0; i < 5; i++) yield* wake_up(q)
      },
      'abcd',
    ],
    ['none wakes none', function* () {}, ''],
  ])('%s', (_, wakes, want) => {
    expect(woken(wakes)).toBe(want)
  })

  /** One cell of work, `n` consumers and one producer of `n` items; verdicts of all schedules. */
  const verdicts = (n: number, consume: (has: Cell<number>, q: WaitQueue) => Step<void>): Set<string> => {
    const seen = new Set<string>()
    everySchedule(c => {
      const m = free()
      const q = new WaitQueue(m, 'q')
      const items = new Cell(m, 'items', 0)
      for (let i = 0; i < n; i++) m.spawn(`consumer ${i}`, consume(items, q))
      m.spawn(
        'producer',
        (function* () {
          for (let i = 0; i < n; i++) {
            items.poke(items.peek() + 1)
            yield* wake_up(q)
          }
        })(),
      )
      seen.add(m.run(c))
    })
    return seen
  }
  it('loses no wake-up in any schedule', () => {
    // The item is taken in the step that sees it.
    const consume = function* (items: Cell<number>, q: WaitQueue): Step<void> {
      yield* wait_event(q, () => items.peek() > 0)
      items.poke(items.peek() - 1)
    }
    for (const n of [1, 2]) expect(verdicts(n, consume)).toEqual(new Set(['held']))
  })
  it('canary: who looks first and then sleeps in another step does lose one', () => {
    const naive = verdicts(1, function* (items, q) {
      const there = (yield* items.load()) > 0
      let slept = false
      yield* wait_event(q, () => {
        const go = there || slept
        slept = true
        return go
      })
    })
    expect(naive).toEqual(new Set(['held', 'deadlock']))
  })
  it('the waiter goes on no earlier than it was woken', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.constantFrom<Policy>('timed', 'free'),
        fc.nat(200),
        fc.nat(200),
        (seed, policy, a, b) => {
          const m = new Machine({ policy })
          const q = new WaitQueue(m, 'q')
          const there = new Cell(m, 'there', false)
          let set = 0
          const w = m.spawn(
            'waiter',
            (function* () {
              yield* sleep(a)
              yield* wait_event(q, () => there.peek())
              return m.current!.now
            })(),
          )
          m.spawn(
            'waker',
            (function* () {
              yield* work(b)
              yield* there.store(true)
              set = m.current!.now
              yield* wake_up_all(q)
            })(),
          )
          let slept = false
          m.trace.on = true
          m.trace.sink = e => {
            slept ||= e.subject === 'blocks'
          }
          expect(m.run(new RandomChooser(seed))).toBe('held')
          // Under free a waiter that did not sleep may have looked at a time of its own.
          if (slept || policy === 'timed') expect(w.value).toBeGreaterThanOrEqual(set)
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('signals', () => {
  // mode, signals, does the wait end?
  const table: [WaitMode, string[], boolean][] = [
    ['uninterruptible', ['SIGUSR1'], false],
    ['uninterruptible', ['SIGKILL'], false],
    ['killable', ['SIGUSR1'], false],
    ['killable', ['SIGKILL'], true],
    ['killable', ['SIGUSR1', 'SIGKILL'], true],
    ['interruptible', ['SIGUSR1'], true],
    ['interruptible', ['SIGKILL'], true],
  ]
  it.each(table)('%s wait, %j: ends it %s', (mode, signals, ends) => {
    for (const when of ['before', 'during']) {
      const m = free()
      const q = new WaitQueue(m, 'q')
      const t = m.spawn(
        't',
        (function* () {
          return yield* wait_event(q, () => false, mode)
        })(),
      )
      m.spawn(
        'sender',
        (function* (): Step<void> {
          for (const s of signals) signal(t, s)
        })(),
      )
      const first = when === 'before' ? ['sender', 't', 't'] : ['t', 't', 'sender']
      expect(m.run(turns(first))).toBe(ends ? 'held' : 'deadlock')
      expect([t.value, t.signals, q.waiters.length]).toEqual(ends ? [INTERRUPTED, signals, 0] : [undefined, signals, 1])
    }
  })
  it('a condition that holds goes before a signal that is pending', () => {
    const m = free()
    const q = new WaitQueue(m, 'q')
    const t = m.spawn(
      't',
      (function* () {
        return yield* wait_event(q, () => true, 'interruptible')
      })(),
    )
    signal(t, 'SIGKILL')
    m.run()
    expect(t.value).toBe(0)
  })
  it('a signal that may not end the wait does not make it look', () => {
    const m = free()
    const q = new WaitQueue(m, 'q')
    let looks = 0
    const t = m.spawn(
      't',
      (function* () {
        yield* wait_event(
          q,
          () => {
            looks++
            return false
          },
          'killable',
        )
      })(),
      { service: true },
    )
    m.spawn(
      'sender',
      (function* (): Step<void> {
        signal(t, 'SIGUSR1')
      })(),
    )
    m.run()
    expect([looks, t.signals]).toEqual([1, ['SIGUSR1']])
  })
  it('to a dead task is nothing', () => {
    const m = free()
    const t = m.spawn('t', (function* (): Step<void> {})())
    m.run()
    signal(t, 'SIGKILL')
    expect(m.run()).toBe('held')
  })
})

describe('completion', () => {
  it('may come before the wait or after it, for any number of waiters', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 5 }), (seed, n) => {
        const m = free()
        const c = new Completion(m, 'c')
        let out = 0
        for (let i = 0; i < n; i++)
          m.spawn(
            `w${i}`,
            (function* () {
              expect(yield* wait_for_completion(c)).toBe(0)
              expect(c.isDone()).toBe(true)
              out++
            })(),
          )
        m.spawn(
          'completer',
          (function* () {
            yield* step()
            expect(c.isDone()).toBe(false)
            yield* complete(c)
          })(),
        )
        expect(m.run(new RandomChooser(seed))).toBe('held')
        expect([out, c.isDone(), c.q.waiters.length]).toEqual([n, true, 0])
      }),
      { numRuns: 200 },
    )
  })
  it('never done leaves its waiters asleep', () => {
    const m = free()
    const c = new Completion(m, 'mount is up')
    m.spawn(
      'w',
      (function* () {
        yield* wait_for_completion(c)
      })(),
    )
    expect([m.run(), m.problems[0]?.text]).toEqual(['deadlock', 'no task can run: w waits for mount is up'])
  })
  it('rewinds, waiters too', () => {
    const m = free()
    const c = new Completion(m, 'c')
    const mark = m.journal.mark()
    for (let i = 0; i < 3; i++) {
      m.spawn(
        'w',
        (function* () {
          yield* wait_for_completion(c)
        })(),
      )
      if (i === 1)
        m.spawn(
          'c',
          (function* () {
            yield* complete(c)
          })(),
        )
      expect(m.run()).toBe(i === 1 ? 'held' : 'deadlock')
      expect([c.isDone(), c.q.waiters.length]).toEqual(i === 1 ? [true, 0] : [false, 1])
      m.dropTasks()
      m.journal.rewind(mark)
      expect([c.isDone(), c.q.waiters.length]).toEqual([false, 0])
    }
  })
})
