import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RandomChooser } from '../../src/explore/strategies/random.ts'
import {
  Cell,
  EventKind,
  kfn,
  Machine,
  type Step,
  sleep,
  step,
  Task,
  Trace,
  type TraceEvent,
} from '../../src/sim/index.ts'

const SENT = new EventKind('sent')
const GOT = new EventKind('got')

/** What an event says of itself. */
interface Said {
  kind: EventKind
  subject: string
  a: number
  b: number
}
const word = fc.oneof(fc.integer(), fc.maxSafeInteger())
const event: fc.Arbitrary<Said> = fc.record({
  kind: fc.constantFrom(SENT, GOT),
  subject: fc.constantFrom('', 'FUSE_OPEN', 'FUSE_READ'),
  a: word,
  b: word,
})
const said = fc.array(event, { maxLength: 10 })

const write = (t: Trace, e: Said) => t.write(null, e.kind, null, e.subject, e.a, e.b, null)
const digestOf = (events: readonly Said[]): string => {
  const t = new Trace()
  for (const e of events) write(t, e)
  return t.hex()
}

describe('digest', () => {
  it('is the same for the same events, and each part of one changes it', () => {
    fc.assert(
      fc.property(said, event, event, fc.nat(), (all, e, other, at) => {
        const was = digestOf(all)
        expect(digestOf([...all])).toBe(was)
        expect(digestOf([...all, e])).not.toBe(was)
        const i = at % (all.length + 1)
        const here = digestOf(all.toSpliced(i, 0, e))
        for (const part of ['kind', 'subject', 'a', 'b'] as const) {
          const changed = { ...e, [part]: other[part] }
          if (changed[part] !== e[part]) expect(digestOf(all.toSpliced(i, 0, changed))).not.toBe(here)
        }
        const next = all[i]
        if (next !== undefined && ['kind', 'subject', 'a', 'b'].some(p => next[p as 'a'] !== e[p as 'a']))
          expect(digestOf(all.toSpliced(i, 1, next, e))).not.toBe(here)
      }),
      { numRuns: 500 },
    )
  })
  it.each([
    [0, 2 ** 32],
    [5, 5 + 2 ** 32],
    [-1, 2 ** 32 - 1],
    [2 ** 40, 2 ** 41],
    [0x7f0000001000, 0x7e0000001000],
  ])('tells %d from %d', (a, b) => {
    expect(digestOf([{ kind: SENT, subject: '', a, b: 0 }])).not.toBe(
      digestOf([{ kind: SENT, subject: '', a: b, b: 0 }]),
    )
  })
  it('tells tasks, objects and times apart', () => {
    const m = new Machine()
    const task = (id: number, now: number) => {
      const t = new Task(m, id, 't', false)
      t.now = now
      return t
    }
    const x = { id: 1, name: 'x' }
    const events: [Task | null, typeof x | null][] = [
      [null, null],
      [task(0, 0), null],
      [task(1, 0), null],
      [task(0, 5), null],
      [null, x],
      [task(0, 0), x],
      [task(0, 0), { id: 2, name: 'x' }],
    ]
    const digests = events.map(([t, obj]) => {
      const trace = new Trace()
      trace.write(t, SENT, obj, '', 0, 0, null)
      return trace.hex()
    })
    expect(new Set(digests).size).toBe(events.length)
  })
  it.each([
    ['numbers', [0, 1, 2, -1, 1.5, 2 ** 33]],
    ['words', ['', 'a', 'b', 'ab', 'ba']],
    ['yes and no', [true, false]],
    ['objects and none', [{ id: 7 }, { id: 8 }, null]],
  ])('tells values of one type apart: %s', (_, values: readonly unknown[]) => {
    const digests = values.map(v => {
      const m = new Machine()
      m.trace.on = true
      const x = new Cell<unknown>(m, 'x', undefined)
      m.spawn(
        't',
        (function* () {
          yield* x.store(v)
        })(),
      )
      m.run()
      return m.trace.hex()
    })
    expect(new Set(digests).size).toBe(values.length)
  })
  it('what hangs on an event is not part of it', () => {
    const t = new Trace()
    t.write(null, SENT, null, 'x', 1, 2, new Uint8Array(3))
    expect(t.hex()).toBe(digestOf([{ kind: SENT, subject: 'x', a: 1, b: 2 }]))
  })
})

describe('ring', () => {
  it('keeps the newest events, oldest first', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.nat(30), fc.nat(12), (capacity, n, ask) => {
        const t = new Trace(capacity)
        for (let i = 0; i < n; i++) t.write(null, SENT, null, '', i, 0, null)
        const want = Array.from({ length: n }, (_, i) => i).slice(-capacity)
        expect(t.tail(capacity).map(e => e.a)).toEqual(want)
        expect(t.tail(ask).map(e => e.a)).toEqual(ask === 0 ? [] : want.slice(-ask))
        expect(t.tail(ask).every(e => e.seq === e.a)).toBe(true)
        expect(t.seq).toBe(n)
      }),
    )
  })
  it('never shows an event that was taken back, even where it has overwritten an older one', () => {
    fc.assert(
      fc.property(fc.nat(6), fc.nat(12), fc.nat(12), (before, undone, after) => {
        const t = new Trace(4)
        const put = (n: number, subject: string) => {
          for (let i = 0; i < n; i++) t.write(null, SENT, null, subject, t.seq, 0, null)
        }
        put(before, 'real')
        const saved = t.save()
        put(undone, 'undone')
        t.restore(saved)
        put(after, 'real')
        const tail = t.tail(4)
        expect(tail.every(e => e.subject === 'real')).toBe(true)
        // The newest four, but for those from before whose place an undone event took.
        const newest = Array.from({ length: before + after }, (_, i) => i).slice(-4)
        expect(tail.map(e => e.seq)).toEqual(newest.filter(i => i >= before || i + 4 >= before + undone))
      }),
      { numRuns: 500 },
    )
  })
})

/** A small world: three tasks over two cells, calls and messages. */
const world = (o: { on?: boolean; value?: number } = {}) => {
  const m = new Machine()
  m.trace.on = o.on ?? true
  const cells = [new Cell(m, 'x', 0), new Cell(m, 'y', 0)]
  const f = kfn('f', function* (i: number): Step<void> {
    yield* cells[i % 2]!.store((o.value ?? 1) + (yield* cells[(i + 1) % 2]!.load()))
    m.emit(SENT, 'HELLO', cells[0]!, i, 0, 'detail')
    yield* sleep(m.streams.stream('workload').below(5))
  })
  const start = () => {
    for (let i = 0; i < 3; i++)
      m.spawn(
        `t${i}`,
        (function* () {
          for (let k = 0; k < 3; k++) yield* f(i + k)
        })(),
      )
  }
  return { m, start }
}
const runOf = (seed: number, o: { on?: boolean; value?: number } = {}): string => {
  const { m, start } = world(o)
  start()
  m.run(new RandomChooser(seed))
  return m.trace.hex()
}

describe('of a machine', () => {
  it('is the same for the same run, another for another schedule or another value', () => {
    fc.assert(
      fc.property(fc.nat(), seed => {
        expect(runOf(seed)).toBe(runOf(seed))
        expect(runOf(seed, { value: 2 })).not.toBe(runOf(seed))
      }),
    )
    expect(new Set(Array.from({ length: 50 }, (_, s) => runOf(s))).size).toBeGreaterThan(25)
  })
  it('after a rewind is that of a fresh world, whatever ran in between', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.nat(), { maxLength: 4 }), (seed, between) => {
        const { m, start } = world()
        const mark = m.journal.mark()
        for (const s of [...between, seed]) {
          m.dropTasks()
          m.journal.rewind(mark)
          start()
          m.run(new RandomChooser(s))
        }
        expect(m.trace.hex()).toBe(runOf(seed))
      }),
    )
  })
  it('the sink sees every event as the ring has it: number, time, task, function, object', () => {
    const { m, start } = world()
    const seen: TraceEvent[] = []
    m.trace.sink = e => seen.push(e)
    start()
    m.run(new RandomChooser(1))
    expect(seen.length).toBe(m.trace.seq)
    expect(m.trace.tail(seen.length)).toEqual(seen)
    // One event for each step, and the nine messages.
    expect(seen.length).toBe(m.steps + 9)
    for (const [i, e] of seen.entries()) {
      expect(e.seq).toBe(i)
      expect(e.task?.label).toMatch(/^t[012]$/)
      expect(e.fn?.name).toBe(e.kind.name === 'start' ? undefined : 'f')
      if (e.kind === SENT) expect([e.subject, e.obj?.name, e.ref]).toEqual(['HELLO', 'x', 'detail'])
    }
    for (const l of ['t0', 't1', 't2']) {
      const times = seen.filter(e => e.task?.label === l).map(e => e.now)
      expect(times).toEqual([...times].sort((a, b) => a - b))
    }
  })
  it('off: no event, no digest, no call of the sink; and the same run', () => {
    const on = world()
    const off = world({ on: false })
    const empty = off.m.trace.hex()
    off.m.trace.sink = () => expect.fail('the trace is off')
    for (const w of [on, off]) {
      w.start()
      w.m.run(new RandomChooser(8))
    }
    expect([off.m.trace.seq, off.m.trace.hex(), off.m.trace.tail(10)]).toEqual([0, empty, []])
    expect([off.m.steps, off.m.interleaving()]).toEqual([on.m.steps, on.m.interleaving()])
  })
  it('an operation is written with its operand, its value and the time when it is done', () => {
    const m = new Machine()
    m.trace.on = true
    const x = new Cell(m, 'x', 0)
    m.spawn(
      't',
      (function* () {
        yield* step()
        yield* x.store(3)
        yield* x.cmpxchg(3, 4)
      })(),
    )
    m.run()
    expect(m.trace.tail(9).map(e => [e.kind.name, e.obj?.name, e.a, e.b, e.now])).toEqual([
      ['start', undefined, 0, 0, 0],
      ['step', undefined, 0, 0, 1],
      ['store', 'x', 3, 0, 3],
      ['cmpxchg', 'x', 3, 3, 23],
    ])
  })
})
