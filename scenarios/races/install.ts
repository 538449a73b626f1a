// Openers race to install one pointer and to fill one slot: the core of every famfs open, without the kernel around it.
// Load the pointer, allocate, cmpxchg; the loser frees. Then look at `valid` under the read side of a semaphore and, if it
// is clear, fill two slot words under the write side before setting it; a fault asserts that no half-filled slot shows.
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
} from '../../src/sim/index.ts'
import { scenario } from '../../src/world/index.ts'

/** The shared state of one install race. */
export interface InstallWorld {
  /** Openers that believe they installed theirs. */
  readonly winners: Cell<number>
  readonly meta: Cell<number>
  readonly sem: RwSemaphore
  readonly devno: Cell<number>
  readonly devp: Cell<number>
  readonly valid: Cell<number>
}

export function installWorld(m: Machine): InstallWorld {
  return {
    winners: new Cell(m, 'winners', 0),
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
  if ((yield* w.meta.cmpxchg(0, me)) === 0) w.winners.poke(w.winners.peek() + 1)
  else yield* step() // loser frees
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

export default scenario('openers race to install one pointer and one slot', ({ world }) => {
  const { m } = world
  const w = installWorld(m)
  world.addApp({ name: 'install', start: () => spawnInstall(m, w, 3) })
  world.eventually('one opener installed its pointer', () => w.winners.peek() === 1)
  world.eventually('the slot is whole', () => w.valid.peek() === 1 && w.devno.peek() === 7 && w.devp.peek() === 9)
})
