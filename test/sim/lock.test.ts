import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RandomChooser } from '../../src/explore/strategies/random.ts'
import {
  Cell,
  down_read,
  down_read_killable,
  down_read_trylock,
  down_write,
  down_write_killable,
  down_write_trylock,
  downgrade_write,
  kfn,
  Machine,
  Mutex,
  mutex_lock,
  mutex_lock_interruptible,
  mutex_lock_killable,
  mutex_trylock,
  mutex_unlock,
  NOT_LOCKED,
  type Op,
  type Policy,
  RwSemaphore,
  SpinLock,
  type Step,
  signal,
  sleep,
  spin_lock,
  spin_unlock,
  step,
  up_read,
  up_write,
  work,
} from '../../src/sim/index.ts'
import { everySchedule, turns } from './support.ts'

const problems = (m: Machine) => m.problems.map(p => `${p.kind}: ${p.text}`)

describe('mutex', () => {
  it('is handed over in the order they came', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 2, max: 6 }), (seed, n) => {
        const m = new Machine({ policy: 'free' })
        const l = new Mutex(m, 'l')
        const came: string[] = []
        const owners: string[] = []
        m.trace.on = true
        m.trace.sink = e => {
          if (e.kind.name === 'mutex_lock' && e.subject === 'blocks') came.push(e.task!.label)
        }
        m.afterStep = () => {
          if (l.owner !== null && l.owner.label !== owners.at(-1)) owners.push(l.owner.label)
        }
        m.spawn(
          'holder',
          (function* () {
            yield* mutex_lock(l)
            for (let i = 0; i < 3 * n; i++) yield* step()
            yield* mutex_unlock(l)
          })(),
        )
        for (let i = 0; i < n; i++)
          m.spawn(
            `w${i}`,
            (function* () {
              yield* step()
              yield* mutex_lock(l)
              yield* mutex_unlock(l)
            })(),
          )
        expect(m.run(new RandomChooser(seed))).toBe('held')
        expect(owners.filter(t => came.includes(t))).toEqual(came)
        expect(owners.length).toBe(n + 1)
      }),
      { numRuns: 300 },
    )
  })
  it('nobody gets in between the hand-over and the waiter: trylock fails although the owner has not run yet', () => {
    const m = new Machine({ policy: 'free' })
    const l = new Mutex(m, 'l')
    const tried: boolean[] = []
    const holder = m.spawn(
      'holder',
      (function* () {
        yield* mutex_lock(l)
        tried.push(yield* mutex_trylock(l))
        yield* step()
        yield* mutex_unlock(l)
        expect(l.owner?.label).toBe('waiter')
        tried.push(yield* mutex_trylock(l))
      })(),
    )
    const waiter = m.spawn(
      'waiter',
      (function* () {
        yield* mutex_lock(l)
        yield* mutex_unlock(l)
      })(),
    )
    // holder up to its lock, then the waiter blocks, then holder goes on.
    m.run(turns(['holder', 'holder', 'waiter', 'waiter', 'holder']))
    expect(tried).toEqual([false, false])
    expect([holder.held, waiter.held, l.owner, problems(m)]).toEqual([[], [], null, []])
  })
  it('trylock takes a free one, and it must be unlocked like any', () => {
    const m = new Machine()
    const l = new Mutex(m, 'l')
    const t = m.spawn(
      't',
      (function* () {
        const taken = yield* mutex_trylock(l)
        const held = [...m.current!.held]
        yield* mutex_unlock(l)
        return [taken, held, l.owner]
      })(),
    )
    expect(m.run()).toBe('held')
    expect(t.value).toEqual([true, [l], null])
  })
  it('rewinds: owner, queue and time of release', () => {
    const m = new Machine()
    const l = new Mutex(m, 'l')
    const body = function* (): Step<void> {
      yield* mutex_lock(l)
      yield* work(100)
    }
    const mark = m.journal.mark()
    const run = () => {
      m.spawn('a', body())
      m.spawn('b', body())
      return [m.run(), m.tasks.map(t => t.now), l.owner?.label, problems(m)]
    }
    const first = run()
    for (let i = 0; i < 5; i++) {
      m.dropTasks()
      m.journal.rewind(mark)
      expect(l.owner).toBeNull()
      expect(run()).toEqual(first)
    }
  })
})

/** Take and release of every kind of exclusive lock. */
const exclusive: [string, (m: Machine) => { take: () => Op<void>; give: () => Op<void> }][] = [
  [
    'mutex',
    m => {
      const l = new Mutex(m, 'l')
      return { take: () => mutex_lock(l), give: () => mutex_unlock(l) }
    },
  ],
  [
    'spinlock',
    m => {
      const l = new SpinLock(m, 'l')
      return { take: () => spin_lock(l), give: () => spin_unlock(l) }
    },
  ],
  [
    'rw_semaphore for writing',
    m => {
      const l = new RwSemaphore(m, 'l')
      return { take: () => down_write(l), give: () => up_write(l) }
    },
  ],
]

/** Tasks that count in a cell by load and store, under the lock or not; what the cell is in the end. */
const counted = (
  make: (m: Machine) => { take: () => Op<void>; give: () => Op<void> },
  o: { seed: number; policy: Policy; tasks: number; each: number; locked: boolean },
): number => {
  const m = new Machine({ policy: o.policy })
  const l = make(m)
  const x = new Cell(m, 'x', 0)
  for (let i = 0; i < o.tasks; i++)
    m.spawn(
      `t${i}`,
      (function* () {
        for (let k = 0; k < o.each; k++) {
          if (o.locked) yield* l.take()
          yield* x.store((yield* x.load()) + 1)
          if (o.locked) yield* l.give()
        }
      })(),
    )
  expect(m.run(new RandomChooser(o.seed))).toBe('held')
  return x.peek()
}

describe('mutual exclusion', () => {
  describe.each(exclusive)('%s', (_, make) => {
    it.each(['timed', 'free'] as const)('a counter under it is right in random schedules (%s)', policy => {
      fc.assert(
        fc.property(fc.nat(), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 5 }), (seed, tasks, each) => {
          expect(counted(make, { seed, policy, tasks, each, locked: true })).toBe(tasks * each)
        }),
      )
    })
    it.each(['timed', 'free'] as const)('canary: without it the counter is wrong in some (%s)', policy => {
      const sums = Array.from({ length: 50 }, (_, seed) =>
        counted(make, { seed, policy, tasks: 3, each: 3, locked: false }),
      )
      expect(sums.some(n => n < 9)).toBe(true)
    })
    it('nobody is in it together in any schedule of two tasks, twice each', () => {
      let runs = 0
      everySchedule(c => {
        const m = new Machine({ policy: 'free' })
        const l = make(m)
        let inside = 0
        for (const label of ['a', 'b'])
          m.spawn(
            label,
            (function* () {
              for (let k = 0; k < 2; k++) {
                yield* l.take()
                expect(++inside).toBe(1)
                yield* step()
                inside--
                yield* l.give()
              }
            })(),
          )
        expect(m.run(c)).toBe('held')
        runs++
      })
      expect(runs).toBeGreaterThan(100)
    })
    it('the next holder goes on no earlier than the last one left', () => {
      fc.assert(
        fc.property(
          fc.nat(),
          fc.constantFrom<Policy>('timed', 'free'),
          fc.array(fc.tuple(fc.nat(50), fc.nat(100)), { minLength: 2, maxLength: 5 }),
          (seed, policy, tasks) => {
            const m = new Machine({ policy })
            const l = make(m)
            let left = 0
            for (const [at, ns] of tasks)
              m.spawn(
                `t${at}`,
                (function* () {
                  yield* l.take()
                  expect(m.current!.now).toBeGreaterThanOrEqual(left)
                  yield* work(ns)
                  yield* l.give()
                  left = m.current!.now
                })(),
                { at },
              )
            expect(m.run(new RandomChooser(seed))).toBe('held')
            // They work one after the other, so the last one ends after all the work there is.
            expect(left).toBeGreaterThanOrEqual(tasks.reduce((n, [, ns]) => n + ns, 0))
          },
        ),
        { numRuns: 200 },
      )
    })
  })
})

/** The rule of the semaphore: one queue; readers join readers only while nobody waits; a first reader takes all readers in. */
class RwModel {
  writer = ''
  readers: string[] = []
  queue: { who: string; write: boolean }[] = []
  /** Canary: let readers pass a waiting writer. */
  overtake = false
  down(who: string, write: boolean): void {
    const free = this.writer === '' && (write ? this.readers.length === 0 : this.overtake || this.queue.length === 0)
    if (!free) this.queue.push({ who, write })
    else if (write) this.writer = who
    else this.readers.push(who)
  }
  up(who: string): void {
    if (this.writer === who) this.writer = ''
    else this.readers.splice(this.readers.indexOf(who), 1)
    const first = this.queue[0]
    if (first === undefined || this.writer !== '' || (first.write && this.readers.length > 0)) return
    if (first.write) {
      this.writer = first.who
      this.queue.shift()
      return
    }
    for (const w of this.queue) if (!w.write) this.readers.push(w.who)
    this.queue = this.queue.filter(w => w.write)
  }
  holders(): string[] {
    return this.writer !== '' ? [this.writer] : [...this.readers].sort()
  }
}

/** Random sections for reading and writing under random schedules: after each step the holders are the model's. */
const follows = (newModel: () => RwModel) =>
  fc.property(
    fc.array(fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 5 }),
    fc.nat(),
    (tasks, seed) => {
      const m = new Machine({ policy: 'free' })
      const sem = new RwSemaphore(m, 'sem')
      const model = newModel()
      const waiting = new Set<string>()
      m.trace.on = true
      m.trace.sink = e => {
        const who = e.task!.label
        const [dir, how] = e.kind.name.split('_')
        // A waiter that has been let in does its operation's event when it runs again; the model has it in already.
        if (dir === 'down' && !waiting.delete(who)) {
          model.down(who, how === 'write')
          if (e.subject === 'blocks') waiting.add(who)
        } else if (dir === 'up') model.up(who)
      }
      m.afterStep = () => {
        expect(
          sem
            .holders()
            .map(t => t.label)
            .sort(),
        ).toEqual(model.holders())
      }
      tasks.forEach((sections, i) => {
        m.spawn(
          `t${i}`,
          (function* () {
            for (const write of sections) {
              yield* write ? down_write(sem) : down_read(sem)
              expect(sem.heldBy(m.current!)).toBe(write ? 'write' : 'read')
              yield* step()
              yield* write ? up_write(sem) : up_read(sem)
            }
          })(),
        )
      })
      expect([m.run(new RandomChooser(seed)), problems(m)]).toEqual(['held', []])
      expect(sem.holders()).toEqual([])
    },
  )

describe('rw_semaphore', () => {
  it('lets in who the rule lets in, in any schedule', () => {
    fc.assert(
      follows(() => new RwModel()),
      { numRuns: 500 },
    )
  })
  it('canary: a rule by which readers overtake a waiting writer is not this one', () => {
    const wrong = () => {
      const r = new RwModel()
      r.overtake = true
      return r
    }
    expect(fc.check(follows(wrong), { numRuns: 500 }).failed).toBe(true)
  })

  /** Run tasks in the order of `script`, one step for each label. */
  const scripted = (bodies: Record<string, (sem: RwSemaphore) => Step<void>>, script: string) => {
    const m = new Machine({ policy: 'free' })
    const sem = new RwSemaphore(m, 'sem')
    for (const [l, b] of Object.entries(bodies)) m.spawn(l, b(sem))
    const seen: string[] = []
    m.trace.on = true
    m.trace.sink = () => {
      seen.push(
        sem
          .holders()
          .map(t => t.label)
          .join(''),
      )
    }
    const verdict = m.run(turns([...script]))
    return { verdict, seen, m }
  }
  const read = function* (sem: RwSemaphore): Step<void> {
    yield* down_read(sem)
    yield* up_read(sem)
  }
  const write = function* (sem: RwSemaphore): Step<void> {
    yield* down_write(sem)
    yield* up_write(sem)
  }
  it('takes several readers together', () => {
    const { seen, verdict } = scripted({ a: read, b: read, c: read }, 'aabbccabc')
    expect([seen[5], verdict]).toEqual(['abc', 'held'])
  })
  it('a waiting writer keeps later readers out; it goes before them', () => {
    // a reads, w waits, b comes later and waits behind w although a is only reading.
    const { seen } = scripted({ a: read, w: write, b: read }, 'aawwbb')
    expect(seen.slice(0, 6)).toEqual(['', 'a', 'a', 'a', 'a', 'a'])
    expect(seen.slice(6).filter((s, i, all) => s !== all[i - 1])).toEqual(['w', 'b', ''])
  })
  // Who comes in which order while w writes (capitals write), and who is in together after it. Letters leave one by one.
  it.each([
    ['abC', 'ab C'],
    ['aCb', 'ab C'],
    ['Cab', 'C ab'],
    ['aCbDc', 'abc C D'],
    ['CDab', 'C D ab'],
    ['CaDb', 'C ab D'],
  ])('those who come as %s behind a writer get in as %s', (came, want) => {
    const m = new Machine({ policy: 'free' })
    const sem = new RwSemaphore(m, 'sem')
    const groups: string[] = []
    let last = ''
    m.afterStep = () => {
      const now = sem
        .holders()
        .map(t => t.label)
        .join('')
      if (now !== '' && !last.includes(now)) groups.push(now)
      last = now
    }
    for (const l of `W${came}`) m.spawn(l, l < 'a' ? write(sem) : read(sem))
    // Each blocks before W goes on; then each leaves before the next one's turn.
    expect(m.run(turns([...`WW${[...came].map(c => c + c).join('')}`]))).toBe('held')
    expect(groups.slice(1).join(' ')).toBe(want)
  })
  it('no writer starves: however many readers come, it gets in before those who come after it', () => {
    fc.assert(
      fc.property(fc.nat(), seed => {
        const m = new Machine({ policy: 'free' })
        const sem = new RwSemaphore(m, 'sem')
        let cameBefore: string[] = []
        let late = 0
        let waiting = false
        m.trace.on = true
        m.trace.sink = e => {
          if (e.task!.label === 'writer' && e.subject === 'blocks') {
            waiting = true
            cameBefore = sem.holders().map(t => t.label)
          }
          if (waiting && sem.holders().some(t => t.label !== 'writer' && !cameBefore.includes(t.label))) late++
          if (sem.writer !== null) waiting = false
        }
        for (let i = 0; i < 4; i++)
          m.spawn(
            `r${i}`,
            (function* () {
              for (let k = 0; k < 3; k++) yield* read(sem)
            })(),
          )
        m.spawn('writer', write(sem))
        expect([m.run(new RandomChooser(seed)), late]).toEqual(['held', 0])
      }),
      { numRuns: 300 },
    )
  })
  it.each([
    ['', [true, true]],
    ['r', [true, false]],
    ['rw', [false, false]],
    ['w', [false, false]],
    ['wr', [false, false]],
  ])('trylock, when there came before: "%s" (read, write)', (came, want) => {
    const m = new Machine()
    const sem = new RwSemaphore(m, 'sem')
    const got: boolean[] = []
    const stay = function* (write: boolean): Step<void> {
      yield* write ? down_write(sem) : down_read(sem)
      yield* sleep(1000)
      yield* write ? up_write(sem) : up_read(sem)
    }
    for (const [i, c] of [...came].entries()) m.spawn(c, stay(c === 'w'), { at: 50 * i })
    m.spawn(
      't',
      (function* () {
        got.push(yield* down_read_trylock(sem))
        if (got[0]) yield* up_read(sem)
        got.push(yield* down_write_trylock(sem))
        if (got[1]) yield* up_write(sem)
      })(),
      { at: 200 },
    )
    expect([m.run(), got, problems(m)]).toEqual(['held', want, []])
  })
  it('downgrade_write lets the readers of the queue in and keeps writers out until all have left', () => {
    const down = function* (sem: RwSemaphore): Step<void> {
      yield* down_write(sem)
      yield* downgrade_write(sem)
      yield* up_read(sem)
    }
    const { seen, verdict } = scripted({ d: down, a: read, w: write, b: read }, 'ddaawwbbdd')
    expect([verdict, seen.filter((s, i, all) => s !== all[i - 1])]).toEqual([
      'held',
      ['', 'd', 'dab', 'ab', 'b', 'w', ''],
    ])
    // With a writer first in the queue, nobody joins.
    const first = scripted({ d: down, w: write, a: read }, 'ddwwaadd')
    expect(first.seen.filter((s, i, all) => s !== all[i - 1])).toEqual(['', 'd', 'w', 'a', ''])
  })
  it('downgrade_write orders: what the writer stored is there for the readers it lets in', () => {
    const m = new Machine({ races: true, policy: 'free' })
    const sem = new RwSemaphore(m, 'sem')
    const x = new Cell(m, 'x', 0)
    m.spawn(
      'd',
      (function* () {
        yield* down_write(sem)
        yield* x.store(1)
        yield* downgrade_write(sem)
        yield* x.load()
        yield* up_read(sem)
      })(),
    )
    const r = m.spawn(
      'r',
      (function* () {
        yield* down_read(sem)
        const v = yield* x.load()
        yield* up_read(sem)
        return v
      })(),
    )
    expect([m.run(turns([...'ddrr'])), r.value, problems(m)]).toEqual(['held', 1, []])
  })
  it('a writer goes on no earlier than the readers left, whether it had to wait or not', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.nat(100), { minLength: 1, maxLength: 4 }), (seed, readers) => {
        const m = new Machine({ policy: 'free' })
        const sem = new RwSemaphore(m, 'sem')
        let left = 0
        readers.forEach((ns, i) => {
          m.spawn(
            `r${i}`,
            (function* () {
              yield* down_read(sem)
              yield* work(ns)
              yield* up_read(sem)
              if (m.current!.now > left) left = m.current!.now
            })(),
          )
        })
        m.spawn(
          'writer',
          (function* () {
            yield* down_write(sem)
            expect(m.current!.now).toBeGreaterThanOrEqual(left)
            yield* up_write(sem)
          })(),
        )
        expect(m.run(new RandomChooser(seed))).toBe('held')
      }),
      { numRuns: 200 },
    )
  })
  it.each<[string, (s: RwSemaphore) => Op<void>, (s: RwSemaphore) => Op<void>, string, string[]]>([
    ['read in read', down_read, down_read, 'failed', ['recursive lock: t takes sem again']],
    [
      'read in write',
      down_write,
      down_read,
      'deadlock',
      ['recursive lock: t takes sem again', 'deadlock: wait-for cycle: t waits for sem; held by t'],
    ],
    ['write in read', down_read, down_write, 'deadlock', ['deadlock: wait-for cycle: t waits for sem; held by t']],
    ['write in write', down_write, down_write, 'deadlock', ['deadlock: wait-for cycle: t waits for sem; held by t']],
  ])('reports recursion: %s', (_, outer, inner, verdict, found) => {
    const m = new Machine()
    const sem = new RwSemaphore(m, 'sem')
    m.spawn(
      't',
      (function* () {
        yield* outer(sem)
        yield* inner(sem)
        yield* up_read(sem)
        yield* up_read(sem)
      })(),
    )
    expect([m.run(), problems(m)]).toEqual([verdict, found])
  })
})

describe('a signal to one who waits for a lock', () => {
  type Try = (m: Machine) => {
    hold: () => Op<void>
    want: () => Op<number | void>
    free: () => Op<void>
    lock: { id: number }
  }
  const mutex =
    (want: (l: Mutex) => Op<number | void>): Try =>
    m => {
      const l = new Mutex(m, 'l')
      return { hold: () => mutex_lock(l), want: () => want(l), free: () => mutex_unlock(l), lock: l }
    }
  const sem =
    (want: (l: RwSemaphore) => Op<number | void>): Try =>
    m => {
      const l = new RwSemaphore(m, 'l')
      return { hold: () => down_write(l), want: () => want(l), free: () => up_write(l), lock: l }
    }
  it.each<[string, Try, string, boolean]>([
    ['mutex_lock', mutex(mutex_lock), 'SIGKILL', false],
    ['mutex_lock_killable', mutex(mutex_lock_killable), 'SIGKILL', true],
    ['mutex_lock_killable', mutex(mutex_lock_killable), 'SIGUSR1', false],
    ['mutex_lock_interruptible', mutex(mutex_lock_interruptible), 'SIGUSR1', true],
    ['down_read', sem(down_read), 'SIGKILL', false],
    ['down_read_killable', sem(down_read_killable), 'SIGKILL', true],
    ['down_read_killable', sem(down_read_killable), 'SIGUSR1', false],
    ['down_write_killable', sem(down_write_killable), 'SIGKILL', true],
    ['down_write', sem(down_write), 'SIGKILL', false],
  ])('%s %#: %3$s', (_, make, name, ends) => {
    for (const when of ['before', 'during', 'free']) {
      const m = new Machine({ policy: 'free' })
      const l = make(m)
      const order: string[] = []
      if (when !== 'free')
        m.spawn(
          'h',
          (function* () {
            yield* l.hold()
            yield* step()
            yield* step()
            yield* l.free()
            order.push('freed')
          })(),
        )
      const w = m.spawn(
        'w',
        (function* () {
          const r = yield* l.want()
          order.push('back')
          const has = m.current!.held.length
          m.current!.held.length = 0
          return [r, has]
        })(),
      )
      m.spawn(
        's',
        (function* (): Step<void> {
          signal(w, name)
        })(),
      )
      const script = when === 'before' ? 'shhwwwh' : when === 'during' ? 'hhwwsswwh' : 'sww'
      m.run(turns([...script]))
      const ended = ends && when !== 'free'
      expect([when, w.value]).toEqual([when, ended ? [NOT_LOCKED, 0] : [0, 1]])
      if (when !== 'free') expect(order).toEqual(ended ? ['back', 'freed'] : ['freed', 'back'])
      expect(w.signals).toEqual([name])
    }
  })
  it('takes it out of the queue: the next one gets the lock; a writer that leaves lets readers join readers', () => {
    const m = new Machine({ policy: 'free' })
    const l = new RwSemaphore(m, 'l')
    const read = function* (): Step<void> {
      yield* down_read(l)
      yield* step()
      yield* up_read(l)
    }
    m.spawn('a', read())
    const w = m.spawn(
      'w',
      (function* () {
        return yield* down_write_killable(l)
      })(),
    )
    m.spawn('b', read())
    let together = 0
    m.afterStep = () => {
      if (l.holders().length > together) together = l.holders().length
    }
    m.spawn(
      's',
      (function* (): Step<void> {
        signal(w, 'SIGKILL')
      })(),
    )
    expect([m.run(turns([...'aawwbbs'])), w.value, together, problems(m)]).toEqual(['held', NOT_LOCKED, 2, []])
  })
  it('whoever hands the lock over after the signal finds it gone, in every schedule', () => {
    const seen = new Set<string>()
    everySchedule(c => {
      const m = new Machine({ policy: 'free' })
      const l = new Mutex(m, 'l')
      m.spawn(
        'h',
        (function* () {
          yield* mutex_lock(l)
          yield* mutex_unlock(l)
        })(),
      )
      const w = m.spawn(
        'w',
        (function* () {
          const r = yield* mutex_lock_killable(l)
          if (r === 0) yield* mutex_unlock(l)
          return r
        })(),
      )
      m.spawn(
        's',
        (function* (): Step<void> {
          signal(w, 'SIGKILL')
        })(),
      )
      seen.add(`${m.run(c)} ${w.value} ${l.owner} ${problems(m)}`)
    })
    expect(seen).toEqual(new Set(['held 0 null ', 'held -4 null ']))
  })
})

describe('deadlock', () => {
  const abba = (m: Machine) => {
    const a = new Mutex(m, 'lock A')
    const b = new Mutex(m, 'lock B')
    const take = (name: string, x: Mutex, y: Mutex) =>
      kfn(name, function* (): Step<void> {
        yield* mutex_lock(x)
        yield* mutex_lock(y)
        yield* mutex_unlock(y)
        yield* mutex_unlock(x)
      })
    const one = take('fuse_one', a, b)
    const two = take('fuse_two', b, a)
    m.spawn(
      't1',
      (function* () {
        yield* one()
      })(),
    )
    m.spawn(
      't2',
      (function* () {
        yield* two()
      })(),
    )
  }
  it('AB-BA: in some schedules, with the cycle of tasks, functions and locks; in the others all is well', () => {
    const seen = new Map<string, number>()
    everySchedule(c => {
      const m = new Machine({ policy: 'free' })
      abba(m)
      const v = m.run(c)
      const key = `${v} ${problems(m)}`
      seen.set(key, (seen.get(key) ?? 0) + 1)
    })
    expect([...seen.keys()].sort()).toEqual([
      'deadlock deadlock: wait-for cycle: t1 in fuse_one waits for lock B; t2 in fuse_two waits for lock A; held by t1 in fuse_one',
      'held ',
    ])
  })
  it('by oneself', () => {
    const m = new Machine()
    const l = new Mutex(m, 'l')
    const again = kfn('again', function* (): Step<void> {
      yield* mutex_lock(l)
    })
    m.spawn(
      't',
      (function* () {
        yield* mutex_lock(l)
        yield* again()
      })(),
    )
    expect(m.run()).toBe('deadlock')
    expect(m.problems).toEqual([
      {
        kind: 'deadlock',
        text: 'wait-for cycle: t in again waits for l; held by t in again',
        task: 't',
        backtrace: ['again', 't'],
      },
    ])
  })
  it('of three over a mutex, a semaphore held for reading and one held for writing', () => {
    const m = new Machine({ policy: 'free' })
    const a = new Mutex(m, 'A')
    const b = new RwSemaphore(m, 'B')
    const c = new RwSemaphore(m, 'C')
    const pair = function* (x: Op<void>, y: Op<void>): Step<void> {
      yield* x
      yield* step()
      yield* y
    }
    // A waiter outside of the cycle, though first of all, is not part of what is told.
    m.spawn('t0', pair(step(), mutex_lock(a)))
    m.spawn('t1', pair(mutex_lock(a), down_write(b)))
    m.spawn('t2', pair(down_read(b), down_read(c)))
    m.spawn('t3', pair(down_write(c), mutex_lock(a)))
    // All take their first, then all go for their second.
    m.run(turns(['t1', 't1', 't2', 't2', 't3', 't3']))
    expect(problems(m)).toEqual([
      'deadlock: wait-for cycle: t1 waits for B; t2 waits for C; t3 waits for A; held by t1',
    ])
  })
  it('without a cycle: every waiter and what it waits for', () => {
    const m = new Machine({ policy: 'free' })
    const l = new Mutex(m, 'l')
    const lose = function* (): Step<void> {
      yield* mutex_lock(l)
    }
    for (const t of ['a', 'b', 'c']) m.spawn(t, lose())
    expect(m.run()).toBe('deadlock')
    expect(problems(m)).toEqual([
      'lock held at exit: a ends holding l',
      'deadlock: no task can run: b waits for l, held by a, which is dead; c waits for l, held by a, which is dead',
    ])
  })
})

describe('misuse', () => {
  const wrong: [string, (m: Machine) => Step<void>, string[]][] = [
    [
      'unlock of a mutex nobody holds',
      function* (m) {
        yield* mutex_unlock(new Mutex(m, 'l'))
      },
      ['wrong unlock: t unlocks l, which it does not hold'],
    ],
    [
      'a second unlock',
      function* (m) {
        const l = new Mutex(m, 'l')
        yield* mutex_lock(l)
        yield* mutex_unlock(l)
        yield* mutex_unlock(l)
      },
      ['wrong unlock: t unlocks l, which it does not hold'],
    ],
    [
      'up_read of a semaphore nobody holds',
      function* (m) {
        yield* up_read(new RwSemaphore(m, 's'))
      },
      ['wrong unlock: t unlocks s, which it does not hold'],
    ],
    [
      'up_write of a semaphore nobody holds',
      function* (m) {
        yield* up_write(new RwSemaphore(m, 's'))
      },
      ['wrong unlock: t unlocks s, which it does not hold'],
    ],
    [
      'up_read by the writer',
      function* (m) {
        const s = new RwSemaphore(m, 's')
        yield* down_write(s)
        yield* up_read(s)
        yield* up_write(s)
      },
      ['wrong unlock: t gives up s as a reader, and holds it for writing'],
    ],
    [
      'up_write by a reader',
      function* (m) {
        const s = new RwSemaphore(m, 's')
        yield* down_read(s)
        yield* up_write(s)
        yield* up_read(s)
      },
      ['wrong unlock: t gives up s as a writer, and holds it for reading'],
    ],
    [
      'downgrade_write by a reader',
      function* (m) {
        const s = new RwSemaphore(m, 's')
        yield* down_read(s)
        yield* downgrade_write(s)
        yield* up_read(s)
      },
      ['wrong unlock: t downgrades s as a writer, and holds it for reading'],
    ],
    [
      'an end with locks held',
      function* (m) {
        yield* mutex_lock(new Mutex(m, 'one'))
        yield* down_read(new RwSemaphore(m, 'two'))
      },
      ['lock held at exit: t ends holding one, two'],
    ],
  ]
  it.each(wrong)('%s is reported', (_, body, found) => {
    const m = new Machine()
    m.spawn('t', body(m))
    expect([m.run(), problems(m)]).toEqual(['failed', found])
  })
  it("another task's unlock is reported and changes nothing", () => {
    const m = new Machine({ policy: 'free' })
    const l = new Mutex(m, 'l')
    m.spawn(
      'owner',
      (function* () {
        yield* mutex_lock(l)
        yield* step()
        yield* step()
        expect(l.owner?.label).toBe('owner')
        yield* mutex_unlock(l)
      })(),
    )
    m.spawn(
      'thief',
      (function* () {
        yield* mutex_unlock(l)
      })(),
    )
    m.run(turns(['owner', 'owner', 'thief', 'thief', 'owner']))
    expect(problems(m)).toEqual(['wrong unlock: thief unlocks l, which it does not hold'])
  })
})

describe('a signal for a task that queues for a lock', () => {
  it.each(exclusive)('%s: does not make it queue twice', (_, make) => {
    let held = 0
    everySchedule(c => {
      const m = new Machine({ policy: 'free' })
      const l = make(m)
      const section = function* (): Step<void> {
        yield* l.take()
        yield* l.give()
      }
      const t = m.spawn('t', section())
      m.spawn('other', section())
      m.spawn(
        'killer',
        (function* (): Step<void> {
          signal(t, 'SIGKILL')
        })(),
      )
      expect([m.run(c), problems(m)]).toEqual(['held', []])
      held++
    })
    expect(held).toBeGreaterThan(10)
  })
})
