// The uniform random walk: uniform over interleavings once it knows the lengths, and so better at narrow windows.
import { describe, expect, it } from 'vitest'
import { BugBench, hits } from '../../bench/bugs.ts'
import { RandomChooser, UrwChooser } from '../../src/explore/index.ts'
import { type Chooser, Machine, REDUNDANT, type Step, step } from '../../src/sim/index.ts'

function* steps(n: number): Step<void> {
  for (let i = 0; i < n; i++) yield* step()
}

/** Tasks of these lengths that have nothing to do with each other; gives the digest of the interleaving. */
function lengths(chooser: Chooser, ns: readonly number[]): string {
  const m = new Machine({ policy: 'free' })
  m.trace.on = false
  ns.forEach((n, i) => {
    m.spawn(`t${i}`, steps(n))
  })
  m.run(chooser)
  return m.interleaving()
}

/** How often each interleaving came up in `n` executions, most frequent first. */
function histogram(chooser: Chooser, ns: readonly number[], n: number): number[] {
  const seen = new Map<string, number>()
  for (let i = 0; i < n; i++) {
    const key = lengths(chooser, ns)
    seen.set(key, (seen.get(key) ?? 0) + 1)
  }
  return [...seen.values()].sort((a, b) => b - a)
}

describe('urw', () => {
  it('makes the same executions from the same seed, others from another', () => {
    const three = (seed: number): string[] => {
      const c = new UrwChooser(seed)
      return [1, 2, 3].map(() => lengths(c, [5, 3, 8]))
    }
    expect(three(7)).toEqual(three(7))
    expect(three(7)).not.toEqual(three(8))
  })

  it('knows nothing in its first execution, and is the uniform choice', () => {
    for (let seed = 0; seed < 20; seed++)
      expect(lengths(new UrwChooser(seed), [5, 3, 8])).toBe(lengths(new RandomChooser(seed), [5, 3, 8]))
  })

  // With its start a task of n steps has n+1 scheduling points: 15 interleavings of 2 and 4, 210 of 4 and 6, 60 of 1, 2
  // and 3.
  it.each([
    { ns: [1, 3], all: 15 },
    { ns: [3, 5], all: 210 },
    { ns: [0, 1, 2], all: 60 },
  ])('takes each of the $all interleavings of $ns equally often', ({ ns, all }) => {
    const n = all * 100
    const urw = new UrwChooser(1)
    lengths(urw, ns)
    const h = histogram(urw, ns, n)
    expect(h.length).toBe(all)
    const chi2 = h.reduce((s, x) => s + (x - 100) ** 2 / 100, 0)
    // Mean all-1, deviation sqrt(2*(all-1)).
    expect(chi2).toBeLessThan(all - 1 + 4 * Math.sqrt(2 * (all - 1)))
    // The same test tells the fair coin apart.
    const coin = histogram(new RandomChooser(1), ns, n)
    expect(coin.reduce((s, x) => s + (x - 100) ** 2 / 100, 0)).toBeGreaterThan(2 * (all - 1))
  })

  it('canary: meets the narrow window within 100 executions, from any seed', () => {
    for (let seed = 0; seed < 20; seed++) {
      const bench = new BugBench('early valid', false)
      const c = new UrwChooser(seed)
      let i = 1
      while (i <= 100 && !bench.run(c)) i++
      expect(i).toBeLessThanOrEqual(100)
    }
  })

  it.each([false, true])('meets it at least three times as often as a fair coin (noise: %s)', noise => {
    const urw = hits(new BugBench('early valid', noise), new UrwChooser(2), 1500)
    const coin = hits(new BugBench('early valid', noise), new RandomChooser(2), 1500)
    expect(urw).toBeGreaterThan(3 * coin)
  })

  it('does not take executions that were cut short for short ones', () => {
    const bench = new BugBench('early valid', false)
    const urw = new UrwChooser(3)
    let cut = false
    const c: Chooser = {
      begin: () => urw.begin(),
      choose: (kind, options) => {
        const i = urw.choose(kind, options)
        return cut ? REDUNDANT : i
      },
      end: e => urw.end(e),
    }
    let hits = 0
    for (let i = 0; i < 1000; i++) {
      cut = false
      if (bench.run(c)) hits++
      cut = true
      for (let j = 0; j < 3; j++) {
        bench.run(c)
        expect(bench.m.steps).toBe(0)
      }
    }
    expect(hits).toBeGreaterThan(80)
  })

  it('counts a task it does not know as an average one', () => {
    // A stranger of 20 steps beside an acquaintance of 20: who ends first is open, if the stranger has a fair weight.
    const c = new UrwChooser(4)
    let strangerFirst = 0
    for (let i = 0; i < 500; i++) {
      const m = new Machine({ policy: 'free' })
      m.trace.on = false
      const order: string[] = []
      const body = function* (who: string): Step<void> {
        yield* steps(20)
        order.push(who)
      }
      m.spawn('known', body('known'))
      m.spawn(`stranger${i}`, body('stranger'))
      m.run(c)
      if (order[0] === 'stranger') strangerFirst++
    }
    expect(strangerFirst).toBeGreaterThan(200)
    expect(strangerFirst).toBeLessThan(300)
  })
})
