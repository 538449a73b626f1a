// The point of no return: what is known to be avoidable is, what is said to be proved is, and brute force agrees.
import { describe, expect, it } from 'vitest'
import { decodeChoices, Follow, inevitable, makeRunFile, type RunFile, search } from '../../src/explore/index.ts'
import { Cell, type Chooser } from '../../src/sim/index.ts'
import { buildWorld, type Scenario, scenario } from '../../src/world/index.ts'

const setting = { seed: 1, kernel: null, switches: {}, policy: 'free' as const }
const failing = (s: Scenario, strategy = 'random', seed = 1): RunFile => {
  const { failure } = search(s, { ...setting, seed, strategy, runs: 5000 })
  return makeRunFile({ ...setting, seed, scenario: 's.ts', title: s.title, command: '' }, failure!.run)
}

/** b overwrites what a stored before a looks; then a and b idle, so that the failure shows long after it is decided. */
const lost = (idle: number, rescue = false) =>
  scenario('lost', ({ world }) => {
    const host = world.host('h0')
    const x = new Cell(world.m, 'x', 0)
    const own = new Cell(world.m, 'own', 0)
    host.app('a', function* () {
      yield* x.store(1)
      const seen = yield* x.load()
      for (let i = 0; i < idle; i++) yield* own.store(i)
      world.expect('x', seen, 1)
    })
    host.app('b', function* () {
      yield* x.store(2)
      // Whoever comes late enough puts it right.
      if (rescue) yield* x.store(1)
    })
  })

/** By brute force: after how many followed decisions can no continuation avoid it? Every continuation, with no pruning. */
function lastWayOut(s: Scenario, f: RunFile, decisions: number): number {
  const world = buildWorld(s, { ...setting, kernel: undefined, trace: false })
  const record = decodeChoices(f.choices)
  const avoidable = (n: number): boolean => {
    const path: number[] = []
    const widths: number[] = []
    for (;;) {
      let depth = 0
      const prefix = new Follow(record)
      let followed = 0
      const all: Chooser = {
        begin: () => prefix.begin(),
        choose: (kind, options) => {
          if (followed++ < n) return prefix.choose(kind, options)
          widths[depth] = options.length
          path[depth] ??= 0
          return path[depth++]!
        },
      }
      if (world.run(all).problems.length === 0) return true
      path.length = depth
      while (path.length > 0 && path[path.length - 1] === widths[path.length - 1]! - 1) path.pop()
      if (path.length === 0) return false
      path[path.length - 1]!++
    }
  }
  let n = decisions
  while (n >= 0 && !avoidable(n)) n--
  world.close()
  return n
}

describe('inevitable', () => {
  it.each([
    ['no rescue', false, 1],
    ['no rescue', false, 5],
    ['rescue', true, 2],
    ['rescue', true, 9],
  ])('names the last way out, as brute force does, and proves it (%s, %s, seed %d)', (_, rescue, seed) => {
    const s = lost(4, rescue)
    const f = failing(s, 'random', seed)
    const r = inevitable(s, f)
    expect(r).toMatchObject({ fails: true, proved: true })
    expect(r.last!.at).toBe(lastWayOut(s, f, r.decisions))
    for (const { at, avoided } of r.ladder) if (at > r.last!.at) expect(avoided, `after ${at}`).toBe(0)
    expect(r.ladder[0]!.avoided).toBeGreaterThan(0)
  })
  it('says who took it, and what he was about to do', () => {
    const s = lost(20)
    const r = inevitable(s, failing(s))
    expect(r.last!.taken.label).toMatch(/^h0\/[ab]$/)
    expect([r.last!.taken, ...r.last!.others].map(x => x.op).join()).toContain('x')
    // Decided early, noticed late.
    expect(r.last!.at).toBeLessThan(4)
  })
  it('what fails whatever is chosen could never be avoided, and that is proved', () => {
    const s = scenario('always', ({ world }) => {
      for (const name of ['a', 'b'])
        world.host(name).app('x', function* (sys) {
          world.expect('stat', yield* sys.stat('/none'), 0)
        })
    })
    expect(inevitable(s, failing(s))).toMatchObject({ last: null, proved: true })
  })
  it('does not say proved when the budget is used up', () => {
    const s = lost(20)
    expect(inevitable(s, failing(s), { limit: 0 }).proved).toBe(false)
  })
  it('a file that does not fail any more says so', () => {
    const s = lost(3)
    const f = failing(s)
    expect(inevitable(s, { ...f, choices: { labels: [], runs: [] } })).toMatchObject({ fails: false, ladder: [] })
  })
})
