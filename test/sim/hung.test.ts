// Hung tasks: who is told, when, and who is not.
import { describe, expect, it } from 'vitest'
import {
  Completion,
  complete,
  down_read_killable,
  down_write,
  kfn,
  Machine,
  type MachineOptions,
  Mutex,
  mutex_lock,
  mutex_lock_killable,
  mutex_unlock,
  type Op,
  RwSemaphore,
  type Step,
  sleep,
  step,
  up_write,
  wait_for_completion,
} from '../../src/sim/index.ts'

const SEC = 1e9
const told = (m: Machine) => m.problems.filter(p => p.kind === 'hung task').map(p => p.text)

/** One holds a mutex for `held` seconds, another wants it. */
const wants = (held: number, lock: (l: Mutex) => Op<unknown>, o: MachineOptions = {}, service = false): string[] => {
  const m = new Machine(o)
  const l = new Mutex(m, 'device_lock')
  const hold = kfn('hold', function* (): Step<void> {
    yield* mutex_lock(l)
    yield* sleep(held * SEC)
    yield* mutex_unlock(l)
  })
  const want = kfn('want', function* (): Step<void> {
    yield* lock(l)
    yield* mutex_unlock(l)
  })
  m.spawn(
    'a',
    (function* () {
      yield* hold()
    })(),
  )
  m.spawn(
    'b',
    (function* () {
      yield* want()
    })(),
    { at: 100, service },
  )
  m.run()
  return told(m)
}

describe('told', () => {
  it('with the time, what it waited for, and who let it go on', () => {
    expect(wants(130, mutex_lock)).toEqual([
      'b in want waited 130.0 s for device_lock, uninterruptibly; a in hold let it go on',
    ])
  })
  it('with a bound of its own', () => {
    expect(wants(5, mutex_lock, { hungNs: 2 * SEC })).toHaveLength(1)
  })
  it('also at a completion', () => {
    const m = new Machine()
    const c = new Completion(m, 'reply to OPEN')
    m.spawn(
      'w',
      (function* () {
        yield* wait_for_completion(c)
      })(),
    )
    m.spawn(
      's',
      (function* () {
        yield* sleep(200 * SEC)
        yield* complete(c)
      })(),
    )
    m.run()
    expect(told(m)).toEqual(['w in w waited 200.0 s for reply to OPEN, uninterruptibly; s in s let it go on'])
  })
  it('when the bound of steps ends the execution: the chain of those who wait, up to who spins', () => {
    const m = new Machine({ maxSteps: 300 })
    const [a, b] = [new Mutex(m, 'A'), new RwSemaphore(m, 'B')]
    const first = kfn('first', function* (): Step<void> {
      yield* down_write(b)
      for (;;) {
        yield* sleep(SEC)
        yield* step()
      }
    })
    m.spawn(
      'x',
      (function* () {
        yield* first()
        yield* up_write(b)
      })(),
    )
    m.spawn(
      'y',
      (function* () {
        yield* mutex_lock(a)
        yield* down_write(b)
      })(),
      { at: 50 },
    )
    m.spawn(
      'z',
      (function* () {
        yield* mutex_lock(a)
      })(),
      { at: 200 },
    )
    expect(m.run()).toBe('steps')
    const [y, z, ...more] = told(m)
    expect(more).toEqual([])
    expect(y).toMatch(/^for 1\d\d\.\d s, uninterruptibly: y waits for B, held by x in first$/)
    expect(z).toMatch(/: z waits for A; y waits for B, held by x in first$/)
  })
})

describe('not told', () => {
  it.each<[string, () => string[]]>([
    ['a short wait', () => wants(110, mutex_lock)],
    ['one that a signal could end', () => wants(130, mutex_lock_killable)],
    ['a service', () => wants(130, mutex_lock, {}, true)],
    ['under free, where time says nothing', () => wants(130, mutex_lock, { policy: 'free' })],
    ['when it is off', () => wants(130, mutex_lock, { hungNs: Number.POSITIVE_INFINITY })],
    [
      'sleeping by itself',
      () => {
        const m = new Machine()
        m.spawn(
          't',
          (function* () {
            yield* sleep(500 * SEC)
            yield* down_read_killable(new RwSemaphore(m, 's'))
          })(),
        )
        m.run()
        return told(m)
      },
    ],
  ])('%s', (_, run) => {
    expect(run()).toEqual([])
  })
})
