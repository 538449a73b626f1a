// Openers race to install one pointer and to fill one slot: the core of every famfs open, without the kernel around it.
// Load the pointer, allocate, cmpxchg; the loser frees. Then look at `valid` under the read side of a semaphore and, if it
// is clear, fill two slot words under the write side before setting it; a fault asserts that no half-filled slot shows.
// Two bugs can be seeded, to measure what finds them.
import {
  Cell,
  down_read,
  down_write,
  kfn,
  type Machine,
  RwSemaphore,
  type Step,
  sealed,
  step,
  type Task,
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

/**
 * `two winners`: installs with a plain store instead of the cmpxchg. `early valid`: sets `valid` before the slot, and the
 * fault looks without the lock, since under it nobody could tell.
 */
export type InstallBug = 'two winners' | 'early valid'
export const INSTALL_BUGS: readonly InstallBug[] = ['two winners', 'early valid']

const install_meta = sealed(
  'install_meta',
  function* (m: Machine, w: InstallWorld, me: number, bug?: InstallBug): Step<void> {
    if ((yield* w.meta.load()) !== 0) return
    yield* step() // allocate
    if (bug === 'two winners') yield* w.meta.store(me)
    else if ((yield* w.meta.cmpxchg(0, me)) !== 0) {
      yield* step() // loser frees
      return
    }
    const winners = w.winners.peek() + 1
    w.winners.poke(winners)
    if (winners > 1) m.problem('two winners', `${winners} openers installed`)
  },
)

const slot_valid = sealed('slot_valid', function* (w: InstallWorld): Step<number> {
  yield* down_read(w.sem)
  const valid = yield* w.valid.load()
  yield* up_read(w.sem)
  return valid
})

const fill_slot = sealed('fill_slot', function* (w: InstallWorld, bug?: InstallBug): Step<void> {
  yield* down_write(w.sem)
  if ((yield* w.valid.load()) === 0) {
    if (bug === 'early valid') yield* w.valid.store(1)
    yield* w.devno.store(7)
    yield* w.devp.store(9)
    if (bug !== 'early valid') yield* w.valid.store(1)
  }
  yield* up_write(w.sem)
})

function* opener(m: Machine, w: InstallWorld, me: number, bug?: InstallBug): Step<void> {
  yield* install_meta(m, w, me, bug)
  if ((yield* slot_valid(w)) === 0) yield* fill_slot(w, bug)
}

/** The slot, if it is valid, must be whole. False: not valid yet. */
const look = kfn('look', function* (m: Machine, w: InstallWorld): Step<boolean> {
  if ((yield* w.valid.load()) === 0) return false
  const no = yield* w.devno.load()
  const p = yield* w.devp.load()
  if (no !== 7 || p !== 9) m.problem('torn slot', `devno ${no}, devp ${p}`)
  return true
})

function* fault(m: Machine, w: InstallWorld): Step<void> {
  yield* down_read(w.sem)
  yield* look(m, w)
  yield* up_read(w.sem)
}

/** The fault without the lock; it is tried again while there is no slot. */
function* lockless(m: Machine, w: InstallWorld): Step<void> {
  for (let i = 0; i < 3; i++) if (yield* look(m, w)) return
}

const openerLabel = (i: number): string => `opener${i}`
const spawnOpener = (m: Machine, w: InstallWorld, i: number, bug?: InstallBug): Task =>
  m.spawn(openerLabel(i), opener(m, w, i + 1, bug))
const spawnFault = (m: Machine, w: InstallWorld, bug?: InstallBug): Task =>
  m.spawn('fault', bug === 'early valid' ? lockless(m, w) : fault(m, w))

/** Spawn the tasks of one execution. */
export function spawnInstall(m: Machine, w: InstallWorld, openers: number, bug?: InstallBug): void {
  for (let i = 0; i < openers; i++) spawnOpener(m, w, i, bug)
  spawnFault(m, w, bug)
}

/** What must be true when all tasks have ended. */
export const INSTALLED: Readonly<Record<string, (w: InstallWorld) => boolean>> = {
  'one opener installed its pointer': w => w.winners.peek() === 1,
  'the slot is whole': w => w.valid.peek() === 1 && w.devno.peek() === 7 && w.devp.peek() === 9,
}

export default scenario('openers race to install one pointer and one slot', ({ world }) => {
  const { m } = world
  const w = installWorld(m)
  for (let i = 0; i < 3; i++) world.addApp({ name: openerLabel(i), start: () => spawnOpener(m, w, i) })
  world.addApp({ name: 'fault', start: () => spawnFault(m, w) })
  for (const [name, holds] of Object.entries(INSTALLED)) world.eventually(name, () => holds(w))
})
