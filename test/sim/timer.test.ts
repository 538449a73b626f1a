// Timers: when they fire under each policy, that they rewind, and that they let a run end.
import { describe, expect, it } from 'vitest'
import { RandomChooser } from '../../src/explore/strategies/random.ts'
import {
  Cell,
  Completion,
  complete,
  del_timer,
  del_timer_sync,
  INTERRUPTED,
  kfn,
  Machine,
  mod_timer,
  type Step,
  signal,
  sleep,
  step,
  Timer,
  WaitQueue,
  wait_event,
  wait_event_timeout,
  wait_for_completion_timeout,
} from '../../src/sim/index.ts'
import { everySchedule } from './support.ts'

const problems = (m: Machine) => m.problems.map(p => `${p.kind}: ${p.text}`)

/** A timer that notes when it fires. */
const noting = (m: Machine, fired: number[]): Timer =>
  new Timer(m, 't', function* () {
    fired.push(m.current!.now)
  })

describe('under timed', () => {
  const run = (body: (timer: Timer) => Step<void>) => {
    const m = new Machine()
    const fired: number[] = []
    const timer = noting(m, fired)
    m.spawn('p', body(timer))
    return { verdict: m.run(), fired, m }
  }
  it.each<[string, (t: Timer) => Step<void>, number[]]>([
    [
      'fires when it is due',
      function* (t) {
        yield* mod_timer(t, 1000)
      },
      [1000],
    ],
    [
      'a time that is past is now',
      function* (t) {
        yield* sleep(500)
        yield* mod_timer(t, 100)
      },
      [520],
    ],
    [
      'set again, only the last time counts: later',
      function* (t) {
        expect(yield* mod_timer(t, 1000)).toBe(false)
        expect(yield* mod_timer(t, 3000)).toBe(true)
      },
      [3000],
    ],
    [
      'and earlier',
      function* (t) {
        yield* mod_timer(t, 3000)
        yield* mod_timer(t, 1000)
      },
      [1000],
    ],
    [
      'deleted, not at all',
      function* (t) {
        yield* mod_timer(t, 1000)
        expect(yield* del_timer(t)).toBe(true)
        expect(yield* del_timer(t)).toBe(false)
      },
      [],
    ],
    [
      'deleted and set again, once',
      function* (t) {
        yield* mod_timer(t, 1000)
        yield* del_timer(t)
        yield* mod_timer(t, 2000)
      },
      [2000],
    ],
    [
      'set again after it fired, twice',
      function* (t) {
        yield* mod_timer(t, 1000)
        yield* sleep(2000)
        expect(yield* mod_timer(t, 5000)).toBe(false)
      },
      [1000, 5000],
    ],
  ])('%s', (_, body, want) => {
    const { verdict, fired, m } = run(body)
    expect([verdict, fired, problems(m)]).toEqual(['held', want, []])
  })
  it('comes between the steps of others by its time', () => {
    const m = new Machine()
    const out: string[] = []
    const timer = new Timer(m, 't', function* () {
      out.push('timer')
    })
    m.spawn(
      'p',
      (function* () {
        yield* mod_timer(timer, 1000)
        for (const ns of [400, 400, 400]) {
          yield* sleep(ns)
          out.push(`p ${m.current!.now}`)
        }
      })(),
    )
    m.run()
    expect(out).toEqual(['p 420', 'p 820', 'timer', 'p 1220'])
  })
})

describe('under free', () => {
  it('when it fires is a choice: before, between and after; once it is deleted, never', () => {
    const seen = new Set<string>()
    everySchedule(c => {
      const m = new Machine({ policy: 'free' })
      let out = ''
      const timer = new Timer(m, 't', function* () {
        out += 't'
      })
      m.spawn(
        'p',
        (function* () {
          yield* mod_timer(timer, 1000)
          out += '1'
          yield* step()
          out += '2'
          if (yield* del_timer(timer)) out += 'd'
          yield* step()
          out += '3'
        })(),
      )
      expect(m.run(c)).toBe('held')
      seen.add(out)
    })
    expect([...seen].sort()).toEqual(['12d3', '12t3', '1t23'])
  })
  it('after del_timer_sync the callback neither runs nor will, in any schedule; canary: del_timer does not wait', () => {
    const busy = (sync: boolean): boolean => {
      let found = false
      everySchedule(c => {
        const m = new Machine({ policy: 'free' })
        const timer = new Timer(
          m,
          't',
          kfn('callback', function* (): Step<void> {
            yield* step()
          }),
        )
        m.spawn(
          'p',
          (function* () {
            yield* mod_timer(timer, 10)
            yield* sync ? del_timer_sync(timer) : del_timer(timer)
            found ||= timer.isRunning()
          })(),
        )
        expect(m.run(c)).toBe('held')
      })
      return found
    }
    expect([busy(true), busy(false)]).toEqual([false, true])
  })
  it('its callback sees what was done before it was set: no race', () => {
    everySchedule(c => {
      const m = new Machine({ policy: 'free', races: true })
      const x = new Cell(m, 'x', 0)
      const timer = new Timer(m, 't', function* () {
        expect(yield* x.load()).toBe(1)
      })
      m.spawn(
        'p',
        (function* () {
          yield* x.store(1)
          yield* mod_timer(timer, 10)
        })(),
      )
      expect([m.run(c), problems(m)]).toEqual(['held', []])
    })
  })
})

describe.each(['timed', 'free'] as const)('a run ends (%s)', policy => {
  const periodic = (m: Machine): Timer => {
    const timer: Timer = new Timer(m, 'tick', function* () {
      ticks++
      yield* mod_timer(timer, m.current!.now + 1000)
    })
    return timer
  }
  let ticks = 0
  it('with a timer that sets itself again: it stops when everybody is gone', () => {
    ticks = 0
    const m = new Machine({ policy })
    const timer = periodic(m)
    m.spawn(
      'p',
      (function* () {
        yield* mod_timer(timer, 1000)
        yield* sleep(10_500)
      })(),
    )
    expect(m.run(new RandomChooser(1))).toBe('held')
    if (policy === 'timed') expect(ticks).toBe(11)
  })
  it('also when somebody waits for good, and it is told', () => {
    ticks = 0
    const m = new Machine({ policy })
    const timer = periodic(m)
    const q = new WaitQueue(m, 'q')
    m.spawn(
      'p',
      (function* () {
        yield* mod_timer(timer, 1000)
        yield* wait_event(q, () => false)
      })(),
    )
    expect([m.run(), problems(m)]).toEqual(['deadlock', ['deadlock: no task can run: p waits for q']])
    expect(ticks).toBeGreaterThan(1000)
  })
  it('and rewinds', () => {
    const m = new Machine({ policy })
    const fired: number[] = []
    const timer = noting(m, fired)
    const mark = m.journal.mark()
    const run = () => {
      fired.length = 0
      m.spawn(
        'p',
        (function* () {
          yield* mod_timer(timer, 1000)
          yield* sleep(100)
          yield* mod_timer(timer, 2000)
        })(),
      )
      return [m.run(), m.trace.hex(), [...fired], m.tasks.map(t => t.label)]
    }
    const first = run()
    for (let i = 0; i < 3; i++) {
      m.dropTasks()
      m.journal.rewind(mark)
      expect(run()).toEqual(first)
    }
  })
})

describe('waits that give up', () => {
  /** What a wait of 1000 ns for something that comes at `at` (or not) returns. */
  const waited = (at: number | null, sig: string | null = null) => {
    const m = new Machine()
    const c = new Completion(m, 'c')
    const w = m.spawn(
      'w',
      (function* () {
        const rc = yield* wait_for_completion_timeout(c, 1000, 'killable')
        return [rc, m.current!.now]
      })(),
    )
    if (at !== null)
      m.spawn(
        'c',
        (function* () {
          yield* complete(c)
        })(),
        { at },
      )
    if (sig !== null)
      m.spawn(
        's',
        (function* (): Step<void> {
          signal(w, sig)
        })(),
        { at: 300 },
      )
    expect([m.run(), problems(m), c.q.waiters.length]).toEqual(['held', [], 0])
    return w.value as [number, number]
  }
  it('is in time: what is left', () => {
    const [left, now] = waited(400)
    expect(now).toBeLessThan(600)
    expect(left).toBe(1000 - now)
  })
  it('is late: 0, when the time is over', () => {
    for (const at of [null, 5000]) {
      const [left, now] = waited(at)
      expect([left, now >= 1000, now < 1200]).toEqual([0, true, true])
    }
  })
  it('is interrupted', () => {
    expect(waited(null, 'SIGKILL')[0]).toBe(INTERRUPTED)
    expect(waited(400, 'SIGUSR1')[0]).toBeGreaterThan(0)
  })
  it('under free both ends show, and no other', () => {
    const seen = new Set<string>()
    everySchedule(c => {
      const m = new Machine({ policy: 'free' })
      const q = new WaitQueue(m, 'q')
      const there = new Cell(m, 'there', false)
      const w = m.spawn(
        'w',
        (function* () {
          return yield* wait_event_timeout(q, () => there.peek(), 1000)
        })(),
      )
      m.spawn(
        'c',
        (function* (): Step<void> {
          there.poke(true)
          q.wake_up()
        })(),
      )
      seen.add(`${m.run(c)} ${w.value}`)
    })
    expect(seen).toEqual(new Set(['held 1', 'held 0']))
  })
  it('one task may do it again and again, with one timer', () => {
    const m = new Machine()
    const q = new WaitQueue(m, 'q')
    m.spawn(
      'w',
      (function* () {
        for (let i = 0; i < 5; i++) expect(yield* wait_event_timeout(q, () => false, 1000)).toBe(0)
      })(),
    )
    expect([m.run(), m.tasks.length]).toEqual(['held', 2])
  })
})

it('del_timer_sync() in its own callback is reported', () => {
  const m = new Machine()
  const timer: Timer = new Timer(m, 't', function* () {
    yield* del_timer_sync(timer)
  })
  m.spawn(
    'p',
    (function* () {
      yield* mod_timer(timer, 10)
    })(),
  )
  expect([m.run(), problems(m)]).toEqual([
    'failed',
    [
      'self-deadlock: the callback of t waits in del_timer_sync() for its own end',
      'sleep in atomic: timer/t does wait_event end of t while it runs the callback of t: it may sleep there',
    ],
  ])
})
