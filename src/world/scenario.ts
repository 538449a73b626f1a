// A scenario: a title and a function that builds a world. Importing one does nothing; the same file runs alone, under every
// strategy, in the lab and as a test.
import type { Chooser } from '../sim/index.ts'
import { type RunResult, World, type WorldOptions } from './world.ts'

export interface Scenario {
  readonly famsim: 'scenario'
  readonly title: string
  readonly build: (ctx: { readonly world: World }) => void
}

export const scenario = (title: string, build: Scenario['build']): Scenario => ({ famsim: 'scenario', title, build })

/** Is this the default export of a scenario file? */
export const isScenario = (x: unknown): x is Scenario =>
  typeof x === 'object' && x !== null && (x as Scenario).famsim === 'scenario'

/** Build the world of a scenario, ready to run. Close it when done. */
export function buildWorld(s: Scenario, o: WorldOptions = {}): World {
  const world = new World(o)
  try {
    s.build({ world })
    world.ready()
  } catch (e) {
    world.close()
    throw e
  }
  return world
}

/** Build, run once, close. */
export function runScenario(s: Scenario, chooser: Chooser, o: WorldOptions = {}): RunResult {
  const world = buildWorld(s, o)
  try {
    return world.run(chooser)
  } finally {
    world.close()
  }
}
