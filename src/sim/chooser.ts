// The one seam for decisions. Every free decision of a run goes through a Chooser: which task runs, how long something
// takes, whether a fault fires. Option 0 always means "keep running, nothing happens", so the default costs nothing.
// What is recorded is labels, never indices: indices die when a task is removed.
import type { Op } from './op.ts'

/** An alternative. For a schedule choice it is a Task, whose pending operation is its footprint. */
export interface Option {
  readonly label: string
  readonly pending?: Op | null
}

export type ChoiceKind = 'schedule' | 'duration' | 'fault' | 'wakeup' | 'poison' | 'load' | 'store' | 'line'

/** What a strategy may look at besides the options. */
export interface ChoiceContext {
  /** Steps so far in this execution. */
  readonly steps: number
}

/** Answer of a strategy that knows this execution brings nothing new. */
export const REDUNDANT = -1

export interface RunEnd {
  readonly verdict: string
  readonly steps: number
}

export interface Chooser {
  /** An execution starts. */
  begin?(): void
  /** A task was made. */
  spawn?(task: Option): void
  /** Index into `options` (at least two), or REDUNDANT to stop this execution. */
  choose(kind: ChoiceKind, options: readonly Option[], ctx: ChoiceContext): number
  /** A step is done; told only while somebody watches (its footprint is in the watch). */
  stepped?(task: Option): void
  /** The execution ended. */
  end?(end: RunEnd): void
  /** Ask about the schedule even when only one task can run. */
  readonly always?: boolean
}

/** Always the default: nothing happens, the running task runs on. */
export const defaultChooser: Chooser = { choose: () => 0 }

/** One recorded decision: its kind and the label of what was taken. */
export interface Choice {
  readonly kind: ChoiceKind
  readonly label: string
}
