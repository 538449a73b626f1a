// Recovery from poison, and that clearing the poison is needed.
import { describe, expect, it } from 'vitest'
import recover from '../../scenarios/poison/recover.ts'
import { defaultChooser, type Replacement, replace, replaceAll } from '../../src/sim/index.ts'
import { runScenario } from '../../src/world/index.ts'

/** The first expectations that fail with these functions in place of the model's. */
const broken = (...by: Replacement[]): string[] => {
  const undo = replaceAll(by)
  try {
    return runScenario(recover, defaultChooser).problems.map(p => p.text)
  } finally {
    undo()
  }
}

describe('recovery', () => {
  it('works', () => expect(broken()).toEqual([]))
  it('without clearing the poison the new file has the same hole', () => {
    const deaf = replace('cxl clear-poison', function* (_ts: unknown, _device: string, _off: number, _len: number) {
      return 0
    })
    const texts = broken(deaf)
    expect(texts).toContain('h0: read of the new /x: expected 8, got -14')
    expect(texts).toContain('h1: read of the new /x: expected 8, got -14')
  })
})
