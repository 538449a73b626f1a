// The tiny workload that peers were measured with: N openers race to install one pointer (load, allocate, cmpxchg; the
// loser frees), then check `valid` under the read side of a semaphore and, if clear, take the write side and fill two
// slot words before setting it; one fault task asserts under the read side that no half-filled slot shows.
import {
  Cell,
  down_read,
  down_write,
  type Machine,
  RwSemaphore,
  type Step,
  sealed,
  step,
  up_read,
  up_write,
} from '../src/sim/index.ts'

/** The shared state of one install race. */
export interface InstallWorld {
  readonly meta: Cell<number>
  readonly sem: RwSemaphore
  readonly devno: Cell<number>
  readonly devp: Cell<number>
  readonly valid: Cell<number>
}

export function installWorld(m: Machine): InstallWorld {
  return {
    meta: new Cell(m, 'meta', 0),
    sem: new RwSemaphore(m, 'sem'),
    devno: new Cell(m, 'slot.devno', 0),
    devp: new Cell(m, 'slot.devp', 0),
    valid: new Cell(m, 'slot.valid', 0),
  }
}

const install_meta = sealed('install_meta', function* (w: InstallWorld, me: number): Step<void> {
  if ((yield* w.meta.load()) !== 0) return
  yield* step() // allocate
  if ((yield* w.meta.cmpxchg(0, me)) !== 0) yield* step() // loser frees
})

const slot_valid = sealed('slot_valid', function* (w: InstallWorld): Step<number> {
  yield* down_read(w.sem)
  const valid = yield* w.valid.load()
  yield* up_read(w.sem)
  return valid
})

const fill_slot = sealed('fill_slot', function* (w: InstallWorld): Step<void> {
  yield* down_write(w.sem)
  if ((yield* w.valid.load()) === 0) {
    yield* w.devno.store(7)
    yield* w.devp.store(9)
    yield* w.valid.store(1)
  }
  yield* up_write(w.sem)
})

function* opener(w: InstallWorld, me: number): Step<void> {
  yield* install_meta(w, me)
  if ((yield* slot_valid(w)) === 0) yield* fill_slot(w)
}

function* fault(m: Machine, w: InstallWorld): Step<void> {
  yield* down_read(w.sem)
  if ((yield* w.valid.load()) === 1) {
    const no = yield* w.devno.load()
    const p = yield* w.devp.load()
    if (no !== 7 || p !== 9) m.problem('torn slot', `devno ${no}, devp ${p}`)
  }
  yield* up_read(w.sem)
}

/** Spawn the tasks of one execution. */
export function spawnInstall(m: Machine, w: InstallWorld, openers: number): void {
  for (let i = 0; i < openers; i++) m.spawn(`opener${i}`, opener(w, i + 1))
  m.spawn('fault', fault(m, w))
}
