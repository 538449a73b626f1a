// Delta debugging: the least of a list, or the lowest of a number, that still passes a test.

/**
 * A part of the items that still passes and from which no single one can be left out. `test` answers null, or the items
 * of its argument that mattered (those that had no effect may be missing). All together must pass.
 */
export function minimise<T>(items: readonly T[], test: (part: readonly T[]) => readonly T[] | null): readonly T[] {
  if (items.length === 0) return items
  let keep = test([]) ?? items
  if (keep.length === 0) return keep
  let size = (keep.length + 1) >> 1
  for (;;) {
    let less = false
    // From the end: what happens late disturbs the rest least.
    for (let end = keep.length; end > 0; ) {
      const start = end - size < 0 ? 0 : end - size
      const part = test([...keep.slice(0, start), ...keep.slice(end)])
      if (part !== null) {
        keep = part
        less = true
        end = start < keep.length ? start : keep.length
      } else end = start
    }
    if (size > 1) size = (size + 1) >> 1
    else if (!less) return keep
  }
}

/** A number up to `high` that passes while one less does not (or is 0). `high` must pass. */
export function lowest(high: number, test: (n: number) => boolean): number {
  let n = high
  let by = n
  while (by > 0) {
    if (by <= n && test(n - by)) n -= by
    else by >>= 1
  }
  return n
}
