// Pushing devices to a kernel that does not ask for them: before the daemon answers for a file, every device the file's map
// names is opened and given its index (kernel.md 1.9). One failure is no reason not to answer, nor not to push the next.
// Locking: one mutex around looking what is due and pushing it.
import { Cell, kfn, type Machine, Mutex, mutex_lock, mutex_unlock, type Op, type Step } from '../../sim/index.ts'
import { ENODEV } from '../../wire/index.ts'

/** Open a device and push it under an index: 0 or -errno. */
export type Push = (path: string, index: number) => Op<number>

/** Where the device of an index is; null: not known. */
export type PathOf = (index: number) => Op<string | null>

export class Pusher {
  readonly path_of: PathOf
  readonly push: Push
  /** B54: the daemon takes the ioctl's 0 for a failure. */
  readonly zeroFails: boolean
  readonly lock: Mutex
  /** Devices below this index have been pushed. */
  readonly done: Cell<number>

  constructor(m: Machine, path_of: PathOf, push: Push, zeroFails: boolean) {
    this.path_of = path_of
    this.push = push
    this.zeroFails = zeroFails
    this.lock = new Mutex(m, 'famfsd push lock')
    this.done = new Cell(m, 'famfsd pushed', 0)
  }
}

/** See that the devices below `need` are pushed, in order; what fails is tried again at the next call. */
export const push_daxdevs = kfn('famfs_push_daxdevs', function* (p: Pusher, need: number): Step<void> {
  yield* mutex_lock(p.lock)
  let dense = true
  for (let index = yield* p.done.load(); index < need; index++) {
    const path = yield* p.path_of(index)
    const rc = path === null ? -ENODEV : yield* p.push(path, index)
    if (rc < 0 || p.zeroFails) dense = false
    if (dense) yield* p.done.store(index + 1)
  }
  yield* mutex_unlock(p.lock)
})
