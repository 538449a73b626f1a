// Faults as data: when they fire, what they do, what they refuse.
import { describe, expect, it } from 'vitest'
import { after as afterEvent, at, type Fault, poison } from '../../src/faults/index.ts'
import { defaultChooser } from '../../src/sim/index.ts'
import { EHWPOISON, GiB, MiB, runScenario, scenario, us } from '../../src/world/index.ts'

/** Read every 10 us after an open; gives the result of each read and when poison was in the map. */
function reads(trigger: Fault['trigger'] | null, action = poison('dax0.0', MiB(10))) {
  const results: number[] = []
  const s = scenario('reads', ({ world }) => {
    const dev = world.daxdev('dax0.0', { size: GiB(4) })
    const h0 = world.host('h0')
    h0.famfs('/mnt', { mkfs: dev }).creat('/x', MiB(2))
    h0.app('a', function* (sys) {
      const fd = yield* sys.open('/mnt/x')
      for (let i = 0; i < 20; i++) {
        results.push(yield* sys.pread(fd, 8, 0))
        yield* sys.sleep(us(10))
      }
    })
    if (trigger) world.fault(trigger, action)
  })
  const r = runScenario(s, defaultChooser)
  return { results, r, firstBad: results.findIndex(n => n < 0) }
}

describe('poison', () => {
  it('without a fault nothing fails (control)', () => expect(reads(null).firstBad).toBe(-1))
  it('at a virtual time: later times fail later', () => {
    const early = reads(at(us(50)))
    const late = reads(at(us(150)))
    expect(early.results[early.firstBad]).toBe(-EHWPOISON)
    expect(late.firstBad).toBeGreaterThan(early.firstBad)
    expect(early.firstBad).toBeGreaterThanOrEqual(0)
  })
  it('that no host learns of is dealt with at once: whoever waits for it goes on', () => {
    const s = scenario('untold', ({ world }) => {
      world.daxdev('dax0.0', { size: GiB(4) })
      const dealt = world.fault(at(us(50)), poison('dax0.0', 0, { hosts: [] }))
      world.host('h0').app('a', function* () {
        yield* dealt.wait()
      })
    })
    expect(runScenario(s, defaultChooser).verdict).toBe('held')
  })
  it('after the n-th event of a label', () => {
    // The first is the daemon's, of the shadow file.
    const third = reads(afterEvent('pread64 returns', { nth: 4 }))
    const tenth = reads(afterEvent('pread64 returns', { nth: 11 }))
    expect(third.firstBad).toBe(3)
    expect(tenth.firstBad).toBe(10)
  })
  it('on entering and on leaving a kernel function', () => {
    const entered = reads(afterEvent('enter dax_iomap_rw', { nth: 5 }))
    expect(entered.firstBad).toBeGreaterThanOrEqual(4)
    expect(entered.r.neverFired).toEqual([])
    expect(reads(afterEvent('leave famfs_fuse_read_iter', { nth: 5 })).firstBad).toBe(5)
  })
  it('a trigger that cannot fire is reported', () => {
    const r = reads(afterEvent('FUSE_DESTROY sent'))
    expect(r.firstBad).toBe(-1)
    expect(r.r.neverFired.length).toBe(1)
  })
  it.each([
    ['a device that is not there', poison('dax9.9', 0), /no device 'dax9\.9'/],
    ['an offset outside', poison('dax0.0', GiB(4)), /outside dax0\.0/],
    ['a host that is not there', poison('dax0.0', 0, { hosts: ['h9'] }), /no host 'h9'/],
  ])('refuses %s', (_n, action, want) => expect(() => reads(at(0), action)).toThrow(want))
})
