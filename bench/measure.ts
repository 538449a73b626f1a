// Measuring: warm up, then the best of a few rounds of about a quarter of a second each. Best, because everything else on a
// machine only ever makes a round slower.

/** How often `work` (which does `per` things a call) is done in a second. */
export function ratePerSecond(per: () => number, rounds = 5, roundMs = 250): number {
  const round = (): number => {
    const t0 = performance.now()
    let done = 0
    let t1 = t0
    do {
      done += per()
      t1 = performance.now()
    } while (t1 - t0 < roundMs)
    return (done / (t1 - t0)) * 1000
  }
  round()
  let best = 0
  for (let i = 0; i < rounds; i++) best = Math.max(best, round())
  return best
}
