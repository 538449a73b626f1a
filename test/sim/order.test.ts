// Memory orderings under kernel code: nobody tells dependencies here. The litmus tests (test/litmus) hold the verdicts;
// this is about the machine around them.
import { describe, expect, it } from 'vitest'
import {
  Cell,
  type Chooser,
  Machine,
  type ModelName,
  Mutex,
  mutex_lock,
  mutex_unlock,
  NO_WRITE,
  RELAXED,
  SpinLock,
  type Step,
  smp_mb,
  smp_rmb,
  smp_wmb,
  spin_is_locked,
  spin_lock,
  spin_trylock,
  spin_unlock,
  WaitQueue,
  wait_event,
  wake_up_all,
} from '../../src/sim/index.ts'
import { everySchedule } from './support.ts'

const MODELS: readonly ModelName[] = ['sc', 'tso', 'weak']

/** All ends a program has, each as text, and how many executions it took. */
function ends(model: ModelName, build: (m: Machine, end: (s: string) => void) => void, limit = 200_000): string[] {
  const out = new Set<string>()
  const m = new Machine({ policy: 'free', model })
  let last = ''
  const mark = m.journal.mark()
  everySchedule(chooser => {
    m.dropTasks()
    m.journal.rewind(mark)
    last = ''
    build(m, s => {
      last += s
    })
    expect(m.run(chooser)).toBe('held')
    out.add([...last].sort().join(''))
  }, limit)
  return [...out].sort()
}

/** Message passing through an object made before its pointer is published. */
const publish = (barrier: boolean, made: 'by the writer' | 'before') => (m: Machine, end: (s: string) => void) => {
  const p = new Cell<{ a: Cell<number> } | null>(m, 'p', null)
  const ready = made === 'before' ? { a: new Cell(m, 'a', 0) } : null
  m.spawn(
    'w',
    (function* (): Step {
      const o = ready ?? { a: new Cell(m, 'a', 7) }
      yield* o.a.WRITE_ONCE(1)
      if (barrier) yield* smp_wmb()
      yield* p.WRITE_ONCE(o)
    })(),
  )
  m.spawn(
    'r',
    (function* (): Step {
      const o = yield* p.READ_ONCE()
      if (o !== null) end(String(yield* o.a.READ_ONCE()))
    })(),
  )
}

describe('kernel code carries no dependencies', () => {
  it('what was stored before the pointer was published with a barrier is seen by who follows it', () => {
    for (const model of MODELS) expect(ends(model, publish(true, 'by the writer')), model).toEqual(['', '1'])
  })
  it('a canary: with no barrier the value it was made with shows, and only under weak', () => {
    expect(ends('weak', publish(false, 'by the writer'))).toEqual(['', '1', '7'])
    expect(ends('tso', publish(false, 'by the writer'))).toEqual(['', '1'])
    expect(ends('sc', publish(false, 'by the writer'))).toEqual(['', '1'])
  })
  it('an object made with no task running may be followed out of order (stated in order-weak.ts)', () => {
    expect(ends('weak', publish(true, 'before'))).toEqual(['', '0', '1'])
  })
  it('a store comes after every earlier load: no branch is overtaken', () => {
    for (const model of MODELS) {
      const seen = ends(model, (m, end) => {
        const [x, y] = [new Cell(m, 'x', 0), new Cell(m, 'y', 0)]
        m.spawn(
          'a',
          (function* (): Step {
            yield* x.WRITE_ONCE(2)
            yield* smp_wmb()
            yield* y.WRITE_ONCE(1)
          })(),
        )
        m.spawn(
          'b',
          (function* (): Step {
            if ((yield* y.READ_ONCE()) === 0) return
            yield* x.WRITE_ONCE(1)
            yield* smp_mb()
            end(String(x.peek()))
          })(),
        )
      })
      expect(seen, model).toEqual(['', '1'])
    }
  })
})

const mp = (
  write: (x: Cell<number>, y: Cell<number>) => Step,
  read: (x: Cell<number>, y: Cell<number>) => Step<string>,
) =>
  function build(m: Machine, end: (s: string) => void): void {
    const [x, y] = [new Cell(m, 'x', 0), new Cell(m, 'y', 0)]
    m.spawn('w', write(x, y))
    m.spawn(
      'r',
      (function* (): Step {
        end(yield* read(x, y))
      })(),
    )
  }

describe('locks, waits and tasks order', () => {
  it.each(MODELS)('what a mutex covers is seen under it (%s)', model => {
    const seen = ends(model, (m, end) => {
      const [x, y, l] = [new Cell(m, 'x', 0), new Cell(m, 'y', 0), new Mutex(m, 'l')]
      m.spawn(
        'w',
        (function* (): Step {
          yield* mutex_lock(l)
          yield* x.store(1)
          yield* y.store(1)
          yield* mutex_unlock(l)
        })(),
      )
      m.spawn(
        'r',
        (function* (): Step {
          yield* mutex_lock(l)
          const b = yield* y.load()
          const a = yield* x.load()
          yield* mutex_unlock(l)
          end(`${a}${b}`)
        })(),
      )
    })
    expect(seen).toEqual(['00', '11'])
  })
  it.each(MODELS)('who was woken sees what was stored before the wake-up (%s)', model => {
    const seen = ends(model, (m, end) => {
      const [x, q] = [new Cell(m, 'x', 0), new WaitQueue(m, 'q')]
      let done = false
      m.spawn(
        'w',
        (function* (): Step {
          yield* x.WRITE_ONCE(1)
          done = true
          yield* wake_up_all(q)
        })(),
      )
      m.spawn(
        'r',
        (function* (): Step {
          yield* wait_event(q, () => done)
          end(String(yield* x.READ_ONCE()))
        })(),
      )
    })
    // Under tso a store may still be in the writer's buffer when a flag that is no cell is set.
    expect(seen).toEqual(model === 'tso' ? ['0', '1'] : ['1'])
  })
  it.each(MODELS)('a task starts where its maker stood (%s)', model => {
    const seen = ends(model, (m, end) => {
      const x = new Cell(m, 'x', 0)
      m.spawn(
        'maker',
        (function* (): Step {
          yield* x.WRITE_ONCE(1)
          m.spawn(
            'made',
            (function* (): Step {
              end(String(yield* x.READ_ONCE()))
            })(),
          )
        })(),
      )
    })
    expect(seen).toEqual(['1'])
  })
  it('spin_trylock and spin_is_locked look at the lock', () => {
    for (const model of MODELS) {
      const m = new Machine({ policy: 'free', model })
      const l = new SpinLock(m, 'l')
      const seen: unknown[] = []
      m.spawn(
        'a',
        (function* (): Step {
          seen.push(yield* spin_is_locked(l), yield* spin_trylock(l), yield* spin_trylock(l), yield* spin_is_locked(l))
          yield* spin_unlock(l)
          seen.push(yield* spin_is_locked(l))
          yield* spin_lock(l)
          yield* spin_unlock(l)
        })(),
      )
      expect(m.run()).toBe('held')
      expect(seen, model).toEqual([false, true, false, true, false])
    }
  })
})

describe('the machine around a model', () => {
  const flagged = mp(
    function* (x, y) {
      yield* x.WRITE_ONCE(1)
      yield* smp_wmb()
      yield* y.WRITE_ONCE(1)
    },
    function* (x, y) {
      const b = yield* y.READ_ONCE()
      yield* smp_rmb()
      return `${b}${(yield* x.READ_ONCE()) + 2}`
    },
  )
  it('under weak the default chooser sees the newest value: a run without questions is sequentially consistent', () => {
    const traces = (['sc', 'weak'] as const).map(model => {
      const m = new Machine({ policy: 'free', model })
      let said = ''
      flagged(m, s => {
        said += s
      })
      expect(m.run()).toBe('held')
      return said
    })
    expect(new Set(traces).size).toBe(1)
  })
  it('MP with both barriers never ends 1 then 0 (0 shows as 2, 1 as 3)', () => {
    for (const model of MODELS) expect(ends(model, flagged)).not.toContain('12')
  })

  it('choices have labels that name the value and its age', () => {
    const labels = new Set<string>()
    const m = new Machine({ policy: 'free', model: 'weak' })
    const mark = m.journal.mark()
    everySchedule(inner => {
      m.dropTasks()
      m.journal.rewind(mark)
      flagged(m, () => {})
      const watch: Chooser = {
        choose: (kind, options, ctx) => {
          if (kind !== 'schedule') for (const o of options) labels.add(`${kind} ${o.label}`)
          return inner.choose(kind, options, ctx)
        },
      }
      m.run(watch)
    })
    expect([...labels].sort()).toEqual(['load 0@1', 'load 1@0'])
  })

  it('peek and poke are outside of the model: at once, and for all', () => {
    for (const model of MODELS) {
      const seen = ends(model, (m, end) => {
        const x = new Cell(m, 'x', 0)
        m.spawn(
          'w',
          (function* (): Step {
            yield* x.WRITE_ONCE(1)
            yield* x.cmpxchg(1, 2)
            x.poke(5)
          })(),
        )
        m.spawn(
          'r',
          (function* (): Step {
            yield* x.READ_ONCE()
            if (x.peek() === 5) end(String(yield* x.READ_ONCE()))
          })(),
        )
      })
      expect(seen, model).toEqual(['', '5'])
    }
  })

  it('a run starts with everything before it settled', () => {
    for (const model of MODELS) {
      const m = new Machine({ policy: 'free', model })
      const x = new Cell(m, 'x', 0)
      const body = function* (): Step {
        for (let i = 1; i <= 3; i++) yield* x.WRITE_ONCE(i)
      }
      m.spawn('set-up', body())
      expect(m.run()).toBe('held')
      m.retireTasks()
      const mark = m.journal.mark()
      const seen = new Set<number>()
      everySchedule(chooser => {
        m.dropTasks()
        m.journal.rewind(mark)
        m.spawn(
          'a',
          (function* (): Step {
            seen.add(yield* x.READ_ONCE())
            yield* x.WRITE_ONCE(9)
          })(),
        )
        m.spawn(
          'b',
          (function* (): Step {
            seen.add(yield* x.READ_ONCE())
          })(),
        )
        m.run(chooser)
      })
      expect([...seen].sort(), model).toEqual([3, 9])
      m.dropTasks()
      m.journal.rewind(mark)
      expect(x.peek()).toBe(3)
    }
  })

  it('atomics: relaxed ones give no order, none is ever lost', () => {
    for (const model of MODELS) {
      const seen = ends(model, (m, end) => {
        const x = new Cell(m, 'x', 0)
        for (const t of ['a', 'b', 'c'])
          m.spawn(
            t,
            (function* (): Step {
              end(String(yield* x.rmw(v => (v === 9 ? NO_WRITE : v + 1), RELAXED)))
            })(),
          )
      })
      expect(seen, model).toEqual(['012'])
    }
  })

  it('tso: the drain is a service that sleeps while nothing is buffered, and lands in order', () => {
    const m = new Machine({ policy: 'free', model: 'tso' })
    const [x, y] = [new Cell(m, 'x', 0), new Cell(m, 'y', 0)]
    m.spawn(
      'a',
      (function* (): Step {
        yield* x.WRITE_ONCE(1)
        yield* y.WRITE_ONCE(1)
        yield* x.WRITE_ONCE(2)
      })(),
    )
    const seen: string[] = []
    m.afterStep = () => seen.push(`${x.peek()}${y.peek()}`)
    expect(m.run()).toBe('held')
    expect(m.tasks.map(t => [t.label, t.service])).toEqual([
      ['a', false],
      ['a/drain', true],
    ])
    expect([...new Set(seen)]).toEqual(['00', '10', '11', '21'])
    expect(m.order?.history(x)).toEqual([0, 1, 2])
    m.retireTasks()
    expect(m.tasks).toEqual([])
  })

  it('rewinding in the middle of it: the same ends from the same mark, again and again', () => {
    for (const model of MODELS) {
      const once = ends(model, flagged)
      expect(ends(model, flagged)).toEqual(once)
    }
  })
})
