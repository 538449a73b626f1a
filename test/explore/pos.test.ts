// Partial order sampling: fair orders, and new priorities for those who race, not for those who do not.
import { describe, expect, it } from 'vitest'
import { BugBench } from '../../bench/bugs.ts'
import { PosChooser } from '../../src/explore/index.ts'
import {
  Cell,
  type Chooser,
  Machine,
  Mutex,
  mutex_lock,
  mutex_unlock,
  type Step,
  step,
  WaitQueue,
  wait_event,
  wake_up_all,
} from '../../src/sim/index.ts'

type Body = (m: Machine, log: string[]) => void

function log(chooser: Chooser, body: Body): string[] {
  const m = new Machine({ policy: 'free' })
  m.trace.on = false
  const out: string[] = []
  body(m, out)
  m.run(chooser)
  return out
}

/** Share of `n` executions whose log satisfies `p`, of those whose log satisfies `given`. */
function share(
  body: Body,
  p: (log: string[]) => boolean,
  given: (log: string[]) => boolean = () => true,
  n = 4000,
): number {
  const c = new PosChooser(3)
  let k = 0
  let of = 0
  for (let i = 0; i < n; i++) {
    const l = log(c, body)
    if (!given(l)) continue
    of++
    if (p(l)) k++
  }
  return k / of
}

/** A task of `n` stores to (or loads of) its cell; its start leaves `name!` in the log, each access `name`. */
function access(m: Machine, out: string[], name: string, cell: Cell<number>, n: number, write = true): void {
  m.spawn(
    name,
    (function* (): Step<void> {
      out.push(`${name}!`)
      for (let i = 0; i < n; i++) {
        if (write) yield* cell.store(i)
        else yield* cell.load()
        out.push(name)
      }
    })(),
  )
}

describe('pos', () => {
  it('makes the same executions from the same seed, others from another', () => {
    const some = (seed: number): string[] => {
      const c = new PosChooser(seed)
      const bench = new BugBench('early valid', false)
      return Array.from({ length: 4 }, () => {
        bench.run(c)
        return bench.m.interleaving()
      })
    }
    expect(some(7)).toEqual(some(7))
    expect(some(7)).not.toEqual(some(8))
  })

  it('lets either of two independent tasks begin, and end, first', () => {
    const two: Body = (m, out) => {
      for (const name of ['a', 'b']) access(m, out, name, new Cell(m, name, 0), 4)
    }
    for (const p of [(l: string[]) => l[0] === 'a!', (l: string[]) => l[9] === 'a']) {
      const s = share(two, p)
      expect(s).toBeGreaterThan(0.46)
      expect(s).toBeLessThan(0.54)
    }
  })

  it('takes all six orders of three racing stores equally often', () => {
    const seen = new Map<string, number>()
    const c = new PosChooser(1)
    for (let i = 0; i < 6000; i++) {
      const key = log(c, (m, out) => {
        const x = new Cell(m, 'x', 0)
        for (const name of ['a', 'b', 'c']) access(m, out, name, x, 1)
      })
        .filter(e => e.length === 1)
        .join('')
      seen.set(key, (seen.get(key) ?? 0) + 1)
    }
    expect(seen.size).toBe(6)
    for (const n of seen.values()) {
      expect(n).toBeGreaterThan(880)
      expect(n).toBeLessThan(1120)
    }
  })

  // a has started; its only access stays behind while b starts and makes its five. If they race, a draws again each
  // time, one half each. If not, a keeps its priority, and one so low stays low: an eighth of all.
  it.each([
    { what: 'two stores to one cell', one: true, a: true, b: true, races: true },
    { what: 'a load and stores', one: true, a: false, b: true, races: true },
    { what: 'a store and loads', one: true, a: true, b: false, races: true },
    { what: 'loads', one: true, a: false, b: false, races: false },
    { what: 'stores to two cells', one: false, a: true, b: true, races: false },
  ])('draws again for an operation that raced, and only then: $what', ({ one, a, b, races }) => {
    const s = share(
      (m, out) => {
        const x = new Cell(m, 'x', 0)
        access(m, out, 'a', x, 1, a)
        access(m, out, 'b', one ? x : new Cell(m, 'y', 0), 5, b)
      },
      l => l[7] === 'a',
      l => l[0] === 'a!',
    )
    if (races) expect(s).toBeLessThan(0.04)
    else expect(s).toBeGreaterThan(0.1)
  })

  it('draws again for a task that was asleep, though nobody was asked while it was woken', () => {
    // Both sleep; the waker then is alone up to its end, and wakes both in one step. Who came first must not matter.
    const s = share(
      (m, out) => {
        const queues = { a: new WaitQueue(m, 'qa'), b: new WaitQueue(m, 'qb') }
        const flag = new Cell(m, 'flag', false)
        for (const name of ['a', 'b'] as const)
          m.spawn(
            name,
            (function* (): Step<void> {
              yield* wait_event(queues[name], () => {
                out.push(`${name}?`)
                return flag.peek()
              })
            })(),
          )
        m.spawn(
          'waker',
          (function* (): Step<void> {
            for (let i = 0; i < 10; i++) yield* step()
            out.push('awake')
            flag.poke(true)
            yield* wake_up_all(queues.a)
            queues.b.wake_up()
          })(),
        )
      },
      l => l[0] === l[3],
      l => l[2] === 'awake',
    )
    expect(s).toBeGreaterThan(0.45)
    expect(s).toBeLessThan(0.55)
  })

  it('goes through locks: every order of three owners comes up', () => {
    const seen = new Set<string>()
    const c = new PosChooser(2)
    for (let i = 0; i < 100; i++)
      seen.add(
        log(c, (m, out) => {
          const l = new Mutex(m, 'l')
          for (const name of ['a', 'b', 'c'])
            m.spawn(
              name,
              (function* (): Step<void> {
                yield* mutex_lock(l)
                out.push(name)
                yield* mutex_unlock(l)
              })(),
            )
        }).join(''),
      )
    expect(seen.size).toBe(6)
  })

  it('canary: meets the narrow window within 100 executions, from any seed', () => {
    for (let seed = 0; seed < 20; seed++) {
      const bench = new BugBench('early valid', true)
      const c = new PosChooser(seed)
      let i = 1
      while (i <= 100 && !bench.run(c)) i++
      expect(i).toBeLessThanOrEqual(100)
    }
  })
})
