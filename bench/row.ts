// A row of the table: one thing that famsim is to do fast enough, and who else does it in the same run.
import type { Effort, Figure } from './measure.ts'
import type { Sanitizers } from './sanitizers.ts'

/** Rates and shares are to be at least the target, seconds at most. */
export type Unit = '/s' | ' s' | ' %'

export interface Row {
  /** Short, without blanks: names the row in JSON and on the command line. */
  readonly id: string
  readonly what: string
  readonly unit: Unit
  readonly target: number
  measure(e: Effort, sanitizers: Sanitizers): Figure | Promise<Figure>
  /** Does no sanitizer have a say in it? Then it is measured once. */
  readonly unwatched?: boolean
  readonly references?: readonly Reference[]
}

/** The same thing done without famsim. */
export interface Reference {
  readonly what: string
  /** A text says why it cannot be measured here. */
  measure(e: Effort): Figure | string | Promise<Figure | string>
}

/** Is the target met? */
export const met = (row: Row, f: Figure): boolean =>
  f.value !== null && (row.unit === ' s' ? f.value <= row.target : f.value >= row.target)
