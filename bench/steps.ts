// Kernel-like steps for long: three tasks over cells and a semaphore, with function calls in between, any task at any point.
import { Cell, down_read, kfn, type Machine, RwSemaphore, type Step, up_read } from '../src/sim/index.ts'

const touch = kfn('touch', function* (sem: RwSemaphore, a: Cell<number>, b: Cell<number>): Step<number> {
  yield* down_read(sem)
  const v = yield* a.READ_ONCE()
  yield* b.WRITE_ONCE(v + 1)
  yield* up_read(sem)
  return v
})

/** Spawn three tasks that make `rounds` calls each; 5 steps a call. */
export function spawnSteps(m: Machine, rounds: number): void {
  const sem = new RwSemaphore(m, 'sem')
  const cells = [0, 1, 2].map(i => new Cell(m, `cell${i}`, 0))
  for (let t = 0; t < 3; t++) {
    const a = cells[t]!
    const b = cells[(t + 1) % 3]!
    m.spawn(
      `task${t}`,
      (function* (): Step<void> {
        for (let i = 0; i < rounds; i++) {
          yield* touch(sem, a, b)
          yield* a.load()
        }
      })(),
    )
  }
}
