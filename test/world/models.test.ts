// A world under each memory ordering: set-up is the same, what ordering does not excuse holds, what it allows is found, and
// the failure is a file that says under which ordering.
import { describe, expect, it } from 'vitest'
import firstLight from '../../scenarios/basics/first-light.ts'
import {
  makeRunFile,
  parseRunFile,
  printRunFile,
  RandomChooser,
  replay,
  search,
  shrink,
} from '../../src/explore/index.ts'
import { Cell, MODELS, type ModelName, smp_mb } from '../../src/sim/index.ts'
import { buildWorld, type Scenario, scenario } from '../../src/world/index.ts'

/** Two tasks store, then look at the other's cell. Both see 0 only where a store may be overtaken by a load. */
const storeBuffering = (fenced: boolean): Scenario =>
  scenario('store buffering', ({ world }) => {
    const host = world.host('h0')
    const cells = [new Cell(world.m, 'x', 0), new Cell(world.m, 'y', 0)] as const
    const seen = [new Cell(world.m, 'a saw', 1), new Cell(world.m, 'b saw', 1)] as const
    for (const [i, name] of ['a', 'b'].entries())
      host.app(name, function* () {
        yield* cells[i]!.WRITE_ONCE(1)
        if (fenced) yield* smp_mb()
        seen[i]!.poke(yield* cells[1 - i]!.READ_ONCE())
      })
    world.eventually('one of them sees the other', () => seen[0].peek() + seen[1].peek() > 0)
  })

/** A message and its flag with no barrier: `weak` only. */
const messagePassing = scenario('message passing', ({ world }) => {
  const host = world.host('h0')
  const data = new Cell(world.m, 'data', 0)
  const flag = new Cell(world.m, 'flag', 0)
  host.app('writer', function* () {
    yield* data.WRITE_ONCE(1)
    yield* flag.WRITE_ONCE(1)
  })
  host.app('reader', function* () {
    if ((yield* flag.READ_ONCE()) === 1) world.expect('data', yield* data.READ_ONCE(), 1)
  })
})

const setting = (model: ModelName) => ({ seed: 1, kernel: null, switches: {}, policy: 'free' as const, model })
const fails = (s: Scenario, model: ModelName, strategy: string): boolean =>
  search(s, { ...setting(model), strategy, runs: 5000 }).failure !== null

describe('a world under a memory ordering', () => {
  it.each(MODELS)('first light holds under %s: set-up, mount, faults and all', model => {
    const w = buildWorld(firstLight, { seed: 1, trace: false, policy: 'free', model })
    for (let seed = 1; seed <= (model === 'weak' ? 1 : 3); seed++) {
      const r = w.run(new RandomChooser(seed))
      expect(r.problems, `seed ${seed}`).toEqual([])
      expect(r.verdict).toBe('held')
    }
    w.close()
  })
  it.each(['portfolio', 'exhaustive'])('what is allowed is found, what is not is not (%s)', strategy => {
    const found = (s: Scenario) => MODELS.filter(model => fails(s, model, strategy))
    expect(found(storeBuffering(false))).toEqual(['tso', 'weak'])
    expect(found(storeBuffering(true))).toEqual([])
    expect(found(messagePassing)).toEqual(['weak'])
  })
  it.each(['tso', 'weak'] as const)('a failure under %s is a file that replays and shrinks under it', model => {
    const s = storeBuffering(false)
    const { failure } = search(s, { ...setting(model), strategy: 'random', runs: 5000 })
    expect(failure!.reproduces).toBe(true)
    const head = { ...setting(model), scenario: 's.ts', title: s.title, command: '' }
    const file = parseRunFile(printRunFile(makeRunFile(head, failure!.run)), 'f')
    expect(file.model).toBe(model)
    expect(replay(s, file).difference).toBe(null)
    expect(replay(s, { ...file, model: 'sc' }).problem).toBe(null)
    const r = shrink(s, file)
    expect(r.minimal).toBe(true)
    expect(replay(s, r.file!).difference).toBe(null)
  })
})
