// The poisoned page of the seeds on all five DAX levels, and with the RFC's patch that only takes the warning away.
import { describe, expect, it } from 'vitest'
import scenario from '../../scenarios/museum/poisoned-page.ts'
import { RandomChooser } from '../../src/explore/index.ts'
import { runScenario } from '../../src/world/index.ts'

const WARN = 'WARN: h0: dax_associate_entry: folio->mapping is set: the page belongs to another'
const SIGBUS = "expectation: the fault on the page: expected 'data', got 'BUS_ADRERR'"

describe('the poisoned page', () => {
  it.each([
    ['devdax-6.14', [], [WARN]],
    ['devdax-6.14', ['B04w'], []],
    ['devdax-6.15', [], [WARN, SIGBUS]],
    ['devdax-6.15', ['B04w'], [SIGBUS]],
    ['fsdev-v3', [], []],
    ['fsdev-v8', [], []],
    ['fix', [], []],
  ])('%s %j', (dax, defect, want) => {
    const r = runScenario(scenario, new RandomChooser(1), { seed: 1, dax, switches: { defect } })
    expect(r.problems.map(p => `${p.kind}: ${p.text}`)).toEqual(want)
    expect(r.verdict).toBe(want.length === 0 ? 'held' : 'failed')
  })
  it('without B04 the raw mapping leaves nothing on 6.15', () => {
    const r = runScenario(scenario, new RandomChooser(1), {
      seed: 1,
      dax: 'devdax-6.15',
      switches: { noDefect: ['B04'] },
    })
    expect(r.problems).toEqual([])
  })
})
