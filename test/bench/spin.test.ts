// Spin's model of the install workload: it agrees with ours, and its assertions can fail. Skipped without spin and gcc.
import { describe, expect, it } from 'vitest'
import { SpinModel, spinMissing, type Verification } from '../../bench/spin.ts'
import { INSTALL_BUGS, type InstallBug, installWorld, spawnInstall } from '../../scenarios/races/install.ts'
import { Exhaustive } from '../../src/explore/index.ts'
import { Machine, Watch } from '../../src/sim/index.ts'

function spin(o: { reduction: boolean; bug?: InstallBug }): Verification {
  const model = new SpinModel({ openers: 2, ...o })
  try {
    return model.verify()
  } finally {
    model.close()
  }
}

/** What an exhaustive search of ours says: kinds of problems found, and states. */
function ours(bug?: InstallBug): { kinds: string[]; states: number } {
  const m = new Machine({ policy: 'free' })
  m.trace.on = false
  const watch = new Watch()
  m.journal.watch = watch
  const w = installWorld(m)
  const mark = m.journal.mark()
  const search = new Exhaustive(m, watch, { sleep: false })
  const kinds = new Set<string>()
  while (search.more()) {
    m.dropTasks()
    m.journal.rewind(mark)
    spawnInstall(m, w, 2, bug)
    m.run(search)
    for (const p of m.problems) kinds.add(p.kind)
  }
  return { kinds: [...kinds], states: search.stats.states }
}

describe.skipIf(spinMissing() !== null)('Spin', () => {
  it('proves the install workload, with and without partial order reduction', () => {
    const reduced = spin({ reduction: true })
    const whole = spin({ reduction: false })
    expect(reduced.errors).toBe(0)
    expect(whole.errors).toBe(0)
    expect(reduced.states).toBeLessThan(whole.states)
    // Same steps, so about as many states; ours are those in which more than one task can run.
    const { kinds, states } = ours()
    expect(kinds).toEqual([])
    expect(states).toBeLessThanOrEqual(whole.states)
    expect(states).toBeGreaterThan(whole.states / 2)
  })
  it.each(INSTALL_BUGS)('canary: finds %s, as our search does', bug => {
    expect(spin({ reduction: true, bug }).errors).toBe(1)
    expect(ours(bug).kinds).toEqual([bug === 'two winners' ? 'two winners' : 'torn slot'])
  })
})
