// Mutation: what is load-bearing is noticed, what is not is not, and a site is found once whatever the schedule.
import { describe, expect, it } from 'vitest'
import install from '../../scenarios/races/install.ts'
import { PortfolioChooser, type Subject, sites, tryWithout } from '../../src/explore/index.ts'
import {
  Cell,
  type Chooser,
  down_read,
  kfn,
  Machine,
  Mutex,
  mutex_lock,
  mutex_unlock,
  RwSemaphore,
  SpinLock,
  type Step,
  spin_section,
  up_read,
} from '../../src/sim/index.ts'
import { buildWorld } from '../../src/world/index.ts'

/** Two tasks add under a lock; a third looks under a semaphore nobody needs. */
function adders(): Subject {
  const m = new Machine({ policy: 'free' })
  m.trace.on = false
  const l = new Mutex(m, 'l')
  const idle = new RwSemaphore(m, 'idle')
  const n = new Cell(m, 'n', 0)
  const add = kfn('add', function* (): Step<void> {
    yield* mutex_lock(l)
    yield* n.store((yield* n.load()) + 1)
    yield* mutex_unlock(l)
  })
  const look = kfn('look', function* (): Step<void> {
    yield* down_read(idle)
    yield* up_read(idle)
  })
  const mark = m.journal.mark()
  return {
    m,
    execute: (c: Chooser) => {
      m.dropTasks()
      m.journal.rewind(mark)
      for (const [name, fn] of [
        ['a', add],
        ['b', add],
        ['c', look],
      ] as const)
        m.spawn(
          name,
          (function* (): Step<void> {
            yield* fn()
          })(),
        )
      let verdict = m.run(c)
      if (n.v !== 2) {
        m.problem('sum', `${n.v}`)
        verdict = 'failed'
      }
      return { verdict, problems: [...m.problems] }
    },
  }
}
const within = (n: number): [Chooser, number] => [new PortfolioChooser(1), n]

describe('sites', () => {
  it('are named by operation, object and function, locks before checks', () => {
    expect(sites(adders(), ...within(5)).map(s => `${s.kind}: ${s.what} in ${s.fn}`)).toEqual([
      'lock: mutex_lock l in add',
      'lock: down_read idle in look',
      'check: load n in add',
    ])
  })
})

describe('verdicts', () => {
  it('a lock that guards something is load-bearing, one that guards nothing is not', () => {
    const s = adders()
    const [guard, idle] = sites(s, ...within(5))
    const found = tryWithout(s, guard!, ...within(200))
    expect([found.verdict, found.problem?.kind]).toEqual(['failed', 'sum'])
    // Between the load and the store of one the other adds; without any one of these it does not.
    expect(found.deviations.map(d => `${d.label} instead of ${d.instead}`)).toEqual([
      'b instead of a',
      'c instead of b',
    ])
    expect(tryWithout(s, idle!, ...within(200))).toMatchObject({ verdict: 'held', problem: null, executions: 200 })
  })
  it('a section in one step still runs without its lock, which nobody can see', () => {
    const m = new Machine({ policy: 'free' })
    const [lock, n] = [new SpinLock(m, 'l'), new Cell(m, 'n', 0)]
    const mark = m.journal.mark()
    const s: Subject = {
      m,
      execute: c => {
        m.dropTasks()
        m.journal.rewind(mark)
        const section = kfn('section', function* (): Step<void> {
          yield* spin_section(lock, () => n.poke(1))
          if (n.peek() !== 1) m.problem('lost', 'the section')
        })
        m.spawn(
          'a',
          (function* (): Step<void> {
            yield* section()
          })(),
        )
        return { verdict: m.run(c), problems: [...m.problems] }
      },
    }
    const [site] = sites(s, ...within(2))
    expect(site).toMatchObject({ kind: 'lock', what: 'spin_lock l' })
    expect(tryWithout(s, site!, ...within(5)).verdict).toBe('held')
  })
  it('with nothing weakened it holds, and weakening leaves nothing behind', () => {
    const s = adders()
    const [guard] = sites(s, ...within(5))
    tryWithout(s, guard!, ...within(200))
    expect(tryWithout(s, null, ...within(200)).verdict).toBe('held')
    expect(s.m.instead).toBe(null)
  })
  it('the cmpxchg of the install race is load-bearing', () => {
    const w = buildWorld(install, { policy: 'free', trace: false })
    const s: Subject = { m: w.m, execute: c => w.run(c) }
    const exchange = sites(s, ...within(20)).find(x => x.kind === 'exchange')!
    expect(exchange).toMatchObject({ fn: 'install_meta', what: 'cmpxchg meta' })
    const f = tryWithout(s, exchange, ...within(100))
    expect(f.problem?.text).toBe('2 openers installed')
    w.close()
  })
})
