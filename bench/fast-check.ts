// The workloads of the table for fast-check's scheduler: tasks are async functions, a step is a promise that the scheduler
// resolves when it chooses to.
import fc from 'fast-check'
import { type Effort, type Figure, ratePerSecond } from './measure.ts'

const DONE = Promise.resolve()
const step = (s: fc.Scheduler): Promise<void> => s.schedule(DONE)

/** struct rw_semaphore by the same rules as ours (src/sim/rwsem.ts). */
class Sem {
  private readers = 0
  private writer = false
  private readonly queue: { readonly write: boolean; go(): void }[] = []
  get waiting(): number {
    return this.queue.length
  }
  private enter(write: boolean): void {
    if (write) this.writer = true
    else this.readers++
  }
  async down(s: fc.Scheduler, write: boolean): Promise<void> {
    await step(s)
    const busy = this.writer || (write ? this.readers : this.queue.length) > 0
    if (busy) await new Promise<void>(go => this.queue.push({ write, go }))
    else this.enter(write)
  }
  async up(s: fc.Scheduler, write: boolean): Promise<void> {
    await step(s)
    if (write) this.writer = false
    else this.readers--
    const first = this.queue[0]
    if (first === undefined || this.writer || (first.write && this.readers > 0)) return
    for (const w of first.write ? [first] : this.queue.filter(w => !w.write)) {
      this.queue.splice(this.queue.indexOf(w), 1)
      this.enter(w.write)
      step(s).then(w.go)
    }
  }
}

/**
 * Run tasks to their end. The scheduler may choose only when every task is at its next step or waits for the semaphore:
 * asked sooner (as waitAll does) it never lets a task take two steps in a row. waitIdle sees to that as well, by 50 turns of
 * the promise queue at each step.
 */
async function run(s: fc.Scheduler, sem: Sem, tasks: readonly Promise<void>[]): Promise<void> {
  let left = tasks.length
  for (const t of tasks)
    t.then(() => {
      left--
    })
  while (left > 0) {
    for (let turns = 0; s.count() < left - sem.waiting; turns++) {
      if (turns > 100) throw new Error('a task neither goes on nor waits')
      await DONE
    }
    if (left > 0) await s.waitOne()
  }
  await Promise.all(tasks)
}

interface Install {
  readonly sem: Sem
  winners: number
  meta: number
  devno: number
  devp: number
  valid: number
}

async function opener(s: fc.Scheduler, w: Install, me: number): Promise<void> {
  await step(s) // the task starts
  await step(s) // load
  if (w.meta === 0) {
    await step(s) // allocate
    await step(s) // cmpxchg
    if (w.meta === 0) {
      w.meta = me
      w.winners++
    } else await step(s) // loser frees
  }
  await w.sem.down(s, false)
  await step(s)
  const { valid } = w
  await w.sem.up(s, false)
  if (valid !== 0) return
  await w.sem.down(s, true)
  await step(s)
  if (w.valid === 0) {
    await step(s)
    w.devno = 7
    await step(s)
    w.devp = 9
    await step(s)
    w.valid = 1
  }
  await w.sem.up(s, true)
}

async function fault(s: fc.Scheduler, w: Install): Promise<void> {
  await step(s) // the task starts
  await w.sem.down(s, false)
  await step(s)
  if (w.valid === 1) {
    await step(s)
    const no = w.devno
    await step(s)
    if (no !== 7 || w.devp !== 9) throw new Error('torn slot')
  }
  await w.sem.up(s, false)
}

/** One execution; throws if it fails. Gives its steps. */
export async function installOnce(s: fc.Scheduler, openers: number): Promise<number> {
  const w: Install = { sem: new Sem(), winners: 0, meta: 0, devno: 0, devp: 0, valid: 0 }
  const tasks = Array.from({ length: openers }, (_, i) => opener(s, w, i + 1))
  await run(s, w.sem, [...tasks, fault(s, w)])
  if (w.winners !== 1 || w.valid !== 1 || w.devno !== 7 || w.devp !== 9) throw new Error('not installed')
  return s.report().length
}

const EXECUTIONS = 200

/** Runs a second of the install workload. */
export function fastCheckInstall(e: Effort): Promise<Figure> {
  let seed = 0
  return ratePerSecond(e, async () => {
    const property = fc.asyncProperty(fc.scheduler(), async s => {
      await installOnce(s, 2)
    })
    await fc.assert(property, { numRuns: EXECUTIONS, seed: seed++ })
    return EXECUTIONS
  })
}

/** Steps a second of three tasks that take turns at random. */
export function fastCheckSteps(e: Effort): Promise<Figure> {
  let seed = 0
  return ratePerSecond(e, async () => {
    let steps = 0
    const property = fc.asyncProperty(fc.scheduler(), async s => {
      const sem = new Sem()
      const boxes = [0, 1, 2].map(() => ({ v: 0 }))
      const task = async (a: { v: number }, b: { v: number }): Promise<void> => {
        for (let i = 0; i < 40; i++) {
          await sem.down(s, false)
          await step(s)
          const { v } = a
          await step(s)
          b.v = v + 1
          await sem.up(s, false)
          await step(s)
        }
      }
      await run(
        s,
        sem,
        boxes.map((a, t) => task(a, boxes[(t + 1) % 3]!)),
      )
      steps += s.report().length
    })
    await fc.assert(property, { numRuns: 5, seed: seed++ })
    return steps
  })
}
