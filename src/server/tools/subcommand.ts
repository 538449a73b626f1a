// What one subcommand of `famfs` is: its name, its help, its options, and what it does with them. Rows of the table in famfs.ts.
import type { Op } from '../../sim/index.ts'
import type { OptionTable } from '../lib/index.ts'
import type { Proc } from '../proc.ts'

/** An option that was given: its letter (or the name of a long one without a letter), and its argument. */
export interface Option {
  readonly opt: string
  readonly value: string | null
}

export interface Subcommand {
  readonly name: string
  /** Lines of its help; the first says how it is called. */
  readonly usage: readonly string[]
  /** `h` and `?` print the help without being asked for here. */
  readonly options: OptionTable
  /** Options in the order they were given, and operands. 0, or how it failed: the exit code is |rc|, at most 127. */
  readonly run: (p: Proc, opts: readonly Option[], operands: readonly string[]) => Op<number>
}

/** Was this option given? */
export const given = (opts: readonly Option[], opt: string): boolean => opts.some(o => o.opt === opt)

/** The argument of an option, the last one if it was given more than once; undefined: not given. */
export const argument = (opts: readonly Option[], opt: string): string | undefined =>
  opts.reduce<string | undefined>((last, o) => (o.opt === opt ? (o.value ?? '') : last), undefined)
