import { describe, expect, it } from 'vitest'
import {
  Cell,
  Killed,
  kfn,
  Machine,
  Mutex,
  mutex_lock,
  mutex_unlock,
  Oops,
  type Step,
  sleep,
  step,
} from '../../src/sim/index.ts'

const one = (body: (m: Machine) => Step<any>) => {
  const m = new Machine()
  const task = m.spawn('task', body(m))
  return { m, task }
}

const down: (n: number, at: (m: Machine) => Step<number>, m: Machine) => any = kfn(
  'down',
  function* (n: number, at: (m: Machine) => Step<number>, m: Machine): Step<number> {
    return n === 0 ? yield* at(m) : (yield* down(n - 1, at, m)) + 1
  },
)
const DEEP = 10_000

describe('calls', () => {
  it('pass arguments and give results, typed', () => {
    const add = kfn('add', function* (a: number, b: number): Step<number> {
      yield* step()
      return a + b
    })
    const { m, task } = one(function* (): Step<string> {
      const n: number = yield* add(yield* add(1, 2), 3)
      return `is ${n}`
    })
    m.run()
    expect(task.value).toBe('is 6')
  })
  it('are no scheduling points: a body costs the same steps in place and called', () => {
    const body = function* (): Step<void> {
      yield* step()
      yield* step()
    }
    const called = kfn('called', body)
    const a = one(body)
    const b = one(function* () {
      yield* called()
    })
    a.m.run()
    b.m.run()
    expect([b.m.steps, b.task.now]).toEqual([a.m.steps, a.task.now])
  })
  it('that do not wait do not end the step either', () => {
    const quick = kfn('quick', function* (): Step<number> {
      return 1
    })
    const { m, task } = one(function* () {
      return (yield* quick()) + (yield* quick())
    })
    m.run()
    expect([task.value, m.steps]).toEqual([2, 1])
  })
  it('are fresh for every use; canary: one used twice is told', () => {
    const quick = kfn('quick', function* (): Step<number> {
      return 1
    })
    expect(quick()).not.toBe(quick())
    const op = quick()
    const { m } = one(function* () {
      return [yield* op, yield* op]
    })
    expect(() => m.run()).toThrow('one call operation is used twice')
  })
  it(`nest ${DEEP} deep, and the backtrace names them innermost first`, () => {
    let trace: string[] = []
    const bottom = kfn('bottom', function* (m: Machine): Step<number> {
      yield* step()
      trace = m.current!.backtrace()
      return 0
    })
    const top = kfn('top', function* (m: Machine): Step<number> {
      return yield* down(DEEP, bottom as any, m)
    })
    const { m, task } = one(top as any)
    // `top` is the body of the task: its frame has the task's name.
    expect(m.run()).toBe('held')
    expect(task.value).toBe(DEEP)
    expect(trace.length).toBe(DEEP + 4)
    expect([trace[0], trace[1], trace[DEEP + 1], trace[DEEP + 2], trace[DEEP + 3]]).toEqual([
      'bottom',
      'down',
      'down',
      'top',
      'task',
    ])
    expect([task.frames.length, task.backtrace()]).toEqual([0, []])
  })
})

describe('a signal that nobody handles', () => {
  it('unwinds frame by frame, innermost first, and what `finally` yields is done', () => {
    const said: string[] = []
    const frame = (name: string, inner: (m: Machine) => any) =>
      kfn(name, function* (m: Machine): Step<void> {
        try {
          yield* inner(m)
          said.push('not reached')
        } finally {
          yield* sleep(10)
          said.push(`${name} at ${m.current!.now} in ${m.current!.fn?.name}`)
        }
      })
    const die = kfn('die', function* (): Step<void> {
      yield* step()
      throw new Killed('SIGBUS', { at: 7 })
    })
    const { m, task } = one(function* (m) {
      yield* frame('outer', frame('middle', frame('inner', die)))(m)
    })
    expect(m.run()).toBe('held')
    expect(said).toEqual(['inner at 11 in inner', 'middle at 21 in middle', 'outer at 31 in outer'])
    expect(task.error).toMatchObject({ name: 'Killed', signal: 'SIGBUS', info: { at: 7 }, message: 'killed by SIGBUS' })
    expect(task.value).toBeUndefined()
  })
  it('ends at the frame that catches it, which goes on', () => {
    const die = kfn('die', function* (): Step<number> {
      yield* step()
      throw new Killed('SIGBUS', null)
    })
    const handler = kfn('handler', function* (): Step<string> {
      try {
        yield* die()
        return 'alive'
      } catch (e) {
        yield* step()
        return `handled ${(e as Killed).signal}`
      }
    })
    const { m, task } = one(function* () {
      return yield* handler()
    })
    m.run()
    expect([task.value, task.error, m.steps]).toEqual(['handled SIGBUS', null, 3])
  })
  it(`unwinds ${DEEP} frames`, () => {
    const die = kfn('die', function* (): Step<number> {
      throw new Killed('SIGKILL', null)
    })
    const { m, task } = one(function* (m) {
      try {
        yield* down(DEEP, die as any, m)
      } catch (e) {
        return e
      }
    })
    m.run()
    expect(task.value).toBeInstanceOf(Killed)
  })
  it('releases what `finally` releases; without it the lock is found held', () => {
    const run = (tidy: boolean) => {
      const m = new Machine()
      const l = new Mutex(m, 'l')
      const f = kfn('f', function* (): Step<void> {
        yield* mutex_lock(l)
        try {
          yield* step()
          throw new Killed('SIGKILL', null)
        } finally {
          if (tidy) yield* mutex_unlock(l)
        }
      })
      m.spawn(
        't',
        (function* () {
          yield* f()
        })(),
      )
      return [m.run(), ...m.problems.map(p => `${p.kind}: ${p.text}`)]
    }
    expect(run(true)).toEqual(['held'])
    expect(run(false)).toEqual(['failed', 'lock held at exit: t is killed holding l'])
  })
})

describe('an oops', () => {
  const world = () => {
    const m = new Machine({ policy: 'free' })
    const l = new Mutex(m, 'l')
    const x = new Cell(m, 'x', 0)
    const said: string[] = []
    const bug = kfn('bug', function* (): Step<void> {
      yield* step()
      throw new Oops('NULL pointer dereference in bug')
    })
    const caller = kfn('caller', function* (): Step<void> {
      yield* mutex_lock(l)
      try {
        yield* bug()
      } catch {
        said.push('caught')
      } finally {
        said.push('finally')
        yield* mutex_unlock(l)
      }
    })
    const t = m.spawn(
      't',
      (function* () {
        yield* caller()
        said.push('went on')
      })(),
    )
    return { m, l, x, t, said }
  }
  it('kills its task where it stands: callers neither catch nor clean up, locks stay taken', () => {
    const { m, l, t, said } = world()
    expect(m.run()).toBe('failed')
    expect(said).toEqual([])
    expect([l.owner, t.held]).toEqual([t, [l]])
    expect(t.error).toBeInstanceOf(Oops)
  })
  it('is reported with the backtrace, from the function that made it', () => {
    const { m } = world()
    m.run()
    expect(m.problems).toEqual([
      { kind: 'oops', text: 'NULL pointer dereference in bug', task: 't', backtrace: ['bug', 'caller', 't'] },
    ])
  })
  it('leaves the other tasks running, and stuck at its locks', () => {
    const { m, l, x } = world()
    m.spawn(
      'other',
      (function* () {
        for (let i = 1; i <= 5; i++) yield* x.store(i)
      })(),
    )
    m.spawn(
      'waiter',
      (function* () {
        yield* mutex_lock(l)
      })(),
    )
    expect(m.run()).toBe('deadlock')
    expect(x.peek()).toBe(5)
    expect(m.problems.map(p => p.kind)).toEqual(['oops', 'deadlock'])
  })
})

describe('an error of our own', () => {
  it.each([
    ['in the body', 0],
    ['one call down', 1],
    ['many calls down', 100],
  ])('comes out of run(): %s', (_, depth) => {
    const wrong = kfn('wrong', function* (): Step<number> {
      yield* step()
      return (undefined as unknown as { x: number }).x
    })
    const { m, task } = one(m => (depth === 0 ? (wrong as any)(m) : down(depth, wrong as any, m)))
    expect(() => m.run()).toThrow(TypeError)
    expect(task.error).toBeInstanceOf(TypeError)
  })
  it('in an operation comes out of run() too', () => {
    const { m } = one(function* () {
      yield* mutex_lock(null as unknown as Mutex)
    })
    expect(() => m.run()).toThrow(TypeError)
  })
})
