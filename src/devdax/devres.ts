// Managed device resources (drivers/base/devres.c): what a driver has to undo, released newest first when its probe fails or
// it is removed. Each is a call of its own, so that something can happen between two.
import { type Alloc, kfn, type Op, type Step } from '../sim/index.ts'
import type { dev_dax } from './device.ts'

/** One thing to undo. */
export interface Devres {
  readonly name: string
  readonly undo: () => Op<unknown>
  /** Memory that it frees. */
  readonly alloc?: Alloc
}

/** devm_add_action(): remember how to undo what was just done. */
export const devm_add_action = (dev: dev_dax, name: string, undo: () => Op<unknown>, alloc?: Alloc): void =>
  dev.devres.push({ name, undo, alloc })

/** devres_release_all(): undo everything, newest first. */
export const devres_release_all = kfn('devres_release_all', function* (dev: dev_dax): Step<void> {
  while (dev.devres.length > 0) yield* dev.devres.removeAt(dev.devres.length - 1).undo()
})
