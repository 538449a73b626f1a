// The sanitizers, all off and all on: the two columns of the table. A new one is added here.
import type { Problem } from '../src/sim/index.ts'

export interface Sanitizers {
  readonly races: boolean
  readonly lockdep: boolean
  readonly guards: boolean
  readonly kasan: boolean
}
export const OFF: Sanitizers = { races: false, lockdep: false, guards: false, kasan: false }
export const ON: Sanitizers = { races: true, lockdep: true, guards: true, kasan: true }

/**
 * What is measured must be right. Data races are no mistake: two openers read a pointer without a mark, in the kernel and
 * in the install workload (R1), and the detector says so in most executions.
 */
export function mustHold(what: string, verdict: string, problems: readonly Problem[]): void {
  if (verdict === 'held') return
  const other = problems.find(p => p.kind !== 'data race')
  if (other !== undefined || problems.length === 0) throw new Error(`${what} does not hold: ${other?.text ?? verdict}`)
}
