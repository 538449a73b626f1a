// Writing choices down with what a search and a shrinker want to know of them, and following them again.
import {
  type Choice,
  type ChoiceContext,
  type ChoiceKind,
  type Chooser,
  type Machine,
  type Option,
  REDUNDANT,
  type RunEnd,
} from '../sim/index.ts'

/** A decision that did not take option 0. */
export interface Deviation {
  /** Number of the decision, from 0. */
  readonly at: number
  readonly kind: ChoiceKind
  /** What was taken, and what option 0 was. */
  readonly label: string
  readonly instead: string
}

/**
 * Passes every decision on to `inner` and writes it down, the current execution only. It may stand before any
 * strategy, the exhaustive one too: it tells it of steps, and decisions with one option are not written down.
 */
export class Tape implements Chooser {
  readonly always: boolean
  readonly choices: Choice[] = []
  readonly deviations: Deviation[] = []
  /** Schedule decisions that took the processor away from the running task. */
  preemptions = 0
  private readonly m: Machine
  private readonly inner: Chooser

  constructor(m: Machine, inner: Chooser) {
    this.m = m
    this.inner = inner
    this.always = inner.always === true
  }
  begin(): void {
    this.choices.length = 0
    this.deviations.length = 0
    this.preemptions = 0
    this.inner.begin?.()
  }
  spawn(task: Option): void {
    this.inner.spawn?.(task)
  }
  choose(kind: ChoiceKind, options: readonly Option[], ctx: ChoiceContext): number {
    const i = this.inner.choose(kind, options, ctx)
    if (i === REDUNDANT || options.length < 2) return i
    const { label } = options[i]!
    const at = this.choices.push({ kind, label }) - 1
    if (i > 0) {
      this.deviations.push({ at, kind, label, instead: options[0]!.label })
      if (kind === 'schedule' && (options[0] as unknown) === this.m.current) this.preemptions++
    }
    return i
  }
  stepped(task: Option): void {
    this.inner.stepped?.(task)
  }
  end(end: RunEnd): void {
    this.inner.end?.(end)
  }
}

/** Take each recorded choice where it fits, and the default where it does not or the record has ended. */
export class Follow implements Chooser {
  private readonly choices: readonly (Choice | undefined)[]
  private n = 0
  /** @param choices by number of the decision; undefined means the default */
  constructor(choices: readonly (Choice | undefined)[]) {
    this.choices = choices
  }
  begin(): void {
    this.n = 0
  }
  choose(kind: ChoiceKind, options: readonly Option[]): number {
    const c = this.choices[this.n++]
    if (c === undefined || c.kind !== kind) return 0
    const i = options.findIndex(o => o.label === c.label)
    return i < 0 ? 0 : i
  }
}

/** A follower of these deviations only: every other decision takes the default. */
export function followDeviations(deviations: readonly Deviation[]): Follow {
  const choices: Choice[] = []
  for (const d of deviations) choices[d.at] = d
  return new Follow(choices)
}
