// What JavaScript itself can do: the work of steps.ts in bare generators over plain objects, one after the other in turn. No
// choices, no footprints, no undo, nobody to wait for.
import { type Effort, type Figure, ratePerSecond } from './measure.ts'

const CALLS = 2000

interface Box {
  v: number
}

function* task(sem: { readers: number }, a: Box, b: Box): Generator<void, void, void> {
  for (let i = 0; i < CALLS; i++) {
    sem.readers++
    yield
    const v = a.v
    yield
    b.v = v + 1
    yield
    sem.readers--
    yield
    if (a.v < 0) return // a load, of use to somebody
    yield
  }
}

/** Steps (yields) a second. */
export function plainSteps(e: Effort): Promise<Figure> {
  return ratePerSecond(e, () => {
    const sem = { readers: 0 }
    const boxes = [0, 1, 2].map(() => ({ v: 0 }))
    const tasks = boxes.map((a, t) => task(sem, a, boxes[(t + 1) % 3]!))
    let steps = 0
    for (let live = tasks.length; live > 0; )
      for (const t of tasks) {
        if (t.next().done) live--
        else steps++
      }
    return steps
  })
}
