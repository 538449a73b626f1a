// Coarse life cycles (connection, mount, device mode) are xstate definitions: worth drawing, checked by xstate/graph.
// Inside a world the definition is compiled at load to a table, and the state sits in a Cell, so that it rewinds.
import { assert } from './assert.ts'
import { Cell } from './cell.ts'
import type { Machine } from './machine.ts'

/** The part of an xstate machine definition that a life cycle uses: flat states, named events, plain targets. */
export interface LifecycleConfig<S extends string, E extends string> {
  readonly id: string
  readonly initial: S
  readonly states: { readonly [K in S]: { readonly type?: 'final'; readonly on?: { readonly [k in E]?: S } } }
}

/** Current state of one thing that lives by `config`. */
export class Lifecycle<S extends string, E extends string> {
  private readonly config: LifecycleConfig<S, E>
  private readonly cell: Cell<S>
  constructor(m: Machine, config: LifecycleConfig<S, E>) {
    assert(config.initial in config.states, `${config.id} starts in one of its states`)
    this.config = config
    this.cell = new Cell<S>(m, config.id, config.initial)
  }
  get state(): S {
    return this.cell.peek()
  }
  /** May this event happen now? */
  can(event: E): boolean {
    return this.config.states[this.state].on?.[event] !== undefined
  }
  /** Take the event; false when it means nothing in this state. */
  send(event: E): boolean {
    const to = this.config.states[this.state].on?.[event]
    if (to === undefined) return false
    this.cell.poke(to)
    return true
  }
}
