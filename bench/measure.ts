// Measuring: the best of a few rounds, because everything else on a machine only ever makes a round slower. What a round took
// is the smaller of its wall time and its processor time (all threads, the collector's too): a busy neighbour makes the first
// longer, helping threads the second, and none of what is measured here ever sleeps. So a figure is that of one processor,
// even where that is shared; the share says how much of it there was.

/** How long to measure. */
export interface Effort {
  /** Not counted: until what is measured is compiled. */
  readonly warmMs: number
  readonly rounds: number
  readonly roundMs: number
}
export const FULL: Effort = { warmMs: 2000, rounds: 5, roundMs: 300 }
/** Enough to see that everything runs. */
export const QUICK: Effort = { warmMs: 0, rounds: 1, roundMs: 1 }

/** What was measured. */
export interface Figure {
  /** In the unit of its row; null: not finished within the time that was given. */
  readonly value: number | null
  /** Processor time by wall time of the best round; absent for what is a ratio or another process. */
  readonly share?: number
  /** Counts that belong to it, by name. */
  readonly counts?: Readonly<Record<string, number>>
}

/** Below this share the figure is by processor time. */
export const BUSY = 0.9

/** What a piece of work took: seconds, and the share of a processor it had. */
export interface Took {
  readonly seconds: number
  readonly share: number
}

/** The smaller of two times, in seconds. */
export const took = (wall: number, cpu: number): Took => ({ seconds: cpu < wall ? cpu : wall, share: cpu / wall })

async function time(work: () => unknown): Promise<Took> {
  const c0 = process.cpuUsage()
  const t0 = performance.now()
  await work()
  const wall = performance.now() - t0
  const { user, system } = process.cpuUsage(c0)
  return took(wall / 1000, (user + system) / 1e6)
}

/** How often `per` (which gives how many things it did) does one thing in a second. */
export async function ratePerSecond(e: Effort, per: () => number | Promise<number>): Promise<Figure> {
  let top = { value: 0, share: 0 }
  let done = 0
  const work = async (ms: number): Promise<void> => {
    const end = performance.now() + ms
    done = 0
    do done += await per()
    while (performance.now() < end)
  }
  await work(e.warmMs)
  for (let round = 0; round < e.rounds; round++) {
    const { seconds, share } = await time(() => work(e.roundMs))
    if (done / seconds > top.value) top = { value: done / seconds, share }
  }
  return top
}

/** The quickest of `times`, or of fewer when they take longer than all rounds together. */
export async function quickest(e: Effort, times: number, work: () => unknown): Promise<Took> {
  const end = performance.now() + e.rounds * e.roundMs
  let best = await time(work)
  for (let n = 1; n < times && performance.now() < end; n++) {
    const t = await time(work)
    if (t.seconds < best.seconds) best = t
  }
  return best
}

export const median = (xs: readonly number[]): number => [...xs].sort((a, b) => a - b)[xs.length >> 1]!
