import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RandomChooser } from '../../src/explore/strategies/random.ts'
import {
  Cell,
  type Chooser,
  Completion,
  DEAD,
  defaultChooser,
  InvariantError,
  Killed,
  Machine,
  Mutex,
  mutex_lock,
  Oops,
  type Option,
  type Policy,
  REDUNDANT,
  RUNNABLE,
  type Step,
  sleep,
  sleep_until,
  step,
  type Task,
  wait_for_completion,
  work,
} from '../../src/sim/index.ts'
import { everySchedule, machineOf, Watcher } from './support.ts'

/** A program as data: what each task does, spawning included. */
type Act = { do: 'step' } | { do: 'sleep'; ns: number } | { do: 'work'; ns: number } | { do: 'spawn'; body: Act[] }
const acts: fc.Arbitrary<Act[]> = fc.letrec<{ acts: Act[] }>(tie => ({
  acts: fc.array(
    fc.oneof(
      { depthSize: 'small' },
      fc.record({ do: fc.constant('step' as const) }),
      fc.record({ do: fc.constant('sleep' as const), ns: fc.nat(3) }),
      fc.record({ do: fc.constant('work' as const), ns: fc.nat(3) }),
      fc.record({ do: fc.constant('spawn' as const), body: tie('acts') }),
    ),
    { maxLength: 6, depthIdentifier: 'x' },
  ),
})).acts

function* play(m: Machine, label: string, todo: readonly Act[]): Step<void> {
  let n = 0
  for (const a of todo) {
    if (a.do === 'step') yield* step()
    else if (a.do === 'sleep') yield* sleep(a.ns)
    else if (a.do === 'work') yield* work(a.ns)
    else m.spawn(`${label}.${n++}`, play(m, `${label}.${n}`, a.body))
  }
}

/** Who may run next, by the rule in the design. */
const mayRun = (m: Machine, policy: Policy, cur: Task | null): Task[] => {
  const able = m.tasks.filter(t => t.state === RUNNABLE)
  const low = policy === 'timed' ? able.filter(t => able.every(o => t.now <= o.now)) : able
  return [...low.filter(t => t === cur), ...low.filter(t => t !== cur)]
}

/** Run a program and check every step and every question against `mayRun` of `rule`. */
const obeys = (policy: Policy, rule: Policy) =>
  fc.property(fc.array(acts, { minLength: 1, maxLength: 4 }), fc.nat(), (program, seed) => {
    const m = new Machine({ policy })
    program.forEach((a, i) => {
      m.spawn(`t${i}`, play(m, `t${i}`, a))
    })
    const random = new RandomChooser(seed)
    let may = mayRun(m, rule, null)
    m.afterStep = () => {
      expect(may).toContain(m.current)
      may = mayRun(m, rule, m.current)
    }
    const verdict = m.run({
      choose: (kind, options) => {
        expect(options.length).toBeGreaterThan(1)
        if (kind === 'schedule') expect(options.map(o => o.label)).toEqual(may.map(t => t.label))
        else expect([kind, policy]).toEqual(['duration', 'timed'])
        return random.choose(kind, options)
      },
    })
    expect(verdict).toBe('held')
    expect(m.tasks.every(t => t.state === DEAD)).toBe(true)
    expect(m.steps).toBe(m.tasks.reduce((n, t) => n + t.steps, 0))
  })

describe('policy', () => {
  it.each(['timed', 'free'] as const)('%s: who may run, in which order the chooser is asked', policy => {
    fc.assert(obeys(policy, policy), { numRuns: 300 })
  })
  it.each([
    ['free', 'timed'],
    ['timed', 'free'],
  ] as const)('canary: %s does not pass for %s', (policy, rule) => {
    expect(fc.check(obeys(policy, rule), { numRuns: 300 }).failed).toBe(true)
  })
  /** Who did an operation after whom: `a` does slow ones (20 ns), `b` quick ones (2 ns). */
  const order = (policy: Policy) => {
    const m = new Machine({ policy })
    const x = new Cell(m, 'x', 0)
    let ran = ''
    const body = function* (l: string, n: number): Step<void> {
      for (let i = 0; i < n; i++) {
        if (l === 'a') yield* x.xchg(1)
        else yield* x.load()
        ran += l
      }
    }
    m.spawn('a', body('a', 3))
    m.spawn('b', body('b', 15))
    m.run()
    return ran
  }
  it('free, by default: the running task goes on', () => {
    expect(order('free')).toBe('aaabbbbbbbbbbbbbbb')
  })
  it('timed, by default: the lowest clock goes first, and on a tie the running task', () => {
    // a at 0, 20, 40; b at 0, 2, 4 ... 20, then 22 ... 28.
    expect(order('timed')).toBe('abbbbbbbbbbbabbbba')
  })
})

describe('clocks', () => {
  it.each([
    ['sleep', sleep(5), 105],
    ['sleep_until later', sleep_until(120), 120],
    ['sleep_until earlier', sleep_until(20), 100],
    ['step', step(), 101],
    ['work', work(5), 105],
  ] as const)('%s', (_, op, now) => {
    const m = new Machine()
    const t = m.spawn(
      't',
      (function* () {
        yield* op
      })(),
      { at: 100 },
    )
    m.run()
    expect(t.now).toBe(now)
  })
  it('work asks how long it takes under timed, where it matters, and not under free', () => {
    const ask = (policy: Policy, pick: number) => {
      const m = new Machine({ policy })
      const t = m.spawn(
        't',
        (function* () {
          yield* work(101)
        })(),
      )
      const asked: string[] = []
      m.run({
        choose: (kind, options) => {
          asked.push(`${kind}: ${options.map(o => o.label).join(' ')}`)
          return pick
        },
      })
      return [t.now, ...asked]
    }
    const q = 'duration: x1 x1.5 x2 x4 x8'
    expect([0, 1, 2, 3, 4].map(i => ask('timed', i))).toEqual([
      [101, q],
      [151, q],
      [202, q],
      [404, q],
      [808, q],
    ])
    expect(ask('free', 4)).toEqual([101])
  })
})

describe('chooser', () => {
  const three = () =>
    machineOf({
      a: function* () {
        yield* step()
        yield* step()
      },
      b: function* (m) {
        yield* step()
        m.spawn(
          'child',
          (function* () {
            yield* step()
          })(),
        )
      },
    })

  it('hears begin, each task, each question, each later task, the end; and nothing afterwards', () => {
    const heard: string[] = []
    const ear: Chooser = {
      begin: () => heard.push('begin'),
      spawn: (t: Option) => heard.push(`spawn ${t.label}`),
      choose: (kind, o) => {
        heard.push(`${kind} ${o.map(x => x.label).join(' ')}`)
        return 0
      },
      end: e => heard.push(`end ${e.verdict} ${e.steps}`),
    }
    const m = three()
    m.run(ear)
    expect(heard).toEqual([
      'begin',
      'spawn a',
      'spawn b',
      'schedule a b',
      'schedule a b',
      'schedule a b',
      'spawn child',
      'end held 7',
    ])
    m.dropTasks()
    m.spawn(
      'next',
      (function* () {
        yield* step()
      })(),
    )
    m.choose('fault', [{ label: 'no' }, { label: 'yes' }])
    expect(heard.length).toBe(8)
    m.run(ear)
    expect(heard.slice(8)).toEqual(['begin', 'spawn next', 'end held 2'])
  })
  it('sees the footprint of each option: the operation it will do', () => {
    const m = new Machine({ policy: 'free' })
    const x = new Cell(m, 'x', 0)
    m.spawn(
      'a',
      (function* () {
        yield* x.store(1)
      })(),
    )
    m.spawn(
      'b',
      (function* () {
        yield* x.load()
      })(),
    )
    const seen: string[] = []
    m.run({
      choose: (_k, o, ctx) => {
        seen.push(
          `${ctx.steps}: ${o.map(t => `${t.label} ${t.pending?.kind.name} ${t.pending?.obj?.name}`).join(', ')}`,
        )
        return o.length - 1
      },
    })
    expect(seen).toEqual([
      '0: a start undefined, b start undefined',
      '1: b load x, a start undefined',
      '2: a store x, b load x',
    ])
  })
  it('is not asked where there is one way on', () => {
    const w = new Watcher()
    const m = machineOf({
      a: function* (m) {
        yield* step()
        expect(m.choose('fault', [{ label: 'only' }])).toBe(0)
        m.choose('fault', [{ label: 'no' }, { label: 'yes' }])
      },
    })
    expect(m.run(w)).toBe('held')
    expect(w.asked).toEqual(['fault: no yes'])
  })
  it('stops the execution with REDUNDANT, at whichever question', () => {
    for (let at = 0; at < 3; at++) {
      const m = three()
      let n = 0
      let end = ''
      const v = m.run({
        choose: () => (n++ === at ? REDUNDANT : 0),
        end: e => {
          end = `${e.verdict} ${e.steps}`
        },
      })
      expect([v, m.steps, end]).toEqual(['redundant', at, `redundant ${at}`])
    }
  })
  it('stops it in the middle of a step too: a duration, a fault', () => {
    const m = new Machine({ policy: 'timed' })
    const said: number[] = []
    m.spawn(
      'a',
      (function* () {
        yield* step()
        said.push(m.choose('fault', [{ label: 'no' }, { label: 'yes' }]))
        yield* step()
        said.push(9)
      })(),
    )
    expect(m.run({ choose: () => REDUNDANT })).toBe('redundant')
    expect([said, m.steps]).toEqual([[0], 2])
    // The next execution is not stopped by it.
    expect(m.run()).toBe('held')
  })
  it.each([2, -7, Number.NaN])('is told when its answer is none of the options: %d', bad => {
    expect(() => three().run({ choose: () => bad })).toThrow(InvariantError)
    const m = machineOf({
      a: function* (m): Step<void> {
        m.choose('fault', [{ label: 'no' }, { label: 'yes' }])
      },
    })
    expect(() => m.run({ choose: () => bad })).toThrow(InvariantError)
  })
})

describe('tasks', () => {
  it('spawned in a run start at the time of who spawned them, or when told', () => {
    const m = new Machine()
    const starts: string[] = []
    const child = function* (l: string): Step<void> {
      starts.push(`${l} ${m.current!.now}`)
    }
    m.spawn(
      'parent',
      (function* () {
        yield* sleep(50)
        m.spawn('child', child('child'), { owner: 'me' })
        m.spawn('later', child('later'), { at: 70 })
        yield* sleep(100)
        starts.push(`parent ${m.current!.now}`)
      })(),
    )
    expect(m.run()).toBe('held')
    expect([...starts].sort()).toEqual(['child 50', 'later 70', 'parent 150'])
    expect(m.tasks.map(t => [t.label, t.id, t.owner])).toEqual([
      ['parent', 0, null],
      ['child', 1, 'me'],
      ['later', 2, null],
    ])
  })
  it('leave their value', () => {
    const m = machineOf({
      a: function* () {
        yield* step()
        return 7
      },
    })
    m.run()
    expect([m.tasks[0]!.value, m.tasks[0]!.error, m.tasks[0]!.state]).toEqual([7, null, DEAD])
  })
  it('number what they make by themselves: no other task shifts it, in any order', () => {
    const ids = (others: number, c: Chooser): number[] => {
      const m = new Machine({ policy: 'free' })
      const mine: number[] = []
      const all = new Set<number>()
      const make = function* (n: number, out?: number[]): Step<void> {
        for (let i = 0; i < n; i++) {
          yield* step()
          const id = m.newId()
          expect(all.has(id)).toBe(false)
          all.add(id)
          out?.push(id)
        }
      }
      m.spawn('other', make(others))
      m.spawn('mine', make(3, mine))
      m.run(c)
      return mine
    }
    const first = ids(0, defaultChooser)
    fc.assert(
      fc.property(fc.nat(20), fc.nat(), (others, seed) => {
        expect(ids(others, new RandomChooser(seed))).toEqual(first)
      }),
    )
  })
  it('canary: one counter for all would shift', () => {
    const m = new Machine()
    const a = m.newId()
    expect(m.newId()).not.toBe(a)
  })
})

describe('verdict', () => {
  it('steps, at the bound and not before', () => {
    const body = (n: number) =>
      function* (): Step<void> {
        for (let i = 0; i < n; i++) yield* step()
      }
    const run = (n: number) => {
      const m = new Machine({ maxSteps: 50 })
      m.spawn('a', body(n)())
      return [m.run(), m.steps, m.problems[0]?.text]
    }
    const text = 'no end within 50 steps, so a livelock, most likely: a is at step'
    expect([run(Number.POSITIVE_INFINITY), run(50), run(49)]).toEqual([
      ['steps', 50, text],
      ['steps', 50, text],
      ['held', 50, undefined],
    ])
  })
  it('failed when something was found wrong, and the problem says by whom and where', () => {
    const m = machineOf({
      a: function* (m): Step<void> {
        m.problem('WARN', 'this should not be')
      },
    })
    expect(m.run()).toBe('failed')
    expect(m.problems).toEqual([{ kind: 'WARN', text: 'this should not be', task: 'a', backtrace: ['a'] }])
  })
  it('deadlock when a task sleeps at the end, held when only a service does', () => {
    const run = (service: boolean, locked = false) => {
      const m = new Machine()
      const c = new Completion(m, 'never')
      m.spawn(
        'sleeper',
        (function* () {
          if (locked) yield* mutex_lock(new Mutex(m, 'l'))
          yield* wait_for_completion(c)
        })(),
        { service },
      )
      return [m.run(), ...m.problems.map(p => p.text)]
    }
    expect(run(true)).toEqual(['held'])
    expect(run(false)).toEqual(['deadlock', 'no task can run: sleeper waits for never'])
    // A service that sleeps for good with a lock in its hands is no service to anybody.
    expect(run(true, true)).toEqual(['deadlock', 'no task can run: sleeper waits for never'])
  })
  it('problems rewind', () => {
    const m = new Machine()
    m.problem('WARN', 'kept')
    const mark = m.journal.mark()
    m.problem('WARN', 'taken back')
    m.journal.rewind(mark)
    expect(m.problems.map(p => [p.text, p.task])).toEqual([['kept', '-']])
  })
})

describe('retiring tasks', () => {
  const runOne = (m: Machine, body: Step<any>, service = false) => {
    const t = m.spawn('setup', body, { service })
    m.run()
    return t
  }
  it('lets ids go on from where they stopped', () => {
    const m = new Machine()
    const made: number[] = []
    const make = function* (): Step<void> {
      yield* step()
      made.push(m.newId(), m.newId())
    }
    for (let i = 0; i < 3; i++) {
      runOne(m, make())
      m.retireTasks()
      expect([m.tasks.length, m.current]).toEqual([0, null])
      made.push(m.newId())
    }
    expect(new Set(made).size).toBe(9)
  })
  it('takes a sleeping service out of its queue', () => {
    const m = new Machine()
    const c = new Completion(m, 'work to do')
    runOne(
      m,
      (function* () {
        yield* wait_for_completion(c)
      })(),
      true,
    )
    expect(c.q.waiters.length).toBe(1)
    m.retireTasks()
    expect(c.q.waiters.length).toBe(0)
  })
  it.each<[string, (m: Machine) => Step<any>, RegExp]>([
    [
      'sleeps and is no service',
      function* (m) {
        yield* wait_for_completion(new Completion(m, 'never'))
      },
      /setup is retired while it runs/,
    ],
    [
      'holds a lock',
      function* (m) {
        yield* mutex_lock(new Mutex(m, 'the lock'))
      },
      /setup is retired holding the lock/,
    ],
    [
      'died of an oops',
      function* () {
        yield* step()
        throw new Oops('x')
      },
      /setup died in set-up/,
    ],
  ])('refuses one that %s', (_, body, why) => {
    const m = new Machine()
    runOne(m, body(m))
    expect(() => m.retireTasks()).toThrow(why)
  })
  it('takes one that was killed, and drops anything', () => {
    const m = new Machine()
    runOne(
      m,
      (function* () {
        yield* step()
        throw new Killed('SIGKILL', null)
      })(),
    )
    m.retireTasks()
    runOne(
      m,
      (function* () {
        yield* mutex_lock(new Mutex(m, 'l'))
        yield* wait_for_completion(new Completion(m, 'never'))
      })(),
    )
    m.dropTasks()
    expect([m.tasks.length, m.current]).toEqual([0, null])
  })
})

describe('interleaving', () => {
  it('has one name for each schedule of three tasks, and another for every other', () => {
    const names = new Map<string, string>()
    const runs = everySchedule(c => {
      const m = new Machine({ policy: 'free' })
      const order: string[] = []
      m.afterStep = () => order.push(m.current!.label)
      for (const l of ['a', 'b', 'c'])
        m.spawn(
          l,
          (function* () {
            yield* step()
            yield* step()
          })(),
        )
      m.run(c)
      const schedule = order.join('')
      expect(names.get(schedule) ?? m.interleaving()).toBe(m.interleaving())
      names.set(schedule, m.interleaving())
    })
    // 9! / (3! 3! 3!)
    expect([runs, names.size, new Set(names.values()).size]).toEqual([1680, 1680, 1680])
  })
  it('is of the last execution alone', () => {
    const m = new Machine({ policy: 'free' })
    const run = () => {
      m.dropTasks()
      for (const l of ['a', 'b']) m.spawn(l, play(m, l, [{ do: 'step' }, { do: 'step' }]))
      m.run(new RandomChooser(6))
      return m.interleaving()
    }
    expect(run()).toBe(run())
  })
  it('does not depend on what the tasks do', () => {
    const name = (v: number) => {
      const m = new Machine({ policy: 'free' })
      const x = new Cell(m, 'x', 0)
      for (const l of ['a', 'b'])
        m.spawn(
          l,
          (function* () {
            yield* x.store(v)
          })(),
        )
      m.run(new RandomChooser(4))
      return m.interleaving()
    }
    expect(name(1)).toBe(name(2))
  })
})
