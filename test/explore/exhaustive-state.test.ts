// What the name of a state must hold: for each part a program that loses an outcome when that part is left out. Every one is
// walked bare and with the reductions, and both must come to the same.
import { describe, expect, it } from 'vitest'
import { Memory, make_memory, openArrayBuffer } from '../../src/devdax/index.ts'
import type { ExhaustiveOptions } from '../../src/explore/index.ts'
import { fabric_read, fabric_write } from '../../src/fabric/index.ts'
import {
  ACCESS_WRITE,
  BLOCKED,
  Cell,
  Completion,
  complete,
  Heap,
  has_signal,
  type Machine,
  type MachineOptions,
  Mutex,
  mutex_lock,
  mutex_unlock,
  Op,
  OpKind,
  SLEEPING,
  type Step,
  sealed,
  signal,
  sleep,
  step,
  type Task,
  wait_for_completion,
} from '../../src/sim/index.ts'
import { BARE, type Program, rouse, walk } from './walk.ts'

const MODES: [string, ExhaustiveOptions][] = [
  ['sleep sets', { cache: false }],
  ['state cache', { sleep: false }],
  ['both', {}],
]

/** The finals of `make`, which are the same with every reduction. */
function same(make: (m: Machine) => Program, machine: MachineOptions = {}): string[] {
  // Which of two pasts comes first depends on the order of the tasks.
  const turned = (m: Machine): Program => {
    const p = make(m)
    return { ...p, tasks: Object.fromEntries(Object.entries(p.tasks).reverse()) }
  }
  let finals: string[] = []
  for (const program of [turned, make]) {
    const bare = walk(program, BARE, machine)
    expect(bare.whole).toBe(true)
    for (const [name, o] of MODES) expect(walk(program, o, machine).finals, name).toEqual(bare.finals)
    finals = bare.finals
  }
  return finals
}
const cells = (m: Machine, n: number): Cell<number>[] => Array.from({ length: n }, (_, i) => new Cell(m, `c${i}`, 0))
const named = (m: Machine, label: string): Task => m.tasks.find(t => t.label === label)!
/** Looks and forgets. */
const glance = sealed('glance', function* (c: Cell<number>): Step<void> {
  yield* c.READ_ONCE()
})

describe('the race detector', () => {
  // W x; L; U; f=1 || L; U; await f; R x: ordered when the first critical section comes first, and a race when it does not.
  // The lock leaves no trace in memory or in what is observed.
  const canary = (m: Machine): Program => {
    const [x, f] = cells(m, 2) as [Cell<number>, Cell<number>]
    const l = new Mutex(m, 'l')
    return {
      tasks: {
        a: function* () {
          yield* x.store(1)
          yield* mutex_lock(l)
          yield* mutex_unlock(l)
          yield* f.WRITE_ONCE(1)
        },
        b: function* () {
          yield* mutex_lock(l)
          yield* mutex_unlock(l)
          if ((yield* f.READ_ONCE()) === 0) return 'early'
          return yield* x.load()
        },
      },
      final: () => [x.v, f.v],
    }
  }
  it('finds the race that leaves no trace, with every reduction', () => {
    const finals = same(canary, { races: true })
    expect(finals.filter(f => f.includes('data race')).length).toBeGreaterThan(0)
    expect(finals.filter(f => f.startsWith('held') && f.includes('early')).length).toBeGreaterThan(0)
    expect(finals.some(f => f.startsWith('held') && !f.includes('early'))).toBe(true)
  })
  it.each(['tso', 'weak'] as const)('under %s too', model => {
    expect(same(canary, { races: true, model }).some(f => f.includes('data race'))).toBe(true)
  })
})

describe('lock order', () => {
  it('finds the cycle whose halves no observation keeps', () => {
    // a takes l under k only when it sees c as 0, and forgets; b takes k under l when a is through. The search comes to the
    // past without a's half first.
    const nest = sealed('nest', function* (c: Cell<number>, k: Mutex, l: Mutex): Step<void> {
      if ((yield* c.READ_ONCE()) !== 0) return
      yield* mutex_lock(k)
      yield* mutex_lock(l)
      yield* mutex_unlock(l)
      yield* mutex_unlock(k)
    })
    const finals = same(
      m => {
        const [c, d] = cells(m, 2) as [Cell<number>, Cell<number>]
        const [k, l] = ['k', 'l'].map(n => new Mutex(m, n)) as [Mutex, Mutex]
        return {
          tasks: {
            b: function* () {
              yield* c.WRITE_ONCE(1)
              rouse(m, 'y')
              if ((yield* d.READ_ONCE()) === 0) return
              yield* mutex_lock(l)
              yield* mutex_lock(k)
              yield* mutex_unlock(k)
              yield* mutex_unlock(l)
            },
            a: function* () {
              yield* nest(c, k, l)
              yield* d.WRITE_ONCE(1)
            },
          },
          asleep: { y: rest },
          final: () => [c.v, d.v],
        }
      },
      { lockdep: true },
    )
    expect(finals.some(f => f.includes('lock order'))).toBe(true)
    expect(finals.some(f => f.startsWith('held'))).toBe(true)
  })
})

/** Two tasks that keep a choice open after what the others did. */
const idle = (): Record<string, () => Step<any>> => ({ y: () => rest(), z: () => rest() })
function* rest(): Step<void> {
  yield* step()
}

describe('tasks', () => {
  it('what a task came to, when it is over', () => {
    const finals = same(m => {
      const [x] = cells(m, 1) as [Cell<number>]
      return {
        tasks: {
          a: function* () {
            yield* x.store(1)
          },
          b: function* () {
            return yield* x.load()
          },
          ...idle(),
        },
        final: () => x.v,
      }
    })
    expect(finals.length).toBe(2)
  })

  it('what was reported so far', () => {
    const look = (m: Machine) =>
      sealed('look', function* (x: Cell<number>): Step<void> {
        if ((yield* x.READ_ONCE()) === 1) m.problem('found', 'x is set')
      })
    const finals = same(m => {
      const [x] = cells(m, 1) as [Cell<number>]
      return {
        tasks: {
          a: function* () {
            yield* x.WRITE_ONCE(1)
          },
          b: function* () {
            yield* look(m)(x)
          },
          ...idle(),
        },
        final: () => x.v,
      }
    })
    expect(finals.length).toBe(2)
  })

  it('signals that are pending', () => {
    const finals = same(m => {
      const [x] = cells(m, 1) as [Cell<number>]
      return {
        tasks: {
          a: function* () {
            yield* glance(x)
            // Sent or not: a forgets which.
            yield* sealed('perhaps', function* (): Step<void> {
              if ((yield* x.READ_ONCE()) === 1) signal(named(m, 'b'), 'SIGTERM')
            })()
            yield* step()
          },
          b: function* () {
            yield* step()
            yield* step()
            yield* step()
            return has_signal(m.current!, 'SIGTERM')
          },
          c: function* () {
            yield* x.WRITE_ONCE(1)
          },
        },
        final: () => x.v,
      }
    })
    expect(finals.map(f => f.includes('true'))).toEqual(expect.arrayContaining([true, false]))
  })

  it('what a task chose', () => {
    const finals = same(m => {
      const options = ['no', 'yes'].map(label => ({ label }))
      return {
        tasks: {
          a: function* () {
            yield* step()
            const i = m.deciding ? m.choose('fault', options) : 0
            rouse(m, 'y')
            yield* step()
            return options[i]!.label
          },
        },
        asleep: { y: rest },
        final: () => 0,
      }
    })
    expect(finals.length).toBe(2)
  })

  it('who was made first', () => {
    // Both make a task, and the order shows in their ids only; each leaves its mark by who asks.
    const finals = same(m => {
      const log = new Cell(m, 'log', '')
      const child = function* (name: string): Step<void> {
        yield* step()
        log.poke(log.peek() + name)
      }
      return {
        tasks: {
          a: function* () {
            m.spawn('p', child('p'))
          },
          b: function* () {
            m.spawn('q', child('q'))
          },
        },
        final: () => log.v,
      }
    })
    expect(finals.map(f => f.slice(0, 10))).toEqual(['held: "pq"', 'held: "qp"'])
  })

  it('what a task knows from who made it', () => {
    const finals = same(m => {
      const [x, y] = cells(m, 2) as [Cell<number>, Cell<number>]
      return {
        tasks: {
          a: function* () {
            const v = yield* x.load()
            m.spawn(
              'child',
              (function* (): Step<void> {
                yield* step()
                yield* step()
                yield* y.store(10 + v)
              })(),
            )
          },
          b: function* () {
            yield* x.store(1)
            yield* x.store(0)
          },
        },
        final: () => [x.v, y.v],
      }
    })
    expect(finals.length).toBe(2)
  })

  it('the value a sleeper was woken with', () => {
    const finals = same(m => {
      const [x] = cells(m, 1) as [Cell<number>]
      const box = { id: m.newId(), name: 'box' }
      const WAIT = new OpKind('wait', ACCESS_WRITE, 1, true, () => BLOCKED)
      const GIVE = new OpKind('give', ACCESS_WRITE, 1, true, (t, op) => {
        const w = named(m, 'w')
        if (w.state === SLEEPING) t.m.grant(w, op.a)
      })
      return {
        tasks: {
          w: function* () {
            return yield* new Op<number>(WAIT, box)
          },
          a: function* () {
            yield* sealed('give', function* (): Step<void> {
              const v = yield* x.READ_ONCE()
              yield* new Op<void>(GIVE, box, v)
            })()
            yield* step()
          },
          b: function* () {
            yield* x.WRITE_ONCE(1)
          },
        },
        final: () => x.v,
      }
    })
    expect(finals.length).toBeGreaterThan(1)
  })

  it('clocks, from the moment somebody looks at one', () => {
    const finals = same(m => {
      const [x] = cells(m, 1) as [Cell<number>]
      const gate = new Completion(m, 'gate')
      const nap = sealed('nap', function* (): Step<void> {
        if ((yield* x.READ_ONCE()) === 1) yield* sleep(1000)
        else yield* sleep(10)
      })
      return {
        tasks: {
          a: function* () {
            yield* nap()
            yield* complete(gate)
            yield* step()
            return m.clock() > 900
          },
          b: function* () {
            yield* x.WRITE_ONCE(1)
          },
          // Keeps a choice open where the two pasts meet: a task alone is never asked about.
          y: function* () {
            yield* wait_for_completion(gate)
          },
        },
        final: () => x.v,
      }
    })
    expect(finals.map(f => f.includes('true'))).toEqual(expect.arrayContaining([true, false]))
  })

  it('under the policy timed nothing is reduced: every step moves a clock', () => {
    const make = (m: Machine): Program => {
      const [x] = cells(m, 1) as [Cell<number>]
      return {
        tasks: Object.fromEntries(
          ['a', 'b', 'c'].map(n => [
            n,
            function* () {
              yield* x.load()
              yield* x.load()
            },
          ]),
        ),
        final: () => x.v,
      }
    }
    const [bare, both] = [walk(make, BARE, { policy: 'timed' }), walk(make, {}, { policy: 'timed' })]
    expect(bare.stats.complete).toBeGreaterThan(5)
    expect(both.stats).toEqual({ ...bare.stats, states: both.stats.states })
  })
})

describe('memory', () => {
  it('an operation on what lies in an allocation depends on who frees it', () => {
    const finals = same(
      m => {
        const heap = new Heap(m, 'h0')
        const [x] = cells(m, 1) as [Cell<number>]
        const a = heap.take({ name: 'a', size: 64, nofail: true })!
        a.owns(x)
        return {
          tasks: {
            reader: function* () {
              yield* x.load()
            },
            owner: function* () {
              yield* heap.free(a)
            },
          },
          final: () => x.v,
        }
      },
      { kasan: true },
    )
    expect(finals.map(f => f.includes('use after free'))).toEqual([true, false])
  })
  const device = (m: Machine) => {
    const memory = new Memory(openArrayBuffer(2 << 20))
    m.journal.addSaver({ save: () => memory.mark(), restore: t => memory.rewind(t) })
    return make_memory(m, 'dax0.0', memory)
  }
  it('bytes of a device, and what was read of them', () => {
    const finals = same(m => {
      const d = device(m)
      const [x] = cells(m, 1) as [Cell<number>]
      const user = (): void => {
        m.current!.owner = { user: true }
      }
      const look = function* (): Step<string> {
        user()
        const buf = new Uint8Array(2)
        yield* fabric_read(d, 4095, buf, 'load')
        yield* step()
        return buf.join('')
      }
      return {
        tasks: {
          a: function* () {
            user()
            yield* sealed('put', function* (): Step<void> {
              const v = yield* x.READ_ONCE()
              yield* fabric_write(d, 4090, new Uint8Array(10).fill(1 + v), 'store')
            })()
            for (const n of ['c', 'e']) rouse(m, n)
            yield* fabric_write(d, 4095, new Uint8Array(1).fill(9), 'store')
          },
          b: function* () {
            yield* x.WRITE_ONCE(1)
          },
        },
        asleep: { c: look, e: rest },
        final: () => x.v,
      }
    })
    expect(finals.filter(f => f.includes(' 11 ')).length).toBe(1)
    expect(finals.filter(f => f.includes(' 22 ')).length).toBe(1)
    expect(finals.filter(f => f.includes(' 91 ')).length).toBe(1)
  })
  it('poison', () => {
    const finals = same(m => {
      const d = device(m)
      const [x] = cells(m, 1) as [Cell<number>]
      return {
        tasks: {
          a: function* () {
            yield* sealed('perhaps', function* (): Step<void> {
              if ((yield* x.READ_ONCE()) === 1) d.poison.add(3)
            })()
            for (const n of ['c', 'd']) rouse(m, n)
          },
          b: function* () {
            yield* x.WRITE_ONCE(1)
          },
        },
        asleep: {
          c: function* () {
            return d.poison.has(0, 65536)
          },
          d: rest,
        },
        final: () => x.v,
      }
    })
    expect(finals.map(f => f.includes('true'))).toEqual(expect.arrayContaining([true, false]))
  })
})

describe('a bound on preemptions', () => {
  /** Two tasks with a window each; the finals under each bound are those of the bare walk with it. */
  const make = (m: Machine): Program => {
    const [x, y] = cells(m, 2) as [Cell<number>, Cell<number>]
    const bump = sealed('bump', function* (c: Cell<number>): Step<void> {
      yield* c.store((yield* c.load()) + 1)
    })
    return {
      tasks: Object.fromEntries(
        ['a', 'b', 'c'].map(n => [
          n,
          function* () {
            yield* bump(x)
            yield* bump(y)
          },
        ]),
      ),
      final: () => [x.v, y.v],
    }
  }
  it.each([0, 1, 2])('%i: the budget and the last task are part of the state', preemptions =>
    expect(walk(make, { preemptions }).finals).toEqual(walk(make, { ...BARE, preemptions }).finals),
  )
  it('sleep sets are off', () => {
    const off = walk(make, { cache: false, sleep: false, preemptions: 1 }).stats
    expect(walk(make, { cache: false, preemptions: 1 }).stats).toEqual(off)
    expect(off.pruned).toBe(0)
  })
})
