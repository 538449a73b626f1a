// Somebody else answers: a person in the lab, a test, another program.
import {
  type ChoiceContext,
  type ChoiceKind,
  type Chooser,
  type Option,
  REDUNDANT,
  UsageError,
} from '../../sim/index.ts'

/**
 * Index into `options`, or REDUNDANT to stop the execution. Option 0 is "nothing happens, the running task runs on".
 */
export type Ask = (kind: ChoiceKind, options: readonly Option[], ctx: ChoiceContext) => number

/**
 * Every decision is passed on to `ask`. An answer that is none of the options is a UsageError that lists them. No
 * bound.
 */
export class GuidedChooser implements Chooser {
  private readonly ask: Ask
  constructor(ask: Ask) {
    this.ask = ask
  }
  choose(kind: ChoiceKind, options: readonly Option[], ctx: ChoiceContext): number {
    const i = this.ask(kind, options, ctx)
    if (i === REDUNDANT || (Number.isInteger(i) && i >= 0 && i < options.length)) return i
    const list = options.map((o, n) => `${n} ${o.label}`).join(', ')
    throw new UsageError(`${i} is no answer to the ${kind} decision at step ${ctx.steps}: give a number of ${list}`)
  }
}
