// flock(2) as the real daemon has it (userspace.md e.6; behaviour_probe.txt 1 to 3), and as a fixed one has it.
import { describe, expect, it } from 'vitest'
import { LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN } from '../../../src/kernel/index.ts'
import { type Flock, type FlockAnswer, GlobalFlock, OwnedFlock } from '../../../src/server/daemon/flock.ts'
import { Machine, SLEEPING, type Step, signal } from '../../../src/sim/index.ts'
import { EAGAIN, EINTR, EINVAL, EWOULDBLOCK } from '../../../src/wire/index.ts'

const [F, G] = [7, 8]
const [A, B, C] = [1, 2, 3]
let unique = 0

/** Ask in a task of its own; what it got, or 'asleep'. */
const rig = (make: (m: Machine) => Flock) => {
  const m = new Machine()
  const f = make(m)
  const tasks: { value: FlockAnswer | undefined; state: number }[] = []
  const start = (ino: number, owner: number, op: number) => {
    const t = m.spawn(
      'worker',
      (function* (): Step<FlockAnswer> {
        return yield* f.flock({ ino, owner, op, unique: ++unique })
      })(),
      { service: true },
    )
    expect(m.run()).toBe('held')
    tasks.push(t)
    return t
  }
  const ask = (ino: number, owner: number, op: number): number | null | 'asleep' => {
    const t = start(ino, owner, op)
    return t.state === SLEEPING ? 'asleep' : (t.value as FlockAnswer).errno
  }
  return { m, f, ask, start }
}

describe('famfs-48', () => {
  const fresh = () => rig(m => new GlobalFlock(m, true))

  it('answers as recorded: EX, EX again, SH, EX|NB, UN, UN', () => {
    const { ask } = fresh()
    const ops = [LOCK_EX, LOCK_EX, LOCK_SH, LOCK_EX | LOCK_NB, LOCK_UN, LOCK_UN]
    expect(ops.map(op => ask(F, A, op))).toEqual([0, EINVAL, EINVAL, 0, 0, EINVAL])
  })

  it('#1 a second exclusive lock is EINVAL at once, whoever asks (Q1)', () => {
    const { ask } = fresh()
    expect([ask(F, A, LOCK_EX), ask(F, B, LOCK_EX)]).toEqual([0, EINVAL])
  })

  it('#1 a non-blocking one succeeds and locks nothing (Q2)', () => {
    const { ask } = fresh()
    expect(ask(F, B, LOCK_EX | LOCK_NB)).toBe(0)
    expect(ask(F, A, LOCK_EX)).toBe(0)
  })

  it('without Q2 a non-blocking one takes what is free, and says EWOULDBLOCK otherwise', () => {
    const { ask } = rig(m => new GlobalFlock(m, false))
    expect([ask(F, A, LOCK_EX | LOCK_NB), ask(G, B, LOCK_EX | LOCK_NB), ask(F, A, LOCK_UN)]).toEqual([
      0,
      EWOULDBLOCK,
      0,
    ])
  })

  it('#2 the close of any other opener drops it (Q1)', () => {
    const { ask, f } = fresh()
    ask(F, A, LOCK_EX)
    f.released(G, null)
    expect(ask(F, B, LOCK_EX)).toBe(EINVAL)
    f.released(F, null)
    expect(ask(F, B, LOCK_EX)).toBe(0)
  })

  it('#3 another file waits for the one lock there is, and keeps its worker meanwhile', () => {
    const { ask, f, m, start } = fresh()
    ask(F, A, LOCK_EX)
    const t = start(G, B, LOCK_EX)
    expect(t.state).toBe(SLEEPING)
    f.released(F, null)
    expect(m.run()).toBe('held')
    expect(t.value).toEqual({ errno: 0, others: [] })
    expect(ask(G, C, LOCK_UN)).toBe(0)
  })

  it('two that wait for a third file get it one after the other, although they ask for one inode', () => {
    const { f, m, start } = fresh()
    start(F, A, LOCK_EX)
    const [x, y] = [start(G, B, LOCK_EX), start(G, C, LOCK_EX)]
    f.released(F, null)
    m.run()
    expect([x.state, y.state].filter(s => s === SLEEPING)).toHaveLength(1)
    f.released(G, null)
    m.run()
    expect([x.value, y.value]).toEqual([
      { errno: 0, others: [] },
      { errno: 0, others: [] },
    ])
  })

  it('a worker that waits dies with the daemon', () => {
    const { ask, m, start } = fresh()
    ask(F, A, LOCK_EX)
    const t = start(G, B, LOCK_EX)
    signal(t, 'SIGKILL')
    m.run()
    expect(String(t.error)).toMatch(/SIGKILL/)
  })
})

describe('fixed', () => {
  const fresh = () => {
    const r = rig(m => new OwnedFlock(m))
    return { ...r, lock: r.f as OwnedFlock }
  }

  it('#1 a second exclusive lock waits without keeping a worker, and gets it when the first goes', () => {
    const { ask, f } = fresh()
    expect(ask(F, A, LOCK_EX)).toBe(0)
    expect(ask(F, B, LOCK_EX)).toBeNull()
    const waits = unique
    expect(f.released(F, A)).toEqual({ errno: 0, others: [{ unique: waits, errno: 0 }] })
    expect(ask(F, A, LOCK_EX | LOCK_NB)).toBe(EWOULDBLOCK)
  })

  it('#1 a non-blocking one says EWOULDBLOCK', () => {
    const { ask } = fresh()
    ask(F, A, LOCK_EX)
    expect([ask(F, B, LOCK_EX | LOCK_NB), ask(F, B, LOCK_SH | LOCK_NB)]).toEqual([EWOULDBLOCK, EWOULDBLOCK])
  })

  it('#1 with Q2 alone it succeeds and locks nothing', () => {
    const { ask } = rig(m => new OwnedFlock(m, true))
    expect([ask(F, A, LOCK_EX | LOCK_NB), ask(F, B, LOCK_EX), ask(F, A, LOCK_SH | LOCK_NB)]).toEqual([
      0,
      0,
      EWOULDBLOCK,
    ])
  })

  it('#2 the close of another opener drops nothing', () => {
    const { ask, f } = fresh()
    ask(F, A, LOCK_EX)
    f.released(F, null)
    f.released(F, B)
    expect(ask(F, C, LOCK_EX | LOCK_NB)).toBe(EWOULDBLOCK)
  })

  it('#3 other files do not wait', () => {
    const { ask } = fresh()
    expect([ask(F, A, LOCK_EX), ask(G, B, LOCK_EX)]).toEqual([0, 0])
  })

  it('shares, and the last of them lets an exclusive one in', () => {
    const { ask, f } = fresh()
    expect([ask(F, A, LOCK_SH), ask(F, B, LOCK_SH), ask(F, C, LOCK_EX)]).toEqual([0, 0, null])
    const waits = unique
    expect(f.released(F, A).others).toEqual([])
    expect(f.released(F, B).others).toEqual([{ unique: waits, errno: 0 }])
  })

  it('lets every sharer in at once, in the order in which they asked', () => {
    const { ask, lock } = fresh()
    ask(F, A, LOCK_EX)
    const waits = [B, C].map(o => [ask(F, o, LOCK_SH), unique])
    expect(waits.map(w => w[0])).toEqual([null, null])
    expect(lock.lock({ ino: F, owner: A, op: LOCK_UN, unique: 0 })).toEqual({
      errno: 0,
      others: waits.map(w => ({ unique: w[1], errno: 0 })),
    })
  })

  it('a lock that is held is held once; unlocking what is not held is no error', () => {
    const { ask, f } = fresh()
    expect([ask(F, A, LOCK_EX), ask(F, A, LOCK_EX)]).toEqual([0, 0])
    expect([ask(F, A, LOCK_UN), ask(F, A, LOCK_UN), ask(F, A, LOCK_UN | LOCK_NB)]).toEqual([0, 0, 0])
    expect(ask(F, B, LOCK_EX | LOCK_NB)).toBe(0)
    expect(f.released(F, A).others).toEqual([])
    expect(ask(F, C, LOCK_EX | LOCK_NB)).toBe(EWOULDBLOCK)
  })

  it('converts: what is refused has lost its old lock', () => {
    const { ask } = fresh()
    expect([ask(F, A, LOCK_SH), ask(F, B, LOCK_SH)]).toEqual([0, 0])
    expect(ask(F, A, LOCK_EX | LOCK_NB)).toBe(EWOULDBLOCK)
    expect(ask(F, B, LOCK_EX | LOCK_NB)).toBe(0)
    expect(ask(F, B, LOCK_SH)).toBe(0)
    expect(ask(F, A, LOCK_SH)).toBe(0)
  })

  it('a signal ends a wait, and the lock passes it by', () => {
    const { ask, f } = fresh()
    ask(F, A, LOCK_EX)
    ask(F, B, LOCK_EX)
    const waits = unique
    expect(f.interrupt(waits)).toEqual({ errno: null, others: [{ unique: waits, errno: EINTR }] })
    expect(f.interrupt(waits)).toEqual({ errno: EAGAIN, others: [] })
    expect(f.released(F, A).others).toEqual([])
    expect(ask(F, C, LOCK_EX)).toBe(0)
  })

  it('comes back at a rewind', () => {
    const { ask, f, m } = fresh()
    ask(F, A, LOCK_EX)
    const mark = m.journal.mark()
    ask(F, B, LOCK_EX)
    f.released(F, A)
    m.journal.rewind(mark)
    expect(f.released(F, B).others).toEqual([])
    expect(ask(F, C, LOCK_EX | LOCK_NB)).toBe(EWOULDBLOCK)
  })

  it('does not know 0 for an operation', () => {
    expect(fresh().ask(F, A, 0)).toBe(EINVAL)
  })
})
