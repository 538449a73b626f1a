// The install workload for fast-check's scheduler is the real thing: its
// executions are as long as ours, equally often. (A scheduler that is asked too soon skips interleavings.)
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { installOnce } from '../../bench/fast-check.ts'
import { installWorld, spawnInstall } from '../../scenarios/races/install.ts'
import { RandomChooser } from '../../src/explore/index.ts'
import { Machine } from '../../src/sim/index.ts'

const EXECUTIONS = 2000

it('takes as many steps as ours, equally often', async () => {
  const theirs = new Map<number, number>()
  const ours = new Map<number, number>()
  const count = (h: Map<number, number>, steps: number): unknown => h.set(steps, (h.get(steps) ?? 0) + 1)
  for (const s of fc.sample(fc.scheduler(), { numRuns: EXECUTIONS, seed: 1 })) count(theirs, await installOnce(s, 2))
  const m = new Machine({ policy: 'free' })
  const w = installWorld(m)
  const mark = m.journal.mark()
  const chooser = new RandomChooser(1)
  for (let i = 0; i < EXECUTIONS; i++) {
    m.dropTasks()
    m.journal.rewind(mark)
    spawnInstall(m, w, 2)
    m.run(chooser)
    count(ours, m.steps)
  }
  expect(ours.size).toBeGreaterThan(8)
  for (const steps of new Set([...theirs.keys(), ...ours.keys()]))
    expect(Math.abs((theirs.get(steps) ?? 0) - (ours.get(steps) ?? 0)), `${steps} steps`).toBeLessThan(EXECUTIONS / 25)
})
