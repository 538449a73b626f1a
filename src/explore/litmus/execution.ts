// One finished execution of a litmus test, as the events and relations that axiomatic models speak of.
import type { Fence } from './syntax.ts'

export interface LitmusEvent {
  readonly id: number
  /** Process, or -1: the store of the initial state. */
  readonly process: number
  readonly kind: 'R' | 'W' | 'F'
  /** Location or lock; '' for a fence. */
  readonly where: string
  readonly plain: boolean
  readonly acquire: boolean
  readonly release: boolean
  /** The read of an atomic that returns nothing. */
  readonly noreturn: boolean
  readonly lock: '' | 'LKR' | 'LKW' | 'UL' | 'look'
  readonly fence: '' | Fence | 'rcu_read_lock' | 'rcu_read_unlock' | 'synchronize_rcu'
}

export type Pairs = (readonly [number, number])[]

/** Events of one process stand in program order, by rising id. */
export interface Execution {
  readonly events: readonly LitmusEvent[]
  readonly rf: Pairs
  /** Stores to each location in coherence order, the initial one first. */
  readonly co: readonly (readonly number[])[]
  readonly rmw: Pairs
  readonly addr: Pairs
  readonly data: Pairs
  readonly ctrl: Pairs
}
