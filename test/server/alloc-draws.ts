// Draws for the bucket shuffle: from a fixed list, or such that a wanted order comes out.

import type { Draw } from '../../src/server/alloc/index.ts'

/** Small deterministic stream (xorshift) for tests that need any order. */
export function draws(seed: number): Draw {
  let x = seed | 1
  return n => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return (x >>> 0) % n
  }
}

/** Draws that make the shuffle of `order.length` buckets come out as `order`. */
export function drawsFor(order: readonly number[]): Draw {
  const now = order.map((_, i) => i)
  const list: number[] = []
  for (let i = order.length - 1; i > 0; i--) {
    const j = now.indexOf(order[i]!)
    list.push(j)
    now[j] = now[i]!
    now[i] = order[i]!
  }
  return n => {
    const j = list.shift()!
    if (j >= n) throw new Error(`draw ${j} of ${n}`)
    return j
  }
}

export const noDraws: Draw = () => {
  throw new Error('no draw expected')
}
