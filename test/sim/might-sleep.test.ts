// Sleeping in atomic context: told for every operation that may sleep, whether it sleeps or not.
import { describe, expect, it } from 'vitest'
import {
  Completion,
  complete,
  down_read,
  down_read_trylock,
  down_write_killable,
  Heap,
  kfn,
  Machine,
  Mutex,
  mod_timer,
  mutex_lock,
  mutex_lock_interruptible,
  mutex_trylock,
  type Op,
  RwSemaphore,
  SpinLock,
  Srcu,
  type Step,
  sleep,
  spin_lock,
  spin_trylock,
  spin_unlock,
  srcu_read_lock,
  synchronize_srcu,
  Timer,
  WaitQueue,
  wait_event,
  wait_for_completion,
  work,
} from '../../src/sim/index.ts'

type Make = (m: Machine) => Op<unknown>
const sleeping: [string, Make, string][] = [
  ['mutex_lock', m => mutex_lock(new Mutex(m, 'device_lock')), 'mutex_lock device_lock'],
  ['interruptibly', m => mutex_lock_interruptible(new Mutex(m, 'l')), 'mutex_lock_interruptible l'],
  ['down_read', m => down_read(new RwSemaphore(m, 'sem')), 'down_read sem'],
  ['down_write', m => down_write_killable(new RwSemaphore(m, 'sem')), 'down_write_killable sem'],
  ['wait_event', m => wait_event(new WaitQueue(m, 'q'), () => true), 'wait_event q'],
  ['kzalloc', m => new Heap(m, 'h').alloc('req', 8), 'kzalloc'],
  ['sleep', () => sleep(10), 'sleep'],
  ['synchronize_srcu', m => synchronize_srcu(new Srcu(m, 'ss')), 'synchronize_srcu ss'],
]
const awake: [string, Make][] = [
  ['mutex_trylock', m => mutex_trylock(new Mutex(m, 'l'))],
  ['down_read_trylock', m => down_read_trylock(new RwSemaphore(m, 'sem'))],
  ['another spinlock', m => spin_lock(new SpinLock(m, 'inner'))],
  ['spin_trylock', m => spin_trylock(new SpinLock(m, 'inner'))],
  ['complete', m => complete(new Completion(m, 'c'))],
  ['work', () => work(10)],
  ['srcu_read_lock', m => srcu_read_lock(new Srcu(m, 'ss'))],
]

/** What is told of `op`, done in function `inner` under a spinlock, or in a timer's callback. */
const told = (make: Make, how: 'spinlock' | 'timer' | 'mutex'): string[] => {
  const m = new Machine()
  const inner = kfn('inner', function* (): Step<void> {
    yield* make(m)
  })
  const l = new SpinLock(m, 'fiq->lock')
  const timer = new Timer(m, 'watchdog', () => inner())
  const held = new Mutex(m, 'outer')
  m.spawn(
    't',
    (function* () {
      if (how === 'timer') yield* mod_timer(timer, 10)
      else if (how === 'mutex') {
        yield* mutex_lock(held)
        yield* inner()
      } else {
        yield* spin_lock(l)
        yield* inner()
        yield* spin_unlock(l)
      }
    })(),
  )
  m.run()
  return m.problems.filter(p => p.kind === 'sleep in atomic').map(p => `${p.text} | ${p.backtrace.join(' < ')}`)
}

describe('may sleep', () => {
  it.each(sleeping)('%s', (_, make, what) => {
    const [one, ...more] = told(make, 'spinlock')
    expect(more).toEqual([])
    expect(one).toContain(`t does ${what} while it holds fiq->lock: it may sleep there | `)
    expect(one).toContain('inner < t')
    expect(told(make, 'timer')[0]).toContain(`does ${what} while it runs the callback of watchdog`)
    expect(told(make, 'mutex')).toEqual([])
  })
})
describe('may not', () => {
  it.each(awake)('%s', (_, make) => {
    expect([told(make, 'spinlock'), told(make, 'timer')]).toEqual([[], []])
  })
})
it('after the unlock all is well; a wait that looks again is told once', () => {
  const m = new Machine()
  const l = new SpinLock(m, 'l')
  const c = new Completion(m, 'c')
  m.spawn(
    't',
    (function* () {
      yield* spin_lock(l)
      yield* spin_unlock(l)
      yield* sleep(5)
      yield* spin_lock(l)
      yield* wait_for_completion(c)
      yield* spin_unlock(l)
    })(),
  )
  m.spawn(
    'c',
    (function* () {
      yield* sleep(1000)
      yield* complete(c)
    })(),
  )
  expect([m.run(), m.problems.map(p => p.text)]).toEqual([
    'failed',
    ['t does wait_event c while it holds l: it may sleep there'],
  ])
})
