// SRCU: whom a grace period waits for, what it orders under every memory model, and what misuse looks like.
import { describe, expect, it } from 'vitest'
import {
  Cell,
  Machine,
  type ModelName,
  Mutex,
  mutex_lock,
  mutex_unlock,
  Srcu,
  type Step,
  srcu_read_lock,
  srcu_read_unlock,
  step,
  synchronize_srcu,
} from '../../src/sim/index.ts'
import { everySchedule, turns } from './support.ts'

const problems = (m: Machine) => m.problems.map(p => `${p.kind}: ${p.text}`)

const reader = function* (ss: Srcu, inside: () => Step<void>): Step<void> {
  const idx = yield* srcu_read_lock(ss)
  yield* inside()
  yield* srcu_read_unlock(ss, idx)
}

describe('synchronize_srcu', () => {
  /** Tasks that read and one that synchronizes, in the order of `script`; the order in which they were done. */
  const done = (script: string): string => {
    const m = new Machine({ policy: 'free' })
    const ss = new Srcu(m, 'ss')
    let out = ''
    for (const l of ['a', 'b'].filter(x => script.includes(x)))
      m.spawn(
        l,
        (function* () {
          yield* reader(ss, function* () {
            yield* step()
          })
          out += l
        })(),
      )
    m.spawn(
      's',
      (function* () {
        yield* synchronize_srcu(ss)
        out += 's'
      })(),
    )
    expect([m.run(turns([...script])), problems(m)]).toEqual(['held', []])
    return out
  }
  it.each([
    ['with nobody in, does not wait', 'sss', 's'],
    ['waits for one who is in', 'aassss', 'as'],
    ['waits for two', 'aabbsssaa', 'abs'],
    ['does not wait for one who came later', 'aasssbbaasss', 'asb'],
    ['does not wait for one who left', 'aaaaaasss', 'as'],
  ])('%s', (_, script, want) => {
    expect(done(script)).toBe(want)
  })

  /**
   * A published object is taken out, the writer waits, and destroys it: no reader may see it destroyed. Gives what readers
   * saw in all schedules; `wait` is left out for the canary.
   */
  const saw = (model: ModelName, wait: boolean): Set<number> => {
    const seen = new Set<number>()
    everySchedule(c => {
      const m = new Machine({ policy: 'free', model })
      const ss = new Srcu(m, 'ss')
      const published = new Cell(m, 'published', true)
      const object = new Cell(m, 'object', 7)
      m.spawn(
        'r',
        (function* () {
          yield* reader(ss, function* () {
            if (yield* published.READ_ONCE()) seen.add(yield* object.READ_ONCE())
          })
        })(),
      )
      m.spawn(
        'w',
        (function* () {
          yield* published.WRITE_ONCE(false)
          if (wait) yield* synchronize_srcu(ss)
          yield* object.WRITE_ONCE(0)
        })(),
      )
      expect(m.run(c)).toBe('held')
    }, 200_000)
    return seen
  }
  it.each<ModelName>(['sc', 'tso', 'weak'])('keeps what readers use, under %s', model => {
    expect(saw(model, true)).toEqual(new Set([7]))
  })
  it.each<ModelName>(['sc', 'tso', 'weak'])('canary: without it a reader sees it destroyed, under %s', model => {
    expect(saw(model, false)).toEqual(new Set([7, 0]))
  })

  const raced = (wait: boolean): string[] => {
    const all = new Set<string>()
    everySchedule(c => {
      const m = new Machine({ policy: 'free', races: true })
      const ss = new Srcu(m, 'ss')
      const published = new Cell(m, 'published', true)
      const object = new Cell(m, 'object', 7)
      m.spawn(
        'r',
        (function* () {
          yield* reader(ss, function* () {
            if (yield* published.READ_ONCE()) yield* object.load()
          })
        })(),
      )
      m.spawn(
        'w',
        (function* () {
          yield* published.WRITE_ONCE(false)
          if (wait) yield* synchronize_srcu(ss)
          yield* object.store(0)
        })(),
      )
      m.run(c)
      for (const p of m.problems) all.add(p.kind)
    })
    return [...all]
  }
  it('orders, for the race detector; and without it there is a race', () => {
    expect([raced(true), raced(false)]).toEqual([[], ['data race']])
  })
  it('rewinds with sections and periods under way', () => {
    const m = new Machine({ policy: 'free' })
    const ss = new Srcu(m, 'ss')
    const mark = m.journal.mark()
    const run = () => {
      m.spawn(
        'r',
        (function* () {
          yield* srcu_read_lock(ss)
        })(),
      )
      m.spawn(
        's',
        (function* () {
          yield* synchronize_srcu(ss)
        })(),
      )
      return [m.run(), problems(m), m.trace.hex()]
    }
    const first = run()
    expect(first[0]).toBe('deadlock')
    m.dropTasks()
    m.journal.rewind(mark)
    expect(run()).toEqual(first)
  })
})

describe('misuse', () => {
  it.each<[string, (ss: Srcu) => Step<void>, string, string[]]>([
    [
      'a section open at the end',
      function* (ss) {
        yield* srcu_read_lock(ss)
      },
      'failed',
      ['lock held at exit: t ends holding dax_srcu'],
    ],
    [
      'an idx that is not held',
      function* (ss) {
        const idx = yield* srcu_read_lock(ss)
        yield* srcu_read_unlock(ss, 1 - idx)
        yield* srcu_read_unlock(ss, idx)
      },
      'failed',
      ['wrong unlock: t ends a read section of dax_srcu with idx 1, which it is not in'],
    ],
    [
      'a second unlock',
      function* (ss) {
        const idx = yield* srcu_read_lock(ss)
        yield* srcu_read_unlock(ss, idx)
        yield* srcu_read_unlock(ss, idx)
      },
      'failed',
      ['wrong unlock: t ends a read section of dax_srcu with idx 0, which it is not in'],
    ],
    [
      'waiting for itself',
      function* (ss) {
        yield* srcu_read_lock(ss)
        yield* synchronize_srcu(ss)
      },
      'deadlock',
      [
        'self-deadlock: t waits in synchronize_srcu(dax_srcu) for its own read section',
        'deadlock: wait-for cycle: t in synchronize_srcu waits for dax_srcu; held by t in synchronize_srcu',
      ],
    ],
  ])('%s is reported', (_, body, verdict, want) => {
    const m = new Machine()
    m.spawn('t', body(new Srcu(m, 'dax_srcu')))
    expect([m.run(), problems(m)]).toEqual([verdict, want])
  })
  it('nested sections are fine, each with its own idx', () => {
    const m = new Machine({ policy: 'free' })
    const ss = new Srcu(m, 'ss')
    m.spawn(
      't',
      (function* () {
        const a = yield* srcu_read_lock(ss)
        yield* step()
        const b = yield* srcu_read_lock(ss)
        expect([a, b]).toEqual([0, 1])
        yield* srcu_read_unlock(ss, b)
        yield* srcu_read_unlock(ss, a)
      })(),
    )
    m.spawn(
      's',
      (function* () {
        yield* synchronize_srcu(ss)
      })(),
    )
    expect([m.run(turns([...'ttss'])), problems(m)]).toEqual(['held', []])
  })
  it('synchronizing under a lock that readers take: the order is reported even if all went well', () => {
    const m = new Machine({ lockdep: true })
    const ss = new Srcu(m, 'ss')
    const l = new Mutex(m, 'device_lock')
    m.spawn(
      't',
      (function* () {
        yield* reader(ss, function* () {
          yield* mutex_lock(l)
          yield* mutex_unlock(l)
        })
        yield* mutex_lock(l)
        yield* synchronize_srcu(ss)
        yield* mutex_unlock(l)
      })(),
    )
    expect([m.run(), m.problems.map(p => p.kind)]).toEqual(['failed', ['lock order']])
    expect(m.problems[0]!.text).toContain('t takes ss while it holds device_lock (in synchronize_srcu < t)')
  })
})
